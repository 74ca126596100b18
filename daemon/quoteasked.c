/* SPDX-License-Identifier: Apache-2.0 */
/* quoteasked.c - see quoteasked.h. Runs in kororad. */
#include "daemon/quoteasked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/ownquote.h"
#include "daemon/peerkey.h"
#include "wire/frame.h"
#include "wire/quotemsg.h"

/* Of all sessions, the newest first. */
static struct asked {
	struct asked	  *next;
	struct kr_link	  *link;
	uint8_t		   question[16];
	struct kr_ownquote quote;
	uint8_t		  *said;	/* owned; NULL: the TPM is at work */
	size_t		   n;
} *all;

static void drop(struct asked *a)
{
	struct asked **p = &all;

	while (*p != a)
		p = &(*p)->next;
	*p = a->next;
	kr_tpmasked_stop(&a->quote.tpm);
	free(a->said);
	free(a);
}

/* The part that begins there; with the last one it is over. */
static int send_part(struct asked *a, size_t offset, struct kr_err *e)
{
	static uint8_t buf[KR_FRAME_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	size_t left = a->n - offset;
	struct kr_quotepart p = {
		.total = (uint32_t)a->n, .offset = (uint32_t)offset,
		.bytes = a->said + offset,
		.n = left < KR_QUOTEMSG_PART_MAX ? left : KR_QUOTEMSG_PART_MAX,
	};
	struct kr_link *l = a->link;

	memcpy(p.question, a->question, sizeof(p.question));
	kr_quotemsg_part_put(&w, &p);
	if (p.n == left)
		drop(a);
	return kr_link_send(l, KR_PEER_QUOTE_PART, &w, e);
}

static void quoted(void *arg, uint8_t *said, size_t n,
		   const struct kr_tpmquoted *q, const struct kr_err *e)
{
	struct asked *a = arg;

	(void)q;
	a->said = said;
	a->n = n;
	if (said) {
		send_part(a, 0, NULL);
		return;
	}
	kr_peerkey_refuse(a->link, a->question, e, NULL);
	drop(a);
}

/* Room for one more of this session: who asks anew wants no old answers. */
static int make_room(const struct kr_link *l, struct kr_err *e)
{
	struct asked *oldest = NULL;
	unsigned int n = 0;

	for (struct asked *a = all; a; a = a->next) {
		if (a->link != l)
			continue;
		n++;
		if (a->said)
			oldest = a;
	}
	if (n < KR_QUOTEASKED_MAX)
		return 0;
	if (!oldest)
		return kr_fail(e, KR_E_TPM, "it answers other questions");
	drop(oldest);
	return 0;
}

static int begin(struct kr_link *l, const struct kr_quoteask *q,
		 struct kr_err *e)
{
	struct kr_binding b = { .role = q->role };
	struct asked *a;
	int r = make_room(l, e);

	if (r)
		return r;
	a = calloc(1, sizeof(*a));
	if (!a)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	memcpy(b.attester, kr_identity_keyid(l->host->identity), 32);
	memcpy(b.verifier, l->info.keyid, sizeof(b.verifier));
	memcpy(b.nonce, q->nonce, sizeof(b.nonce));
	memcpy(b.exporter, l->info.binding, sizeof(b.exporter));
	memcpy(b.policy, q->policy, sizeof(b.policy));
	snprintf(b.vm, sizeof(b.vm), "%s", q->vm);
	memcpy(a->question, q->question, sizeof(a->question));
	a->link = l;
	a->quote = (struct kr_ownquote){ .binding = b, .done = quoted,
					 .arg = a };
	a->next = all;
	all = a;
	r = kr_ownquote_ask(l->host, &a->quote, q->bank, q->mask, e);
	if (r)
		drop(a);
	return r;
}

static int on_ask(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	struct kr_quoteask q;
	int rc = kr_quotemsg_ask_parse(r, &q, e);

	if (rc)
		return rc;
	return begin(l, &q, &why) ?
	       kr_peerkey_refuse(l, q.question, &why, e) : 0;
}

static int on_more(struct kr_link *l, struct kr_rd *r, struct kr_err *e)
{
	struct kr_quotemore m;
	int rc = kr_quotemsg_more_parse(r, &m, e);

	for (struct asked *a = all; !rc && a; a = a->next)
		if (a->link == l && a->said && m.offset < a->n &&
		    !memcmp(a->question, m.question, sizeof(a->question)))
			return send_part(a, m.offset, e);
	return rc;
}

int kr_quoteasked_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
			  struct kr_err *e)
{
	return type == KR_PEER_QUOTE_ASK ? on_ask(l, r, e) : on_more(l, r, e);
}

void kr_quoteasked_link_down(struct kr_link *l)
{
	for (struct asked *a = all, *next; a; a = next) {
		next = a->next;
		if (a->link == l)
			drop(a);
	}
}
