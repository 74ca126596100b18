/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policytest.c - korora policy test: does a policy decide as a table of
 * requests expects it to?
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/commands.h"
#include "client/policyclass.h"
#include "client/policyfile.h"
#include "policy/cases.h"

struct tested {
	json_t	    *cases;
	unsigned int n_passed, n_failed;
};

/* What the policy says of a request: the triples, the classes of both hosts
 * and the VM, and what it demands. */
struct said {
	struct kr_verdict v;
	const char	 *why;
	char		  demands[KR_CASES_LINE_MAX + 1];
	bool		  ok;
};

static void tell(const struct kr_cases *it, const struct said *s)
{
	const struct kr_execution *x = &it->x;
	const struct kr_triple *t = s->v.triple;

	printf("%s %s:%u %s %s%s%s%s%s: %s", s->ok ? "ok  " : "FAIL", it->file,
	       it->line, x->by.name, x->procedure->name,
	       x->item[0] ? " " : "", x->item, x->to ? " to " : "",
	       x->to ? x->to : "", kr_answer_name(s->v.answer));
	if (s->v.answer != it->expected)
		printf(", not %s: %s", kr_answer_name(it->expected), s->why);
	if (s->v.answer != it->expected && t)
		printf(" ([triple %s] of %s:%u)", t->name, t->file, t->line);
	if (it->demands && strcmp(it->demands, s->demands))
		printf(", and demands %s, not %s", s->demands, it->demands);
	putchar('\n');
}

static struct said says(const struct kr_book *b, const struct kr_cases *it)
{
	struct said s = { .v = kr_book_decide(b, &it->x) };
	struct kr_protection demanded;
	struct kr_decision d;

	s.why = kr_reason_text(s.v.reason);
	d = kr_policyclass_offer(b, &it->x);
	if (s.v.answer == KR_YES && d.answer != KR_YES) {
		s.v.answer = d.answer;
		s.why = kr_decision_why(&d);
	}
	kr_book_demands(b, it->x.item, &demanded);
	kr_cases_demands(&demanded, s.demands);
	s.ok = s.v.answer == it->expected &&
	       (!it->demands || !strcmp(it->demands, s.demands));
	return s;
}

static void decide(const struct kr_cli *c, const struct kr_book *b,
		   const struct kr_cases *it, struct tested *t)
{
	struct said s = says(b, it);

	t->n_passed += s.ok;
	t->n_failed += !s.ok;
	json_array_append_new(t->cases, json_pack(
		"{s:i, s:b, s:s, s:s, s:s, s:s?, s:o}", "line", (int)it->line,
		"ok", s.ok, "answer", kr_answer_name(s.v.answer), "expected",
		kr_answer_name(it->expected), "reason", s.why, "demands",
		it->x.procedure->goes_to ? s.demands : NULL, "triple",
		kr_policyfile_triple(s.v.triple)));
	if (!c->json)
		tell(it, &s);
}

static int run(const struct kr_cli *c, const char *file, const char *policy,
	       struct tested *t, struct kr_err *e)
{
	KR_AUTO(kr_policyfile_fini) struct kr_policyfile p = { 0 };
	KR_AUTOFREE char *text = NULL;
	struct kr_cases it;
	size_t n;
	int r = kr_policyfile_open(c, policy, &p, e);

	if (r)
		return r;
	r = kr_read_file(file, KR_CASES_BYTES_MAX, &text, &n);
	if (r)
		return kr_fail(e, KR_E_CONFIG, "%s: %s", file,
			       r == -E2BIG ? "too long" : strerror(-r));
	r = kr_cases_start(&it, file, text, n, e);
	while (!r && (r = kr_cases_next(&it, e)) > 0) {
		decide(c, p.book, &it, t);
		r = 0;
	}
	if (!r && !json_array_size(t->cases))
		r = kr_fail(e, KR_E_CONFIG, "%s has no request", file);
	return r;
}

int kr_policytest(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *cases = json_array(), *j = NULL;
	struct tested t = { .cases = cases };
	const char *policy[2] = { NULL }, *file;
	const struct kr_option opts[] = {
		{ .name = "policy", .values = policy, .max = 1 },
	};
	struct kr_err e = KR_ERR_NONE;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &file);

	if (r)
		return r;
	if (run(c, file, policy[0], &t, &e))
		return kr_cli_fail(c, &e);
	j = json_pack("{s:i, s:i, s:O}", "passed", (int)t.n_passed, "failed",
		      (int)t.n_failed, "cases", cases);
	kr_cli_result(c, j);
	if (!c->json)
		printf("%u passed, %u failed\n", t.n_passed, t.n_failed);
	return t.n_failed ? KR_EXIT_REFUSED : KR_EXIT_DONE;
}
