/* SPDX-License-Identifier: Apache-2.0 */
/* retained.c - see retained.h. Nothing is allocated on a lane's thread. */
#include "plane/retained.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "plane/plane_msg.h"

#define ALIGN	sizeof(uint64_t)

struct kept {
	struct kept	    *next;
	struct kr_batch_head head;
	uint8_t		     lane;
	uint64_t	     total;	/* of the lane, with this one */
	uint8_t		     body[];
};

struct kr_retained {
	pthread_mutex_t lock;
	struct kept    *first, *last;	/* by ticket */
	struct kept    *again;		/* the first that is to be brought
					   again; NULL: none is */
	uint64_t	n;		/* batches */
	uint64_t	taken[KR_PLANE_LANES_MAX];
	size_t		end, limit;	/* of the last one; of the ring */
	size_t		used;		/* of the ring, at most */
	uint8_t	       *ring;
};

int kr_retained_new(size_t limit_bytes, struct kr_retained **ret_r,
		    struct kr_err *e)
{
	struct kr_retained *r = calloc(1, sizeof(*r));

	if (r)
		r->ring = malloc(limit_bytes);
	if (!r || !r->ring) {
		free(r);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	pthread_mutex_init(&r->lock, NULL);
	r->limit = limit_bytes;
	*ret_r = r;
	return 0;
}

void kr_retained_free(struct kr_retained *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	kr_wipe(r->ring, r->used);
	free(r->ring);
	free(r);
}

/* Under lock. Return: room for so many bytes behind the last; NULL: none. */
static struct kept *find_room(struct kr_retained *r, size_t n)
{
	size_t first = r->first ? (size_t)((uint8_t *)r->first - r->ring) : 0;
	size_t at = r->first ? r->end : 0;

	if (r->first && at <= first)		/* it has gone round */
		n += at + n < first ? 0 : r->limit + 1;
	else if (at + n > r->limit && n < first)
		at = 0;
	if (at + n > r->limit)
		return NULL;
	r->end = at + n;
	if (r->used < r->end)
		r->used = r->end;
	return (struct kept *)(void *)(r->ring + at);
}

/* Under lock. */
static void drop_first(struct kr_retained *r)
{
	r->first = r->first->next;
	r->n--;
}

void kr_retained_keep(struct kr_retained *r, uint8_t lane, uint64_t total,
		      const struct kr_batch_head *h, const uint8_t *body)
{
	size_t n = (sizeof(struct kept) + h->n_body + ALIGN - 1) / ALIGN *
		   ALIGN;
	struct kept *k;

	pthread_mutex_lock(&r->lock);
	k = find_room(r, n);
	if (k) {
		*k = (struct kept){ .head = *h, .lane = lane, .total = total };
		memcpy(k->body, body, h->n_body);
		if (r->first)
			r->last->next = k;
		else
			r->first = k;
		r->last = k;
		r->n++;
	}
	pthread_mutex_unlock(&r->lock);
}

void kr_retained_taken(struct kr_retained *r, uint8_t lane, uint64_t total)
{
	pthread_mutex_lock(&r->lock);
	r->taken[lane] = total;
	/* one that is taken waits for those before it */
	while (r->first && r->first != r->again &&
	       r->first->total <= r->taken[r->first->lane])
		drop_first(r);
	pthread_mutex_unlock(&r->lock);
}

int kr_retained_rewind(struct kr_retained *r, uint64_t ticket, uint64_t end,
		       struct kr_err *e)
{
	bool whole;

	pthread_mutex_lock(&r->lock);
	while (r->first && r->first->head.ticket < ticket)
		drop_first(r);
	r->again = r->first;
	memset(r->taken, 0, sizeof(r->taken));
	whole = r->n == end - ticket;
	pthread_mutex_unlock(&r->lock);
	return whole ? 0 : kr_fail(e, KR_E_LANE_LOST,
				   "what the peer lacks is not kept, of "
				   "batches %llu to %llu",
				   (unsigned long long)ticket,
				   (unsigned long long)end);
}

bool kr_retained_again(struct kr_retained *r, uint8_t lane, uint64_t sent,
		       struct kr_batch_head *ret_h, uint8_t *out)
{
	struct kept *k;

	pthread_mutex_lock(&r->lock);
	k = r->again;
	if (k) {
		r->again = k->next;
		k->lane = lane;
		k->total = sent + k->head.n_raw;
		*ret_h = k->head;
		memcpy(out, k->body, k->head.n_body);
	}
	pthread_mutex_unlock(&r->lock);
	return k;
}
