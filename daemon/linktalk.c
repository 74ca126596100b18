/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linktalk.c - what link agents say. Runs in kororad. A connection's bytes are
 * read by its agent; what arrives here has been parsed once, by who may have
 * fallen to them.
 */
#include "daemon/link.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/accept.h"
#include "daemon/migration.h"
#include "evidence/fingerprint.h"
#include "evidence/pubkey.h"
#include "store/hostrow.h"

#define SESSIONS_MAX	4u	/* with one peer at a time */

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
	kr_timer_arm(l->host->loop, &l->idle, KR_LINK_IDLE_MS);
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
	kr_link_end(l, &why);
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

static void on_gone(void *arg, const struct kr_err *e)
{
	kr_link_end(arg, e);
}

void kr_link_talk(struct kr_link *l)
{
	l->chan = (struct kr_chan){
		.io.fd = -1, .grants = grants, .gone = on_gone, .arg = l,
		.n_grants = sizeof(grants) / sizeof(grants[0]),
	};
}
