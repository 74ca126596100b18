/* SPDX-License-Identifier: Apache-2.0 */
/* asking.c - the requests of a universe, one by one. */
#include "model/asking.h"

#include <errno.h>
#include <stdlib.h>

static int ask(struct kr_asking *s, struct kr_ask q)
{
	if (s->n == s->n_max) {
		unsigned int n = s->n_max ? s->n_max * 2 : 256;
		struct kr_ask *p;

		if (n > KR_ASKING_MAX)
			return -E2BIG;
		p = realloc(s->asks, n * sizeof(p[0]));
		if (!p)
			return -ENOMEM;
		s->asks = p;
		s->n_max = n;
	}
	s->asks[s->n++] = q;
	return 0;
}

static bool carries_attr(enum kr_ask_kind k)
{
	return k <= KR_ASK_RESCIND;
}

static bool carries_to(enum kr_ask_kind k)
{
	return k == KR_ASK_GIVE || k == KR_ASK_RESCIND ||
	       k == KR_ASK_SUBJECT_LEVEL || k == KR_ASK_OFFER;
}

static bool carries_class(enum kr_ask_kind k)
{
	return k == KR_ASK_CREATE || k == KR_ASK_SUBJECT_LEVEL ||
	       k == KR_ASK_OBJECT_LEVEL;
}

/* How many values there are of what a request may carry; one if it may not. */
static unsigned int choices(bool carries, unsigned int n)
{
	return carries ? n : 1;
}

static uint16_t choice(bool carries, unsigned int i, unsigned int n)
{
	return carries && i < n ? (uint16_t)i : KR_NOBODY;
}

/* Of one kind by one subject: to and in whatever there is, and nobody. */
static int asks_of(struct kr_asking *s, const struct kr_universe *u,
		   enum kr_ask_kind kind, uint16_t by)
{
	unsigned int n_s = u->first->n_subjects, n_o = u->first->n_objects;
	bool of_object = kind != KR_ASK_SUBJECT_LEVEL;
	unsigned int n[] = {
		choices(of_object, n_o),
		choices(carries_attr(kind), 4),
		choices(carries_to(kind), n_s + 1),
		choices(kind == KR_ASK_CREATE, n_o + 1),
		choices(carries_class(kind), u->n_classes),
	};
	unsigned int total = n[0] * n[1] * n[2] * n[3] * n[4];

	for (unsigned int i = 0; i < total; i++) {
		unsigned int at[5], rest = i;
		struct kr_ask q = { .kind = kind, .by = by };
		int r;

		for (int k = 4; k >= 0; k--) {
			at[k] = rest % n[k];
			rest /= n[k];
		}
		q.object = choice(of_object, at[0], n_o);
		if (carries_attr(kind))
			q.attr = (uint8_t)(1u << at[1]);
		q.to = choice(carries_to(kind), at[2], n_s);
		q.parent = choice(kind == KR_ASK_CREATE, at[3], n_o);
		if (carries_class(kind))
			q.c = u->classes[at[4]];
		if (carries_attr(kind) && !(q.attr & u->attrs))
			continue;
		r = ask(s, q);
		if (r < 0)
			return r;
	}
	return 0;
}

int kr_asking_all(struct kr_asking *s, const struct kr_universe *u)
{
	for (unsigned int by = 0; by < u->first->n_subjects; by++)
		for (unsigned int k = 0; k < KR_ASK_N; k++) {
			int r = asks_of(s, u, (enum kr_ask_kind)k,
					(uint16_t)by);

			if (r < 0)
				return r;
		}
	return 0;
}

void kr_asking_clear(struct kr_asking *s)
{
	free(s->asks);
	*s = (struct kr_asking){ 0 };
}
