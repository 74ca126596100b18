/* SPDX-License-Identifier: Apache-2.0 */
/* fwrule.c - see fwrule.h: words, values by their types, and the lines. */
#include "hyper/fwrule.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hyper/fwvalue.h"

/* A line that is being read: the word at hand, and what is kept so far. */
struct line {
	const char	*p;
	char		 word[KR_FWVALUE_BYTES]; /* "" at the end */
	size_t		 n;			 /* bytes of r.text */
	struct kr_fwrule r;
	struct kr_err	*e;
};

#define WORD_CHARS	"abcdefghijklmnopqrstuvwxyzABCDEF0123456789_.:/@-"

static int next(struct line *l)
{
	size_t n;

	l->p += strspn(l->p, " \t");
	if (!strncmp(l->p, "!=", 2))
		n = 2;
	else if (*l->p && strchr("{},", *l->p))
		n = 1;
	else
		n = strspn(l->p, WORD_CHARS);
	if ((!n && *l->p) || n >= sizeof(l->word))
		return kr_fail(l->e, KR_E_FW_RULE,
			       n ? "a word that is too long" :
			       "a character that no rule has behind '%s'",
			       l->word);
	memcpy(l->word, l->p, n);
	l->word[n] = '\0';
	l->p += n;
	return 0;
}

/* The word at hand is kept as it is now, and the next one is at hand. */
static int keep(struct line *l)
{
	size_t n = strlen(l->word);
	bool glued = l->word[0] == ',' || !l->n;

	if (l->n + n + 1 > KR_FWRULE_TEXT_MAX)
		return kr_fail(l->e, KR_E_FW_RULE, "it is longer than %u bytes",
			       KR_FWRULE_TEXT_MAX);
	if (!glued)
		l->r.text[l->n++] = ' ';
	memcpy(l->r.text + l->n, l->word, n + 1);
	l->n += n;
	return next(l);
}

static bool at(const struct line *l, const char *word)
{
	return !strcmp(l->word, word);
}

static int expected(struct line *l, const char *what)
{
	return kr_fail(l->e, KR_E_FW_RULE, "%s%s%s where %s is expected",
		       l->word[0] ? "'" : "", l->word[0] ? l->word : "it ends",
		       l->word[0] ? "'" : "", what);
}

static int keep_word(struct line *l, const char *word)
{
	return at(l, word) ? keep(l) : expected(l, word);
}

/* One of @words, which end in NULL. */
static int keep_one_of(struct line *l, const char *const *words,
		       const char *what)
{
	for (; *words; words++)
		if (at(l, *words))
			return keep(l);
	return expected(l, what);
}

/* ---- values and names -------------------------------------------------- */

static int value(struct line *l, enum kr_fwrule_type t)
{
	return kr_fwvalue_ok(t, l->word) ? keep(l) :
					   expected(l, kr_fwvalue_what(t));
}

static int values(struct line *l, enum kr_fwrule_type t)
{
	unsigned int n = 0;
	int r = keep_word(l, "{");

	while (!r) {
		r = n++ == KR_FWRULE_VALUES_MAX ?
			    kr_fail(l->e, KR_E_FW_RULE, "more than %u values",
				    KR_FWRULE_VALUES_MAX) :
			    value(l, t);
		if (r || at(l, "}"))
			break;
		r = keep_word(l, ",");
	}
	return r ? r : keep_word(l, "}");
}

