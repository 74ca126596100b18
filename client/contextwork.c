/* SPDX-License-Identifier: Apache-2.0 */
/* contextwork.c - see contextwork.h. In korora, which a user started. */
#include "client/contextwork.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "client/human.h"
#include "context/ctfile.h"
#include "context/ctload.h"
#include "context/ctwatch.h"

#define AFTER_MAX_S	3600u		/* of --strict-after */

void kr_contextwork_fini(struct kr_contextwork *w)
{
	kr_ctset_fini(&w->set);
	kr_ctwatch_free(w->watch);
	json_decref(w->left);
}

static void tell_left(void *arg, const struct kr_err *why)
{
	struct kr_contextwork *w = arg;
	json_t *j = kr_cli_error_new(why);

	/* what to do about it is the same for all of them */
	if (!w->c->json)
		fprintf(stderr, "korora: KR-%04d %s\n", (int)why->kr,
			why->what);
	json_array_append_new(w->left, j);
}

static int read_list(struct kr_contextwork *w, const char *path)
{
	KR_AUTOFREE char *text = NULL;
	struct kr_err e = KR_ERR_NONE, why = KR_ERR_NONE;
	size_t n;
	int r = kr_read_file(path, KR_CTWATCH_BYTES_MAX, &text, &n);

	if (r)
		kr_fail(&e, KR_E_SYSTEM, "%s: %s", path, strerror(-r));
	else if (kr_ctwatch_new(text, n, &w->watch, &why))
		kr_fail(&e, why.kr, "%s: %s", path, why.what);
	return e.code ? kr_cli_fail(w->c, &e) : 0;
}

void kr_contextwork_flag(struct kr_contextwork *w, json_t *result)
{
	json_t *rows;

	if (!w->watch)
		return;
	rows = json_array();
	for (size_t i = 0; i < w->set.n; i++) {
		const struct kr_ctentry *c = &w->set.v[i];
		char name[KR_CTENTRY_NAME_BYTES];
		struct kr_ctwatch_hit hit;

		if (!kr_ctwatch_entry(w->watch, c, &hit))
			continue;
		kr_cttuple_name(c->family, &c->orig, name);
		if (!w->c->json)
			printf("flagged: %s: %s, line %u\n", name, hit.address,
			       hit.line);
		json_array_append_new(rows, json_pack(
			"{s:s, s:s, s:I}", "name", name, "address",
			hit.address, "line", (json_int_t)hit.line));
	}
	json_object_set_new(result, "flagged", rows);
}

int kr_contextwork_begin(struct kr_contextwork *w, struct kr_cli *c, int argc,
			 char **argv, size_t n_min, size_t n_max)
{
	const char *zone[2] = { NULL }, *after[2] = { NULL };
	const char *flag[2] = { NULL };
	const struct kr_option opts[] = { { "zone", NULL, zone, 1 },
					  { "flag", NULL, flag, 1 },
					  { "strict-after", NULL, after, 1 } };
	uint64_t number = 0, after_s = 0;
	size_t n_opts = w->may_judge ? 3 : w->may_flag ? 2 : 1;
	int r = kr_cli_args(c, argc, argv, opts, n_opts, n_min, n_max, &w->path);

	if (!r && zone[0] && !kr_human_number(zone[0], UINT16_MAX, &number))
		r = kr_cli_usage(c, "--zone is a number from 0 to %u",
				 UINT16_MAX);
	if (!r && after[0] && !kr_human_number(after[0], AFTER_MAX_S, &after_s))
		r = kr_cli_usage(c, "--strict-after is a number of seconds, "
				    "%u at most", AFTER_MAX_S);
	w->judges = after[0];
	w->judge_after_s = (unsigned int)after_s;
	w->c = c;
	w->has_zone = zone[0];
	w->zone = (uint16_t)number;
	w->left = json_array();
	w->tell = (struct kr_ctleft){ tell_left, w };
	return r || !flag[0] ? r : read_list(w, flag[0]);
}

int kr_contextwork_read_file(const char *path, struct kr_ctset *set,
			     struct kr_err *e)
{
	KR_AUTOFREE char *data = NULL;
	struct kr_err why = KR_ERR_NONE;
	size_t n;
	int r = kr_read_file(path, KR_CTFILE_BYTES_MAX, &data, &n);

	if (r == -E2BIG)
		return kr_fail(e, KR_E_LIMIT, "%s is too long", path);
	if (r)
		return kr_fail(e, KR_E_SYSTEM, "%s: %s", path, strerror(-r));
	r = kr_ctfile_get(data, n, set, &why);
	return r ? kr_fail(e, why.kr, "%s: %s", path, why.what) : 0;
}

int kr_contextwork_load(struct kr_contextwork *w, struct kr_err *e)
{
	int r = w->path ? kr_contextwork_read_file(w->path, &w->set, e) :
			  kr_ctdump(w->zone, &w->set, &w->tell, e);

	if (!r && w->has_zone)
		kr_ctset_move(&w->set, w->zone);
	return r;
}

int kr_contextwork_end(struct kr_contextwork *w, const char *did,
		       const struct kr_err *e)
{
	size_t n_left = json_array_size(w->left);
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	struct kr_err why = KR_ERR_NONE;
	uint8_t digest[32];
	char hex[65];

	if (e->code)
		return kr_cli_fail(w->c, e);
	if (kr_ctset_digest(&w->set, digest, &why))
		return kr_cli_fail(w->c, &why);
	kr_hex(digest, sizeof(digest), hex);
	j = json_pack("{s:i, s:s, s:I, s:I, s:O}", "zone", w->set.zone, "state",
		      hex, "connections",
		      (json_int_t)w->set.n, "expected",
		      (json_int_t)w->set.n_expects, "left", w->left);
	kr_contextwork_flag(w, j);
	kr_cli_result(w->c, j);
	if (!w->c->json)
		printf("zone %u: %zu connections and %zu expected %s, %zu not "
		       "as wanted\n", w->set.zone, w->set.n, w->set.n_expects,
		       did, n_left);
	return n_left ? KR_EXIT_REFUSED : KR_EXIT_DONE;
}

int kr_contextwork_judge(struct kr_contextwork *w)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	struct kr_err e = KR_ERR_NONE;
	struct kr_ctjudged n;

	fflush(stdout);
	sleep(w->judge_after_s);
	if (kr_ctload_strict(&w->set, &w->tell, &e) ||
	    kr_ctload_judged(&w->set, &n, &w->tell, &e))
		return kr_cli_fail(w->c, &e);
	j = json_pack("{s:i, s:I, s:I, s:I, s:O}", "zone", w->set.zone,
		      "strict", (json_int_t)n.strict, "liberal",
		      (json_int_t)n.liberal, "ended", (json_int_t)n.ended,
		      "left", w->left);
	kr_cli_result(w->c, j);
	if (!w->c->json)
		printf("zone %u: %zu TCP connections judged by windows again, "
		       "%zu not yet, %zu ended\n", w->set.zone, n.strict,
		       n.liberal, n.ended);
	return json_array_size(w->left) ? KR_EXIT_REFUSED : KR_EXIT_DONE;
}
