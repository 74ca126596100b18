/* SPDX-License-Identifier: Apache-2.0 */
/* pageask.c - see pageask.h. Runs in the data-plane agent. */
#include "plane/pageask.h"

#define ASKS_WITH_NAME	3u
#define ASKS		4u

/* A head is whole. Return: does it ask? */
static bool take(struct kr_pageask *a)
{
	unsigned int type = (unsigned int)a->head[0] << 8 | a->head[1];

	a->n_body = (uint16_t)(a->head[2] << 8 | a->head[3]);
	a->n_head = 0;
	return type == ASKS_WITH_NAME || type == ASKS;
}

bool kr_pageask_read(struct kr_pageask *a, const uint8_t *p, size_t n)
{
	bool asks = false;

	while (n) {
		size_t k = a->n_body < n ? a->n_body : n;

		a->n_body -= (uint16_t)k;
		p += k;
		n -= k;
		if (!n)
			break;
		a->head[a->n_head++] = *p++;
		n--;
		if (a->n_head == sizeof(a->head))
			asks |= take(a);
	}
	return asks;
}
