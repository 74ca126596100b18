/* SPDX-License-Identifier: Apache-2.0 */
/* postcopy.c - see postcopy.h. Runs in kororad. */
#include "daemon/postcopy.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/migration.h"
#include "daemon/record.h"

#define PASSES_BEFORE	2u	/* hybrid: in the second pass it begins */

/* ---- figures ----------------------------------------------------------- */

uint64_t kr_postcopy_late_pages(const struct kr_mig *m)
{
	return m->pc.late_pages + m->progress.n_late_pages;
}

uint64_t kr_postcopy_urgent_pages(const struct kr_mig *m)
{
	return m->pc.urgent_pages + m->progress.n_urgent_pages;
}

uint64_t kr_postcopy_wire_bytes(const struct kr_mig *m)
{
	return m->pc.wire_bytes + m->progress.wire_sent_bytes +
	       m->progress.wire_received_bytes;
}

bool kr_postcopy_flows(const struct kr_mig *m)
{
	return m->plane.io.fd >= 0 && !m->anew.mending &&
	       !m->anew.lanes_torn && !m->anew.lanes_new;
}

void kr_postcopy_drop_plane(struct kr_mig *m)
{
	kr_mig_stop_plane(m);
	m->pc.late_pages = kr_postcopy_late_pages(m);
	m->pc.urgent_pages = kr_postcopy_urgent_pages(m);
	m->pc.wire_bytes = kr_postcopy_wire_bytes(m);
	memset(&m->progress, 0, sizeof(m->progress));
	m->anew.mending = m->plane_failed = false;
	m->anew.lanes_torn = m->anew.lanes_new = false;
}

/* It is no use any more: what it owes, or waits for, is nowhere. */
static void end_vm(struct kr_mig *m)
{
	struct kr_vm *vm = m->vm;

	m->vm = NULL;
	if (vm)
		kr_vm_kill(vm, NULL, NULL);
}

/* ---- the beginning (source) -------------------------------------------- */

void kr_postcopy_hold(struct kr_mig *m, int fd)
{
	struct kr_err e = KR_ERR_NONE;

	kr_fd_close(&m->pc.far_fd);
	m->pc.far_fd = fd;
	if (!m->vm || kr_vm_hold(m->vm, fd, &e))
		kr_mig_fail(m, &e);
}

static void on_held(struct kr_mig *m)
{
	kr_fd_close(&m->pc.far_fd);
	m->pc.held = true;
	kr_postcopy_begin(m);
}

void kr_postcopy_begin(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (!kr_strategy_early(m->strategy) || m->state != KR_S_COPY ||
	    !m->vm || !m->sending || !m->pc.held || m->pc.begun ||
	    m->progress.phase != KR_PLANE_RAM ||
	    (m->strategy == KR_STRATEGY_HYBRID &&
	     m->status.rounds < PASSES_BEFORE))
		return;
	m->pc.begun = true;
	/* it stops the VM */
	kr_timer_arm(m->host->loop, &m->freeze, KR_MIG_FREEZE_MS);
	if (kr_vm_command(m->vm, KR_HYPER_POSTCOPY, &e))
		kr_mig_fail(m, &e);
}

void kr_postcopy_split(struct kr_mig *m, const struct kr_plane_split *split)
{
	m->pc.split = *split;
	m->pc.have_split = true;
	if (kr_state_side(m->state) == KR_TARGET) {
		kr_target_plane(m, KR_PLANE_SPLIT);
	} else if (m->state == KR_S_FREEZE) {
		m->terms.postcopy.early = true;
		m->terms.postcopy.owed_pages = split->owed_pages;
		kr_mig_take_manifest(m, &split->manifest);
		kr_mig_step(m, KR_EV_SENT, NULL);
	}
}

int kr_postcopy_undo(struct kr_mig *m, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = -1;

	if (!m->pc.begun)
		return 0;
	fd = kr_mig_listen(m, e);
	return fd < 0 ? fd : kr_vm_undo(m->vm, "unix:" KR_MIG_SOCKET, fd, e);
}

bool kr_postcopy_late(const struct kr_mig *m)
{
	return m->state == KR_S_STREAM || m->state == KR_T_FETCH ||
	       (m->state == KR_T_OWNER && m->terms.postcopy.early);
}

static const char *covers(const struct kr_mig *m)
{
	return m->anew.renewed ? KR_COVERS_RESUMED : KR_COVERS_ALL;
}

/* Its last manifest, the planes' of all or of the last stream. */
static void take_last(struct kr_mig *m)
{
	memcpy(m->terms.postcopy.ram_root, m->manifest.ram_root, 32);
	m->terms.postcopy.stream_bytes = m->manifest.stream_bytes;
	strcpy(m->terms.postcopy.covers, covers(m));
}

