/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_liar.h - a source that has the key and says what a test tells it to,
 * against one real destination agent, over plane/lane.h.
 */
#ifndef KR_TEST_PLANE_LIAR_H
#define KR_TEST_PLANE_LIAR_H

#include "plane_multi.h"

#include <openssl/evp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "plane/batch.h"
#include "plane/lane.h"

#define PAGE		KR_PAGE_BYTES
#define PAGES		1024u		/* of the guest */
#define KEY		9
#define BATCHES_MAX	64u
#define LANES_MAX	4u
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RSS_KIB_MAX	(700u * 1024)	/* most of it the sanitizer's */
#else
#define RSS_KIB_MAX	(64u * 1024)
#endif

/* ---- what the source will send ----------------------------------------- */

struct batch {
	struct kr_batch_head h;
	struct kr_wr	     w;		/* its payload, head and all */
	uint8_t		    *b;
	struct kr_items	     items;	/* of an honest one */
	bool		     forged;	/* its seal is another's */
};

static struct script {
	struct lane {
		struct kr_lane *lane;
		unsigned int	n, next;
		struct batch	batches[BATCHES_MAX];
		bool		is_over, no_end;
	} lanes[LANES_MAX];
	unsigned int n_lanes;
	bool	     multifd, urgent;
	unsigned int deaf_ms;		/* then the drain begins to read */
} script;

static pid_t drain;
static struct drained { uint64_t n_bytes; uint8_t digest[32]; } *drained;

static struct batch *add(unsigned int lane, uint64_t ticket)
{
	struct lane *l = &script.lanes[lane];
	struct batch *b = &l->batches[l->n++];

	assert_true(lane < LANES_MAX && l->n <= BATCHES_MAX);
	if (script.n_lanes <= lane)
		script.n_lanes = lane + 1;
	b->b = malloc(KR_LANE_BATCH_BYTES_MAX);
	b->w = KR_WR(b->b, KR_LANE_BATCH_BYTES_MAX);
	b->items.n = 0;
	b->forged = false;
	b->h = (struct kr_batch_head){
		.ticket = ticket, .learn = true,
		.channel = script.multifd ? (uint8_t)lane : 0,
	};
	kr_wr_room(&b->w, KR_BATCH_HEAD_BYTES);
	return b;
}

static inline void ref(struct batch *b, uint32_t at, uint8_t kind,
		       uint32_t slot)
{
	kr_wr_u32(&b->w, at);
	kr_wr_u8(&b->w, kind);
	kr_wr_u32(&b->w, slot);
	b->h.n_refs++;
}

/* As an honest source would, for a body that is the stretch. */
static void make_seal(struct batch *b)
{
	static uint8_t digests[KR_ITEMS_MAX][32];
	const uint8_t *raw = b->b + KR_BATCH_HEAD_BYTES;
	struct kr_seal *s = NULL;

	if (b->h.n_raw != kr_wr_len(&b->w) - KR_BATCH_HEAD_BYTES)
		return;
	if (b->h.loose)
		b->items.n = 0;
	for (unsigned int i = 0; i < b->items.n; i++)
		EVP_Digest(raw + b->items.i[i].at, PAGE, digests[i], NULL,
			   EVP_sha256(), NULL);
	assert_int_equal(kr_seal_new(&s, NULL), 0);
	assert_int_equal(kr_seal_make(s, b->h.ticket, b->h.channel, raw,
				      b->h.n_raw, &b->items,
				      (const uint8_t (*)[32])digests,
				      b->h.seal, NULL), 0);
	kr_seal_free(s);
	b->h.seal[31] ^= b->forged;
}

/* The head says @n_raw and what the body measures, unless told otherwise. */
static struct batch *seal(struct batch *b, uint32_t n_raw)
{
	struct kr_wr head = KR_WR(b->b, KR_BATCH_HEAD_BYTES);

	b->h.n_raw = n_raw;
	make_seal(b);
	if (!b->h.n_body)
		b->h.n_body = (uint32_t)(kr_wr_len(&b->w) -
					 KR_BATCH_HEAD_BYTES);
	kr_batch_head_put(&head, &b->h);
	assert_false(b->w.bad);
	return b;
}

