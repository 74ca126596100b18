/* SPDX-License-Identifier: Apache-2.0 */
/* fwrules.c - see fwrules.h. */
#include "hyper/fwrules.h"

#include <assert.h>
#include <string.h>

bool kr_fwrules_next(const struct kr_fwrules *f, uint32_t *at,
		     struct kr_fwrule *ret)
{
	char line[KR_FWRULE_TEXT_MAX + 1];
	const char *p = f->text + *at;
	size_t n = strcspn(p, "\n");
	int r;

	if (*at >= f->n_bytes)
		return false;
	assert(n < sizeof(line));
	memcpy(line, p, n);
	line[n] = '\0';
	r = kr_fwrule_parse(line, ret, NULL);
	assert(!r);	/* it was when it was added, and is kept as it parses */
	*at += (uint32_t)n + 1;
	return true;
}

static bool declares(const struct kr_fwrule *r)
{
	return r->kind == KR_FWRULE_SET || r->kind == KR_FWRULE_COUNTER ||
	       r->kind == KR_FWRULE_QUOTA;
}

/* The line that declares @name; one of nft's tables has one space of names for
 * each kind, we have one for all. */
static bool find(const struct kr_fwrules *f, const char *name,
		 struct kr_fwrule *ret)
{
	for (uint32_t at = 0; kr_fwrules_next(f, &at, ret);)
		if (declares(ret) && !strcmp(ret->name, name))
			return true;
	return false;
}

int kr_fwrules_add(struct kr_fwrules *f, const char *line, struct kr_err *e)
{
	struct kr_fwrule r, other;
	unsigned int n_addresses = 0;
	size_t n;
	int rc = kr_fwrule_parse(line, &r, e);

	if (rc)
		return rc;
	n = strlen(r.text);
	if (f->n == KR_FWRULES_MAX ||
	    f->n_bytes + n + 2 > KR_FWRULES_BYTES_MAX)
		return kr_fail(e, KR_E_FW_RULE, "more than %u lines, or than "
			       "%u bytes", KR_FWRULES_MAX,
			       KR_FWRULES_BYTES_MAX);
	if (declares(&r) && find(f, r.name, &other))
		return kr_fail(e, KR_E_FW_RULE, "a second %s", r.name);
	for (uint32_t at = 0; kr_fwrules_next(f, &at, &other);) {
		n_addresses += other.kind == KR_FWRULE_ADDRESS;
		if (r.kind == KR_FWRULE_ADDRESS && !strcmp(r.text, other.text))
			return kr_fail(e, KR_E_FW_RULE, "an address that is "
				       "given already");
	}
	if (r.kind == KR_FWRULE_ADDRESS &&
	    n_addresses == KR_FWRULES_ADDRESSES_MAX)
		return kr_fail(e, KR_E_FW_RULE, "more than %u addresses",
			       KR_FWRULES_ADDRESSES_MAX);
	memcpy(f->text + f->n_bytes, r.text, n);
	f->n_bytes += (uint32_t)n;
	f->text[f->n_bytes++] = '\n';
	f->text[f->n_bytes] = '\0';
	f->n++;
	return 0;
}

static int check_uses(const struct kr_fwrules *f, const struct kr_fwrule *r,
		      struct kr_err *e)
{
	struct kr_fwrule d;

	for (uint32_t i = 0; i < r->n_uses; i++) {
		if (!find(f, r->uses[i].name, &d))
			return kr_fail(e, KR_E_FW_RULE, "no line declares %s",
				       r->uses[i].name);
		if (d.kind != r->uses[i].kind ||
		    (d.kind == KR_FWRULE_SET && d.type != r->uses[i].type))
			return kr_fail(e, KR_E_FW_RULE, "%s is declared as "
				       "something else than it is used for",
				       d.name);
	}
	return 0;
}

int kr_fwrules_check(const struct kr_fwrules *f, const char *const *nics,
		     unsigned int n, struct kr_err *e)
{
	uint64_t has = 0;
	struct kr_fwrule r;
	unsigned int i;

	for (uint32_t at = 0; kr_fwrules_next(f, &at, &r);) {
		int rc = check_uses(f, &r, e);

		if (rc)
			return rc;
		if (r.kind != KR_FWRULE_ADDRESS)
			continue;
		for (i = 0; i < n && strcmp(nics[i], r.name); i++)
			;
		if (i == n)
			return kr_fail(e, KR_E_FW_RULE, "there is no nic '%s'",
				       r.name);
		has |= UINT64_C(1) << i;
	}
	for (i = 0; i < n; i++)
		if (!(has & UINT64_C(1) << i))
			return kr_fail(e, KR_E_FW_RULE, "nic '%s' lacks a line "
				       "'address %s ADDRESS'", nics[i],
				       nics[i]);
	return n ? 0 : kr_fail(e, KR_E_FW_RULE, "a firewall needs a nic");
}