/* ---- source ------------------------------------------------------------ */

/* On record first: the target's word has to be the same, whoever was
 * restarted meanwhile. */
static int record_rest(struct kr_mig *m, struct kr_err *e)
{
	char root[65];
	json_t *d;
	int r;

	take_last(m);
	kr_hex(m->terms.postcopy.ram_root, 32, root);
	d = json_pack("{s:s, s:s, s:s, s:I}", "vm", m->terms.vm, "peer",
		      m->peer, "ram_root", root, "stream_bytes",
		      (json_int_t)m->terms.postcopy.stream_bytes);
	r = kr_record_event(m, "migration.rest", d, e);
	json_decref(d);
	if (r)
		kr_terms_forget_last(&m->terms);
	return r;
}

static int say_rest(struct kr_mig *m, struct kr_err *e)
{
	struct kr_terms *t = &m->terms;
	/* that it was sent is known of what is on record */
	bool known = kr_terms_tells_last(t), lost = !m->sent && !known;
	int r = 0;

	if (t->postcopy.lost != lost)
		m->sig_kind = KR_STATEMENT_N;
	t->postcopy.lost = lost;
	if (m->sent && m->have_manifest && !known)
		r = record_rest(m, e);
	return r ? r : kr_mig_send(m, KR_STATEMENT_REST, e);
}

int kr_postcopy_feed(struct kr_mig *m, struct kr_err *e)
{
	if (!m->link)
		return kr_mig_reconnect(m, e);
	if (m->adrift) {
		kr_timer_arm(m->host->loop, &m->again, KR_POSTCOPY_AGAIN_MS);
		return 0;
	}
	if (!m->vm)
		return say_rest(m, e);
	if (!m->vm->ready)
		return 0;		/* ready() comes back here */
	if (!m->pc.let_go) {
		m->pc.let_go = true;
		kr_vm_command(m->vm, KR_HYPER_LETGO, NULL);
		if (kr_mig_has_plane(m))
			kr_mig_order(m, KR_PLANE_GO, NULL, NULL, 0, NULL);
	}
	if ((m->plane_failed && !m->have_manifest) ||
	    (m->sent && m->anew.lanes_torn))
		kr_postcopy_drop_plane(m);
	if (m->sent && (m->have_manifest || !kr_mig_has_plane(m)))
		return say_rest(m, e);
	if (m->sent)
		return 0;		/* the plane's manifest is to come */
	return kr_anew_mend(m, e);
}

static void feed(struct kr_mig *m)
{
	struct kr_err e = KR_ERR_NONE;

	if (m->state == KR_S_STREAM && m->link && kr_postcopy_feed(m, &e))
		kr_anew_later(m, &e);
}

/* ---- target ------------------------------------------------------------ */

static bool same(const struct kr_mig *m)
{
	const struct kr_terms *t = &m->pc.rest;

	return !memcmp(m->manifest.ram_root, t->postcopy.ram_root, 32) &&
	       m->manifest.stream_bytes == t->postcopy.stream_bytes &&
	       !strcmp(covers(m), t->postcopy.covers);
}

/* No statement will have either: this entry is all that is left of them. */
static void record_difference(struct kr_mig *m)
{
	const struct kr_terms *t = &m->pc.rest;
	struct kr_err e = KR_ERR_NONE;
	char own[65], sent[65];
	json_t *d;

	kr_hex(m->manifest.ram_root, 32, own);
	kr_hex(t->postcopy.ram_root, 32, sent);
	d = json_pack("{s:s, s:s, s:s, s:I, s:s, s:I}", "vm", m->terms.vm,
		      "peer", m->peer, "ram_root", own, "stream_bytes",
		      (json_int_t)m->manifest.stream_bytes, "sent_root", sent,
		      "sent_bytes", (json_int_t)t->postcopy.stream_bytes);
	if (kr_record_event(m, "migration.differs", d, &e))
		kr_log_err(KR_LOG_WARN, m->terms.vm, &e);
	json_decref(d);
}

void kr_postcopy_whole(struct kr_mig *m)
{
	struct kr_terms *t = &m->terms;
	struct kr_err e = KR_ERR_NONE;
	bool known = m->have_manifest && m->pc.have_rest &&
		     m->pc.rest.postcopy.stream_bytes;

	/* all came, says the hypervisor; what it came on broke behind that:
	 * nobody can say more, and the source's may be unable to */
	if (m->state == KR_T_FETCH && m->loaded && m->anew.lanes_torn)
		kr_postcopy_drop_plane(m);
	if (m->state != KR_T_FETCH || !m->loaded ||
	    (kr_mig_has_plane(m) && (!m->pc.have_rest || !m->have_manifest)))
		return;
	if (known && !same(m)) {
		kr_fail(&e, KR_E_VM_LOST, "%s: the source's last manifest is "
			"not what arrived", t->vm);
		m->error = e;
		record_difference(m);
		end_vm(m);
		kr_mig_fail(m, &e);
		return;
	}
	if (known)
		take_last(m);
	t->postcopy.late_pages = kr_postcopy_late_pages(m);
	t->postcopy.complete_ms = kr_wall_ms();
	kr_mig_step(m, KR_EV_MATCHED, NULL);
}

