/* SPDX-License-Identifier: Apache-2.0 */
/* noteline.c - lines of notes and proofs. In kororad and the client. */
#include "evidence/noteline.h"

#include <string.h>

bool kr_noteline_take(const char **s, struct kr_noteline *ret_l)
{
	const char *nl = strchr(*s, '\n');

	if (!nl)
		return false;
	*ret_l = (struct kr_noteline){ *s, (size_t)(nl - *s) };
	*s = nl + 1;
	return true;
}

bool kr_noteline_number(const struct kr_noteline *l, uint64_t *ret_v)
{
	uint64_t v = 0;

	/* Canonical decimal; 18 digits cannot overflow. */
	if (!l->n || l->n > 18 || (l->p[0] == '0' && l->n > 1))
		return false;
	for (size_t i = 0; i < l->n; i++) {
		if (l->p[i] < '0' || l->p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(l->p[i] - '0');
	}
	*ret_v = v;
	return true;
}

bool kr_noteline_word(struct kr_noteline *l, const char *word)
{
	size_t n = strlen(word);

	if (l->n <= n || memcmp(l->p, word, n) || l->p[n] != ' ')
		return false;
	l->p += n + 1;
	l->n -= n + 1;
	return true;
}
