/* SPDX-License-Identifier: Apache-2.0 */
/* anew.c - see anew.h. Runs in kororad. */
#include "daemon/anew.h"

#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/migration.h"
#include "daemon/record.h"

/* It lives, and can go on with new lanes. */
static bool awaits_lanes(const struct kr_mig *m)
{
	return kr_mig_has_plane(m) && m->anew.lanes_torn;
}

/* It lives without lanes, or with some; those that come may fail, it not. */
static bool is_bare(const struct kr_mig *m)
{
	return kr_mig_has_plane(m) &&
	       (m->anew.lanes_torn || m->anew.lanes_new);
}

static int say(struct kr_mig *m, uint16_t type, bool goes_on,
	       struct kr_err *e)
{
	struct kr_mend s = { .attempt = m->anew.attempt,
			     .goes_on = goes_on,
			     .position = m->anew.position.main,
			     .urgent = m->anew.position.urgent };
	uint8_t buf[KR_MEND_BYTES];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	memcpy(s.migration, m->terms.migration, sizeof(s.migration));
	kr_mend_put(&w, &s);
	return m->link ? kr_link_send(m->link, type, &w, e) : 0;
}

/* ---- a cut ------------------------------------------------------------- */

void kr_anew_later(struct kr_mig *m, const struct kr_err *why)
{
	kr_log_err(KR_LOG_WARN, "new lanes", why);
	if (!is_bare(m))
		kr_postcopy_drop_plane(m);
	m->anew.mending = false;
	kr_timer_arm(m->host->loop, &m->again, KR_POSTCOPY_AGAIN_MS);
}

bool kr_anew_torn(struct kr_mig *m, const struct kr_err *why)
{
	/* the source waits to hear whether it goes on */
	bool asked = kr_state_side(m->state) == KR_TARGET &&
		     m->anew.mending && m->anew.goes_on;

	if (!m->terms.postcopy.early || kr_state_before_return(m->state))
		return false;
	if (m->state == KR_T_PREPARED) {
		kr_mig_fail(m, why);	/* it may still run at the source */
		return true;
	}
	if (is_bare(m)) {
		kr_anew_later(m, why);
		return true;
	}
	kr_log_err(KR_LOG_WARN, m->terms.vm, why);
	kr_postcopy_drop_plane(m);
	if (asked)
		say(m, KR_PEER_MENDED, false, NULL);
	if (m->state == KR_S_STREAM)
		kr_mig_step(m, KR_EV_FAIL, NULL);
	kr_postcopy_whole(m);
	return true;
}

/* ---- new ones, either side --------------------------------------------- */

static void tell_log(struct kr_mig *m)
{
	json_t *d = json_pack("{s:s, s:s, s:i}", "vm", m->terms.vm, "peer",
			      m->peer, "attempt", (int)m->anew.attempt);
	struct kr_err e = KR_ERR_NONE;

	if (kr_record_event(m, "migration.mend", d, &e))
		kr_log_err(KR_LOG_WARN, m->terms.vm, &e);
	json_decref(d);
}

static int new_lanes(struct kr_mig *m, struct kr_err *e)
{
	kr_lanes_close(m);
	kr_lanes_init(m);
	m->n_lanes_up = 0;
	return kr_lanes_ask(m, e);
}

/* A new plane, on the hypervisor's connections or, at the source, what
 * listens for them. */
static int new_plane(struct kr_mig *m, const int *fds, unsigned int n_fds,
		     struct kr_err *e)
{
	int r;

	m->have_manifest = false;
	m->anew.lanes_new = m->anew.renewed = true;
	m->anew.resumed = false;
	r = kr_mig_plane(m, fds, n_fds, e);
	return r ? r : new_lanes(m, e);
}

