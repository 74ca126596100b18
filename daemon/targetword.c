/* SPDX-License-Identifier: Apache-2.0 */
/*
 * targetword.c - what the target signed, as the source hears it, and what the
 * receipt says of it. Runs in kororad.
 */
#include <string.h>

#include "base/fd.h"
#include "daemon/migration.h"

/* From here on it runs there, for @since_us already: how long did it not? */
static void measure_downtime(struct kr_mig *m, uint64_t since_us)
{
	struct kr_terms *t = &m->terms;
	uint64_t now = kr_now_ns(), wall = kr_wall_ms();
	uint64_t ran_ms = t->times.running_ms;

	if (m->paused_ns) {
		/* it did not run there before it was released here */
		if (since_us > (now - m->released_ns) / 1000)
			since_us = (now - m->released_ns) / 1000;
		t->downtime_us = (now - m->paused_ns) / 1000 - since_us;
		return;
	}
	/* kororad was restarted: both clocks, then */
	if (ran_ms < t->times.released_ms)
		ran_ms = t->times.released_ms;
	if (ran_ms > wall)
		ran_ms = wall;
	t->downtime_us = ran_ms > t->times.paused_ms ?
			 (ran_ms - t->times.paused_ms) * 1000 : 0;
}

/* Nothing is owed any more: the figures that the receipt states. */
static void measure(struct kr_mig *m)
{
	struct kr_terms *t = &m->terms;
	uint64_t wall = kr_wall_ms();

	if (m->paused_ns)
		t->total_ms = (kr_now_ns() - m->started_ns) / 1000000;
	else
		t->total_ms = wall > t->times.requested_ms ?
			wall - t->times.requested_ms : 1;
	t->wire_bytes = kr_postcopy_wire_bytes(m);
	t->rounds = kr_mig_rounds(m);
	kr_mig_log_head(m, &t->from_log);
}

/* What the target says came: the last manifest only if this host signed for
 * the same; of lanes that were set up anew as often as it knows, at most. */
static bool take_complete(struct kr_mig *m, const struct kr_step *s)
{
	struct kr_terms *t = &m->terms;

	if (!t->postcopy.early)
		return false;
	if (kr_handover[m->state][KR_EV_OWNED].to == m->state)
		return true;	/* it said so before */
	if (kr_terms_tells_last(&s->terms) &&
	    (s->terms.postcopy.lost || !kr_terms_same_last(&s->terms, t) ||
	     s->terms.postcopy.recoveries > t->postcopy.recoveries))
		return false;
	t->postcopy.lost = s->terms.postcopy.lost;
	t->postcopy.off = s->terms.postcopy.off;
	t->postcopy.late_pages = s->terms.postcopy.late_pages;
	t->postcopy.complete_ms = s->terms.postcopy.complete_ms;
	t->postcopy.recoveries = s->terms.postcopy.recoveries;
	t->postcopy.stream_bytes = s->terms.postcopy.stream_bytes;
	memcpy(t->postcopy.ram_root, s->terms.postcopy.ram_root, 32);
	strcpy(t->postcopy.covers, s->terms.postcopy.covers);
	return true;
}

/* Is it the one that its log had before the offer? */
static bool names_its_policy(const struct kr_mig *m, struct kr_err *e)
{
	const struct kr_inforce *said = &m->terms.to_policy;

	if (kr_inforce_same(said, &m->peer_policy))
		return true;
	kr_fail(e, KR_E_PEER_POLICY, "%s decided by policy %s, version %u, its "
		"log says %s, version %u", m->peer, said->name, said->version,
		m->peer_policy.name, m->peer_policy.version);
	return false;
}

int kr_source_statement(struct kr_mig *m, const struct kr_step *s,
			struct kr_err *e)
{
	struct kr_terms before = m->terms;
	enum kr_event ev;
	int r;

	switch (s->kind) {
	case KR_STATEMENT_ACCEPTANCE:
		ev = KR_EV_ACCEPTED;
		memcpy(m->terms.nonce_to, s->terms.nonce_to, 32);
		m->terms.to_policy = s->terms.to_policy;
		m->terms.preempt = m->preempt && s->terms.preempt;
		break;
	case KR_STATEMENT_PREPARED:
		ev = KR_EV_PREPARED;
		break;
	case KR_STATEMENT_OWNER:
		ev = m->terms.postcopy.early ? KR_EV_EARLY : KR_EV_OWNED;
		break;
	case KR_STATEMENT_COMPLETE:
		ev = KR_EV_OWNED;
		if (!take_complete(m, s))
			return kr_fail(e, KR_E_UNEXPECTED, "a complete of "
				       "other than what was sent");
		break;
	case KR_STATEMENT_RECEIPT:
		ev = KR_EV_RECEIPT;
		break;
	case KR_STATEMENT_DISOWN:
		ev = KR_EV_DISOWNED;
		break;
	default:
		return kr_fail(e, KR_E_UNEXPECTED, "a target's %s",
			       kr_statement_name(s->kind));
	}
	r = kr_mig_heard(m, s, ev, &before, e);
	if (r)
		return r;
	if (ev == KR_EV_ACCEPTED && !names_its_policy(m, e)) {
		kr_mig_fail(m, e);
		return 0;
	}
	if (ev == KR_EV_PREPARED && m->state == KR_S_SEAL) {
		m->terms.times.released_ms = kr_wall_ms();
		m->released_ns = kr_now_ns();
	}
	if (kr_handover[m->state][ev].to != m->state &&
	    (ev == KR_EV_OWNED || ev == KR_EV_EARLY)) {
		m->terms.times.running_ms = s->terms.times.running_ms;
		m->terms.to_log = s->terms.to_log;
		/* an owner says for how long it has run already */
		if (ev == KR_EV_OWNED) {
			measure_downtime(m, s->terms.downtime_us);
			measure(m);
		}
		if (m->terms.postcopy.lost) {
			m->error = KR_ERR_NONE;
			kr_fail(&m->error, KR_E_VM_LOST, "%s never got all of "
				"its memory at %s", m->terms.vm, m->peer);
		}
	}
	if (ev == KR_EV_DISOWNED)
		kr_fail(&m->error, KR_E_DISOWNED, "%s gave %s back", m->peer,
			m->terms.vm);
	return kr_mig_step(m, ev, e);
}