/* Up to where pages may come. */
static size_t put_start(struct batch *b)
{
	struct kr_wr *w = &b->w;
	size_t n = kr_wr_len(w);

	kr_wr_bytes(w, "QEVM\0\0\0\3\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4", 25);
	kr_wr_u64(w, PAGES * PAGE | 0x04);
	kr_wr_bytes(w, "\6pc.ram", 7);
	kr_wr_u64(w, PAGES * PAGE);
	kr_wr_u64(w, 0x10);
	kr_wr_bytes(w, "\x7e\0\0\0\2\3\0\0\0\2", 10);
	kr_wr_u64(w, 0x02);
	kr_wr_bytes(w, "\6pc.ram\0", 8);
	kr_items_fill(&b->items, 0, 0, 0);
	return kr_wr_len(w) - n;
}

static void put_record(struct kr_wr *w, uint64_t page)
{
	kr_wr_u64(w, page * PAGE | 0x28);
}

static void put_page(struct batch *b, uint64_t page, uint8_t c)
{
	put_record(&b->w, page);
	kr_items_page(&b->items, 0, page, (uint32_t)kr_wr_len(&b->w) -
					  KR_BATCH_HEAD_BYTES);
	memset(kr_wr_room(&b->w, PAGE), c, PAGE);
}

/* The stream's first batch: its head, and two pages that are learned. */
static inline void add_first(unsigned int lane)
{
	struct batch *b = add(lane, 0);
	size_t n = put_start(b);

	put_page(b, 0, 'a');
	put_page(b, 1, 'b');
	seal(b, (uint32_t)n + 2 * (8 + PAGE));
}

/* An honest batch of two pages. */
static inline struct batch *add_honest(unsigned int lane, uint64_t ticket)
{
	struct batch *b = add(lane, ticket);

	put_page(b, ticket % PAGES, (uint8_t)ticket);
	put_page(b, ticket % PAGES, 'x');
	return seal(b, 2 * (8 + PAGE));
}

/* ---- sending it -------------------------------------------------------- */

static void go_on(struct lane *l)
{
	uint8_t *p;

	while (l->next < l->n && (p = kr_lane_batch(l->lane))) {
		struct batch *b = &l->batches[l->next++];

		memcpy(p, b->b, kr_wr_len(&b->w));
		kr_lane_send(l->lane, kr_wr_len(&b->w));
	}
	if (l->next == l->n && !l->no_end && !l->is_over)
		kr_lane_end(l->lane);
}

static void on_up(void *arg, const char *version, const char *suite)
{
	(void)version, (void)suite;
	go_on(arg);
}

static int on_data(void *arg, const uint8_t *p, size_t n, struct kr_err *e)
{
	(void)arg, (void)p, (void)n, (void)e;
	return 0;
}

static int on_end(void *arg, struct kr_err *e)
{
	(void)arg, (void)e;
	return 0;
}

static void on_over(void *arg)
{
	struct lane *l = arg;

	l->is_over = true;
}

static void on_fail(void *arg, const struct kr_err *e)
{
	(void)e;
	on_over(arg);
}

static void on_room(void *arg)
{
	go_on(arg);
}

static const struct kr_lane_ops ops = { on_up, on_data, on_end, on_room,
					on_end, on_over, on_fail };

/* Takes all bytes of all channels, as QEMU does. */
static void play_drain(int listener, nfds_t n_channels)
{
	static uint8_t b[65536];
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	struct pollfd p[LANES_MAX] = { 0 };
	nfds_t n_open = n_channels;

	for (nfds_t i = 0; i < n_channels; i++)
		p[i] = (struct pollfd){ accept4(listener, NULL, NULL, 0),
					POLLIN, 0 };
	EVP_DigestInit_ex(sha, EVP_sha256(), NULL);
	usleep(script.deaf_ms * 1000);
	while (n_open && poll(p, n_channels, -1) > 0)
		for (nfds_t i = 0; i < n_channels; i++) {
			ssize_t k = p[i].revents ? read(p[i].fd, b, sizeof(b))
						 : 0;

			if (!p[i].revents)
				continue;
			if (k <= 0) {
				p[i].fd = -1;
				n_open--;
				continue;
			}
			drained->n_bytes += (uint64_t)k;
			EVP_DigestUpdate(sha, b, (size_t)k);
		}
	EVP_DigestFinal_ex(sha, drained->digest, NULL);
	_exit(0);
}

