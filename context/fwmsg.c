/* SPDX-License-Identifier: Apache-2.0 */
/* fwmsg.c - see fwmsg.h. Runs in kororad and korora-context. */
#include "context/fwmsg.h"

#include <string.h>

static int bad(struct kr_err *e)
{
	return kr_fail(e, KR_E_AGENT_SPOKE, "malformed order about a firewall");
}

/* What nft's text may have between quotes, and no more. */
static bool port_ok(const char *s)
{
	size_t n = strlen(s);

	return n && s[0] != '.' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789_.-") == n;
}

static bool mac_ok(const char *s)
{
	return strlen(s) == 17 && strspn(s, "0123456789abcdef:") == 17;
}

int kr_fwmsg_name(struct kr_rd *r, char ret[KR_VMDEF_NAME_MAX + 1],
		  struct kr_err *e)
{
	kr_rd_str(r, ret, KR_VMDEF_NAME_MAX + 1);
	return r->bad || !kr_vmdef_name_ok(ret) ? bad(e) : 0;
}

void kr_fwload_put(struct kr_wr *w, const struct kr_fwload *l)
{
	struct kr_fwrule rule;

	kr_wr_str(w, l->vm);
	kr_wr_u16(w, l->zone);
	kr_wr_u8(w, l->asleep);
	kr_wr_u8(w, (uint8_t)l->n_nics);
	for (uint32_t i = 0; i < l->n_nics; i++) {
		kr_wr_str(w, l->nics[i].name);
		kr_wr_str(w, l->nics[i].mac);
		kr_wr_str(w, l->nics[i].tap);
		kr_wr_str(w, l->nics[i].bridge);
	}
	kr_wr_u8(w, (uint8_t)l->rules.n);
	for (uint32_t at = 0; kr_fwrules_next(&l->rules, &at, &rule);)
		kr_wr_str(w, rule.text);
}

static int get_nics(struct kr_rd *r, struct kr_fwload *l, struct kr_err *e)
{
	const char *names[KR_VMDEF_NICS_MAX];

	l->n_nics = kr_rd_u8(r);
	if (r->bad || l->n_nics > KR_VMDEF_NICS_MAX)
		return bad(e);
	for (uint32_t i = 0; i < l->n_nics; i++) {
		kr_rd_str(r, l->nics[i].name, sizeof(l->nics[i].name));
		kr_rd_str(r, l->nics[i].mac, sizeof(l->nics[i].mac));
		kr_rd_str(r, l->nics[i].tap, sizeof(l->nics[i].tap));
		kr_rd_str(r, l->nics[i].bridge, sizeof(l->nics[i].bridge));
		if (r->bad || !mac_ok(l->nics[i].mac) ||
		    !port_ok(l->nics[i].tap) || !port_ok(l->nics[i].bridge))
			return bad(e);
		names[i] = l->nics[i].name;
	}
	for (unsigned int n = kr_rd_u8(r); n && !r->bad; n--) {
		char line[KR_FWRULE_TEXT_MAX + 1];

		kr_rd_str(r, line, sizeof(line));
		if (r->bad || kr_fwrules_add(&l->rules, line, NULL))
			return bad(e);
	}
	return kr_fwrules_check(&l->rules, names, l->n_nics, NULL) ? bad(e) : 0;
}

int kr_fwload_parse(struct kr_rd *r, struct kr_fwload *ret, struct kr_err *e)
{
	int rc;

	*ret = (struct kr_fwload){ 0 };
	rc = kr_fwmsg_name(r, ret->vm, e);
	if (rc)
		return rc;
	ret->zone = kr_rd_u16(r);
	ret->asleep = kr_rd_u8(r);
	rc = get_nics(r, ret, e);
	return rc ? rc : kr_rd_done(r) && ret->zone ? 0 : bad(e);
}