void kr_postcopy_off(struct kr_mig *m)
{
	struct kr_terms *t = &m->terms;

	kr_log(KR_LOG_INFO, "%s powered itself off before it had all of its "
	       "memory", t->vm);
	kr_postcopy_drop_plane(m);
	kr_terms_forget_last(t);
	t->postcopy.off = true;
	t->postcopy.late_pages = kr_postcopy_late_pages(m);
	t->postcopy.complete_ms = kr_wall_ms();
	kr_mig_step(m, KR_EV_MATCHED, NULL);
}

bool kr_postcopy_give_up(struct kr_mig *m, const char *who)
{
	struct kr_err e = KR_ERR_NONE;

	if (!m || m->state != KR_T_FETCH)
		return false;
	kr_fail(&e, KR_E_VM_LOST, "%s was ended by %s before it had all of "
		"its memory", m->terms.vm, who);
	end_vm(m);
	kr_mig_fail(m, &e);
	return true;
}

int kr_postcopy_rest(struct kr_mig *m, const struct kr_step *s,
		     struct kr_err *e)
{
	struct kr_terms before = m->terms;
	struct kr_err why = KR_ERR_NONE;
	int r;

	if (m->state == KR_T_OWNER)
		return 0;	/* said again after the owner statement */
	if (m->state != KR_T_FETCH)
		return kr_mig_step(m, KR_EV_ASKED, e);
	if (s->terms.postcopy.lost && kr_terms_tells_last(&s->terms))
		return kr_fail(e, KR_E_UNEXPECTED, "a rest that is lost and "
			       "was sent");
	m->terms.postcopy.lost = s->terms.postcopy.lost;
	memcpy(m->terms.postcopy.ram_root, s->terms.postcopy.ram_root, 32);
	m->terms.postcopy.stream_bytes = s->terms.postcopy.stream_bytes;
	strcpy(m->terms.postcopy.covers, s->terms.postcopy.covers);
	r = kr_mig_check_peer(m, s, e);
	if (!r && s->terms.postcopy.lost && !m->loaded) {
		/* that is what is recorded: who said so */
		kr_fail(&why, KR_E_VM_LOST, "%s: %s lost what it had not sent "
			"yet", m->terms.vm, m->peer);
		m->error = why;
		end_vm(m);
		kr_mig_fail(m, &why);
		return 0;
	}
	if (!r)
		m->pc.rest = m->terms;
	m->terms = before;
	m->have_peer_sig = false;	/* the end is what is recorded */
	if (r)
		return r;
	m->pc.have_rest = true;
	kr_postcopy_whole(m);
	return 0;
}

/* ---- the hypervisor's news --------------------------------------------- */

bool kr_postcopy_ready(struct kr_mig *m, const struct kr_hyper_ready *r)
{
	m->pc.let_go = false;	/* said to an agent that may not have heard */
	if (m->state == KR_S_STREAM && r->mig == KR_HYPER_MIG_FAILED)
		end_vm(m);
	kr_anew_ready(m, r);
	m->pc.begun |= m->anew.torn || r->mig == KR_HYPER_MIG_POSTCOPY;
	if (m->state != KR_S_STREAM && m->state != KR_T_FETCH)
		return false;
	feed(m);
	kr_postcopy_whole(m);
	return true;
}

bool kr_postcopy_event(struct kr_mig *m, enum kr_hyper_what what)
{
	switch (what) {
	case KR_HYPER_BROKEN:	/* it cannot send the rest, and must not run */
		if (m->state != KR_S_STREAM)
			return false;
		end_vm(m);
		feed(m);
		return true;
	case KR_HYPER_SENT:	/* no plane will tell, perhaps */
		feed(m);
		return true;
	case KR_HYPER_TORN:
		kr_anew_hyper_torn(m);
		feed(m);
		return true;
	case KR_HYPER_TAKEN:
		kr_anew_hyper_taken(m);
		return true;
	case KR_HYPER_MENDED:
		kr_anew_hyper_mended(m);
		return true;
	default:
		return false;
	}
}

bool kr_postcopy_done(struct kr_mig *m, uint16_t command)
{
	if (command != KR_HYPER_HOLD)
		return kr_anew_done(m, command);
	on_held(m);
	return true;
}