static bool name_ok(const char *s)
{
	size_t n = strlen(s);

	return !strncmp(s, "vm_", 3) && n > 3 && n <= KR_FWRULE_NAME_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static int keep_name(struct line *l, char out[KR_FWRULE_NAME_MAX + 1])
{
	if (!name_ok(l->word))
		return expected(l, "a name vm_... of a-z 0-9 _");
	strcpy(out, l->word);
	return keep(l);
}

/* A word that refers to what another line declares. */
static int use(struct line *l, enum kr_fwrule_kind kind,
	       enum kr_fwrule_type t)
{
	struct kr_fwrule *r = &l->r;
	const char *name = l->word + (kind == KR_FWRULE_SET);

	if (!name_ok(name))
		return expected(l, "a name vm_... of a-z 0-9 _");
	if (r->n_uses == KR_FWRULE_USES_MAX)
		return kr_fail(l->e, KR_E_FW_RULE, "more than %u names",
			       KR_FWRULE_USES_MAX);
	r->uses[r->n_uses].kind = kind;
	r->uses[r->n_uses].type = t;
	strcpy(r->uses[r->n_uses++].name, name);
	return keep(l);
}

/* ---- rules ------------------------------------------------------------- */

static const struct match {
	const char	   *of, *what;
	enum kr_fwrule_type type;
} matches[] = {
	{ "ip", "saddr", KR_FWRULE_IPV4 },
	{ "ip", "daddr", KR_FWRULE_IPV4 },
	{ "ip", "protocol", KR_FWRULE_PROTOCOL },
	{ "ip6", "saddr", KR_FWRULE_IPV6 },
	{ "ip6", "daddr", KR_FWRULE_IPV6 },
	{ "meta", "l4proto", KR_FWRULE_PROTOCOL },
	{ "meta", "nfproto", KR_FWRULE_FAMILY },
	{ "tcp", "sport", KR_FWRULE_PORT },
	{ "tcp", "dport", KR_FWRULE_PORT },
	{ "udp", "sport", KR_FWRULE_PORT },
	{ "udp", "dport", KR_FWRULE_PORT },
	{ "sctp", "sport", KR_FWRULE_PORT },
	{ "sctp", "dport", KR_FWRULE_PORT },
	{ "icmp", "type", KR_FWRULE_ICMP },
	{ "icmpv6", "type", KR_FWRULE_ICMPV6 },
	{ "ct", "state", KR_FWRULE_STATE },
};

static bool begins_match(const struct line *l)
{
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
		if (at(l, matches[i].of))
			return true;
	return false;
}

static int match(struct line *l)
{
	char of[KR_FWVALUE_BYTES];
	int r;

	strcpy(of, l->word);
	r = keep(l);
	for (size_t i = 0; !r && i < sizeof(matches) / sizeof(matches[0]); i++) {
		const struct match *m = &matches[i];

		if (strcmp(m->of, of) || !at(l, m->what))
			continue;
		r = keep(l);
		if (!r && at(l, "!="))
			r = keep(l);
		if (r)
			return r;
		if (at(l, "{"))
			return values(l, m->type);
		if (l->word[0] == '@' && kr_fwrule_type_name(m->type))
			return use(l, KR_FWRULE_SET, m->type);
		return value(l, m->type);
	}
	return r ? r : kr_fail(l->e, KR_E_FW_RULE, "'%s %s' is nothing that "
			       "rules may look at", of, l->word);
}

static int number(struct line *l)
{
	return kr_fwvalue_number(l->word, UINT32_MAX) ? keep(l) :
							expected(l, "a number");
}

/* limit rate [over] N/UNIT [burst N packets] */
static int limit(struct line *l)
{
	int r = keep(l);

	if (!r)
		r = keep_word(l, "rate");
	if (!r && at(l, "over"))
		r = keep(l);
	if (!r)
		r = kr_fwvalue_rate(l->word) ?
			    keep(l) :
			    expected(l, "N/second, minute, hour or day");
	if (r || !at(l, "burst"))
		return r;
	r = keep(l);
	if (!r)
		r = number(l);
	return r ? r : keep_word(l, "packets");
}

/* counter [name vm_NAME], quota name vm_NAME */
static int named(struct line *l, enum kr_fwrule_kind kind)
{
	int r = keep(l);

	if (r || (kind == KR_FWRULE_COUNTER && !at(l, "name")))
		return r;
	r = keep_word(l, "name");
	return r ? r : use(l, kind, KR_FWRULE_TYPE_N);
}

/* accept, drop, reject [with tcp reset] */
static int verdict(struct line *l)
{
	static const char *const all[] = { "accept", "drop", "reject", NULL };
	bool rejects = at(l, "reject");
	int r = keep_one_of(l, all, "a match, a statement or a verdict");

	if (r || !rejects || !at(l, "with"))
		return r;
	r = keep(l);
	if (!r)
		r = keep_word(l, "tcp");
	return r ? r : keep_word(l, "reset");
}

static int rule(struct line *l)
{
	int r = 0;

	while (!r && (begins_match(l) || at(l, "limit") || at(l, "counter") ||
		      at(l, "quota"))) {
		if (at(l, "limit"))
			r = limit(l);
		else if (at(l, "counter"))
			r = named(l, KR_FWRULE_COUNTER);
		else if (at(l, "quota"))
			r = named(l, KR_FWRULE_QUOTA);
		else
			r = match(l);
	}
	return r ? r : verdict(l);
}

/* ---- declarations ------------------------------------------------------ */

static int address(struct line *l)
{
	size_t n = strlen(l->word);
	int r;

	if (!n || n > 15 || l->word[0] < 'a' || l->word[0] > 'z' ||
	    strspn(l->word, "abcdefghijklmnopqrstuvwxyz0123456789") != n)
		return expected(l, "the name of a nic");
	strcpy(l->r.name, l->word);
	r = keep(l);
	if (r)
		return r;
	l->r.rest = (uint32_t)l->n + 1;
	l->r.type = strchr(l->word, ':') ? KR_FWRULE_IPV6 : KR_FWRULE_IPV4;
	return kr_fwvalue_host(l->r.type, l->word) ? keep(l) :
		expected(l, "an address that a host may have");
}

static int set(struct line *l)
{
	int r = keep_name(l, l->r.name);

	for (unsigned int t = 0; !r && t < KR_FWRULE_TYPE_N; t++) {
		const char *name = kr_fwrule_type_name(t);

		if (!name || !at(l, name))
			continue;
		l->r.type = t;
		r = keep(l);
		l->r.rest = (uint32_t)l->n + 1;
		return r ? r : values(l, t);
	}
	return r ? r : expected(l, "ipv4_addr, ipv6_addr or inet_service");
}

static int counter(struct line *l)
{
	return keep_name(l, l->r.name);
}

static int quota(struct line *l)
{
	static const char *const when[] = { "over", "until", NULL };
	static const char *const unit[] = { "bytes", "kbytes", "mbytes", NULL };
	int r = keep_name(l, l->r.name);

	l->r.rest = (uint32_t)l->n + 1;
	if (!r)
		r = keep_one_of(l, when, "over or until");
	if (!r)
		r = number(l);
	return r ? r : keep_one_of(l, unit, "bytes, kbytes or mbytes");
}

static const struct {
	const char *word;
	int	  (*read)(struct line *l);
} kinds[] = {
	[KR_FWRULE_ADDRESS] = { "address", address },
	[KR_FWRULE_SET] = { "set", set },
	[KR_FWRULE_COUNTER] = { "counter", counter },
	[KR_FWRULE_QUOTA] = { "quota", quota },
	[KR_FWRULE_IN] = { "in", rule },
	[KR_FWRULE_OUT] = { "out", rule },
};

static_assert(sizeof(kinds) / sizeof(kinds[0]) == KR_FWRULE_KIND_N, "");

int kr_fwrule_parse(const char *line, struct kr_fwrule *ret, struct kr_err *e)
{
	struct line l = { .p = line, .e = e };
	int r = next(&l);

	if (r)
		return r;
	for (unsigned int i = 0; i < KR_FWRULE_KIND_N; i++) {
		if (!at(&l, kinds[i].word))
			continue;
		l.r.kind = i;
		l.r.rest = (uint32_t)strlen(l.word) + 1;
		r = keep(&l);
		if (!r)
			r = kinds[i].read(&l);
		if (!r && l.word[0])
			r = expected(&l, "the end of the line");
		if (!r)
			*ret = l.r;
		return r;
	}
	return expected(&l, "address, set, counter, quota, in or out");
}

const char *kr_fwrule_type_name(enum kr_fwrule_type t)
{
	static const char *const names[KR_FWRULE_TYPE_N] = {
		[KR_FWRULE_IPV4] = "ipv4_addr",
		[KR_FWRULE_IPV6] = "ipv6_addr",
		[KR_FWRULE_PORT] = "inet_service",
	};

	return names[t];
}
