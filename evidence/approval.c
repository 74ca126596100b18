/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approval.c - approvals as text and back, and held against what they are for.
 * Runs in the client, which writes them, and in kororad, which checks; pure.
 */
#include "evidence/approval.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "evidence/predicate.h"
#include "evidence/statement.h"

#define KIND	"approval"

enum {
	G_ASKED	= 1 << 0,	/* of the request */
	G_WHO	= 1 << 1,	/* of the approver */
	G_WORD	= 1 << 2,	/* what he says, and until when */
	G_ALL	= G_ASKED | G_WHO | G_WORD,
	G_OTHER	= 1 << 3,	/* of a request for no migration */
};

#define F(group, in, key, type, member) \
	KR_PREDICATE_FIELD(group, in, key, type, struct kr_approval, member)

static const struct kr_predicate_field fields[] = {
	F(G_WHO,	"approver", "keyid", HEX, approver_keyid),
	F(G_WHO,	"approver", "name", STR, approver),
	F(G_WORD,	NULL, "decision", STR, decision),
	F(G_ASKED,	NULL, "definition_sha256", HEX, definition),
	F(G_ASKED,	NULL, "epoch", U64, epoch),
	F(G_ASKED,	"from", "keyid", HEX, from_keyid),
	F(G_ASKED,	"from", "name", STR, from_name),
	F(G_OTHER,	NULL, "item", STR, item),
	F(G_WORD,	NULL, "nonce", HEX, nonce),
	F(G_ASKED,	NULL, "params_sha256", HEX, params),
	F(G_ASKED,	"policy", "name", STR, policy.name),
	F(G_ASKED,	"policy", "sha256", HEX, policy.digest),
	F(G_ASKED,	"policy", "version", U64, policy.version),
	F(G_OTHER,	NULL, "procedure", STR, procedure),
	F(G_ASKED,	NULL, "request", HEX, request),
	F(G_ASKED,	NULL, "requested_by", STR, requester),
	F(G_WORD,	"times", "expires_ms", U64, expires_ms),
	F(G_WORD,	"times", "issued_ms", U64, issued_ms),
	F(G_ASKED,	"to", "keyid", HEX, to_keyid),
	F(G_ASKED,	"to", "name", STR, to_name),
	F(G_ASKED,	NULL, "vm", STR, vm),
};
#define N_FIELDS	(sizeof(fields) / sizeof(fields[0]))

static unsigned int more_of(const struct kr_approval *a)
{
	return a->procedure[0] ? G_OTHER : 0;
}

static unsigned int more_in(const json_t *predicate)
{
	return json_object_get(predicate, "procedure") ? G_OTHER : 0;
}

int kr_approval_params(const json_t *params, uint8_t ret_digest[32],
		       struct kr_err *e)
{
	KR_AUTOFREE char *text = json_dumps(params, JSON_COMPACT |
						    JSON_SORT_KEYS);

	return text && EVP_Digest(text, strlen(text), ret_digest, NULL,
				  EVP_sha256(), NULL) ? 0 :
	       kr_fail(e, KR_E_CRYPTO, "cannot hash parameters");
}

/* ---- text -------------------------------------------------------------- */

static bool sayable(const struct kr_approval *a, unsigned int groups)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct kr_predicate_field *f = &fields[i];
		const char *v = (const char *)a + f->at;

		if (!(f->group & groups))
			continue;
		if (f->type == KR_PREDICATE_STR &&
		    !kr_predicate_text_ok(v, f->size))
			return false;
		if (f->type == KR_PREDICATE_U64 &&
		    *(const uint64_t *)(const void *)v > KR_TERMS_NUMBER_MAX)
			return false;
	}
	return true;
}

int kr_approval_build(const struct kr_approval *a, char *out, size_t *ret_n,
		      struct kr_err *e)
{
	const unsigned int groups = G_ALL | more_of(a);
	const struct kr_predicate_subject subject = {
		a->procedure[0] ? a->procedure : a->vm, "", a->definition };

	if (!sayable(a, groups) || (strcmp(a->decision, KR_APPROVAL_APPROVE) &&
				   strcmp(a->decision, KR_APPROVAL_DENY)))
		return kr_fail(e, KR_E_MALFORMED,
			       "an approval that cannot be said");
	*ret_n = kr_predicate_build(KIND, fields, N_FIELDS, groups, a,
				    &subject, 1, out, KR_APPROVAL_BYTES_MAX);
	return 0;
}

int kr_approval_parse(const char *text, size_t n, struct kr_approval *ret_a,
		      struct kr_err *e)
{
	char again[KR_APPROVAL_BYTES_MAX];
	struct kr_approval a = { 0 };
	const json_t *predicate;
	size_t n_again;
	json_t *doc;
	bool ok;
	int r;

