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
#include "client/contextwork.h"
#include "context/ctfile.h"
#include "context/ctlive.h"
#include "context/ctload.h"

int kr_contextcmd_export(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_contextwork_fini) struct kr_contextwork w = {
		.may_flag = true };
	KR_AUTOFREE uint8_t *data = NULL;
	struct kr_err e = KR_ERR_NONE;
	size_t n;
	int r = kr_contextwork_begin(&w, c, argc, argv, 1, 1);

	if (r)
		return r;
	if (!w.has_zone)
		return kr_cli_usage(c, "--zone is missing");
	r = kr_ctlive_read(w.zone, &w.set, &w.tell, &e);
	if (!r)
		r = kr_ctfile_put(&w.set, &data, &n, &e);
	if (!r)
		r = kr_write_file(w.path, data, n, 0600);
	if (r)
		kr_fail(&e, KR_E_SYSTEM, "%s: %s", w.path, strerror(-r));
	return kr_contextwork_end(&w, "exported", &e);
}

int kr_contextcmd_import(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_contextwork_fini) struct kr_contextwork w = {
		.may_flag = true, .may_judge = true };
	struct kr_err e = KR_ERR_NONE;
	int r = kr_contextwork_begin(&w, c, argc, argv, 1, 1);

	if (r)
		return r;
	if (!kr_contextwork_load(&w, &e) &&
	    !kr_ctload_insert(&w.set, &w.tell, &e))
		kr_ctload_check(&w.set, &w.tell, &e);
	r = kr_contextwork_end(&w, "imported", &e);
	return w.judges && !e.code ? kr_contextwork_judge(&w) : r;
}

int kr_contextcmd_strict(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_contextwork_fini) struct kr_contextwork w = { 0 };
	struct kr_err e = KR_ERR_NONE;
	int r = kr_contextwork_begin(&w, c, argc, argv, 1, 1);

	if (r)
		return r;
	if (kr_contextwork_load(&w, &e))
		return kr_cli_fail(c, &e);
	return kr_contextwork_judge(&w);
}

/* A file or a zone must be named: zone 0 is everybody's. */
static int begin_named(struct kr_contextwork *w, struct kr_cli *c, int argc,
		       char **argv)
{
	int r = kr_contextwork_begin(w, c, argc, argv, 0, 1);

	if (!r && !w->path && !w->has_zone)
		r = kr_cli_usage(c, "neither a file is named nor a zone");
	return r;
}

int kr_contextcmd_drop(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_contextwork_fini) struct kr_contextwork w = { 0 };
	struct kr_err e = KR_ERR_NONE;
	int r = begin_named(&w, c, argc, argv);

	if (r)
		return r;
	if (!kr_contextwork_load(&w, &e))
		kr_ctload_delete(&w.set, &w.tell, &e);
	return kr_contextwork_end(&w, "dropped", &e);
}

int kr_contextcmd_show(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_contextwork_fini) struct kr_contextwork w = {
		.may_flag = true };
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	struct kr_err e = KR_ERR_NONE;
	int r = begin_named(&w, c, argc, argv);

	if (r)
		return r;
	if (!kr_contextwork_load(&w, &e))
		j = kr_contextview_set(&w.set, &e);
	if (!j)
		return kr_cli_fail(c, &e);
	json_object_set(j, "left", w.left);
	kr_contextwork_flag(&w, j);
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
	if (kr_contextwork_read_file(path[0], &a, &e) ||
	    kr_contextwork_read_file(path[1], &b, &e))
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

	/* of whichever zone's connection it is */
	if (ev != KR_CTEVENT_EXPECT)
		print_event(arg, names[ev], entry);
}

/* All that are there, then a mark that these were all. */
static int dump(struct kr_contextwork *w, struct kr_err *e)
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
	KR_AUTO(kr_contextwork_fini) struct kr_contextwork w = { 0 };
	struct kr_ctfollow f = { .fn = on_event, .arg = c, .left = &w.tell };
	struct kr_err e = KR_ERR_NONE;
	int r = kr_contextwork_begin(&w, c, argc, argv, 0, 0);

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
		r = kr_ctfollow_wait(&f, -1, &e);
		if (r == KR_CTFOLLOW_LOST)
			r = dump(&w, &e);
	}
	kr_ctfollow_close(&f);
	return e.code ? kr_cli_fail(c, &e) : KR_EXIT_DONE;
}
