/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_stand.h - two hosts with real identities in one process and one
 * loop, connected by TCP.
 */
#ifndef KR_TEST_SESSION_STAND_H
#define KR_TEST_SESSION_STAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "evidence/identity.h"
#include "wire/peermsg.h"
#include "wire/session.h"

#define HANDSHAKE_MS	2000u
#define SILENT_MS	2000u
#define PATIENCE_MS	5000u	/* of a test that goes wrong */

/* ---- a host, and what it hears ------------------------------------------ */

struct host {
	char		    dir[64], name[16];
	struct kr_identity *id;
	struct kr_linkstart start;
	/* whom it knows */
	uint8_t		    known_keyid[32];
	char		    known_as[KR_LINK_NAME_MAX];
	enum kr_known	    verdict;
	uint8_t		    seen[16][32];
	unsigned int	    n_seen;
	bool		    always_seen;
	/* what happened */
	struct kr_session  *session;
	bool		    up, down;
	struct kr_linkup    info;
	struct kr_err	    err;
	unsigned int	    n_msgs;
	uint16_t	    type;
	size_t		    n_bytes;
};

static struct kr_loop *loop;
static struct host a, b;
static bool (*until)(void);

static inline void look(void)
{
	if (until && until())
		kr_loop_stop(loop, 0);
}

static inline int on_who(void *arg, const uint8_t keyid[32], const char *name,
			 struct kr_linkknown *ret, struct kr_err *e)
{
	struct host *h = arg;

	(void)e;
	(void)name;
	memset(ret, 0, sizeof(*ret));
	if (h->verdict == KR_KNOWN_PINNED &&
	    memcmp(keyid, h->known_keyid, 32))
		return 0;
	ret->verdict = (uint8_t)h->verdict;
	strcpy(ret->name, h->known_as);
	return 0;
}

static inline int on_seen(void *arg, const uint8_t random[32], struct kr_err *e)
{
	struct host *h = arg;

	(void)e;
	for (unsigned int i = 0; i < h->n_seen; i++)
		if (!memcmp(h->seen[i], random, 32))
			return 1;
	if (h->n_seen < 16)
		memcpy(h->seen[h->n_seen++], random, 32);
	return h->always_seen;
}

static inline void on_up(void *arg, const struct kr_linkup *u)
{
	struct host *h = arg;

	assert_false(h->up);
	h->up = true;
	h->info = *u;
	look();
}

static inline void on_msg(void *arg, uint16_t type, const uint8_t *body,
			  size_t n)
{
	struct host *h = arg;

	(void)body;
	assert_true(h->up && !h->down);
	h->n_msgs++;
	h->type = type;
	h->n_bytes = n;
	look();
}

static inline void on_down(void *arg, const struct kr_err *e)
{
	struct host *h = arg;

	assert_false(h->down);
	h->down = true;
	if (e)
		h->err = *e;
	look();
}

static const struct kr_session_ops ops = {
	.who = on_who, .seen = on_seen, .up = on_up, .msg = on_msg,
	.down = on_down,
};

static inline void load_link(struct host *h)
{
	struct kr_identity_link l;

	assert_int_equal(kr_identity_issue_link(h->id, &l, NULL), 0);
	h->start.key.n_bytes = (uint16_t)l.key_bytes;
	memcpy(h->start.key.bytes, l.key, l.key_bytes);
	h->start.leaf.n_bytes = (uint16_t)l.cert_bytes;
	memcpy(h->start.leaf.bytes, l.cert, l.cert_bytes);
	h->start.identity.n_bytes = (uint16_t)l.issuer_bytes;
	memcpy(h->start.identity.bytes, l.issuer, l.issuer_bytes);
	kr_wipe(&l, sizeof(l));
}

