/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - how long a large policy takes to load and to decide by: as many
 * triples and as many classed items as are asked for, and requests that are
 * allowed by name, by pattern, by role, and not at all; and as many triples that
 * differ in their destination alone. README.md says more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/book.h"

#define DEMANDS_MAX	4096u
#define N_DEFAULT	10000u
#define N_MAX		25000u	/* in one file */
#define ROUNDS		20u		/* of requests, each one per triple */

enum shape { EXACT, PREFIX, ROLE, DENIED, SHAPES };

static const char *const names[SHAPES] = { "by name", "by pattern", "by role",
					   "denied" };

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* A policy's text: a third of its triples of each shape. */
static char *text(unsigned int n, size_t *ret_n)
{
	char *p = NULL;
	FILE *f = open_memstream(&p, ret_n);

	if (!f)
		return NULL;
	fprintf(f, "[policy bench]\nversion = 1\n"
		"[subject everyone]\nwho = *\ncategories = *\n");
	for (unsigned int i = 0; i < n; i++) {
		fprintf(f, "[triple t%u]\nmay = migrate\n"
			"certified_by = vera\nwho = ", i);
		if (i % 3 == EXACT)
			fprintf(f, "user%u\non = vm:web%u\nto = b\n", i, i);
		else if (i % 3 == PREFIX)
			fprintf(f, "user%u\non = vm:db%u-*\nto = b, c*\n", i,
				i);
		else
			fprintf(f, "role:operate\non = vm:app%u\n", i);
	}
	for (unsigned int i = 0; i < n; i++)
		fprintf(f, "[item i%u]\non = vm:%s%u%s\ncategories = c%u\n",
			i, i % 3 == EXACT ? "web" : i % 3 == PREFIX ? "db" :
			"app", i, i % 3 == PREFIX ? "-*" : "", i % 60);
	return fclose(f) ? NULL : p;
}

/* What triple @i allows, or, DENIED, another user's. */
static void request(unsigned int i, bool denied, char who[32], char item[32],
		    struct kr_execution *x)
{
	*x = (struct kr_execution){
		.by = { who, { "operate" }, i % 3 == ROLE && !denied },
		.procedure = kr_procedure_find("migrate"), .item = item,
		.to = "b" };
	snprintf(who, 32, "user%u", denied ? i + 1 : i);
	snprintf(item, 32, i % 3 == EXACT ? "vm:web%u" : i % 3 == PREFIX ?
		 "vm:db%u-replica" : "vm:app%u", i);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *name, double *us, size_t n)
{
	qsort(us, n, sizeof(*us), by_value);
	printf("%-12s %10.2f %10.2f %10.2f\n", name, us[n / 2],
	       us[n * 99 / 100], us[n - 1]);
}

/* The worst shape of an index by who, procedure and item: one key for all. */
static char *hosts_text(unsigned int n, size_t *ret_n)
{
	char *p = NULL;
	FILE *f = open_memstream(&p, ret_n);

	if (!f)
		return NULL;
	fprintf(f, "[policy bench]\nversion = 1\n"
		"[subject everyone]\nwho = *\ncategories = *\n");
	for (unsigned int i = 0; i < n; i++)
		fprintf(f, "[triple t%u]\nmay = migrate\ncertified_by = vera\n"
			"who = user\non = vm:web\nto = host%u\n", i, i);
	return fclose(f) ? NULL : p;
}

/* As many demands as a policy may have, which is asked before every step. */
static char *demands_text(unsigned int n, size_t *ret_n)
{
	char *p = NULL;
	FILE *f = open_memstream(&p, ret_n);

	if (!f)
		return NULL;
	fprintf(f, "[policy bench]\nversion = 1\n");
	for (unsigned int i = 0; i < n; i++)
		fprintf(f, "[protection p%u]\non = vm:web%u, vm:db%u-*\n"
			"no_postcopy = yes\n", i, i, i);
	return fclose(f) ? NULL : p;
}

