/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_hostile_credit.c - a destination that has the key and lies about
 * what its QEMU took, or never says: a real source agent ends with the right
 * code, and reads no more of its QEMU than it has credit for.
 */
#include "plane_multi.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "plane/batch.h"
#include "plane/credit.h"
#include "plane/lane.h"

#define KEY		9
#define PAGE		KR_PAGE_BYTES
#define PAGES		8192u		/* 32 MiB: far more than a window */
#define LANES_MAX	3u
#define STALL_MS	700u	/* of who never answers */
#define PATIENT_MS	60000u	/* on a busy machine, of all others */
/* what lies in its socket, and in the agent beside the window */
#define BESIDE		(1u << 20)

enum lie {
	TRUTH,
	TOO_MUCH,
	BACKWARDS,
	TWICE,
	ON_ANOTHER,			/* what the first lane brought */
	CUT_SHORT,
	TOO_LONG,
	OF_NOTHING,			/* at once */
	NEVER,
	NO_KIND,
};

static struct peer {
	enum lie     lie;
	unsigned int n_lanes;
	bool	     multifd;
	struct end {
		struct kr_lane *lane;
		uint64_t	n_raw, said;
		bool		ended, has_lied;
	} ends[LANES_MAX];
} peer;

static struct wrote { uint64_t n_bytes; } *wrote;
static pid_t qemu;

/* ---- the source's QEMU -------------------------------------------------- */

static void put(int fd, const void *p, size_t n)
{
	const uint8_t *q = p;

	while (n) {
		ssize_t k = send(fd, q, n, MSG_NOSIGNAL);

		if (k <= 0)
			_exit(0);
		wrote->n_bytes += (uint64_t)k;
		q += k;
		n -= (size_t)k;
	}
}

static void play_qemu(const char *path)
{
	static uint8_t page[8 + PAGE];
	int fd = kr_unix_connect(path);
	uint8_t head[128];
	struct kr_wr w = KR_WR(head, sizeof(head));

	kr_wr_bytes(&w, "QEVM\0\0\0\3\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4", 25);
	kr_wr_u64(&w, PAGES * PAGE | 0x04);
	kr_wr_bytes(&w, "\6pc.ram", 7);
	kr_wr_u64(&w, PAGES * PAGE);
	kr_wr_u64(&w, 0x10);
	kr_wr_bytes(&w, "\x7e\0\0\0\2\3\0\0\0\2", 10);
	kr_wr_u64(&w, 0x02);
	kr_wr_bytes(&w, "\6pc.ram\0", 8);
	put(fd, head, kr_wr_len(&w));
	for (uint64_t i = 0; i < PAGES; i++) {
		w = KR_WR(page, 8);
		kr_wr_u64(&w, i * PAGE | 0x28);
		memset(page + 8, (int)i, PAGE);
		memcpy(page + 8, &i, sizeof(i));
		put(fd, page, sizeof(page));
	}
	w = KR_WR(head, sizeof(head));
	kr_wr_u64(&w, 0x10);
	kr_wr_bytes(&w, "\x7e\0\0\0\2\4\0\0\0\3 some device's state", 30);
	put(fd, head, kr_wr_len(&w));
	shutdown(fd, SHUT_WR);
	while (read(fd, head, sizeof(head)) > 0)
		;
	_exit(0);
}

/* ---- the liar ----------------------------------------------------------- */

/* Return: false if there is no room just now. */
static bool say(struct end *x, uint8_t kind, uint64_t total, size_t n)
{
	uint8_t *p = kr_lane_batch(x->lane);
	struct kr_wr w;

	if (!p)
		return false;
	w = KR_WR(p, 16);
	kr_wr_u8(&w, kind);
	kr_wr_u64(&w, total);
	kr_wr_u32(&w, 0);
	x->said = total;
	kr_lane_send(x->lane, n);
	return true;
}

static bool lie(struct end *x)
{
	const size_t n = KR_CREDIT_BYTES;

	switch (peer.lie) {
	case TOO_MUCH:
		return say(x, KR_BACK_CREDIT, x->n_raw + PAGES * PAGE * 2, n);
	case BACKWARDS:
		return say(x, KR_BACK_CREDIT, x->said - 1, n);
	case TWICE:
		return say(x, KR_BACK_CREDIT, x->said, n);
	case ON_ANOTHER:
		return say(&peer.ends[1], KR_BACK_CREDIT, UINT64_MAX, n);
	case CUT_SHORT:
		return say(x, KR_BACK_CREDIT, x->n_raw, n - 1);
	case TOO_LONG:
		return say(x, KR_BACK_CREDIT, x->n_raw, n + 1);
	case NO_KIND:
		return say(x, KR_BACK_CREDIT + 1, x->n_raw, n);
	case OF_NOTHING:
	case NEVER:
	case TRUTH:
		break;
	}
	return true;
}

/* Most lie once they told the truth once. */
static void answer(struct end *x)
{
	bool lies = peer.lie != TRUTH && peer.lie != OF_NOTHING;

	if (peer.lie == NEVER)
		return;
	if (!x->said || (!lies && x->said < x->n_raw))
		say(x, KR_BACK_CREDIT, x->n_raw, KR_CREDIT_BYTES);
	else if (lies && !x->has_lied)
		x->has_lied = lie(x);
}

