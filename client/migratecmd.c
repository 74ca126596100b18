/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migratecmd.c - korora migrate: ask, show how far it is, tell how it ended.
 * The migration belongs to kororad: it goes on when this command is killed.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/columns.h"
#include "client/commands.h"
#include "client/human.h"
#include "client/progress.h"

#define TIMEOUT_S_MAX	604800u

static void on_interrupt(int sig)
{
	static const char text[] =
		"\nkorora: the migration goes on; korora status shows it, "
		"korora cancel ID stops it\n";

	/* SA_RESETHAND: the second time it kills us */
	if (write(STDERR_FILENO, text, sizeof(text) - 1) >= 0)
		raise(sig);
}

/*
 * The only thing to do is to say a static sentence and die, from within a
 * blocking korora_call(): a handler does that without a second loop.
 */
static void warn_on_interrupt(bool on)
{
	struct sigaction a = { .sa_flags = (int)SA_RESETHAND };

	a.sa_handler = on ? on_interrupt : SIG_DFL;
	sigaction(SIGINT, &a, NULL);
}

int kr_migratecmd_number(struct kr_cli *c, json_t *params, const char *key,
			 const char *option, const char *text, uint64_t max)
{
	uint64_t v;

	if (!text)
		return 0;
	if (!kr_human_number(text, max, &v) || !v)
		return kr_cli_usage(c, "--%s is a number 1..%llu, not %s",
				    option, (unsigned long long)max, text);
	json_object_set_new(params, key, json_integer((json_int_t)v));
	return 0;
}

int kr_migratecmd_rate(struct kr_cli *c, json_t *params, const char *text)
{
	uint64_t v;

	if (!text)
		return 0;
	if (!kr_human_rate(text, &v))
		return kr_cli_usage(c, "--bandwidth is a rate like 100mbit, "
				       "1gbit or 50MB, not %s", text);
	json_object_set_new(params, "bandwidth_bytes_s",
			    json_integer((json_int_t)v));
	return 0;
}

static int put_strategy(struct kr_cli *c, json_t *params, const char *text)
{
	if (!text)
		return 0;
	if (strcmp(text, "precopy") && strcmp(text, "hybrid") &&
	    strcmp(text, "postcopy") && strcmp(text, "offline") &&
	    strcmp(text, "auto"))
		return kr_cli_usage(c, "--strategy is precopy, hybrid, "
				       "postcopy, offline or auto, not %s",
				    text);
	json_object_set_new(params, "strategy", json_string(text));
	return 0;
}

/* The options as given; kororad knows the defaults of those that are not. */
static int build_params(struct kr_cli *c, int argc, char **argv,
			json_t **ret)
{
	const char *to[2] = { NULL }, *strategy[2] = { NULL };
	const char *downtime[2] = { NULL }, *rate[2] = { NULL };
	const char *timeout[2] = { NULL };
	bool dry_run = false, throttle = false, early = false;
	const struct kr_option opts[] = {
		{ .name = "to", .values = to, .max = 1 },
		{ .name = "strategy", .values = strategy, .max = 1 },
		{ .name = "max-downtime-ms", .values = downtime, .max = 1 },
		{ .name = "bandwidth", .values = rate, .max = 1 },
		{ .name = "timeout", .values = timeout, .max = 1 },
		{ .name = "dry-run", .flag = &dry_run },
		{ .name = "throttle", .flag = &throttle },
		{ .name = "allow-postcopy", .flag = &early },
	};
	const char *vm;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &vm);

	if (r)
		return r;
	if (!to[0])
		return kr_cli_usage(c, "--to is missing");
	*ret = json_pack("{s:s, s:s, s:b, s:b, s:b}", "vm", vm, "to", to[0],
			 "dry_run", (int)dry_run, "throttle", (int)throttle,
			 "allow_postcopy", (int)early);
	r = put_strategy(c, *ret, strategy[0]);
	if (!r)
		r = kr_migratecmd_number(c, *ret, "max_downtime_ms",
					 "max-downtime-ms", downtime[0],
					 KR_MIGRATECMD_DOWNTIME_MAX);
	if (!r)
		r = kr_migratecmd_number(c, *ret, "timeout_s", "timeout",
					 timeout[0], TIMEOUT_S_MAX);
	return r ? r : kr_migratecmd_rate(c, *ret, rate[0]);
}

static double number(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key));
}