/* The plane goes on from where the peer's is. */
static int old_plane(struct kr_mig *m, const struct kr_plane_position *peer,
		     struct kr_err *e)
{
	uint8_t buf[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int r;

	kr_plane_msg_put_mend(&w, peer);
	m->anew.lanes_torn = false;	/* where it is, it is no more */
	m->anew.lanes_new = true;
	r = kr_mig_order(m, KR_PLANE_MEND, &w, NULL, 0, e);
	return r ? r : new_lanes(m, e);
}

static void tear(struct kr_mig *m)
{
	kr_mig_order(m, KR_PLANE_TEAR, NULL, NULL, 0, NULL);
}

/* ---- source ------------------------------------------------------------ */

/* For new lanes to be up. */
static uint64_t mend_ms(const struct kr_mig *m)
{
	return 2 * (uint64_t)m->host->cfg.peer_timeout_ms;
}

static int mend(struct kr_mig *m, struct kr_err *e)
{
	if (m->anew.attempt == UINT16_MAX)
		return kr_fail(e, KR_E_LIMIT, "%s: lanes were set up too often",
			       m->terms.vm);
	m->anew.goes_on = awaits_lanes(m);
	if (!m->anew.goes_on)
		kr_postcopy_drop_plane(m);
	m->anew.mending = true;
	m->anew.attempt++;
	m->terms.postcopy.recoveries = m->anew.attempt;
	kr_timer_arm(m->host->loop, &m->again, mend_ms(m));
	tell_log(m);
	return say(m, KR_PEER_MEND, m->anew.goes_on, e);
}

int kr_anew_mend(struct kr_mig *m, struct kr_err *e)
{
	if (m->anew.mending) {	/* a new session had the timer off, perhaps */
		kr_timer_arm(m->host->loop, &m->again, mend_ms(m));
		return 0;
	}
	if (awaits_lanes(m))
		return mend(m, e);
	if (is_bare(m))
		tear(m);		/* lanes_torn() comes back here */
	if (kr_mig_has_plane(m)) {
		/* an agent died, perhaps, before it said so */
		if (m->anew.torn && !m->anew.resumed)
			tear(m);
		return 0;
	}
	/* It sees the cut, too, and kr_postcopy_event() comes back here; but
	 * QEMU 7.2 that has sent all does not, and then the target says if all
	 * came. */
	return m->anew.torn ? mend(m, e) : 0;
}

void kr_anew_again(struct kr_mig *m)
{
	if (!m->anew.mending)
		return;
	m->anew.mending = false;
	/* a plane is not given up for what takes long: a hypervisor may be
	 * lost with its connection as long as it resumes */
	if (kr_mig_has_plane(m) && !m->anew.lanes_torn)
		tear(m);		/* lanes_torn() comes back here */
}

static struct kr_plane_position position_of(const struct kr_mend *s)
{
	return (struct kr_plane_position){ s->position, s->urgent };
}

/* Said late, say, or of an attempt that was given up. */
static int out_of_turn(const struct kr_mig *m, uint16_t attempt,
		       struct kr_err *e)
{
	return kr_fail(e, KR_E_NO_EDGE, "new lanes, attempt %u, in %s after "
		       "attempt %u", attempt, kr_state_name(m->state),
		       m->anew.attempt);
}

static int take_mended(struct kr_link *l, struct kr_mig *m,
		       const struct kr_mend *s, struct kr_err *e)
{
	const struct kr_plane_position peer = position_of(s);
	struct kr_err why = KR_ERR_NONE;
	KR_AUTO(kr_fd_autoclose) int fd = -1;

	if (m->state != KR_S_STREAM || !m->anew.mending ||
	    s->attempt != m->anew.attempt ||
	    kr_mig_has_plane(m) != awaits_lanes(m) ||
	    (s->goes_on && !kr_mig_has_plane(m)))
		return out_of_turn(m, s->attempt, e);
	m->link = l;
	if (kr_mig_has_plane(m)) {
		if (!s->goes_on)	/* then the hypervisor pauses, too */
			kr_postcopy_drop_plane(m);
		else if (old_plane(m, &peer, &why))
			kr_anew_later(m, &why);
		return 0;
	}
	fd = kr_mig_listen(m, &why);
	if (fd < 0 || new_plane(m, &fd, 1, &why))
		kr_anew_later(m, &why);
	return 0;
}

/* It will be, when the lanes are up once more. */
static void not_resumed(struct kr_mig *m, const struct kr_err *why)
{
	kr_log_err(KR_LOG_WARN, m->terms.vm, why);
	m->anew.resumed = false;
	if (kr_mig_has_plane(m))
		tear(m);		/* lanes_torn() comes back here */
}

void kr_anew_up(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	m->anew.lanes_new = false;
	if (!m->link && kr_postcopy_late(m))
		kr_mig_reconnect(m, NULL);	/* its timer was these lanes' */
	if (m->state != KR_S_STREAM)
		return;
	if (m->anew.goes_on && (!m->anew.torn || m->anew.resumed)) {
		m->anew.mending = m->anew.goes_on = false;
		if (m->link)
			kr_timer_off(&m->again);
		return;
	}
	m->anew.resumed = true;
	kr_timer_arm(m->host->loop, &m->again, mend_ms(m));
	if (m->vm && kr_vm_uri(m->vm, KR_HYPER_RESUME, "unix:" KR_MIG_SOCKET,
			       &e))
		not_resumed(m, &e);
}

/* ---- target ------------------------------------------------------------ */

/* The plane is where it is; the source waits to hear that. */
static void answer(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (!m->anew.mending || !m->anew.goes_on || !m->link)
		return;
	m->anew.mending = false;
	if (old_plane(m, &m->anew.peer_position, &e) ||
	    say(m, KR_PEER_MENDED, true, &e))
		kr_log_err(KR_LOG_WARN, "new lanes", &e);
}

/*
 * The hypervisor listens. It may take the connections only when it has got a
 * page that it waits for, that is, never: so nothing is said to the source
 * before it has them (TAKEN). What was made before was not taken, and is of no
 * use.
 */
static void call(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	kr_mig_hang_up(&m->anew.ends);
	if (kr_postcopy_late(m) && kr_mig_connect(m, &m->anew.ends, &e))
		kr_log_err(KR_LOG_WARN, "new lanes", &e);
}

/* A plane on the connections that it has taken. */
static void go_on(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	/* without a session the next MEND comes back here */
	if (!kr_postcopy_late(m) || !m->link || kr_mig_has_plane(m))
		return;
	m->anew.mending = false;
	if (new_plane(m, m->anew.ends.fds, m->anew.ends.n, &e) ||
	    say(m, KR_PEER_MENDED, false, &e))
		kr_log_err(KR_LOG_WARN, "new lanes", &e);
}

/* As soon as the hypervisor waits for a connection, or for what comes there. */
static void recover(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_state_side(m->state) != KR_TARGET || !m->anew.mending ||
	    m->anew.goes_on)
		return;
	if (!m->anew.torn && m->anew.ends.n)
		go_on(m);
	if (!m->anew.torn || m->anew.asked || !m->vm || !m->vm->ready)
		return;
	m->anew.asked = true;
	if (!kr_vm_uri(m->vm, KR_HYPER_RECOVER, "unix:" KR_MIG_SOCKET, &e))
		return;
	m->anew.asked = false;
	kr_log_err(KR_LOG_WARN, m->terms.vm, &e);
}

