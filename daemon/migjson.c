/* SPDX-License-Identifier: Apache-2.0 */
/* migjson.c - migrations and errors as the local API shows them. In kororad. */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/migration.h"
#include "daemon/plan.h"
#include "daemon/record.h"
#include "plane/method.h"

json_t *kr_mig_error(const struct kr_err *e)
{
	const struct kr_code_row *row = kr_code_find((unsigned int)e->kr);
	char code[16];

	snprintf(code, sizeof(code), "KR-%04u", (unsigned int)e->kr);
	return json_pack("{s:s, s:s, s:s}", "code", code, "message", e->what,
			 "hint", row ? row->hint : "");
}

static const char *outcome(const struct kr_mig *m)
{
	if (m->state == KR_S_DONE || m->state == KR_T_DONE)
		return m->terms.postcopy.lost ? "lost" : "completed";
	if (!kr_state_ended(m->state))
		return kr_state_before_return(m->state) || m->link ?
		       "running" : "waiting";
	if (m->error.kr == KR_E_CANCELLED)
		return "cancelled";
	if (m->error.kr == KR_E_PROBED &&
	    !strcmp(m->terms.strategy, KR_PLAN_STRATEGY))
		return "probed";
	/* refused: before a byte of the VM moved; failed: after */
	return m->manifest.stream_bytes || m->sending ||
	       m->progress.from_qemu_bytes ? "failed" : "refused";
}

static json_t *protection(const struct kr_mig *m)
{
	const struct kr_terms *t = &m->terms;

	if (!t->protection.lane_suite[0])
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:i, s:b, s:s, s:s}",
			 "tls", t->protection.control_tls,
			 "control_suite", t->protection.control_suite,
			 "lane_suite", t->protection.lane_suite,
			 "lanes", (int)t->protection.n_lanes, "mutual", 1,
			 "attestation", t->protection.attestation,
			 "stream", t->stream.opaque ? "opaque" : "parsed");
}

static json_t *predicted(const struct kr_terms *t)
{
	if (!t->predicted.total_ms)
		return json_null();
	return json_pack("{s:s?, s:I, s:I, s:I}", "basis",
			 t->predicted.basis[0] ? t->predicted.basis : NULL,
			 "total_ms", (json_int_t)t->predicted.total_ms,
			 "downtime_ms", (json_int_t)t->predicted.downtime_ms,
			 "wire_bytes", (json_int_t)t->predicted.wire_bytes);
}

static json_t *policy(const struct kr_inforce *p)
{
	return p->name[0] ? kr_inforce_detail(p) : json_null();
}

/* What each stage of the data plane made of the pages, so far. */
static json_t *stages(const struct kr_plane_progress *p)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I}",
			 "zero_pages", (json_int_t)p->n_zero_pages,
			 "same_pages", (json_int_t)p->n_same_pages,
			 "delta_pages", (json_int_t)p->n_delta_pages,
			 "cached_pages", (json_int_t)p->n_cached_pages,
			 "squeeze_in_bytes", (json_int_t)p->squeeze_in_bytes,
			 "squeeze_out_bytes", (json_int_t)p->squeeze_out_bytes,
			 "method", kr_squeeze_name(p->method),
			 "verdict_us", (json_int_t)p->verdict_us,
			 "in_flight_bytes", (json_int_t)p->in_flight_bytes,
			 "window_bytes", (json_int_t)p->window_bytes,
			 "round_trip_us", (json_int_t)p->round_trip_us,
			 "key_updates", (json_int_t)p->n_key_updates);
}

/* The VM runs there while memory is owed here. */
static json_t *postcopy(const struct kr_mig *m)
{
	const struct kr_terms *t = &m->terms;

	if (!t->postcopy.early)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:b, s:I, s:i, s:b, s:b, s:b}",
			 "owed_pages", (json_int_t)t->postcopy.owed_pages,
			 "missing_pages",
			 (json_int_t)m->progress.n_missing_pages, "late_pages",
			 (json_int_t)(t->postcopy.complete_ms ?
				      t->postcopy.late_pages :
				      kr_postcopy_late_pages(m)),
			 "preempt", (int)t->preempt, "urgent_pages",
			 (json_int_t)kr_postcopy_urgent_pages(m),
			 "recoveries", (int)t->postcopy.recoveries,
			 "flows", !kr_state_ended(m->state) &&
				  kr_postcopy_flows(m),
			 "lost", (int)t->postcopy.lost,
			 "off", (int)t->postcopy.off);
}

