/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plancmd.c - korora plan: have a migration probed, and show what each
 * strategy would take. The VM stays where it is.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/columns.h"
#include "client/commands.h"
#include "client/human.h"
#include "client/progress.h"

#define SECONDS_MAX	60u

static double number(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key));
}

static int build_params(struct kr_cli *c, int argc, char **argv,
			json_t **ret)
{
	const char *to[2] = { NULL }, *downtime[2] = { NULL };
	const char *rate[2] = { NULL }, *seconds[2] = { NULL };
	bool throttle = false;
	const struct kr_option opts[] = {
		{ .name = "to", .values = to, .max = 1 },
		{ .name = "max-downtime-ms", .values = downtime, .max = 1 },
		{ .name = "bandwidth", .values = rate, .max = 1 },
		{ .name = "throttle", .flag = &throttle },
		{ .name = "seconds", .values = seconds, .max = 1 },
	};
	const char *vm;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &vm);

	if (r)
		return r;
	if (!to[0])
		return kr_cli_usage(c, "--to is missing");
	*ret = json_pack("{s:s, s:s, s:b}", "vm", vm, "to", to[0], "throttle",
			 (int)throttle);
	r = kr_migratecmd_number(c, *ret, "max_downtime_ms", "max-downtime-ms",
				 downtime[0], KR_MIGRATECMD_DOWNTIME_MAX);
	if (!r)
		r = kr_migratecmd_number(c, *ret, "seconds", "seconds",
					 seconds[0], SECONDS_MAX);
	return r ? r : kr_migratecmd_rate(c, *ret, rate[0]);
}

static void print_measured(const json_t *m)
{
	char a[KR_HUMAN_BYTES], b[KR_HUMAN_BYTES], c[KR_HUMAN_BYTES];
	double ram = number(m, "ram_bytes");

	printf("  measured    %s, saw %s of %s of RAM",
	       kr_human_span(number(m, "ms"), a),
	       kr_human_size(number(m, "seen_bytes"), b),
	       kr_human_size(ram, c));
	if (number(m, "touched_bytes") > 0)
		printf(" (%.0f %% ever written)",
		       100 * number(m, "touched_bytes") / ram);
	printf("\n  pages       %.0f %% zero, %.0f %% seen before, %.0f %% "
	       "cached there\n", 100 * number(m, "zero_share"),
	       100 * number(m, "same_share"),
	       100 * number(m, "cached_share"));
	printf("  rate        %s/s of memory, %.2f bytes sent for each\n",
	       kr_human_size(number(m, "rate_bytes_s"), a),
	       number(m, "wire_per_byte"));
	if (number(m, "dirty_bytes_s") > 0)
		printf("  dirtied     %s/s\n",
		       kr_human_size(number(m, "dirty_bytes_s"), a));
}

static void print_range(const char *name, const json_t *r,
			const char *(*human)(double v, char out[KR_HUMAN_BYTES]))
{
	char a[KR_HUMAN_BYTES], b[KR_HUMAN_BYTES], c[KR_HUMAN_BYTES];

	printf("    %-10s%s (%s to %s)\n", name,
	       human(number(r, "expected"), a), human(number(r, "low"), b),
	       human(number(r, "high"), c));
}

static void print_way(const json_t *w)
{
	char name[KR_CELL_BYTES], h[KR_HUMAN_BYTES];

	printf("  %s", kr_columns_text(w, "strategy", name));
	if (!json_is_true(json_object_get(w, "works")))
		printf(": not within the downtime allowed, it needs %s",
		       kr_human_span(number(w, "needs_downtime_ms"), h));
	putchar('\n');
	print_range("total", json_object_get(w, "total_ms"), kr_human_span);
	print_range("downtime", json_object_get(w, "downtime_ms"),
		    kr_human_span);
	print_range("sent", json_object_get(w, "wire_bytes"), kr_human_size);
}

static void print_plan(const json_t *j)
{
	const json_t *ways = json_object_get(j, "strategies"), *w;
	char vm[KR_CELL_BYTES], to[KR_CELL_BYTES], best[KR_CELL_BYTES];
	size_t i;

	printf("%s to %s; the VM runs where it was\n",
	       kr_columns_text(j, "vm", vm), kr_columns_text(j, "to", to));
	if (json_is_object(json_object_get(j, "measured")))
		print_measured(json_object_get(j, "measured"));
	json_array_foreach(ways, i, w)
		print_way(w);
	if (json_is_string(json_object_get(j, "strategy")))
		printf("  best        %s\n",
		       kr_columns_text(j, "strategy", best));
}

int kr_plancmd(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *params = NULL, *j = NULL;
	KR_AUTO(kr_cli_decref) json_t *error = NULL;
	struct kr_progress p;
	int r = build_params(c, argc, argv, &params);

	if (r)
		return r;
	kr_progress_init(&p, !c->json && isatty(STDOUT_FILENO) ? stdout :
								 NULL);
	r = kr_cli_ask(c, "plan", json_incref(params), kr_progress_event, &p,
		       &j, &error);
	kr_progress_end(&p);
	if (r) {
		j = json_pack("{s:O, s:O, s:s, s:O}", "vm",
			      json_object_get(params, "vm"), "to",
			      json_object_get(params, "to"), "status",
			      "refused", "error", error);
		r = kr_cli_explain(error);
		kr_cli_result(c, j);
		return r;
	}
	if (!c->json)
		print_plan(j);
	kr_cli_hint(json_object_get(j, "error"));
	if (json_is_object(json_object_get(j, "error")))
		r = kr_cli_explain(json_object_get(j, "error"));
	kr_cli_result(c, j);
	return r;
}
