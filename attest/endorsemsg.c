/* SPDX-License-Identifier: Apache-2.0 */
/* endorsemsg.c - reader and writer side by side. */
#include "attest/endorsemsg.h"

void kr_endorseask_put(struct kr_wr *w, const struct kr_endorseask *a)
{
	kr_wr_bytes(w, a->secret, sizeof(a->secret));
	kr_tpmmaterial_put(w, &a->m);
}

int kr_endorseask_parse(struct kr_rd *r, struct kr_endorseask *ret,
			struct kr_err *e)
{
	kr_rd_bytes(r, ret->secret, sizeof(ret->secret));
	return kr_tpmmaterial_parse(r, &ret->m, e);
}

void kr_endorsed_put(struct kr_wr *w, const struct kr_endorsed *d)
{
	kr_wr_str(w, d->names.subject);
	kr_wr_str(w, d->names.issuer);
	kr_wr_u8(w, d->vouched);
	kr_wr_u16(w, (uint16_t)d->ak.n);
	kr_wr_bytes(w, d->ak.b, d->ak.n);
	kr_tpmcredential_put(w, &d->credential);
}

/* They end on terminals and in logs. */
static bool is_printable(const char *s)
{
	while (*s >= ' ' && *s <= '~')
		s++;
	return !*s;
}

int kr_endorsed_parse(struct kr_rd *r, struct kr_endorsed *ret,
		      struct kr_err *e)
{
	struct kr_endorsed d = { 0 };
	uint8_t vouched;
	int rc;

	kr_rd_str(r, d.names.subject, sizeof(d.names.subject));
	kr_rd_str(r, d.names.issuer, sizeof(d.names.issuer));
	vouched = kr_rd_u8(r);
	d.vouched = vouched;
	d.ak.n = kr_rd_u16(r);
	if (!d.ak.n || d.ak.n > sizeof(d.ak.b))
		r->bad = true;
	else
		kr_rd_bytes(r, d.ak.b, d.ak.n);
	if (vouched > 1 || !is_printable(d.names.subject) ||
	    !is_printable(d.names.issuer))
		r->bad = true;
	rc = kr_tpmcredential_parse(r, &d.credential, e);
	if (rc)
		return rc;
	*ret = d;
	return 0;
}