static int take_mend(struct kr_link *l, struct kr_mig *m,
		     const struct kr_mend *s, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;

	if (kr_state_side(m->state) != KR_TARGET || !kr_postcopy_late(m) ||
	    !m->vm || s->attempt <= m->anew.attempt)
		return out_of_turn(m, s->attempt, e);
	m->link = l;
	if (!s->goes_on || m->loaded)
		kr_postcopy_drop_plane(m);
	if (m->loaded) {	/* what it heard last of this got lost */
		kr_postcopy_whole(m);
		return 0;
	}
	m->anew.attempt = s->attempt;
	m->terms.postcopy.recoveries = s->attempt;
	m->anew.mending = true;
	m->anew.goes_on = s->goes_on;
	m->anew.peer_position = position_of(s);
	tell_log(m);
	if (!s->goes_on)
		recover(m);
	else if (awaits_lanes(m))
		answer(m);
	else if (kr_mig_has_plane(m))
		tear(m);		/* lanes_torn() comes back here */
	else if (say(m, KR_PEER_MENDED, false, &why))
		kr_log_err(KR_LOG_WARN, "new lanes", &why);
	return 0;
}

/* ---- news of the plane, the hypervisor, the peer ----------------------- */

void kr_anew_lanes_torn(struct kr_mig *m, const struct kr_plane_torn *t)
{
	struct kr_err e = KR_ERR_NONE;

	kr_fail(&e, t->why.kr, "%s", t->why.what);
	kr_log_err(KR_LOG_WARN, m->terms.vm, &e);
	m->anew.lanes_torn = true;
	m->anew.lanes_new = false;
	m->anew.position = t->position;
	kr_postcopy_whole(m);
	if (kr_state_side(m->state) == KR_TARGET)
		answer(m);
	else if (m->anew.mending)
		kr_anew_later(m, &e);
	else
		kr_mig_step(m, KR_EV_FAIL, NULL);
}

void kr_anew_ready(struct kr_mig *m, const struct kr_hyper_ready *r)
{
	m->anew.torn = r->mig == KR_HYPER_MIG_TORN ||
		       (r->mig == KR_HYPER_MIG_RECOVERING && !m->anew.ends.n);
	m->anew.asked = false;
	if (r->mig == KR_HYPER_MIG_TORN)
		m->anew.resumed = false;
	if (r->mig == KR_HYPER_MIG_POSTCOPY)
		m->anew.mending = false;
	recover(m);
}

void kr_anew_hyper_torn(struct kr_mig *m)
{
	m->anew.torn = true;
	kr_mig_hang_up(&m->anew.ends);
	recover(m);
}

void kr_anew_hyper_taken(struct kr_mig *m)
{
	m->anew.torn = false;
	recover(m);
}

void kr_anew_hyper_mended(struct kr_mig *m)
{
	m->anew.torn = m->anew.mending = false;
	kr_timer_off(&m->again);
}

bool kr_anew_done(struct kr_mig *m, uint16_t command)
{
	if (command != KR_HYPER_RECOVER)
		return false;
	m->anew.asked = false;
	call(m);
	return true;
}

bool kr_anew_fail(struct kr_mig *m, uint16_t command, const struct kr_err *e)
{
	switch (command) {
	case KR_HYPER_RESUME:
		not_resumed(m, e);
		return true;
	case KR_HYPER_RECOVER:	/* it listens already, perhaps */
		m->anew.asked = false;
		kr_log_err(KR_LOG_WARN, m->terms.vm, e);
		if (!m->anew.ends.n)
			call(m);
		return true;
	default:
		return false;
	}
}

int kr_anew_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
		    struct kr_err *e)
{
	struct kr_mend s;
	struct kr_mig *m;
	int rc = kr_mend_parse(r, &s, e);

	if (rc)
		return rc;
	m = kr_mig_find(l->host, s.migration);
	if (!m || strcmp(m->peer, l->peer))
		return kr_fail(e, KR_E_NO_MIGRATION, "new lanes for a "
			       "migration that is not known");
	return type == KR_PEER_MEND ? take_mend(l, m, &s, e) :
				      take_mended(l, m, &s, e);
}
