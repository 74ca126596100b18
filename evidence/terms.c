/* SPDX-License-Identifier: Apache-2.0 */
/* terms.c - the terms of a migration as bytes. Runs in kororad. */
#include "evidence/terms.h"

#define VERSION	1u	/* first byte of the coding */

static bool text_ok(const char *s, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!s[i])
			return true;
		if (s[i] < ' ' || s[i] > '~')
			return false;
	}
	return false;
}

#define TEXT_OK(a)	text_ok((a), sizeof(a))

int kr_terms_check(const struct kr_terms *t, struct kr_err *e)
{
	const uint64_t n[] = {
		t->epoch, t->stream.ram_bytes, t->stream.stream_bytes,
		t->times.requested_ms, t->times.paused_ms,
		t->times.released_ms, t->times.running_ms, t->total_ms,
		t->downtime_us, t->wire_bytes, t->from_log.size,
		t->to_log.size,
	};

	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		if (n[i] > KR_TERMS_NUMBER_MAX)
			return kr_fail(e, KR_E_MALFORMED,
				       "a number in the terms is too large");
	if (!TEXT_OK(t->vm) || !TEXT_OK(t->from_name) ||
	    !TEXT_OK(t->to_name) || !TEXT_OK(t->requested_by) ||
	    !TEXT_OK(t->strategy) || !TEXT_OK(t->protection.control_tls) ||
	    !TEXT_OK(t->protection.control_suite) ||
	    !TEXT_OK(t->protection.lane_suite) ||
	    !TEXT_OK(t->protection.attestation))
		return kr_fail(e, KR_E_MALFORMED,
			       "a text in the terms is not printable ASCII");
	return 0;
}

void kr_terms_put(struct kr_wr *w, const struct kr_terms *t)
{
	if (kr_terms_check(t, NULL)) {
		w->bad = true;
		return;
	}
	kr_wr_u8(w, VERSION);
	kr_wr_bytes(w, t->migration, sizeof(t->migration));
	kr_wr_str(w, t->vm);
	kr_wr_bytes(w, t->definition, 32);
	kr_wr_u64(w, t->epoch);
	kr_wr_str(w, t->from_name);
	kr_wr_bytes(w, t->from_keyid, 32);
	kr_wr_bytes(w, t->nonce_from, 32);
	kr_wr_str(w, t->to_name);
	kr_wr_bytes(w, t->to_keyid, 32);
	kr_wr_bytes(w, t->nonce_to, 32);
	kr_wr_bytes(w, t->binding, 32);
	kr_wr_str(w, t->requested_by);
	kr_wr_bytes(w, t->policy_digest, 32);
	kr_wr_str(w, t->strategy);
	kr_wr_str(w, t->protection.control_tls);
	kr_wr_str(w, t->protection.control_suite);
	kr_wr_str(w, t->protection.lane_suite);
	kr_wr_u8(w, t->protection.n_lanes);
	kr_wr_str(w, t->protection.attestation);
	kr_wr_u8(w, t->stream.opaque);
	kr_wr_bytes(w, t->stream.ram_root, 32);
	kr_wr_bytes(w, t->stream.device_digest, 32);
	kr_wr_u64(w, t->stream.ram_bytes);
	kr_wr_u64(w, t->stream.stream_bytes);
	kr_wr_u64(w, t->times.requested_ms);
	kr_wr_u64(w, t->times.paused_ms);
	kr_wr_u64(w, t->times.released_ms);
	kr_wr_u64(w, t->times.running_ms);
	kr_wr_u64(w, t->total_ms);
	kr_wr_u64(w, t->downtime_us);
	kr_wr_u32(w, t->rounds);
	kr_wr_u64(w, t->wire_bytes);
	kr_wr_u64(w, t->from_log.size);
	kr_wr_bytes(w, t->from_log.root, 32);
	kr_wr_u64(w, t->to_log.size);
	kr_wr_bytes(w, t->to_log.root, 32);
}

static void get_times(struct kr_rd *r, struct kr_terms *t)
{
	t->times.requested_ms = kr_rd_u64(r);
	t->times.paused_ms = kr_rd_u64(r);
	t->times.released_ms = kr_rd_u64(r);
	t->times.running_ms = kr_rd_u64(r);
	t->total_ms = kr_rd_u64(r);
	t->downtime_us = kr_rd_u64(r);
	t->rounds = kr_rd_u32(r);
	t->wire_bytes = kr_rd_u64(r);
}

#define STR(a)	kr_rd_str(r, (a), sizeof(a))

int kr_terms_get(struct kr_rd *r, struct kr_terms *ret_t, struct kr_err *e)
{
	struct kr_terms t = { 0 };
	uint8_t version = kr_rd_u8(r), opaque;
	int bad;

	kr_rd_bytes(r, t.migration, sizeof(t.migration));
	STR(t.vm);
	kr_rd_bytes(r, t.definition, 32);
	t.epoch = kr_rd_u64(r);
	STR(t.from_name);
	kr_rd_bytes(r, t.from_keyid, 32);
	kr_rd_bytes(r, t.nonce_from, 32);
	STR(t.to_name);
	kr_rd_bytes(r, t.to_keyid, 32);
	kr_rd_bytes(r, t.nonce_to, 32);
	kr_rd_bytes(r, t.binding, 32);
	STR(t.requested_by);
	kr_rd_bytes(r, t.policy_digest, 32);
	STR(t.strategy);
	STR(t.protection.control_tls);
	STR(t.protection.control_suite);
	STR(t.protection.lane_suite);
	t.protection.n_lanes = kr_rd_u8(r);
	STR(t.protection.attestation);
	opaque = kr_rd_u8(r);
	t.stream.opaque = opaque;
	kr_rd_bytes(r, t.stream.ram_root, 32);
	kr_rd_bytes(r, t.stream.device_digest, 32);
	t.stream.ram_bytes = kr_rd_u64(r);
	t.stream.stream_bytes = kr_rd_u64(r);
	get_times(r, &t);
	t.from_log.size = kr_rd_u64(r);
	kr_rd_bytes(r, t.from_log.root, 32);
	t.to_log.size = kr_rd_u64(r);
	kr_rd_bytes(r, t.to_log.root, 32);
	if (r->bad || version != VERSION || opaque > 1)
		return kr_fail(e, KR_E_MALFORMED, "malformed terms");
	bad = kr_terms_check(&t, e);
	if (!bad)
		*ret_t = t;
	return bad;
}
