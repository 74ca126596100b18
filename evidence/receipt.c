/* SPDX-License-Identifier: Apache-2.0 */
/* receipt.c - checking receipts. Runs in the client and in kororad. */
#include "evidence/receipt.h"

#include <string.h>

#include "base/fd.h"

/* Everything that is wrong with a receipt is one code, with its own words. */
static int bad(struct kr_err *e, const struct kr_err *why)
{
	return kr_fail(e, KR_E_RECEIPT_BAD, "%s", why->what);
}

static int read_payload(const struct kr_dsse *d, struct kr_terms *ret_t,
			struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	enum kr_statement k;

	if (strcmp(d->type, KR_STATEMENT_TYPE))
		return kr_fail(e, KR_E_RECEIPT_BAD,
			       "the payload is not an in-toto statement");
	if (kr_statement_parse((const char *)d->payload, d->payload_bytes, &k,
			       ret_t, &why))
		return bad(e, &why);
	if (k != KR_STATEMENT_RECEIPT)
		return kr_fail(e, KR_E_RECEIPT_BAD, "it is the %s, not a "
			       "receipt", kr_statement_name(k));
	return 0;
}

static bool is_host(const struct kr_pubkey *k, const uint8_t keyid[32],
		    const char *name)
{
	const char *own = kr_pubkey_name(k);

	return kr_eq_ct(kr_pubkey_keyid(k), keyid, 32) &&
	       (!*own || !strcmp(own, name));
}

int kr_receipt_verify(const char *text, size_t n, const struct kr_pubkey *a,
		      const struct kr_pubkey *b, struct kr_terms *ret_t,
		      struct kr_err *e)
{
	const struct kr_pubkey *keys[2] = { a, b };
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };
	struct kr_err why = KR_ERR_NONE;
	struct kr_terms t;
	unsigned int mask = 0;
	int r;

	if (kr_eq_ct(kr_pubkey_keyid(a), kr_pubkey_keyid(b), 32))
		return kr_fail(e, KR_E_RECEIPT_BAD,
			       "the same key was given twice");
	if (kr_dsse_parse(text, n, &d, &why) ||
	    kr_dsse_verify(&d, keys, 2, &mask, &why))
		return bad(e, &why);
	if (mask != 3)
		return kr_fail(e, KR_E_RECEIPT_BAD, "%s signature of %s",
			       mask ? "it lacks a valid" : "it has no valid",
			       mask ? "one of the two hosts" : "either host");
	r = read_payload(&d, &t, e);
	if (r)
		return r;
	if (!(is_host(a, t.from_keyid, t.from_name) &&
	      is_host(b, t.to_keyid, t.to_name)) &&
	    !(is_host(b, t.from_keyid, t.from_name) &&
	      is_host(a, t.to_keyid, t.to_name)))
		return kr_fail(e, KR_E_RECEIPT_BAD, "signed by other hosts "
			       "than the two it names");
	*ret_t = t;
	return 0;
}

int kr_receipt_peek(const char *text, size_t n, struct kr_terms *ret_t,
		    struct kr_err *e)
{
	KR_AUTO(kr_dsse_fini) struct kr_dsse d = { 0 };
	struct kr_err why = KR_ERR_NONE;

	if (kr_dsse_parse(text, n, &d, &why))
		return bad(e, &why);
	return read_payload(&d, ret_t, e);
}
