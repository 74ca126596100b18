/* SPDX-License-Identifier: Apache-2.0 */
/* reference.c - see reference.h. Pure. */
#include "attest/reference.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "evidence/predicate.h"

static void autojson(json_t **j)
{
	json_decref(*j);
}

/* ---- values -------------------------------------------------------------- */

static int add(struct kr_reference *r, enum kr_reference_kind kind,
	       unsigned int pcr, const json_t *hex, struct kr_err *e)
{
	struct kr_reference_value v = { .kind = kind, .pcr = pcr };
	const char *text = json_string_value(hex);
	const size_t n = kr_bank_bytes(r->bank);

	if (!text || json_string_length(hex) != 2 * n ||
	    !kr_unhex(text, v.digest, n))
		return kr_fail(e, KR_E_REFERENCE, "a digest is not %zu bytes "
			       "of hex", n);
	if (kr_reference_has(r, kind, pcr, v.digest))
		return kr_fail(e, KR_E_REFERENCE, "a digest is there twice");
	r->values[r->n++] = v;
	return 0;
}

static int add_list(struct kr_reference *r, enum kr_reference_kind kind,
		    unsigned int pcr, const json_t *list, struct kr_err *e)
{
	const json_t *hex;
	size_t i;

	if (!json_array_size(list))
		return kr_fail(e, KR_E_REFERENCE, "an empty list, or none");
	json_array_foreach(list, i, hex) {
		int res = add(r, kind, pcr, hex, e);

		if (res)
			return res;
	}
	return 0;
}

/* "0" to "23", written in one way. */
static bool read_pcr(const char *text, unsigned int *ret)
{
	char again[4];

	for (*ret = 0; *ret < KR_PCRS; ++*ret) {
		snprintf(again, sizeof(again), "%u", *ret);
		if (!strcmp(again, text))
			return true;
	}
	return false;
}

static int add_pcrs(struct kr_reference *r, enum kr_reference_kind kind,
		    json_t *pcrs, uint32_t *mask, struct kr_err *e)
{
	const char *key;
	json_t *list;

	if (pcrs && !json_is_object(pcrs))
		return kr_fail(e, KR_E_REFERENCE,
			       "pcrs and events are objects");
	json_object_foreach(pcrs, key, list) {
		unsigned int pcr;
		int res;

		if (!read_pcr(key, &pcr))
			return kr_fail(e, KR_E_REFERENCE, "a PCR is not a "
				       "number from 0 to %u", KR_PCRS - 1);
		if ((r->by_value | r->by_event) & 1u << pcr)
			return kr_fail(e, KR_E_REFERENCE, "PCR %u is there "
				       "by its values and by its events", pcr);
		*mask |= 1u << pcr;
		res = add_list(r, kind, pcr, list, e);
		if (res)
			return res;
	}
	return 0;
}

/* ---- the document -------------------------------------------------------- */

/* No more digests than there is room for in a text of that size. */
static size_t most_values(const struct kr_reference *r, size_t n_text)
{
	return n_text / (2 * kr_bank_bytes(r->bank)) + 1;
}

static int read_doc(struct kr_reference *r, json_t *doc, size_t n_text,
		    struct kr_err *e)
{
	const char *name, *bank;
	json_t *pcrs = NULL, *events = NULL, *revoked = NULL;
	json_int_t version;
	json_error_t why;
	int res;

	if (json_unpack_ex(doc, &why, JSON_STRICT,
			   "{s:s, s:I, s:s, s?o, s?o, s?o}", "name", &name,
			   "version", &version, "bank", &bank, "pcrs", &pcrs,
			   "events", &events, "revoked", &revoked))
		return kr_fail(e, KR_E_REFERENCE, "it has to have name, "
			       "version and bank, may have pcrs, events and "
			       "revoked, and nothing else");
	if (!*name || !kr_predicate_text_ok(name, sizeof(r->name)) ||
	    version < 1 || version > UINT32_MAX)
		return kr_fail(e, KR_E_REFERENCE, "a name is up to %zu "
			       "characters of ASCII, a version a number from "
			       "1 on", sizeof(r->name) - 1);
	r->bank = kr_bank_of_name(bank);
	if (r->bank == KR_BANK_N)
		return kr_fail(e, KR_E_REFERENCE,
			       "bank is sha256, sha384 or sha512");
	memcpy(r->name, name, strlen(name) + 1);
	r->version = (uint32_t)version;
	r->values = calloc(most_values(r, n_text), sizeof(*r->values));
	if (!r->values)
		return kr_fail(e, KR_E_CRYPTO, "out of memory");
	res = add_pcrs(r, KR_REFERENCE_PCR, pcrs, &r->by_value, e);
	if (!res)
		res = add_pcrs(r, KR_REFERENCE_EVENT, events, &r->by_event, e);
	if (!res && revoked)
		res = add_list(r, KR_REFERENCE_REVOKED, 0, revoked, e);
	if (!res && !(r->by_value | r->by_event))
		res = kr_fail(e, KR_E_REFERENCE, "it is of no PCR at all");
	return res;
}

int kr_reference_parse(const char *text, size_t n, struct kr_reference *ret_r,
		       struct kr_err *e)
{
	KR_AUTO(kr_reference_fini) struct kr_reference r = { 0 };
	KR_AUTO(autojson) json_t *doc = NULL;
	json_error_t why;
	int res;

	if (n > KR_REFERENCE_BYTES_MAX)
		return kr_fail(e, KR_E_REFERENCE, "larger than %u bytes",
			       KR_REFERENCE_BYTES_MAX);
	doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	if (!doc)
		return kr_fail(e, KR_E_REFERENCE, "line %d: it is no JSON",
			       why.line);
	res = read_doc(&r, doc, n, e);
	if (res)
		return res;
	*ret_r = r;
	r.values = NULL;
	return 0;
}

int kr_reference_verify(const char *text, size_t n,
			const struct kr_pubkey *const *keys,
			unsigned int n_keys, struct kr_reference *ret_r,
			struct kr_err *e)
{
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };
	struct kr_err why = KR_ERR_NONE;
	unsigned int signers;
	int res = kr_dsse_parse(text, n, &d, &why);

	if (res || strcmp(d.type, KR_REFERENCE_TYPE))
		return kr_fail(e, KR_E_REFERENCE_SIGNER, "it is not a DSSE "
			       "envelope of %s", KR_REFERENCE_TYPE);
	res = kr_dsse_verify(&d, keys, n_keys, &signers, e);
	if (res)
		return res;
	if (!signers)
		return kr_fail(e, KR_E_REFERENCE_SIGNER,
			       "none of %u keys signed it", n_keys);
	return kr_reference_parse((const char *)d.payload, d.payload_bytes,
				  ret_r, e);
}

int kr_reference_newer(const struct kr_reference *r, uint32_t in_use,
		       struct kr_err *e)
{
	return r->version > in_use ? 0 :
	       kr_fail(e, KR_E_REFERENCE_OLD, "version %u, and %u was in use",
		       r->version, in_use);
}

bool kr_reference_has(const struct kr_reference *r,
		      enum kr_reference_kind kind, unsigned int pcr,
		      const uint8_t *digest)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct kr_reference_value *v = &r->values[i];

		if (v->kind == kind && v->pcr == pcr &&
		    !memcmp(v->digest, digest, kr_bank_bytes(r->bank)))
			return true;
	}
	return false;
}

void kr_reference_fini(struct kr_reference *r)
{
	free(r->values);
	*r = (struct kr_reference){ 0 };
}
