/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contextlive.c - korora context send, receive: a VM's connections brought
 * over while it runs, so that when it is paused only what changed last is left
 * to do. What send writes, receive reads; ssh, for example, is between.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "client/contextwork.h"
#include "context/ctload.h"
#include "context/ctstream.h"

#define INTERVAL_MS	100		/* between messages */

/* ---- send -------------------------------------------------------------- */

static int say(struct kr_ctlive *l, bool last, struct kr_err *e)
{
	KR_AUTO(kr_ctdelta_fini) struct kr_ctdelta d = { 0 };
	KR_AUTOFREE uint8_t *p = NULL;
	size_t n;
	int r = kr_ctlive_take(l, &d, e);

	if (r || (!last && !d.anew && !d.put.n && !d.gone.n &&
		  !d.put.n_expects && !d.gone.n_expects))
		return r;
	r = kr_ctstream_put(&d, last, &p, &n, e);
	if (!r && (fwrite(p, 1, n, stdout) != n || fflush(stdout)))
		r = kr_fail(e, KR_E_SYSTEM, "who receives it is gone");
	return r;
}

/* Until there is something to read, or the other end of it is gone. */
static int until_input(struct kr_ctlive *l, struct kr_err *e)
{
	struct pollfd p[] = { { STDIN_FILENO, POLLIN, 0 },
			      { kr_ctlive_fd(l), POLLIN, 0 } };
	uint64_t next_ns = 0;
	int r = 0;

	while (!r && !p[0].revents) {
		if (kr_now_ns() >= next_ns) {
			r = say(l, false, e);
			next_ns = kr_now_ns() + INTERVAL_MS * 1000000ull;
		}
		if (!r && poll(p, KR_N(p), INTERVAL_MS) < 0 && errno != EINTR)
			r = kr_fail(e, KR_E_SYSTEM, "poll: %s",
				    strerror(errno));
		if (!r)
			r = kr_ctlive_note(l, 0, e);
	}
	return r;
}

int kr_contextlive_send(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_contextwork_fini) struct kr_contextwork w = { 0 };
	struct kr_err e = KR_ERR_NONE;
	struct kr_ctlive *l = NULL;
	int r = kr_contextwork_begin(&w, c, argc, argv, 0, 0);

	if (r)
		return r;
	if (!w.has_zone)
		return kr_cli_usage(c, "--zone is missing");
	r = kr_ctlive_new(w.zone, &w.tell, &l, &e);
	if (!r)
		r = until_input(l, &e);
	if (!r)
		r = say(l, true, &e);
	kr_ctlive_free(l);
	return r ? kr_cli_fail(c, &e) : KR_EXIT_DONE;
}

/* ---- receive ----------------------------------------------------------- */

static int read_all(void *to, size_t n_bytes, struct kr_err *e)
{
	if (fread(to, 1, n_bytes, stdin) != n_bytes)
		return kr_fail(e, KR_E_CT_FILE, "it ended before its end");
	return 0;
}

static int hear(struct kr_ctdelta *d, bool *ret_last, struct kr_err *e)
{
	uint8_t head[KR_CTSTREAM_HEAD_BYTES];
	KR_AUTOFREE uint8_t *p = NULL;
	struct kr_ctstream_head h;
	int r = read_all(head, sizeof(head), e);

	if (!r)
		r = kr_ctstream_head(head, &h, e);
	if (r)
		return r;
	p = malloc((size_t)h.n_put + h.n_gone);
	if (!p)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	r = read_all(p, (size_t)h.n_put + h.n_gone, e);
	if (!r)
		r = kr_ctstream_body(&h, p, d, e);
	*ret_last = h.kind & KR_CTSTREAM_LAST;
	return r;
}

/* What was told, in whatever order and some of it again and again, to be ended
 * if it comes to nothing. */
static int remember(struct kr_ctset *told, size_t *n_sorted,
		    const struct kr_ctset *put, struct kr_err *e)
{
	int r = 0;

	if (told->n > 2 * *n_sorted + KR_CTSET_MAX / 16) {
		kr_ctset_sort(told);
		*n_sorted = told->n;
	}
	for (size_t i = 0; !r && i < put->n; i++)
		r = kr_ctset_add(told, &put->v[i], e);
	return r;
}

struct receiver {
	struct kr_contextwork w;	/* with what was told */
	size_t	     n_sorted;		/* of it */
	unsigned int n_messages;
	bool	     last;
};

static int do_one(struct receiver *v, struct kr_err *e)
{
	KR_AUTO(kr_ctdelta_fini) struct kr_ctdelta d = { 0 };
	int r = hear(&d, &v->last, e);

	if (!r && !v->n_messages++ && !d.anew)
		r = kr_fail(e, KR_E_CT_FILE, "its beginning is missing");
	if (r)
		return r;
	kr_ctset_move(&d.put, v->w.zone);
	kr_ctset_move(&d.gone, v->w.zone);
	r = remember(&v->w.set, &v->n_sorted, &d.put, e);
	if (r)
		return r;
	if (d.anew) {
		r = kr_ctload_replace(&d.put, &v->w.tell, e);
		return r ? r : kr_ctload_check(&d.put, &v->w.tell, e);
	}
	r = kr_ctload_delete(&d.gone, &v->w.tell, e);
	return r ? r : kr_ctload_update(&d.put, &v->w.tell, e);
}

static void tell(struct receiver *v)
{
	KR_AUTO(kr_cli_decref) json_t *j = json_pack(
		"{s:i, s:i, s:O}", "zone", v->w.zone, "messages",
		(int)v->n_messages, "left", v->w.left);

	kr_cli_result(v->w.c, j);
	if (!v->w.c->json)
		printf("zone %u: received, %zu not as wanted\n", v->w.zone,
		       json_array_size(v->w.left));
	fflush(stdout);
}

/* Not before it was told that all is there: somebody waits for that. */
static void tell_flagged(struct receiver *v)
{
	KR_AUTO(kr_cli_decref) json_t *j = json_object();

	kr_contextwork_flag(&v->w, j);
	if (v->w.watch)
		kr_cli_result(v->w.c, j);
}

int kr_contextlive_receive(struct kr_cli *c, int argc, char **argv)
{
	struct receiver v = { .w.may_flag = true, .w.may_judge = true };
	struct kr_err e = KR_ERR_NONE;
	int r = kr_contextwork_begin(&v.w, c, argc, argv, 0, 0);

	if (!r && !v.w.zone)
		r = kr_cli_usage(c, "--zone is missing, or is 0: others of the "
				    "zone would be ended");
	if (!r) {
		while (!v.last && !do_one(&v, &e))
			;
		/* whatever it was to become, it is not here */
		if (e.code)
			kr_ctload_delete(&v.w.set, &v.w.tell, NULL);
		else
			tell(&v);
		kr_ctset_sort(&v.w.set);
		v.w.set.zone = v.w.zone;
		if (!e.code)
			tell_flagged(&v);
		r = e.code ? kr_cli_fail(c, &e) :
		    v.w.judges ? kr_contextwork_judge(&v.w) :
		    json_array_size(v.w.left) ? KR_EXIT_REFUSED : KR_EXIT_DONE;
	}
	kr_contextwork_fini(&v.w);
	return r;
}