json_t *kr_mig_describe(const struct kr_mig *m)
{
	char id[33];
	bool source = kr_state_side(m->state) == KR_SOURCE;
	const struct kr_plane_progress *p = &m->progress;
	uint64_t total = m->status.total_bytes ? m->status.total_bytes :
			 (uint64_t)m->def.memory_mb << 20;
	uint64_t left = m->status.total_bytes ? m->status.left_bytes : total;
	uint64_t ms = (kr_now_ns() - m->started_ns) / 1000000;
	uint64_t sent = source ? p->from_qemu_bytes : p->to_qemu_bytes;
	json_t *o, *end = NULL;

	if (m->sent || m->loaded || kr_state_ended(m->state))
		left = 0;
	if (kr_state_ended(m->state)) {	/* its clock stands still */
		end = kr_mig_result(m);
		ms = (uint64_t)json_integer_value(json_object_get(end,
								  "total_ms"));
	}
	kr_hex(m->terms.migration, 16, id);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o}",
		      "migration", id, "vm", m->terms.vm, "role",
		      source ? "source" : "destination", "peer", m->peer,
		      "phase", kr_state_phase(m->state), "state", outcome(m),
		      "started_ms", (json_int_t)m->terms.times.requested_ms,
		      "error", m->error.code ? kr_mig_error(&m->error) :
					       json_null());
	json_object_update_new(o, json_pack(
		"{s:i, s:I, s:I, s:I, s:I, s:I, s:s, s:i, s:i, s:I, s:I, s:I,"
		" s:I, s:o, s:o}", "rounds", (int)kr_mig_rounds(m),
		"ram_bytes", (json_int_t)total,
		"sent_bytes", (json_int_t)sent,
		"remaining_bytes", (json_int_t)left,
		"rate_bytes_s", (json_int_t)(m->status.sent_bytes_s ?
				m->status.sent_bytes_s :
				sent * 1000 / (ms + 1)),
		"dirty_bytes_s", (json_int_t)m->status.dirty_bytes_s,
		"converging", kr_converge_name(m->converge.state),
		"needs_downtime_ms", (int)m->converge.needs_ms,
		"throttle_percent", (int)m->status.throttle_percent,
		"wire_bytes", (json_int_t)kr_postcopy_wire_bytes(m),
		"elapsed_ms", (json_int_t)ms,
		"pages", (json_int_t)p->n_pages,
		"zero_pages", (json_int_t)p->n_zero_pages,
		"stages", stages(p), "postcopy", postcopy(m)));
	json_object_set_new(o, "from_policy", policy(&m->terms.from_policy));
	json_object_set_new(o, "to_policy", policy(&m->terms.to_policy));
	if (end) {
		json_object_update_new(o, end);
		json_object_set(o, "state", json_object_get(o, "status"));
	}
	return o;
}

json_t *kr_mig_result(const struct kr_mig *m)
{
	const struct kr_terms *t = &m->terms;
	bool done = m->state == KR_S_DONE || m->state == KR_T_DONE;
	char id[33], path[PATH_MAX];

	if (m->finished && m->result)
		return json_copy(m->result);
	kr_hex(t->migration, 16, id);
	kr_record_receipt_path(m->host, t->migration, path, sizeof(path));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:I, s:f, s:I, s:I, s:I,"
		" s:o, s:o, s:o}",
		"migration", id, "vm", t->vm, "from", t->from_name, "to",
		t->to_name, "status", outcome(m), "error",
		m->error.code && (!done || m->terms.postcopy.lost) ?
		kr_mig_error(&m->error) : json_null(),
		"strategy", t->strategy, "total_ms",
		(json_int_t)(t->total_ms ? t->total_ms :
			     (kr_now_ns() - m->started_ns) / 1000000),
		"downtime_ms", (double)t->downtime_us / 1000.0,
		"rounds", (json_int_t)t->rounds, "ram_bytes",
		(json_int_t)(t->stream.ram_bytes ? t->stream.ram_bytes :
			     (uint64_t)m->def.memory_mb << 20),
		"wire_bytes", (json_int_t)(t->wire_bytes ? t->wire_bytes :
					   m->progress.wire_sent_bytes),
		"receipt", done ? json_string(path) : json_null(),
		"protection", protection(m), "predicted", predicted(t));
}
