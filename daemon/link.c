/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.c - sessions with peers, from their start to their end. Runs in kororad.
 * Each has a link agent of its own; what that says comes by linktalk.c.
 */
#include "daemon/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/accept.h"
#include "daemon/linkspeed.h"
#include "daemon/migration.h"
#include "daemon/peerkey.h"
#include "daemon/spawn.h"
#include "evidence/pubkey.h"
#include "store/hostrow.h"
#include "store/trustrow.h"

#define HANDSHAKE_MS	10000u

/* ---- the end of a link ------------------------------------------------- */

static void on_reap(void *arg)
{
	struct kr_link *l = arg, **p = &l->host->links;

	while (*p && *p != l)
		p = &(*p)->next;
	if (*p)
		*p = l->next;
	kr_pubkey_free(l->key);
	free(l);
}

static void tell_end(struct kr_link *l)
{
	bool calm = l->error.kr == KR_E_PEER_CLOSED;
	char who[220];
	json_t *d;

	snprintf(who, sizeof(who), "%s %s %s",
		 l->outgoing ? "session to" : "session from",
		 l->peer[0] ? l->peer : "a stranger at", l->address);
	kr_log_err(calm ? KR_LOG_INFO : KR_LOG_WARN, who, &l->error);
	if (calm || l->host->stopping)
		return;
	d = json_pack("{s:s, s:s, s:i, s:s}", "peer", l->peer, "address",
		      l->address, "code", (int)l->error.kr, "what",
		      l->error.what);
	kr_host_record_some(l->host, "session-refused", d);
	json_decref(d);
}

/* Unhook everything; the memory goes when no caller is inside any more. */
void kr_link_end(struct kr_link *l, const struct kr_err *e)
{
	struct kr_host *h = l->host;

	if (l->dead)
		return;
	l->dead = true;
	if (!l->error.code && e)
		l->error = *e;
	kr_dial_stop(&l->dial);
	kr_timer_off(&l->idle);
	kr_chan_close(&l->chan);
	if (!l->up && !l->outgoing)
		kr_accept_leave(h->accept);
	if (l->error.kr && (l->error.kr != KR_E_PEER_CLOSED || l->up))
		tell_end(l);
	kr_timer_arm(h->loop, &l->reap, 0);
	if (!h->stopping)
		kr_mig_link_down(l);
}

/* ---- the start of a link ----------------------------------------------- */

static int put_ca(void *arg, const struct kr_trustrow *t, struct kr_err *e)
{
	struct kr_linkstart *s = arg;
	struct kr_wr w = KR_WR(s->cas + s->n_cas_bytes,
			       sizeof(s->cas) - s->n_cas_bytes);
	uint8_t der[KR_LINK_DER_MAX];
	size_t n = sizeof(der);
	int r = kr_host_der(t->pem, der, &n, e);

	if (r)
		return r;
	kr_wr_u16(&w, (uint16_t)n);
	kr_wr_bytes(&w, der, n);
	if (w.bad)
		return kr_fail(e, KR_E_LIMIT, "too many fleet authorities");
	s->n_cas_bytes += (uint32_t)kr_wr_len(&w);
	return 0;
}

static int start_agent(struct kr_link *l, int fd, struct kr_err *e)
{
	static struct kr_linkstart s;
	static uint8_t buf[sizeof(s) + 64];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_host *h = l->host;
	int r;

	kr_linkspeed_local(fd, &l->local);	/* the agent has it then */
	memset(&s, 0, sizeof(s));
	s.outgoing = l->outgoing;
	s.handshake_ms = HANDSHAKE_MS;
	s.silent_ms = h->cfg.peer_timeout_ms;
	snprintf(s.self, sizeof(s.self), "%s", kr_identity_name(h->identity));
	snprintf(s.peer, sizeof(s.peer), "%s", l->outgoing ? l->peer : "");
	snprintf(s.suites, sizeof(s.suites), "%s", h->cfg.control_suites);
	r = kr_host_credentials(h, &s, e);
	if (!r)
		r = kr_trustrow_each(h->store, put_ca, &s, e);
	if (!r)
		r = kr_spawn_agent(h, "korora-link", &l->chan, &l->pid, e);
	if (!r) {
		kr_linkstart_put(&w, &s);
		r = kr_chan_put_fds(&l->chan, KR_LINK_START, &w, &fd, 1, e);
	}
	kr_wipe(&s, sizeof(s));
	kr_wipe(buf, sizeof(buf));
	return r;
}

