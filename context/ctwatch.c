/* SPDX-License-Identifier: Apache-2.0 */
/* ctwatch.c - see ctwatch.h. Pure; in the process that reads connections. */
#include "context/ctwatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

#define LENGTHS		129u		/* that a prefix can have, and 0 */
#define WORD_BYTES	64u		/* an address, a length, a NUL */

struct prefix { uint8_t family, len, addr[16]; uint32_t line; };

struct kr_ctwatch {
	bool	       has[2][LENGTHS];	/* IPv4's and IPv6's of that length */
	size_t	       n, room;
	struct prefix *v;		/* sorted */
};

static int order(const void *a, const void *b)
{
	const struct prefix *p = a, *q = b;

	if (p->family != q->family)
		return p->family < q->family ? -1 : 1;
	if (p->len != q->len)
		return p->len < q->len ? -1 : 1;
	return memcmp(p->addr, q->addr, sizeof(p->addr));
}

static void cut(struct prefix *p)
{
	for (unsigned int i = 0; i < sizeof(p->addr); i++) {
		unsigned int bits = p->len > 8 * i ? p->len - 8 * i : 0;

		if (bits < 8)
			p->addr[i] &= (uint8_t)(0xff00u >> bits);
	}
}

/* ---- read -------------------------------------------------------------- */

static bool parse(char *word, struct prefix *ret_p)
{
	char *len = strchr(word, '/'), *end;
	struct prefix p = { .family = strchr(word, ':') ? AF_INET6 : AF_INET };
	unsigned long max = p.family == AF_INET ? 32 : 128, n = max;

	if (len) {
		*len++ = '\0';
		n = strtoul(len, &end, 10);
		if (*len < '0' || *len > '9' || *end || n > max)
			return false;
	}
	p.len = (uint8_t)n;
	if (inet_pton(p.family, word, p.addr) != 1)
		return false;
	cut(&p);
	*ret_p = p;
	return true;
}

static int add(struct kr_ctwatch *w, const struct prefix *p, struct kr_err *e)
{
	size_t room = w->room ? 2 * w->room : 64;
	struct prefix *v = w->v;

	if (w->n == KR_CTWATCH_MAX)
		return kr_fail(e, KR_E_CT_LIST, "more than %u addresses",
			       KR_CTWATCH_MAX);
	if (w->n == w->room) {
		v = reallocarray(w->v, room, sizeof(*v));
		if (!v)
			return kr_fail(e, KR_E_SYSTEM, "out of memory");
		w->v = v;
		w->room = room;
	}
	w->v[w->n++] = *p;
	w->has[p->family == AF_INET6][p->len] = true;
	return 0;
}

/* The first word of a line, if it has one. */
static int line(struct kr_ctwatch *w, const char *text, size_t n_bytes,
		uint32_t number, struct kr_err *e)
{
	static const char blank[] = " \t\r", stop[] = " \t\r,;#";
	char word[WORD_BYTES];
	struct prefix p;
	size_t n = 0;

	while (n_bytes && *text && strchr(blank, *text)) {
		text++;
		n_bytes--;
	}
	while (n < n_bytes && !(text[n] && strchr(stop, text[n])))
		n++;
	if (!n)
		return 0;
	if (n < sizeof(word)) {
		memcpy(word, text, n);
		word[n] = '\0';
	}
	if (n >= sizeof(word) || strlen(word) != n || !parse(word, &p))
		return kr_fail(e, KR_E_CT_LIST, "line %u has no address",
			       number);
	p.line = number;
	return add(w, &p, e);
}

int kr_ctwatch_new(const char *text, size_t n_bytes, struct kr_ctwatch **ret,
		   struct kr_err *e)
{
	struct kr_ctwatch *w = calloc(1, sizeof(*w));
	int r = w ? 0 : kr_fail(e, KR_E_SYSTEM, "out of memory");

	for (uint32_t number = 1; !r && n_bytes; number++) {
		const char *end = memchr(text, '\n', n_bytes);
		size_t n = end ? (size_t)(end - text) : n_bytes;

		r = line(w, text, n, number, e);
		n += end != NULL;
		text += n;
		n_bytes -= n;
	}
	if (r) {
		kr_ctwatch_free(w);
		return r;
	}
	if (w->n)
		qsort(w->v, w->n, sizeof(*w->v), order);
	*ret = w;
	return 0;
}

void kr_ctwatch_free(struct kr_ctwatch *w)
{
	if (w)
		free(w->v);
	free(w);
}

/* ---- looked for -------------------------------------------------------- */

static bool find(const struct kr_ctwatch *w, uint8_t family,
		 const uint8_t *addr, struct kr_ctwatch_hit *ret_hit)
{
	for (uint8_t len = 0; w->n && len < LENGTHS; len++) {
		struct prefix key = { .family = family, .len = len };
		const struct prefix *p;

		if (!w->has[family == AF_INET6][len])
			continue;
		memcpy(key.addr, addr, sizeof(key.addr));
		cut(&key);
		p = bsearch(&key, w->v, w->n, sizeof(key), order);
		if (!p)
			continue;
		inet_ntop(family, addr, ret_hit->address,
			  sizeof(ret_hit->address));
		ret_hit->line = p->line;
		return true;
	}
	return false;
}

bool kr_ctwatch_entry(const struct kr_ctwatch *w, const struct kr_ctentry *c,
		      struct kr_ctwatch_hit *ret_hit)
{
	return find(w, c->family, c->orig.src, ret_hit) ||
	       find(w, c->family, c->orig.dst, ret_hit) ||
	       find(w, c->family, c->reply.src, ret_hit) ||
	       find(w, c->family, c->reply.dst, ret_hit);
}
