/* SPDX-License-Identifier: Apache-2.0 */
/* cases.c - reads requests and the decisions expected of them. Pure. */
#include "policy/cases.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_CHARS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
			"0123456789_.-"

enum { WHO, PROCEDURE, ITEM, TO, APPROVERS, EXPECTED, DEMANDS, N_WORDS };

static int fail(const struct kr_cases *it, struct kr_err *e, const char *fmt,
		...) __attribute__((format(printf, 3, 4)));

static int fail(const struct kr_cases *it, struct kr_err *e, const char *fmt,
		...)
{
	char what[KR_WHAT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return kr_fail(e, KR_E_CONFIG, "%.80s:%u: %s", it->file, it->line,
		       what);
}

static bool is_name(const char *s)
{
	size_t n = strspn(s, NAME_CHARS);

	return n && !s[n] && n <= KR_BOOK_NAME_MAX;
}

/* Cut @text at the first @at; what follows, NULL if nothing does. */
static char *cut(char *text, char at)
{
	char *p = strchr(text, at);

	if (p)
		*p++ = '\0';
	return p;
}

const char *kr_cases_person(char *text, struct kr_person *ret_p)
{
	char *role;

	if (!strncmp(text, "host:", 5)) {
		*ret_p = (struct kr_person){ text, { "host" }, 1 };
		return is_name(text + 5) ? NULL : "no host's name";
	}
	role = cut(text, ':');
	*ret_p = (struct kr_person){ .name = text };
	if (!is_name(text))
		return "no user's name";
	while (role) {
		char *next = cut(role, ',');

		if (!is_name(role))
			return "no role's name";
		if (ret_p->n_roles == KR_BOOK_ROLES_MAX)
			return "too many roles";
		for (unsigned int i = 0; i < ret_p->n_roles; i++)
			if (!strcmp(ret_p->roles[i], role))
				return "a role is there twice";
		ret_p->roles[ret_p->n_roles++] = role;
		role = next;
	}
	return NULL;
}

static int approvers(struct kr_cases *it, char *text, struct kr_err *e)
{
	unsigned int n = 0;

	while (text) {
		char *next = cut(text, ';');
		const char *wrong;

		if (n == KR_BOOK_APPROVALS_MAX)
			return fail(it, e, "more than %u approvers", n);
		wrong = kr_cases_person(text, &it->approvers[n]);
		if (wrong)
			return fail(it, e, "approvers: %s: %.64s", wrong,
				    text);
		for (unsigned int i = 0; i < n; i++)
			if (!strcmp(it->approvers[i].name, text))
				return fail(it, e, "approvers: %s is there "
					    "twice", text);
		n++;
		text = next;
	}
	it->x.approvers = it->approvers;
	it->x.n_approvers = n;
	return 0;
}

/* KIND:NAME@TENANT, of the kind that the procedure is used on. */
static int item(struct kr_cases *it, char *text, struct kr_err *e)
{
	const struct kr_procedure *p = it->x.procedure;
	const char *kind = kr_item_kind_name(p->on);
	size_t n = strlen(kind);

	it->x.item = "";
	if (p->on == KR_ITEM_NONE)
		return text ? fail(it, e, "%s is used on nothing in "
				   "particular: -", p->name) : 0;
	if (text)
		it->x.tenant = cut(text, '@');
	if (!text || strncmp(text, kind, n) || text[n] != ':' ||
	    !is_name(text + n + 1))
		return fail(it, e, "%s is used on %s:NAME", p->name, kind);
	if (it->x.tenant && !is_name(it->x.tenant))
		return fail(it, e, "no tenant's name behind '@'");
	it->x.item = text;
	return 0;
}

static int answer(struct kr_cases *it, const char *text, struct kr_err *e)
{
	static const enum kr_answer all[] = { KR_YES, KR_NO, KR_ERROR,
					      KR_QUESTION };

	for (size_t i = 0; text && i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(text, kr_answer_name(all[i]))) {
			it->expected = all[i];
			return 0;
		}
	return fail(it, e, "yes, no, question or error is expected");
}

static int take(struct kr_cases *it, char *word[N_WORDS], struct kr_err *e)
{
	const char *wrong = word[WHO] ?
			    kr_cases_person(word[WHO], &it->x.by) :
			    "somebody must ask";
	int r;

	if (wrong)
		return fail(it, e, "%s", wrong);
	it->x.procedure = word[PROCEDURE] ?
			  kr_procedure_find(word[PROCEDURE]) : NULL;
	if (!it->x.procedure)
		return fail(it, e, "%.64s is no procedure",
			    word[PROCEDURE] ? word[PROCEDURE] : "-");
	if ((r = item(it, word[ITEM], e)))
		return r;
	if (word[TO] && !it->x.procedure->goes_to)
		return fail(it, e, "%s goes nowhere: -",
			    it->x.procedure->name);
	if (word[TO] && !is_name(word[TO]))
		return fail(it, e, "no host's name: %.64s", word[TO]);
	it->x.to = word[TO];
	if ((r = approvers(it, word[APPROVERS], e)))
		return r;
	if (it->demands && !it->x.procedure->goes_to)
		return fail(it, e, "nothing is demanded of %s",
			    it->x.procedure->name);
	return answer(it, word[EXPECTED], e);
}

/* The words of the line, NULL for '-'; how many there are. */
static unsigned int split(char *line, char *word[N_WORDS])
{
	unsigned int n = 0;

	for (char *p = line + strspn(line, " \t"); *p;) {
		char *stop = p + strcspn(p, " \t");
		char *next = stop + strspn(stop, " \t");

		*stop = '\0';
		if (n < N_WORDS)
			word[n] = strcmp(p, "-") ? p : NULL;
		n++;
		p = next;
	}
	return n;
}

int kr_cases_start(struct kr_cases *it, const char *file, const char *text,
		   size_t n_bytes, struct kr_err *e)
{
	*it = (struct kr_cases){ .file = file, .p = text,
				 .end = text + n_bytes };
	if (n_bytes > KR_CASES_BYTES_MAX)
		return fail(it, e, "longer than %u bytes", KR_CASES_BYTES_MAX);
	return 0;
}

int kr_cases_next(struct kr_cases *it, struct kr_err *e)
{
	while (it->p < it->end) {
		const char *nl = memchr(it->p, '\n',
					(size_t)(it->end - it->p));
		const char *line = it->p;
		size_t n_bytes = (size_t)((nl ? nl : it->end) - line);
		char *word[N_WORDS];
		unsigned int n;
		int r;

		it->p = nl ? nl + 1 : it->end;
		it->line++;
		if (n_bytes > KR_CASES_LINE_MAX)
			return fail(it, e, "longer than %u bytes",
				    KR_CASES_LINE_MAX);
		if (memchr(line, '\0', n_bytes))
			return fail(it, e, "not text");
		memcpy(it->words, line, n_bytes);
		it->words[n_bytes] = '\0';
		if (it->words[strspn(it->words, " \t")] == '#')
			continue;
		n = split(it->words, word);
		if (!n)
			continue;
		it->x = (struct kr_execution){ 0 };
		if (n != DEMANDS && n != N_WORDS)
			return fail(it, e, "%u words, not who, procedure, "
				    "item, to, approvers, expected, and what "
				    "is demanded or not", n);
		it->demands = n == DEMANDS ? NULL :
			      word[DEMANDS] ? word[DEMANDS] : "-";
		r = take(it, word, e);
		return r ? r : 1;
	}
	return 0;
}

/* ---- demands ------------------------------------------------------------ */

static void add(char *out, const char *sep, const char *word)
{
	size_t n = strlen(out);

	snprintf(out + n, KR_CASES_LINE_MAX + 1 - n, "%s%s", n ? sep : "",
		 word);
}

static void add_suites(char *out, const char *key, const struct kr_words *w)
{
	for (unsigned int i = 0; i < w->n; i++) {
		if (!i)
			add(out, ",", key);
		add(out, i ? ":" : "=", w->word[i]);
	}
}

const char *kr_cases_demands(const struct kr_protection *p,
			     char out[KR_CASES_LINE_MAX + 1])
{
	char scanners[32];

	snprintf(scanners, sizeof(scanners), "scanners=%u", p->scanners);
	out[0] = '\0';
	if (p->attestation)
		add(out, ",", "attestation");
	if (p->no_postcopy)
		add(out, ",", "no_postcopy");
	if (p->memory_root)
		add(out, ",", "memory_root");
	if (p->scanners)
		add(out, ",", scanners);
	add_suites(out, "control_suites", &p->control_suites);
	add_suites(out, "lane_suites", &p->lane_suites);
	if (!out[0])
		add(out, "", "-");
	return out;
}