static void on_dialled(void *arg, int fd, const struct kr_err *why)
{
	struct kr_link *l = arg;
	KR_AUTO(kr_fd_autoclose) int mine = fd;
	struct kr_err e = KR_ERR_NONE;

	if (mine < 0)
		kr_link_end(l, why);
	else if (start_agent(l, mine, &e))
		kr_link_end(l, &e);
}

/* A session is for migrations, and for what they need: without one it ends, by
 * who began it.
 */
static void on_idle(void *arg)
{
	struct kr_link *l = arg;

	bool idle = !kr_mig_with(l->host, l->peer) &&
		    !kr_peerkey_with(l->host, l->peer);

	if (idle && (l->outgoing || l->was_idle)) {
		kr_link_close(l, NULL);
		return;
	}
	l->was_idle = idle;	/* an incoming one is given twice the time */
	kr_timer_arm(l->host->loop, &l->idle, KR_LINK_IDLE_MS);
}

static struct kr_link *link_new(struct kr_host *h, bool outgoing)
{
	struct kr_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->host = h;
	l->outgoing = outgoing;
	l->dial = KR_DIAL(on_dialled, l);
	kr_link_talk(l);
	l->idle = (struct kr_timer){ .fn = on_idle, .arg = l };
	l->reap = (struct kr_timer){ .fn = on_reap, .arg = l };
	l->next = h->links;
	h->links = l;
	return l;
}

int kr_link_connect(struct kr_host *h, const char *peer,
		    struct kr_link **ret_l, struct kr_err *e)
{
	struct kr_hostrow row;
	struct kr_link *l;
	int r = kr_hostrow_get(h->store, peer, &row, e);

	if (r)
		return r;
	l = link_new(h, true);
	if (!l)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	snprintf(l->peer, sizeof(l->peer), "%s", peer);
	snprintf(l->address, sizeof(l->address), "%.127s", row.address);
	r = kr_dial_start(h, &l->dial, row.address, e);
	if (r) {
		/* nobody waits for this link yet: end it without a word */
		l->dead = true;
		kr_timer_arm(h->loop, &l->reap, 0);
		return r;
	}
	if (ret_l)
		*ret_l = l;
	return 0;
}

int kr_link_incoming(struct kr_host *h, const char *address, int fd,
		     struct kr_err *e)
{
	struct kr_link *l = link_new(h, false);
	struct kr_err why = KR_ERR_NONE;

	if (!l)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	snprintf(l->address, sizeof(l->address), "%s", address);
	if (start_agent(l, fd, &why))
		kr_link_end(l, &why);
	return 0;
}

/* ---- use --------------------------------------------------------------- */

struct kr_link *kr_link_find(struct kr_host *h, const char *peer)
{
	for (struct kr_link *l = h->links; l; l = l->next)
		if (l->up && !l->dead && !strcmp(l->peer, peer))
			return l;
	return NULL;
}

int kr_link_send(struct kr_link *l, uint16_t type, const struct kr_wr *body,
		 struct kr_err *e)
{
	static uint8_t buf[32768 + 2];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;

	if (body->bad)
		return kr_fail(e, KR_E_LIMIT, "message %u too long", type);
	kr_wr_u16(&w, type);
	kr_wr_bytes(&w, body->start, kr_wr_len(body));
	/* counted from its last use: who goes back and forth finds it up */
	l->was_idle = false;
	if (l->up && !l->dead)
		kr_timer_arm(l->host->loop, &l->idle, KR_LINK_IDLE_MS);
	return kr_chan_put(&l->chan, KR_LINK_SEND, &w, &why) ?
	       why.kr == KR_E_AGENT_DIED ? 0 :
	       kr_fail(e, why.kr, "%s", why.what) : 0;
}

int kr_link_ask_key(struct kr_link *l, const uint8_t migration[16],
		    uint8_t lane, uint16_t attempt, struct kr_err *e)
{
	struct kr_lanekey k = { .lane = lane, .attempt = attempt };
	uint8_t buf[sizeof(k)];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	memcpy(k.migration, migration, sizeof(k.migration));
	kr_lanekey_put(&w, &k);
	return kr_chan_put(&l->chan, KR_LINK_LANE_KEY, &w, e);
}

void kr_link_close(struct kr_link *l, const struct kr_err *why)
{
	uint8_t buf[KR_WHAT_BYTES + 16];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_wr_u16(&w, why ? (uint16_t)why->kr : 0);
	kr_wr_str(&w, why ? why->what : "");
	kr_chan_put(&l->chan, KR_LINK_CLOSE, &w, NULL);
	kr_link_end(l, why);
}

void kr_link_fini(struct kr_host *h)
{
	while (h->links) {
		struct kr_link *l = h->links;

		kr_link_close(l, NULL);
		kr_timer_off(&l->reap);
		on_reap(l);
	}
}