/* Decides everything; 0 if each answer is the expected one. */
static int decide(const struct kr_book *b, unsigned int n, enum shape shape,
		  double *us, size_t *ret_n)
{
	bool denied = shape == DENIED;

	*ret_n = 0;
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = denied ? 0 : shape; i < n;
		     i += denied ? 1 : 3) {
			char who[32], item[32];
			struct kr_execution x;
			struct kr_verdict v;
			double from;

			request(i, denied, who, item, &x);
			from = now_us();
			v = kr_book_decide(b, &x);
			us[(*ret_n)++] = now_us() - from;
			if (v.answer != (denied ? KR_QUESTION : KR_YES)) {
				fprintf(stderr, "policy: %s of %s: %s\n", who,
					item, kr_reason_text(v.reason));
				return -1;
			}
		}
	return 0;
}

static struct kr_book *load(char *policy, size_t n_bytes, const char *what)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_book *b = kr_book_new();
	double from = now_us();

	if (!b || !policy) {
		perror("policy");
		return NULL;
	}
	if (kr_book_add(b, "bench", policy, n_bytes, &e) ||
	    kr_book_finish(b, &e)) {
		fprintf(stderr, "policy: %s\n", e.what);
		return NULL;
	}
	printf("%u triples, %s: loaded in %.1f ms\n", b->n_triples, what,
	       (now_us() - from) / 1e3);
	return b;
}

/* To each of the hosts, and to one that no triple names. */
static int decide_hosts(const struct kr_book *b, unsigned int n, double *us,
			size_t *ret_n)
{
	*ret_n = 0;
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i <= n; i++) {
			char to[32];
			struct kr_execution x = {
				.by = { .name = "user" },
				.procedure = kr_procedure_find("migrate"),
				.item = "vm:web", .to = to };
			struct kr_verdict v;
			double from;

			snprintf(to, sizeof(to), "host%u", i);
			from = now_us();
			v = kr_book_decide(b, &x);
			us[(*ret_n)++] = now_us() - from;
			if (v.answer != (i < n ? KR_YES : KR_QUESTION)) {
				fprintf(stderr, "policy: to %s: %s\n", to,
					kr_reason_text(v.reason));
				return -1;
			}
		}
	return 0;
}

/* Of each VM, half of them by a pattern. */
static int demand(const struct kr_book *b, double *us)
{
	for (unsigned int i = 0; i < b->n_protections; i++) {
		struct kr_protection p;
		char item[32];
		double from;

		snprintf(item, sizeof(item), i % 2 ? "vm:web%u" : "vm:db%u-1",
			 i);
		from = now_us();
		kr_book_demands(b, item, &p);
		us[i] = now_us() - from;
		if (!p.no_postcopy) {
			fprintf(stderr, "policy: nothing demanded of %s\n",
				item);
			return -1;
		}
	}
	print("demanded", us, b->n_protections);
	return 0;
}

static int run(unsigned int n)
{
	size_t n_bytes, n_all = 0;
	char *policy = text(n, &n_bytes);
	double *us = calloc(((size_t)n + 1) * ROUNDS * 2 + n, sizeof(*us));
	struct kr_book *b = load(policy, n_bytes, "and as many items");

	if (!b || !us)
		return 1;
	printf("%-12s %10s %10s %10s\n", "decided, us", "median", "p99",
	       "worst");
	for (enum shape s = 0; s < SHAPES; s++) {
		size_t n_one;

		if (decide(b, n, s, us + n_all, &n_one))
			return 1;
		print(names[s], us + n_all, n_one);
		n_all += n_one;
	}
	print("all", us, n_all);
	kr_book_free(b);
	free(policy);
	policy = hosts_text(n, &n_bytes);
	b = load(policy, n_bytes, "for a host each");
	if (!b || decide_hosts(b, n, us, &n_all))
		return 1;
	print("by host", us, n_all);
	kr_book_free(b);
	free(policy);
	policy = demands_text(n < DEMANDS_MAX ? n : DEMANDS_MAX, &n_bytes);
	b = load(policy, n_bytes, "and as many protections as there may be");
	if (!b || demand(b, us))
		return 1;
	kr_book_free(b);
	free(policy);
	free(us);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long n = N_DEFAULT;
	char *end = NULL;

	if (argc > 1)
		n = strtoul(argv[1], &end, 10);
	if (argc > 2 || (end && *end) || n < 3 || n > N_MAX) {
		fprintf(stderr, "usage: policy [N], N triples and items, 3 to "
			"%u; %u without it\n", N_MAX, N_DEFAULT);
		return 2;
	}
	return run((unsigned int)n);
}