static void on_up(void *arg, const char *version, const char *suite)
{
	(void)version, (void)suite;
	if (peer.lie == OF_NOTHING)
		say(arg, KR_BACK_CREDIT, UINT64_MAX, KR_CREDIT_BYTES);
	/* the first lane may have all there is credit for by now */
	if (peer.lie == ON_ANOTHER && peer.ends[0].n_raw)
		answer(&peer.ends[0]);
}

static int on_data(void *arg, const uint8_t *p, size_t n, struct kr_err *e)
{
	struct kr_rd r = KR_RD(p, n);
	struct kr_batch_head h;
	struct end *x = arg;

	assert_int_equal(kr_batch_head_parse(&r, &h, e), 0);
	x->n_raw += h.n_raw;
	answer(x);
	return 0;
}

static int on_end(void *arg, struct kr_err *e)
{
	struct end *x = arg;

	(void)e;
	x->ended = true;
	kr_lane_end(x->lane);
	return 0;
}

static int on_sent_end(void *arg, struct kr_err *e)
{
	(void)arg, (void)e;
	return 0;
}

static void on_room(void *arg)
{
	answer(arg);
}

static void on_done(void *arg)
{
	(void)arg;
}

static void on_fail(void *arg, const struct kr_err *e)
{
	(void)arg, (void)e;
}

static const struct kr_lane_ops ops = { on_up, on_data, on_end, on_room,
					on_sent_end, on_done, on_fail };

/* ---- the stand ---------------------------------------------------------- */

static void set_out(enum lie what, unsigned int n_lanes)
{
	struct kr_lane_cfg cfg = { .server = true, .stall_ms = PATIENT_MS };
	uint8_t psk[KR_LANE_PSK_BYTES];
	struct kr_err e = KR_ERR_NONE;
	char src[128];
	int fd, tcp[2];

	memset(&peer, 0, sizeof(peer));
	wrote->n_bytes = 0;
	peer.lie = what;
	peer.n_lanes = n_lanes;
	stand_n_lanes = (uint8_t)n_lanes;
	stand_open();
	stand_path(src, "src");
	fd = kr_unix_listen(src, 0600);
	stand_start_on(SRC, false, &fd, 1, 64u << 20,
		       what == NEVER ? STALL_MS : PATIENT_MS);
	qemu = fork();
	assert_true(qemu >= 0);
	if (!qemu) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 2; i++)
			close(stand.side[i].chan.io.fd);
		play_qemu(src);
	}
	memset(psk, KEY, sizeof(psk));
	for (uint8_t i = 0; i < n_lanes; i++) {
		stand_tcp(tcp);
		stand_lane(SRC, i, tcp[0], KEY);
		assert_int_equal(kr_lane_new(stand.loop, tcp[1], &cfg, psk,
					     &ops, &peer.ends[i],
					     &peer.ends[i].lane, &e), 0);
	}
}

static bool is_decided(void)
{
	const struct side *s = &stand.side[SRC];

	return s->has_manifest || s->has_failed || s->is_gone;
}

static void clear_away(void)
{
	int status;

	assert_int_equal(stand_stop(&stand.side[SRC], NULL), 0);
	for (unsigned int i = 0; i < peer.n_lanes; i++)
		kr_lane_free(peer.ends[i].lane);
	stand_close();
	assert_int_equal(waitpid(qemu, &status, 0), qemu);
}

static void expect(enum lie what, unsigned int n_lanes, enum kr_code code)
{
	struct side *s = &stand.side[SRC];

	set_out(what, n_lanes);
	if (!stand_await(is_decided))
		fail_msg("it hangs");
	if (s->is_gone)
		fail_msg("the agent died");
	if (s->has_manifest || s->fail.kr != code)
		fail_msg("lie %d on %u lanes: %d: %s", what, n_lanes,
			 s->fail.kr, s->fail.what);
	clear_away();
}

/* ---- the tests ---------------------------------------------------------- */

static void the_truth(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= LANES_MAX; n++) {
		struct side *s = &stand.side[SRC];

		set_out(TRUTH, n);
		assert_true(stand_await(is_decided));
		if (!s->has_manifest)
			fail_msg("%d: %s", s->fail.kr, s->fail.what);
		assert_int_equal(s->manifest.stream_bytes, wrote->n_bytes);
		clear_away();
	}
}

static void what_cannot_be(void **state)
{
	static const enum lie lies[] = { TOO_MUCH, BACKWARDS, TWICE, CUT_SHORT,
					 TOO_LONG, OF_NOTHING, NO_KIND };

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		for (unsigned int n = 1; n <= LANES_MAX; n += 2)
			expect(lies[i], n, KR_E_LANE_MALFORMED);
	expect(ON_ANOTHER, 2, KR_E_LANE_MALFORMED);
}

/* Nothing goes on, QEMU waits, and that ends. */
static void never(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= LANES_MAX; n++) {
		expect(NEVER, n, KR_E_LANE_STALLED);
		assert_non_null(strstr(stand.side[SRC].fail.what, "credit"));
		assert_true(wrote->n_bytes < KR_CREDIT_WINDOW_FIRST +
						     KR_BATCH_RAW_MAX + BESIDE);
	}
}

static int set_up(void **state)
{
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	wrote = mmap(NULL, sizeof(*wrote), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(wrote != MAP_FAILED);
	return kr_lane_init(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_truth),
		cmocka_unit_test(what_cannot_be),
		cmocka_unit_test(never),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