static inline void host_make(struct host *h, const char *name)
{
	snprintf(h->name, sizeof(h->name), "%s", name);
	strcpy(h->dir, "/tmp/test_session.XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	assert_int_equal(kr_identity_create(h->dir, name, NULL), 0);
	assert_int_equal(kr_identity_load(h->dir, &h->id, NULL), 0);
}

static inline void host_free(struct host *h)
{
	char path[128];

	kr_identity_free(h->id);
	snprintf(path, sizeof(path), "%s/" KR_IDENTITY_KEY_FILE, h->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/" KR_IDENTITY_CERT_FILE, h->dir);
	unlink(path);
	rmdir(h->dir);
}

static inline void knows(struct host *h, const struct host *other)
{
	h->verdict = KR_KNOWN_PINNED;
	memcpy(h->known_keyid, kr_identity_keyid(other->id), 32);
	strcpy(h->known_as, other->name);
}

/* As if no test had been before: both know each other, a calls. */
static inline void host_reset(struct host *h, const struct host *other)
{
	struct host fresh = { .id = h->id };

	memcpy(fresh.dir, h->dir, sizeof(h->dir));
	memcpy(fresh.name, h->name, sizeof(h->name));
	*h = fresh;
	h->start.handshake_ms = HANDSHAKE_MS;
	h->start.silent_ms = SILENT_MS;
	strcpy(h->start.self, h->name);
	strcpy(h->start.suites, "TLS_AES_256_GCM_SHA384:"
				"TLS_CHACHA20_POLY1305_SHA256");
	load_link(h);
	knows(h, other);
}

static inline int group_set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	host_make(&a, "alpha");
	host_make(&b, "beta");
	return 0;
}

static inline int group_tear_down(void **state)
{
	(void)state;
	host_free(&a);
	host_free(&b);
	return 0;
}

static inline int set_up(void **state)
{
	(void)state;
	host_reset(&a, &b);
	host_reset(&b, &a);
	a.start.outgoing = 1;
	strcpy(a.start.peer, b.name);
	until = NULL;
	return kr_loop_new(&loop, NULL);
}

static inline int tear_down(void **state)
{
	(void)state;
	kr_session_free(a.session);
	kr_session_free(b.session);
	kr_loop_free(loop);
	return 0;
}

/* ---- running ------------------------------------------------------------ */

static inline void too_long(void *arg)
{
	(void)arg;
	kr_loop_stop(loop, 1);
}

/* 0 once @cond holds, 1 if it does not within @ms. */
static inline int run(bool (*cond)(void), unsigned int ms)
{
	struct kr_timer t = { .fn = too_long };
	int r;

	if (cond && cond())
		return 0;
	until = cond;
	kr_timer_arm(loop, &t, ms);
	r = kr_loop_run(loop);
	kr_timer_off(&t);
	until = NULL;
	return r;
}

/* A pair of connected TCP sockets, as two hosts would have. */
static inline void tcp_pair(int fd[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(l, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&at, &n), 0);
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd[0], (struct sockaddr *)&at, n), 0);
	fd[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd[1] >= 0);
	close(l);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(fd[i], F_SETFL, O_NONBLOCK), 0);
}

static inline void begin(struct host *h, int fd)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_session_new(loop, fd, &h->start, &ops, h, &h->session, &e))
		fail_msg("%s: %s", h->name, e.what);
}

static inline void begin_both(void)
{
	int fd[2];

	tcp_pair(fd);
	begin(&a, fd[0]);
	begin(&b, fd[1]);
}

static inline bool both_up(void) { return a.up && b.up; }
static inline bool both_down(void) { return a.down && b.down; }
static inline bool b_up(void) { return b.up; }
static inline bool b_down(void) { return b.down; }
static inline bool a_down(void) { return a.down; }
static inline bool b_has_msg(void) { return b.n_msgs || b.down; }

static inline void connect_both(void)
{
	begin_both();
	assert_int_equal(run(both_up, PATIENCE_MS), 0);
}

static inline void expect(const struct host *h, enum kr_code kr)
{
	if (!h->down || h->err.kr != kr)
		print_message("%s: up %d, down %d, %u %s\n", h->name, h->up,
			      h->down, h->err.kr, h->err.what);
	assert_true(h->down);
	assert_int_equal(h->err.kr, kr);
}

/* Neither comes up, and each says why. */
static inline void refused(enum kr_code at_a, enum kr_code at_b)
{
	begin_both();
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&a, at_a);
	expect(&b, at_b);
	assert_false(b.up);
}

#endif
