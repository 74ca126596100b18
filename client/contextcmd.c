/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contextcmd.c - korora context: a VM's connections, taken from one kernel and
 * told to another, for those who migrate by other means. Asks no kororad:
 * it speaks with the kernel, in the network namespace that it was started in.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/commands.h"
#include "client/contextview.h"
#include "client/human.h"
#include "context/ctdump.h"
#include "context/ctfile.h"
#include "context/ctload.h"

/* What one command has to do with, and what could not be done. */
struct work {
	struct kr_cli	*c;
	const char	*path;		/* or NULL */
	bool		 has_zone;
	uint16_t	 zone;
	struct kr_ctset	 set;
	json_t		*left;		/* errors, one a connection */
	struct kr_ctleft tell;
};

static void fini(struct work *w)
{
	kr_ctset_fini(&w->set);
	json_decref(w->left);
}

static void tell_left(void *arg, const struct kr_err *why)
{
	struct work *w = arg;
	json_t *j = kr_cli_error_new(why);

	/* what to do about it is the same for all of them */
	if (!w->c->json)
		fprintf(stderr, "korora: KR-%04d %s\n", (int)why->kr,
			why->what);
	json_array_append_new(w->left, j);
}

static int begin(struct work *w, struct kr_cli *c, int argc, char **argv,
		 size_t n_min, size_t n_max)
{
	const char *zone[2] = { NULL };
	const struct kr_option opts[] = { { "zone", NULL, zone, 1 } };
	uint64_t number = 0;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), n_min, n_max,
			    &w->path);

	if (!r && zone[0] && !kr_human_number(zone[0], UINT16_MAX, &number))
		r = kr_cli_usage(c, "--zone is a number from 0 to %u",
				 UINT16_MAX);
	w->c = c;
	w->has_zone = zone[0];
	w->zone = (uint16_t)number;
	w->left = json_array();
	w->tell = (struct kr_ctleft){ tell_left, w };
	return r;
}

static int read_file(const char *path, struct kr_ctset *set, struct kr_err *e)
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

/* The file, told to be of --zone if that is given; or else what is there. */
static int load(struct work *w, struct kr_err *e)
{
	int r = w->path ? read_file(w->path, &w->set, e) :
			  kr_ctdump(w->zone, &w->set, &w->tell, e);

	if (!r && w->has_zone)
		kr_ctset_move(&w->set, w->zone);
	return r;
}

/* The last words of a command that did what it could. */
static int end(struct work *w, const char *did, const struct kr_err *e)
{
	size_t n_left = json_array_size(w->left);
	KR_AUTO(kr_cli_decref) json_t *j = NULL, *set = NULL;
	struct kr_err why = KR_ERR_NONE;

	if (e->code)
		return kr_cli_fail(w->c, e);
	set = kr_contextview_set(&w->set, &why);
	if (!set)
		return kr_cli_fail(w->c, &why);
	j = json_pack("{s:i, s:O, s:I, s:I, s:O}", "zone", w->set.zone, "state",
		      json_object_get(set, "state"), "connections",
		      (json_int_t)w->set.n, "expected",
		      (json_int_t)w->set.n_expects, "left", w->left);
	kr_cli_result(w->c, j);
	if (!w->c->json)
		printf("zone %u: %zu connections and %zu expected %s, %zu not "
		       "as wanted\n", w->set.zone, w->set.n, w->set.n_expects,
		       did, n_left);
	return n_left ? KR_EXIT_REFUSED : KR_EXIT_DONE;
}

int kr_contextcmd_export(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(fini) struct work w = { 0 };
	KR_AUTOFREE uint8_t *data = NULL;
	struct kr_err e = KR_ERR_NONE;
	size_t n;
	int r = begin(&w, c, argc, argv, 1, 1);

	if (r)
		return r;
	if (!w.has_zone)
		return kr_cli_usage(c, "--zone is missing");
	r = kr_ctdump(w.zone, &w.set, &w.tell, &e);
	if (!r)
		r = kr_ctfile_put(&w.set, &data, &n, &e);
	if (!r)
		r = kr_write_file(w.path, data, n, 0600);
	if (r)
		kr_fail(&e, KR_E_SYSTEM, "%s: %s", w.path, strerror(-r));
	return end(&w, "exported", &e);
}

int kr_contextcmd_import(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(fini) struct work w = { 0 };
	struct kr_err e = KR_ERR_NONE;
	int r = begin(&w, c, argc, argv, 1, 1);

	if (r)
		return r;
	if (!load(&w, &e) && !kr_ctload_insert(&w.set, &w.tell, &e))
		kr_ctload_check(&w.set, &w.tell, &e);
	return end(&w, "imported", &e);
}

int kr_contextcmd_strict(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(fini) struct work w = { 0 };
	struct kr_err e = KR_ERR_NONE;
	int r = begin(&w, c, argc, argv, 1, 1);

	if (r)
		return r;
	if (!load(&w, &e))
		kr_ctload_strict(&w.set, &w.tell, &e);
	return end(&w, "judged by their windows again, if TCP", &e);
}

/* A file or a zone must be named: zone 0 is everybody's. */
static int begin_named(struct work *w, struct kr_cli *c, int argc, char **argv)
{
	int r = begin(w, c, argc, argv, 0, 1);

	if (!r && !w->path && !w->has_zone)
		r = kr_cli_usage(c, "neither a file is named nor a zone");
	return r;
}