static int begin(void **state)
{
	(void)state;
	memset(&script, 0, sizeof(script));
	stand_resumed = false;
	*drained = (struct drained){ 0 };
	return 0;
}

static void set_out_lanes(void)
{
	struct kr_lane_cfg cfg = { .stall_ms = 2000 };
	uint8_t psk[KR_LANE_PSK_BYTES];
	struct kr_err e = KR_ERR_NONE;
	int tcp[2];

	memset(psk, KEY, sizeof(psk));
	for (uint8_t i = 0; i < script.n_lanes; i++) {
		stand_tcp(tcp);
		stand_lane(DST, i, tcp[1], KEY);
		assert_int_equal(kr_lane_new(stand.loop, tcp[0], &cfg, psk,
					     &ops, &script.lanes[i],
					     &script.lanes[i].lane, &e), 0);
	}
}

/* The lanes break, and what they were to bring is forgotten. */
static void free_lanes(void)
{
	for (unsigned int i = 0; i < script.n_lanes; i++) {
		struct lane *l = &script.lanes[i];

		kr_lane_free(l->lane);
		for (unsigned int k = 0; k < l->n; k++)
			free(l->batches[k].b);
		l->lane = NULL;
		l->n = l->next = 0;
		l->no_end = l->is_over = false;
	}
}

static void set_out(void)
{
	int listener, fds[LANES_MAX];
	char dst[128];
	unsigned int n_channels = script.multifd ? script.n_lanes :
				  script.urgent ? 2 : 1;

	stand_open();
	stand_n_lanes = (uint8_t)script.n_lanes;
	stand_urgent = script.urgent;
	stand_path(dst, "dst");
	listener = kr_unix_listen(dst, 0600);
	fcntl(listener, F_SETFL, 0);
	drain = fork();
	assert_true(drain >= 0);
	if (!drain) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 2; i++)
			close(stand.side[i].chan.io.fd);
		play_drain(listener, n_channels);
	}
	close(listener);
	for (unsigned int i = 0; i < n_channels; i++)
		fds[i] = kr_unix_connect(dst);
	stand_start_on(DST, script.multifd, fds, n_channels, 16u << 20, 2000);
	set_out_lanes();
}

static bool is_decided(void)
{
	const struct side *d = &stand.side[DST];

	return d->has_manifest || d->has_failed || d->is_gone;
}

/* Returns after everything was put away; the agent has ended well. */
static void clear_away(void)
{
	struct rusage ru;
	int status;

	assert_int_equal(stand_stop(&stand.side[DST], &ru), 0);
	free_lanes();
	stand_close();
	assert_int_equal(waitpid(drain, &status, 0), drain);
	if (ru.ru_maxrss > RSS_KIB_MAX)
		fail_msg("the agent took %ld KiB", ru.ru_maxrss);
}

static void expect_decided(enum kr_code code)
{
	struct side *d = &stand.side[DST];

	if (!stand_await(is_decided))
		fail_msg("it hangs");
	if (d->is_gone)
		fail_msg("the agent died");
	if (d->has_manifest || d->fail.kr != code)
		fail_msg("%d: %s", d->fail.kr, d->fail.what);
	clear_away();
}

static void expect_failure(enum kr_code code)
{
	set_out();
	expect_decided(code);
}

static inline void expect_malformed(void)
{
	expect_failure(KR_E_LANE_MALFORMED);
}

static int set_up(void **state)
{
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	drained = mmap(NULL, sizeof(*drained), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(drained != MAP_FAILED);
	return kr_lane_init(&e);
}

#endif
