/* SPDX-License-Identifier: Apache-2.0 */
/* dsse.c - signing envelopes. Runs in kororad and, verifying, in the client. */
#include "evidence/dsse.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "evidence/b64.h"

static void autojson(json_t **j)
{
	json_decref(*j);
}

int kr_dsse_pae(const char *type, const void *payload, size_t n_bytes,
		uint8_t **ret, size_t *ret_n, struct kr_err *e)
{
	char head[KR_DSSE_TYPE_BYTES + 64];
	int n = snprintf(head, sizeof(head), "DSSEv1 %zu %s %zu ", strlen(type),
			 type, n_bytes);
	uint8_t *b;

	if (n >= (int)sizeof(head) || n_bytes > KR_DSSE_BYTES_MAX)
		return kr_fail(e, KR_E_LIMIT, "payload too large to sign");
	b = malloc((size_t)n + n_bytes);
	if (!b)
		return kr_fail(e, KR_E_CRYPTO, "out of memory");
	memcpy(b, head, (size_t)n);
	memcpy(b + n, payload, n_bytes);
	*ret = b;
	*ret_n = (size_t)n + n_bytes;
	return 0;
}

int kr_dsse_sign(const struct kr_identity *id, const char *type,
		 const void *payload, size_t n_bytes,
		 struct kr_dsse_sig *ret_sig, struct kr_err *e)
{
	KR_AUTOFREE uint8_t *pae = NULL;
	size_t n;
	int r = kr_dsse_pae(type, payload, n_bytes, &pae, &n, e);

	if (r)
		return r;
	memcpy(ret_sig->keyid, kr_identity_keyid(id), 32);
	return kr_identity_sign(id, pae, n, ret_sig->sig, &ret_sig->sig_bytes,
				e);
}

int kr_dsse_check(const struct kr_pubkey *k, const char *type,
		  const void *payload, size_t n_bytes, const uint8_t *sig,
		  size_t sig_bytes, struct kr_err *e)
{
	KR_AUTOFREE uint8_t *pae = NULL;
	size_t n;
	int r = kr_dsse_pae(type, payload, n_bytes, &pae, &n, e);

	return r ? r : kr_pubkey_verify(k, pae, n, sig, sig_bytes, e);
}

static json_t *sig_json(const struct kr_dsse_sig *s)
{
	char keyid[65], b64[KR_B64_CHARS(KR_SIG_BYTES_MAX) + 1];

	kr_hex(s->keyid, 32, keyid);
	kr_b64_put(s->sig, s->sig_bytes, b64);
	return json_pack("{s:s, s:s}", "keyid", keyid, "sig", b64);
}

int kr_dsse_build(const char *type, const void *payload, size_t n_bytes,
		  const struct kr_dsse_sig *sigs, unsigned int n_sigs,
		  char **ret_text, struct kr_err *e)
{
	KR_AUTO(autojson) json_t *list = json_array();
	KR_AUTO(autojson) json_t *doc = NULL;
	KR_AUTOFREE char *b64 = NULL;

	if (n_bytes > KR_DSSE_BYTES_MAX / 2 || !n_sigs ||
	    n_sigs > KR_DSSE_SIGS_MAX)
		return kr_fail(e, KR_E_LIMIT, "envelope out of range");
	b64 = malloc(KR_B64_CHARS(n_bytes) + 1);
	if (!b64)
		return kr_fail(e, KR_E_CRYPTO, "out of memory");
	kr_b64_put(payload, n_bytes, b64);
	for (unsigned int i = 0; i < n_sigs; i++)
		json_array_append_new(list, sig_json(&sigs[i]));
	doc = json_pack("{s:s, s:s, s:O}", "payload", b64, "payloadType", type,
			"signatures", list);
	*ret_text = doc && json_array_size(list) == n_sigs ?
			json_dumps(doc, JSON_COMPACT) : NULL;
	return *ret_text ? 0 : kr_fail(e, KR_E_CRYPTO, "out of memory");
}

static bool get_sig(const json_t *j, struct kr_dsse_sig *s)
{
	const json_t *sig = json_object_get(j, "sig");
	const char *keyid = json_string_value(json_object_get(j, "keyid"));

	*s = (struct kr_dsse_sig){ 0 };
	if (keyid && !kr_unhex(keyid, s->keyid, 32))
		memset(s->keyid, 0, 32);	/* someone else's kind of id */
	return json_is_string(sig) &&
	       kr_b64_get(json_string_value(sig), json_string_length(sig),
			  s->sig, sizeof(s->sig), &s->sig_bytes);
}

static bool get_payload(const json_t *j, struct kr_dsse *d)
{
	size_t n = json_string_length(j);

	if (!json_is_string(j))
		return false;
	d->payload = malloc(n + 1);
	if (!d->payload || !kr_b64_get(json_string_value(j), n, d->payload, n,
				       &d->payload_bytes))
		return false;
	d->payload[d->payload_bytes] = '\0';
	return true;
}

int kr_dsse_parse(const char *text, size_t n, struct kr_dsse *ret_d,
		  struct kr_err *e)
{
	KR_AUTO(autojson) json_t *doc = NULL;
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };
	const json_t *type, *sigs;
	bool ok;

	if (n > KR_DSSE_BYTES_MAX)
		return kr_fail(e, KR_E_MALFORMED, "envelope larger than %u "
			       "bytes", KR_DSSE_BYTES_MAX);
	doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	type = json_object_get(doc, "payloadType");
	sigs = json_object_get(doc, "signatures");
	ok = json_is_string(type) && json_is_array(sigs) &&
	     json_string_length(type) < sizeof(d.type) &&
	     json_array_size(sigs) &&
	     json_array_size(sigs) <= KR_DSSE_SIGS_MAX &&
	     get_payload(json_object_get(doc, "payload"), &d);
	for (size_t i = 0; ok && i < json_array_size(sigs); i++)
		ok = get_sig(json_array_get(sigs, i), &d.sigs[d.n_sigs++]);
	if (!ok)
		return kr_fail(e, KR_E_MALFORMED, "not a DSSE envelope");
	memcpy(d.type, json_string_value(type), json_string_length(type) + 1);
	*ret_d = d;
	d.payload = NULL;
	return 0;
}

int kr_dsse_verify(const struct kr_dsse *d,
		   const struct kr_pubkey *const *keys, unsigned int n_keys,
		   unsigned int *ret_mask, struct kr_err *e)
{
	KR_AUTOFREE uint8_t *pae = NULL;
	unsigned int mask = 0;
	size_t n;
	int r = kr_dsse_pae(d->type, d->payload, d->payload_bytes, &pae, &n, e);

	if (r)
		return r;
	for (unsigned int k = 0; k < n_keys; k++) {
		for (unsigned int i = 0; i < d->n_sigs; i++) {
			const struct kr_dsse_sig *s = &d->sigs[i];

			if (!kr_pubkey_verify(keys[k], pae, n, s->sig,
					      s->sig_bytes, NULL))
				mask |= 1u << k;
		}
	}
	*ret_mask = mask;
	return 0;
}

void kr_dsse_fini(struct kr_dsse *d)
{
	free(d->payload);
	d->payload = NULL;
}
