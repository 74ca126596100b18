/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - the hypervisor's connections on one side: who reads each, how
 * far it may, and what is found there. Used by plane/send.c, plane/receive.c
 * and plane/worker.c on every lane's thread, by plane/account.c in turn, and
 * by plane/pump.c on the agent's loop.
 *
 * Either all lanes share the hypervisor's only channel, and one lane at a
 * time reads it; or, with multifd, each lane has a channel of its own, the
 * first lane the main one. Beside an only channel there may be an urgent one,
 * which has the last lane for itself.
 *
 * Urgent. QEMU with postcopy-preempt sends the pages that a running VM waits
 * for over a second connection, where nothing is before them. None is taken
 * before the split was, or what sets a resumed stream off, to the end: then the
 * channel is *open*. From then on its stretches wait for no others: they are
 * numbered by themselves, refer to nothing and are not remembered. QEMU sends a
 * page on one of both, so their order says nothing, and a page may come once on
 * either. It connects when the migration begins or, with machines of release
 * 8.0 and later, when it goes over to post-copy; if it never does, the channel
 * ends with the main one.
 *
 * Multifd. The hypervisor at the destination holds each channel at its sync
 * mark k until the main channel is at its mark k, and the main one at that
 * until all others are at theirs. The init packet is every other channel's
 * mark 0: until all have come it does not read the main one. A stretch ends
 * right behind a mark, and a channel's *epoch* is the number of its marks
 * whose stretch has a ticket (the main one begins in epoch 1). A channel
 * reads on only while every other one has reached its epoch. So
 *
 *   - tickets are in an order in which the last version of a page has the
 *     last ticket: no page comes twice within one epoch, in any channels;
 *   - a page's block is known before the page, since the block list comes
 *     before the main channel's first mark;
 *   - nothing waits in a ring. Whether a stretch of epoch k is taken at the
 *     destination depends on stretches of lower epochs in all channels and
 *     on earlier ones of its own, and all these have earlier tickets; its
 *     turns wait for earlier tickets alone. The stretch with the lowest
 *     ticket of those not yet taken can thus always go on. (Its turns are
 *     over before it is written, but only so that no channel waits for the
 *     others' hypervisor.) At the source a lane whose batch is not free
 *     waits for the destination to take an earlier one of its own, and that
 *     has an earlier ticket, too. And the channels that lag behind may
 *     always read, which is what the hypervisor at the source waits for
 *     when it syncs.
 *
 * In a channel that is not understood there are no marks. From then on all
 * stretches of all channels are *loose*: they have no ticket and no turn,
 * and what has tickets depends on nothing loose, since none of it is of a
 * higher epoch than the one the opaque channel was in.
 *
 * Credit. How much of a channel may be on its way is bounded (plane/credit.h),
 * and the bound is looked at before a stretch is read, never after: what has a
 * ticket, or is loose, needs no credit any more. So the above holds as it is,
 * each stretch on its way is taken some time, and the destination says so 5 ms
 * later on the lane that brought it, where nothing but the return path can be
 * in between. What the lane does not hear while the source's hypervisor does
 * not take the return path, does not count meanwhile, nor when the return path
 * has ended: so reading waits for nothing new. Lanes that share a channel share
 * its bound, since their stretches are taken in one order. The urgent channel
 * has its own. With multifd each channel has its own, and is to the others like
 * one with smaller buffers in the network: one that the hypervisor holds at its
 * mark uses up nobody's.
 */
#ifndef KR_PLANE_CHANNEL_H
#define KR_PLANE_CHANNEL_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/batch.h"
#include "plane/credit.h"
#include "plane/item.h"
#include "plane/mfstream.h"
#include "plane/plane_msg.h"
#include "plane/qstream.h"

struct kr_flow;
struct kr_retained;

struct kr_channel {
	/* under the flow's lock */
	int		     fd;	/* -1 = not there yet */
	uint8_t		     reader;	/* lane that reads, or nobody */
	bool		     eof;	/* the hypervisor wrote its last */
	bool		     split;	/* source: read on only without hold */
	bool		     open;	/* urgent: its pages may come */
	struct kr_qstream_stat seen;	/* for people */
	struct kr_credit     credit;	/* source */
	/* under lock at the source; in KR_TURN_MEND at the destination */
	uint64_t	     epoch;
	/* whoever reads */
	struct kr_mfstream  *mf;	/* NULL: main, it has the qstream */
	struct kr_qstream   *urgent;	/* or it is that one; else NULL */
	bool		     more;	/* carry may hold something whole */
	size_t		     n_read;	/* source: bytes of a stretch, about */
	size_t		     n_carry;
	uint8_t		     carry[KR_BATCH_RAW_MAX]; /* read, not taken */
	/* in turns; what is loose, on the channel's own lane */
	bool		     cut;	/* destination: its last bytes came */
	bool		     loose;	/* destination: no tickets any more */
	EVP_MD_CTX	    *sha;	/* of what is in no page */
	uint64_t	     n_bytes;
	struct kr_retained  *retained;	/* source, but multifd; any thread */
	/* urgent, on its own lane */
	uint64_t	     next_ticket;
	uint64_t	     n_given;	/* destination: batches, whole */
};

/* A stretch, as it was read. */
struct kr_stretch {
	size_t	 n_bytes;
	bool	 mark;			/* it ends with one */
	bool	 blocks;		/* it completes the block list */
	bool	 split;			/* it ends with the split */
	bool	 opens;			/* behind it the urgent one is open */
	bool	 loose;			/* no ticket */
	uint64_t ticket;
	uint64_t low, end;		/* its pages of the first block lie in
					   between; @end 0: there are none */
};

/** kr_channel_count() - Connections that the hypervisor makes, at most. */
uint8_t kr_channel_count(const struct kr_plane_start *start);

int kr_channel_init_all(struct kr_flow *f, struct kr_err *e);
void kr_channel_fini_all(struct kr_flow *f);

/** kr_channel_set_fd() - Main: the hypervisor has made a connection. */
void kr_channel_set_fd(struct kr_flow *f, uint8_t channel, int fd);
int kr_channel_fd(struct kr_flow *f, uint8_t channel);

/** kr_channel_of() - The channel that a lane reads or writes. */
uint8_t kr_channel_of(const struct kr_flow *f, uint8_t lane);

/** kr_channel_open() - What the urgent one waits for was accounted, and at the
 * destination given. */
void kr_channel_open(struct kr_flow *f);

/**
 * kr_channel_is_open() - Destination: may urgent pages be taken?
 *
 * Return: 1 or 0, then its lane is woken when something changes;
 *	   KR_E_LANE_MALFORMED if they never may.
 */
int kr_channel_is_open(struct kr_flow *f, struct kr_err *e);

enum kr_channel_may {
	KR_CHANNEL_READ,	/* one stretch */
	KR_CHANNEL_WAIT,	/* for another lane, or the hypervisor */
	KR_CHANNEL_FULL,	/* too much is on its way */
	KR_CHANNEL_END,
};

/** kr_channel_may_read() - Source: is it this lane's to read? If not, it
 * idles. @link_matters: to this lane, as kr_pace_link_matters() says. */
enum kr_channel_may kr_channel_may_read(struct kr_flow *f, uint8_t lane,
					bool link_matters);

/**
 * kr_channel_scan() - Find a stretch's pages; by whoever reads
 * @items: emptied first
 * @ret_s: all but loose and ticket
 *
 * Behind the split, or resumed, what is not understood is KR_E_STREAM at the
 * source and KR_E_LANE_MALFORMED at the destination: no page goes unseen to a
 * VM that may run.
 */
int kr_channel_scan(struct kr_flow *f, uint8_t channel, const uint8_t *raw,
		    size_t n, struct kr_items *items,
		    struct kr_stretch *ret_s, struct kr_err *e);

/** kr_channel_cut() - It ends with @n bytes that are nothing whole, or 0.
 * Errors as of kr_channel_scan(). */
int kr_channel_cut(struct kr_flow *f, uint8_t channel, size_t n,
		   struct kr_err *e);

/**
 * kr_channel_read_on() - Source: a stretch is read; others may read
 * @s: gets its ticket, or is loose; of no bytes: the stream's end was found
 */
void kr_channel_read_on(struct kr_flow *f, uint8_t lane, bool eof,
			struct kr_stretch *s);

/** kr_channel_credit() - Source: the peer's has taken so much of this lane;
 * KR_E_LANE_MALFORMED if that cannot be. */
int kr_channel_credit(struct kr_flow *f, uint8_t lane, uint64_t total,
		      struct kr_err *e);
/** kr_channel_again() - Source: a stretch of @n bytes goes once more. */
void kr_channel_again(struct kr_flow *f, uint8_t lane, size_t n);
struct kr_credit_lane kr_channel_credit_of(struct kr_flow *f, uint8_t lane);
/** kr_channel_uncounted() - Source: may this lane not hear of it? */
void kr_channel_uncounted(struct kr_flow *f, uint8_t lane, bool uncounted);

/**
 * kr_channel_take() - Destination, in KR_TURN_MEND: a stretch was read
 *
 * Return: 0; KR_E_LANE_MALFORMED if its channel, one of several, is ahead of
 *         another one, or not understood.
 */
int kr_channel_take(struct kr_flow *f, uint8_t channel,
		    const struct kr_stretch *s, struct kr_err *e);

/** kr_channel_take_loose() - Destination: something is not understood. */
void kr_channel_take_loose(struct kr_flow *f, uint8_t channel);

/** kr_channel_ram_complete() - Has the main one's RAM section ended? */
bool kr_channel_ram_complete(struct kr_flow *f);

#endif
