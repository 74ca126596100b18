/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.c - sessions with peers. Runs in kororad. Each connection's bytes are
 * read by a link agent of its own; what arrives here has been parsed once.
 */
#include "daemon/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/accept.h"
#include "daemon/linkspeed.h"
#include "daemon/migration.h"
#include "daemon/spawn.h"
#include "evidence/fingerprint.h"
#include "evidence/pubkey.h"
#include "store/hostrow.h"
#include "store/trustrow.h"

#define HANDSHAKE_MS	10000u
#define SESSIONS_MAX	4u	/* with one peer at a time */
#define IDLE_MS		30000u	/* a session without a migration lives on */

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
static void end(struct kr_link *l, const struct kr_err *e)
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

static void on_gone(void *arg, const struct kr_err *e)
{
	end(arg, e);
}

/* ---- what the agent says ----------------------------------------------- */

static int known(struct kr_link *l, uint8_t verdict, const char *name,
		 struct kr_err *e)
{
	struct kr_linkknown k = { .verdict = verdict };
	uint8_t buf[sizeof(k) + 4];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	snprintf(k.name, sizeof(k.name), "%s", name);
	kr_linkknown_put(&w, &k);
	return kr_chan_put(&l->chan, KR_LINK_KNOWN, &w, e);
}

struct lookup {
	char	      fingerprint[64];
	const char   *claimed;
	char	      name[64];
	enum kr_known verdict;
};

static int match(void *arg, const struct kr_hostrow *h, struct kr_err *e)
{
	struct lookup *k = arg;

	(void)e;
	if (h->fingerprint[0] && !strcmp(h->fingerprint, k->fingerprint)) {
		k->verdict = KR_KNOWN_PINNED;
		strcpy(k->name, h->name);
	} else if (!h->fingerprint[0] && !strcmp(h->name, k->claimed) &&
		   k->verdict == KR_KNOWN_NOT) {
		k->verdict = KR_KNOWN_BY_CA;
		strcpy(k->name, h->name);
	}
	return 0;
}

static int on_who(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		  struct kr_err *e)
{
	struct kr_link *l = arg;
	struct lookup k = { .verdict = KR_KNOWN_NOT };
	uint8_t keyid[32];
	char name[KR_LINK_NAME_MAX];
	int rc;

	(void)fds;
	(void)n_fds;
	kr_rd_bytes(r, keyid, sizeof(keyid));
	kr_rd_str(r, name, sizeof(name));
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed question");
	kr_fingerprint_put(keyid, k.fingerprint);
	k.claimed = name;
	rc = kr_hostrow_each(l->host->store, match, &k, e);
	return rc ? rc : known(l, (uint8_t)k.verdict, k.name, e);
}

static int on_seen(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_link *l = arg;
	uint8_t random[32];

	(void)fds;
	(void)n_fds;
	kr_rd_bytes(r, random, sizeof(random));
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed question");
	return known(l, kr_accept_seen(l->host->accept, random), "", e);
}

/* For those who verify receipts here; a session does not depend on it. */
static int keep_certificate(struct kr_link *l, struct kr_err *e)
{
	char path[PATH_MAX];
	KR_AUTOFREE char *pem = NULL;
	int r = kr_host_pem(l->info.identity.bytes,
				l->info.identity.n_bytes, &pem, e);

	if (r)
		return r;
	snprintf(path, sizeof(path), "%s/peers/%s.crt", l->host->lib, l->peer);
	r = kr_write_file(path, pem, strlen(pem), 0644);
	if (r)
		kr_log(KR_LOG_ERROR, "%s: %s", path, strerror(-r));
	return 0;
}

/* A session is for migrations: without one it ends, by who began it. */
static void on_idle(void *arg)
{
	struct kr_link *l = arg;

	bool idle = !kr_mig_with(l->host, l->peer);

	if (idle && (l->outgoing || l->was_idle)) {
		kr_link_close(l, NULL);
		return;
	}
	l->was_idle = idle;	/* an incoming one is given twice the time */
	kr_timer_arm(l->host->loop, &l->idle, IDLE_MS);
}

/*
 * The agent has read hostile bytes and is not believed: name, key and
 * certificate must belong together, and to a host that is enrolled so.
 */