int kr_contextcmd_drop(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(fini) struct work w = { 0 };
	struct kr_err e = KR_ERR_NONE;
	int r = begin_named(&w, c, argc, argv);

	if (r)
		return r;
	if (!load(&w, &e))
		kr_ctload_delete(&w.set, &w.tell, &e);
	return end(&w, "dropped", &e);
}

int kr_contextcmd_show(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(fini) struct work w = { 0 };
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	struct kr_err e = KR_ERR_NONE;
	int r = begin_named(&w, c, argc, argv);

	if (r)
		return r;
	if (!load(&w, &e))
		j = kr_contextview_set(&w.set, &e);
	if (!j)
		return kr_cli_fail(c, &e);
	json_object_set(j, "left", w.left);
	kr_cli_result(c, j);
	if (!c->json)
		kr_contextview_table(j);
	return json_array_size(w.left) ? KR_EXIT_REFUSED : KR_EXIT_DONE;
}

/* ---- what two files differ in ------------------------------------------ */

struct differences { struct kr_cli *c; json_t *rows; };

/* @a and @b are what it was and is, or null. */
static void add_difference(struct differences *d, const char *name, json_t *a,
			   json_t *b)
{
	const char *change = json_is_null(a) ? "added" :
			     json_is_null(b) ? "gone" : "changed";

	if (!d->c->json)
		printf("%-8s %s\n", change, name);
	json_array_append_new(d->rows, json_pack("{s:s, s:o, s:o}", "change",
						 change, "old", a, "new", b));
}

static void entry_differs(void *arg, const struct kr_ctentry *a,
			  const struct kr_ctentry *b)
{
	const struct kr_ctentry *x = a ? a : b;
	char name[KR_CTENTRY_NAME_BYTES];

	add_difference(arg, kr_cttuple_name(x->family, &x->orig, name),
		       a ? kr_contextview_json(a) : json_null(),
		       b ? kr_contextview_json(b) : json_null());
}

static void expect_differs(void *arg, const struct kr_ctexpect *a,
			   const struct kr_ctexpect *b)
{
	char name[KR_CTEXPECT_NAME_BYTES];

	add_difference(arg, kr_ctexpect_name(a ? a : b, name),
		       a ? kr_contextview_expect(a) : json_null(),
		       b ? kr_contextview_expect(b) : json_null());
}

int kr_contextcmd_diff(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_ctset_fini) struct kr_ctset a = { 0 }, b = { 0 };
	KR_AUTO(kr_cli_decref) json_t *rows = json_array(), *j = NULL;
	struct differences d = { c, rows };
	const struct kr_ctset_differ differ = { entry_differs, expect_differs,
						&d };
	struct kr_err e = KR_ERR_NONE;
	const char *path[2];
	size_t n;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 2, 2, path);

	if (r)
		return r;
	if (read_file(path[0], &a, &e) || read_file(path[1], &b, &e))
		return kr_cli_fail(c, &e);
	/* which number the zone has on either host says nothing of its state */
	kr_ctset_move(&b, a.zone);
	n = kr_ctset_diff(&a, &b, &differ);
	j = json_pack("{s:b, s:O}", "differs", n > 0, "differences", rows);
	kr_cli_result(c, j);
	if (!c->json && !n)
		printf("both have the same connections\n");
	return n ? KR_EXIT_REFUSED : KR_EXIT_DONE;
}

/* ---- what becomes of them ---------------------------------------------- */

static void print_event(struct kr_cli *c, const char *what,
			const struct kr_ctentry *e)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	const char *state = e ? kr_ctentry_tcp_state(e) : NULL;
	char name[KR_CTENTRY_NAME_BYTES] = "";

	if (e)
		kr_cttuple_name(e->family, &e->orig, name);
	j = json_pack("{s:s, s:o}", "event", what, "connection",
		      e ? kr_contextview_json(e) : json_null());
	kr_cli_result(c, j);
	if (!c->json)
		printf("%-7s %s %s\n", what, name, state ? state : "");
}

static void on_event(void *arg, enum kr_ctevent ev,
		     const struct kr_ctentry *entry)
{
	static const char *const names[] = {
		[KR_CTEVENT_NEW] = "new", [KR_CTEVENT_UPDATE] = "update",
		[KR_CTEVENT_END] = "end",
	};

	print_event(arg, names[ev], entry);
}

/* All that are there, then a mark that these were all. */
static int dump(struct work *w, struct kr_err *e)
{
	int r;

	print_event(w->c, "anew", NULL);
	r = kr_ctdump(w->zone, &w->set, &w->tell, e);
	for (size_t i = 0; !r && i < w->set.n; i++)
		print_event(w->c, "there", &w->set.v[i]);
	if (!r)
		print_event(w->c, "all", NULL);
	return r;
}

int kr_contextcmd_follow(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(fini) struct work w = { 0 };
	struct kr_ctfollow f = { .fn = on_event, .arg = c, .left = &w.tell };
	struct kr_err e = KR_ERR_NONE;
	int r = begin(&w, c, argc, argv, 0, 0);

	if (r)
		return r;
	if (!w.has_zone)
		return kr_cli_usage(c, "--zone is missing");
	f.zone = w.zone;
	r = kr_ctfollow_open(&f, &e);
	if (!r)
		r = dump(&w, &e);
	/* until whoever reads it is gone, or a signal */
	while (r >= 0 && !fflush(stdout)) {
		r = kr_ctfollow_wait(&f, &e);
		if (r == KR_CTFOLLOW_LOST)
			r = dump(&w, &e);
	}
	kr_ctfollow_close(&f);
	return e.code ? kr_cli_fail(c, &e) : KR_EXIT_DONE;
}