	if (n >= KR_APPROVAL_BYTES_MAX)
		return kr_fail(e, KR_E_MALFORMED, "approval too large");
	doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	predicate = json_object_get(doc, "predicate");
	ok = kr_predicate_kind(doc, KIND) &&
	     kr_predicate_get(predicate, fields, N_FIELDS,
			      G_ALL | more_in(predicate), &a);
	json_decref(doc);
	if (!ok)
		return kr_fail(e, KR_E_MALFORMED, "not an approval");
	r = kr_approval_build(&a, again, &n_again, e);
	if (r)
		return r;
	if (n_again != n || memcmp(again, text, n))
		return kr_fail(e, KR_E_MALFORMED,
			       "the approval says more than korora's");
	*ret_a = a;
	return 0;
}

json_t *kr_approval_asked(const struct kr_approval *a)
{
	char text[KR_APPROVAL_BYTES_MAX];
	json_t *doc, *predicate;

	if (!sayable(a, G_ASKED | more_of(a)))
		return NULL;
	kr_predicate_build(KIND, fields, N_FIELDS, G_ASKED | more_of(a), a,
			   NULL, 0, text, sizeof(text));
	doc = json_loads(text, 0, NULL);
	predicate = json_incref(json_object_get(doc, "predicate"));
	json_decref(doc);
	return predicate;
}

int kr_approval_read(const json_t *j, struct kr_approval *ret_a,
		     struct kr_err *e)
{
	struct kr_approval a = { 0 };

	if (!kr_predicate_get(j, fields, N_FIELDS, G_ASKED | more_in(j), &a) ||
	    !sayable(&a, G_ASKED | more_of(&a)))
		return kr_fail(e, KR_E_MALFORMED, "not what an approval is "
			       "for");
	*ret_a = a;
	return 0;
}

/* ---- envelopes --------------------------------------------------------- */

static int open_envelope(const char *text, size_t n, struct kr_dsse *ret_d,
			 struct kr_approval *ret_a, struct kr_err *e)
{
	int r = n > KR_APPROVAL_TEXT_MAX ?
		kr_fail(e, KR_E_MALFORMED, "envelope larger than %u bytes",
			KR_APPROVAL_TEXT_MAX) :
		kr_dsse_parse(text, n, ret_d, e);

	if (r)
		return r;
	if (ret_d->n_sigs != 1 || strcmp(ret_d->type, KR_STATEMENT_TYPE))
		return kr_fail(e, KR_E_MALFORMED,
			       "not one signature of an in-toto statement");
	return kr_approval_parse((const char *)ret_d->payload,
				 ret_d->payload_bytes, ret_a, e);
}

int kr_approval_peek(const char *text, size_t n, struct kr_approval *ret_a,
		     struct kr_err *e)
{
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };

	return open_envelope(text, n, &d, ret_a, e);
}

int kr_approval_verify(const char *text, size_t n,
		       const struct kr_pubkey *key, struct kr_approval *ret_a,
		       struct kr_err *e)
{
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };
	struct kr_approval a;
	int r = open_envelope(text, n, &d, &a, e);

	if (!r)
		r = kr_dsse_check(key, d.type, d.payload, d.payload_bytes,
				  d.sigs[0].sig, d.sigs[0].sig_bytes, e);
	if (!r)
		*ret_a = a;
	return r;
}

/* ---- does it fit? ------------------------------------------------------ */

static bool same(const struct kr_predicate_field *f,
		 const struct kr_approval *a, const struct kr_approval *b)
{
	const char *x = (const char *)a + f->at, *y = (const char *)b + f->at;

	return f->type == KR_PREDICATE_STR ? !strncmp(x, y, f->size) :
					     !memcmp(x, y, f->size);
}

int kr_approval_check(const struct kr_approval *a,
		      const struct kr_approval *want, uint64_t now_ms,
		      struct kr_err *e)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct kr_predicate_field *f = &fields[i];

		if (!(f->group & G_WORD) && !same(f, a, want))
			return kr_fail(e, KR_E_APPROVAL_DIFFERS,
				       "another %s%s%s", f->in ? f->in : "",
				       f->in ? "." : "", f->key);
	}
	if (a->issued_ms > now_ms)
		return kr_fail(e, KR_E_APPROVAL_TIME,
			       "it is of a time that is to come");
	if (a->expires_ms <= now_ms)
		return kr_fail(e, KR_E_APPROVAL_TIME, "it has expired");
	if (a->expires_ms - a->issued_ms > KR_APPROVAL_LIFE_MS_MAX)
		return kr_fail(e, KR_E_APPROVAL_TIME,
			       "it would be valid for more than 7 days");
	return 0;
}