static int check_peer(struct kr_link *l, struct kr_err *e)
{
	const struct kr_der *d = &l->info.identity;
	const char *name = l->info.peer;
	struct kr_hostrow row;
	unsigned int n = 0;
	int r = kr_pubkey_parse(d->bytes, d->n_bytes, &l->key, e);

	if (r)
		return r;
	if (!kr_vmdef_name_ok(name) || strcmp(kr_pubkey_name(l->key), name) ||
	    memcmp(kr_pubkey_keyid(l->key), l->info.keyid, 32) ||
	    (l->outgoing && strcmp(l->peer, name)))
		return kr_fail(e, KR_E_AGENT_SPOKE, "a peer that is not who "
			       "its certificate says");
	r = kr_hostrow_get(l->host->store, name, &row, e);
	if (r)
		return r;
	if (row.fingerprint[0] ?
	    !kr_fingerprint_is(row.fingerprint, l->info.keyid) :
	    !kr_host_vouched(l->host, d->bytes, d->n_bytes))
		return kr_fail(e, KR_E_AGENT_SPOKE, "a peer that is not the "
			       "one enrolled as %s", name);
	for (const struct kr_link *o = l->host->links; o; o = o->next)
		n += o->up && !o->dead && !strcmp(o->peer, name);
	if (n >= SESSIONS_MAX)
		return kr_fail(e, KR_E_TOO_MANY, "%u sessions with %s", n,
			       name);
	snprintf(l->peer, sizeof(l->peer), "%s", name);
	return 0;
}

static int on_up(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		 struct kr_err *e)
{
	struct kr_link *l = arg;
	int rc = kr_linkup_parse(r, &l->info, e);

	(void)fds;
	(void)n_fds;
	if (rc || l->up)
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed up");
	rc = check_peer(l, e);
	if (!rc)
		rc = keep_certificate(l, e);
	if (rc)
		return rc;
	l->up = true;
	if (!l->outgoing)
		kr_accept_leave(l->host->accept);
	kr_timer_arm(l->host->loop, &l->idle, IDLE_MS);
	kr_log(KR_LOG_INFO, "session with %s (%s) up: %s %s", l->peer,
	       l->address, l->info.tls, l->info.suite);
	kr_mig_link_up(l);
	return 0;
}

static int on_msg(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		  struct kr_err *e)
{
	struct kr_link *l = arg;
	uint16_t type = kr_rd_u16(r);
	struct kr_err why = KR_ERR_NONE;

	(void)fds;
	(void)n_fds;
	if (r->bad || !l->up)
		return kr_fail(e, KR_E_AGENT_SPOKE, "message before up");
	if (kr_mig_message(l, type, r, &why) < 0 && !l->dead)
		kr_link_close(l, &why);
	return 0;
}

static int on_key(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		  struct kr_err *e)
{
	uint8_t *secret = (uint8_t *)(uintptr_t)r->p;
	size_t n_secret = kr_rd_left(r);
	struct kr_lanekey k;
	int rc = kr_lanekey_parse(r, &k, e);

	(void)fds;
	(void)n_fds;
	/* the channel's buffer is ours, and must not keep the key */
	kr_wipe(secret, n_secret);
	if (!rc)
		kr_lanes_key(arg, &k);
	kr_wipe(&k, sizeof(k));
	return rc;
}

static int on_lane(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_link *l = arg;
	uint8_t id[16];
	uint8_t lane;

	kr_rd_bytes(r, id, sizeof(id));
	lane = kr_rd_u8(r);
	if (!kr_rd_done(r) || n_fds != 1) {
		if (n_fds)
			close(fds[0]);
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed lane");
	}
	if (!kr_lanes_in(l, id, lane, fds[0], &l->error))
		l->error = (struct kr_err){ .kr = KR_OK, .code = -1 };
	return 0;	/* the agent ends by itself */
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_link *l = arg;
	struct kr_err why = KR_ERR_NONE;
	char what[KR_WHAT_BYTES];
	uint16_t kr = kr_rd_u16(r);

	(void)fds;
	(void)n_fds;
	kr_rd_str(r, what, sizeof(what));
	if (!kr_rd_done(r) || !kr_code_find(kr))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed failure");
	kr_fail(&why, (enum kr_code)kr, "%s", what);
	end(l, &why);
	return 0;
}

static const struct kr_grant grants[] = {
	{ KR_LINK_WHO, 32 + 2 + KR_LINK_NAME_MAX, 0, "who", on_who },
	{ KR_LINK_SEEN, 32, 0, "seen", on_seen },
	{ KR_LINK_UP, sizeof(struct kr_linkup) + 64, 0, "up", on_up },
	{ KR_LINK_MSG, 32768 + 2, 0, "message", on_msg },
	{ KR_LINK_KEY, 64, 0, "key", on_key },
	{ KR_LINK_LANE, 17, 1, "lane", on_lane },
	{ KR_LINK_FAIL, KR_WHAT_BYTES + 16, 0, "fail", on_fail },
};

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
		end(l, why);
	else if (start_agent(l, mine, &e))
		end(l, &e);
}

static struct kr_link *link_new(struct kr_host *h, bool outgoing)
{
	struct kr_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->host = h;
	l->outgoing = outgoing;
	l->dial = KR_DIAL(on_dialled, l);
	l->chan = (struct kr_chan){
		.io.fd = -1, .grants = grants, .gone = on_gone, .arg = l,
		.n_grants = sizeof(grants) / sizeof(grants[0]),
	};
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
		end(l, &why);
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
	end(l, why);
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