static bool is_yes(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

static void print_sent(const json_t *j)
{
	double wire = number(j, "wire_bytes"), ram = number(j, "ram_bytes");
	char a[KR_HUMAN_BYTES], b[KR_HUMAN_BYTES];

	printf("  sent        %s for %s of RAM", kr_human_size(wire, a),
	       kr_human_size(ram, b));
	if (ram > 0)
		printf(" (%.1f %%)", 100 * wire / ram);
	putchar('\n');
}

static void print_predicted(const json_t *p)
{
	char total[KR_HUMAN_BYTES], down[KR_HUMAN_BYTES], wire[KR_HUMAN_BYTES];
	char by[KR_CELL_BYTES];

	if (!json_is_object(p)) {
		puts("  predicted   no");
		return;
	}
	printf("  predicted   %s, downtime %s, %s sent",
	       kr_human_span(number(p, "total_ms"), total),
	       kr_human_span(number(p, "downtime_ms"), down),
	       kr_human_size(number(p, "wire_bytes"), wire));
	if (json_is_string(json_object_get(p, "basis")))
		printf(", by %s", kr_columns_text(p, "basis", by));
	putchar('\n');
}

static void print_protection(const json_t *p)
{
	char a[KR_CELL_BYTES], b[KR_CELL_BYTES];

	if (!json_is_object(p))
		return;
	printf("  protection  %s, %s\n", kr_columns_text(p, "tls", a),
	       is_yes(p, "mutual") ? "both hosts authenticated" :
				     "NOT mutually authenticated");
	printf("              control %s, ",
	       kr_columns_text(p, "control_suite", a));
	printf("%.0f lane%s %s\n", number(p, "lanes"),
	       number(p, "lanes") == 1 ? "" : "s",
	       kr_columns_text(p, "lane_suite", b));
	kr_columns_text(p, "attestation", a);
	kr_columns_text(p, "stream", b);
	printf("              attestation %s, stream %s\n", a, b);
}

static void print_completed(const json_t *j)
{
	char vm[KR_CELL_BYTES], from[KR_CELL_BYTES], to[KR_CELL_BYTES];
	char how[KR_CELL_BYTES], h[KR_HUMAN_BYTES];

	printf("%s moved from %s to %s (%s)\n", kr_columns_text(j, "vm", vm),
	       kr_columns_text(j, "from", from), kr_columns_text(j, "to", to),
	       kr_columns_text(j, "strategy", how));
	printf("  total       %s, %.0f round%s\n",
	       kr_human_span(number(j, "total_ms"), h), number(j, "rounds"),
	       number(j, "rounds") == 1 ? "" : "s");
	printf("  downtime    %s\n",
	       kr_human_span(number(j, "downtime_ms"), h));
	print_sent(j);
	print_predicted(json_object_get(j, "predicted"));
	print_protection(json_object_get(j, "protection"));
	if (json_is_string(json_object_get(j, "receipt")))
		printf("  receipt     %s\n",
		       kr_columns_text(j, "receipt", how));
	printf("  migration   %s\n", kr_columns_text(j, "migration", how));
}

/* @seen: kororad said how it ended */
static void print_unfinished(const json_t *j, int exit_code, bool seen)
{
	char vm[KR_CELL_BYTES], to[KR_CELL_BYTES], what[KR_CELL_BYTES];
	bool begun = json_is_string(json_object_get(j, "migration"));
	char h[KR_HUMAN_BYTES];

	printf("%s to %s: %s", kr_columns_text(j, "vm", vm),
	       kr_columns_text(j, "to", to),
	       seen ? kr_columns_text(j, "status", what) :
		      "how it ended is not known");
	if (number(j, "total_ms") > 0)
		printf(" after %s", kr_human_span(number(j, "total_ms"), h));
	/* without a number nothing began: the VM need not run, or be */
	printf("%s\n", begun && exit_code == KR_EXIT_REFUSED ?
			       "; the VM runs where it was" : "");
	if (begun)
		printf("  migration   %s\n",
		       kr_columns_text(j, "migration", what));
}

static void print_dry_run(const json_t *j)
{
	const json_t *checks = json_object_get(j, "checks"), *one;
	char vm[KR_CELL_BYTES], to[KR_CELL_BYTES];
	size_t i;

	json_array_foreach(checks, i, one)
		kr_doctorcmd_print(one);
	if (!json_is_object(json_object_get(j, "error")))
		printf("%s could move to %s; nothing was moved\n",
		       kr_columns_text(j, "vm", vm),
		       kr_columns_text(j, "to", to));
}

/*
 * A refused or failed migration is a result too, with its error inside. If
 * its end was not seen, where the VM runs is open, whatever the error.
 */
static int tell(const struct kr_cli *c, const json_t *j, bool seen)
{
	json_t *error = json_object_get(j, "error");
	const char *status = json_string_value(json_object_get(j, "status"));
	bool dry_run = is_yes(j, "dry_run");
	bool good = status && !strcmp(status, "completed");
	int r = good ? KR_EXIT_DONE : KR_EXIT_REFUSED;

	kr_cli_hint(error);
	if (!c->json && dry_run)
		print_dry_run(j);
	else if (!c->json && good)
		print_completed(j);
	if (json_is_object(error) && !good)
		r = kr_cli_explain(error);
	if (!seen)
		r = KR_EXIT_OPERATOR;
	if (!c->json && !dry_run && !good)
		print_unfinished(j, r, seen);
	kr_cli_result(c, j);
	return r;
}

/*
 * kororad gave no result: the same object, with what is known. @migration is
 * NULL if it was refused before it had a number.
 */
static json_t *without_result(const json_t *params, const char *migration,
			      json_t *error)
{
	const char *strategy = json_string_value(
		json_object_get(params, "strategy"));

	return json_pack("{s:s?, s:O?, s:n, s:O?, s:s, s:O, s:s, s:i, s:i, s:i,"
			 " s:i, s:i, s:n, s:n, s:n}", "migration", migration,
			 "vm", json_object_get(params, "vm"), "from",
			 "to", json_object_get(params, "to"),
			 "status", migration ? "failed" : "refused",
			 "error", error,
			 "strategy", strategy ? strategy : "precopy",
			 "total_ms", 0, "downtime_ms", 0, "rounds", 0,
			 "ram_bytes", 0, "wire_bytes", 0, "receipt",
			 "protection", "predicted");
}

int kr_migratecmd(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *params = NULL, *j = NULL;
	struct kr_progress p;
	json_t *error = NULL;
	bool seen = true;
	int r = build_params(c, argc, argv, &params);

	if (r)
		return r;
	if (!c->json)
		kr_progress_init(&p, stdout);
	else
		kr_progress_init(&p, isatty(STDERR_FILENO) ? stderr : NULL);
	warn_on_interrupt(true);
	r = kr_cli_ask(c, "migrate", json_incref(params), kr_progress_event,
		       &p, &j, &error);
	warn_on_interrupt(false);
	kr_progress_end(&p);
	if (r) {
		seen = c->api || !*p.migration;
		j = without_result(params, seen ? NULL : p.migration, error);
		json_decref(error);
	}
	return tell(c, j, seen);
}
