/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_msg.c - put and parse of the data-plane agent's messages. Runs in
 * kororad and in korora-plane; each distrusts the other's bytes.
 */
#include "plane/plane_msg.h"

#include "base/fd.h"
#include "plane/method.h"

static int spoke(struct kr_err *e, const char *name)
{
	return kr_fail(e, KR_E_AGENT_SPOKE, "malformed %s", name);
}

void kr_plane_msg_put_start(struct kr_wr *w, const struct kr_plane_start *m)
{
	kr_wr_u8(w, (uint8_t)m->role);
	kr_wr_bytes(w, m->id, sizeof(m->id));
	kr_wr_u64(w, m->limit_ram_bytes);
	kr_wr_u32(w, m->stall_ms);
	kr_wr_u8(w, m->n_lanes);
	kr_wr_u8(w, m->multifd);
	kr_wr_u8(w, m->resumed);
	kr_wr_u8(w, m->urgent);
	kr_wr_u8(w, m->hold);
	kr_wr_u32(w, m->recall_mib);
	kr_wr_str(w, m->suite);
	kr_wr_u16(w, m->padding_bytes);
	kr_wr_u32(w, m->rekey_mib);
	kr_wr_u32(w, m->cache_slots);
	kr_wr_u8(w, m->cache_keeps);
	kr_wr_bytes(w, m->cache_key, sizeof(m->cache_key));
}

int kr_plane_msg_parse_start(struct kr_rd *r, struct kr_plane_start *ret_m,
			     struct kr_err *e)
{
	struct kr_plane_start m = { 0 };
	uint8_t role = kr_rd_u8(r), multifd, resumed, urgent, hold, keeps;

	kr_rd_bytes(r, m.id, sizeof(m.id));
	m.limit_ram_bytes = kr_rd_u64(r);
	m.stall_ms = kr_rd_u32(r);
	m.n_lanes = kr_rd_u8(r);
	multifd = kr_rd_u8(r);
	resumed = kr_rd_u8(r);
	urgent = kr_rd_u8(r);
	hold = kr_rd_u8(r);
	m.recall_mib = kr_rd_u32(r);
	kr_rd_str(r, m.suite, sizeof(m.suite));
	m.padding_bytes = kr_rd_u16(r);
	m.rekey_mib = kr_rd_u32(r);
	m.cache_slots = kr_rd_u32(r);
	keeps = kr_rd_u8(r);
	kr_rd_bytes(r, m.cache_key, sizeof(m.cache_key));
	if (!kr_rd_done(r) || role >= KR_PLANE_ROLE_N || !m.n_lanes ||
	    multifd > (m.n_lanes > 1) || resumed > !multifd ||
	    urgent > (!multifd && m.n_lanes > 1) || hold > !multifd ||
	    m.padding_bytes > KR_PLANE_PADDING_MAX || keeps > 1 ||
	    m.rekey_mib > KR_PLANE_REKEY_MIB_MAX ||
	    m.cache_slots > KR_PLANE_CACHE_SLOTS_MAX ||
	    m.n_lanes > KR_PLANE_LANES_MAX ||
	    m.recall_mib > KR_PLANE_RECALL_MIB_MAX)
		return spoke(e, "START");
	m.role = role;
	m.multifd = multifd;
	m.resumed = resumed;
	m.urgent = urgent;
	m.hold = hold;
	m.cache_keeps = keeps;
	if (!m.stall_ms)
		m.stall_ms = KR_PLANE_STALL_MS;
	*ret_m = m;
	kr_wipe(&m, sizeof(m));
	return 0;
}

void kr_plane_msg_put_lane(struct kr_wr *w, const struct kr_plane_lane *m)
{
	kr_wr_u8(w, m->lane_no);
	kr_wr_bytes(w, m->psk, sizeof(m->psk));
}

int kr_plane_msg_parse_lane(struct kr_rd *r, struct kr_plane_lane *ret_m,
			    struct kr_err *e)
{
	ret_m->lane_no = kr_rd_u8(r);
	kr_rd_bytes(r, ret_m->psk, sizeof(ret_m->psk));
	return kr_rd_done(r) ? 0 : spoke(e, "LANE");
}

void kr_plane_msg_put_up(struct kr_wr *w, const struct kr_plane_up *m)
{
	kr_wr_u8(w, m->lane_no);
	kr_wr_str(w, m->tls_version);
	kr_wr_str(w, m->suite);
}

int kr_plane_msg_parse_up(struct kr_rd *r, struct kr_plane_up *ret_m,
			  struct kr_err *e)
{
	struct kr_plane_up m = { 0 };

	m.lane_no = kr_rd_u8(r);
	kr_rd_str(r, m.tls_version, sizeof(m.tls_version));
	kr_rd_str(r, m.suite, sizeof(m.suite));
	if (!kr_rd_done(r))
		return spoke(e, "UP");
	*ret_m = m;
	return 0;
}

void kr_plane_msg_put_progress(struct kr_wr *w,
			       const struct kr_plane_progress *m)
{
	kr_wr_u8(w, (uint8_t)m->phase);
	kr_wr_u64(w, m->from_qemu_bytes);
	kr_wr_u64(w, m->to_qemu_bytes);
	kr_wr_u64(w, m->wire_sent_bytes);
	kr_wr_u64(w, m->wire_received_bytes);
	kr_wr_u64(w, m->n_key_updates);
	kr_wr_u64(w, m->ram_bytes);
	kr_wr_u64(w, m->n_pages);
	kr_wr_u64(w, m->n_zero_pages);
	kr_wr_u32(w, m->rounds);
	kr_wr_u64(w, m->n_same_pages);
	kr_wr_u64(w, m->n_delta_pages);
	kr_wr_u64(w, m->n_cached_pages);
	kr_wr_u64(w, m->squeeze_in_bytes);
	kr_wr_u64(w, m->squeeze_out_bytes);
	kr_wr_u64(w, m->n_missing_pages);
	kr_wr_u64(w, m->n_late_pages);
	kr_wr_u64(w, m->n_urgent_pages);
	kr_wr_u64(w, m->in_flight_bytes);
	kr_wr_u64(w, m->window_bytes);
	kr_wr_u64(w, m->round_trip_us);
	kr_wr_u8(w, m->method);
	kr_wr_u64(w, m->verdict_us);
}

int kr_plane_msg_parse_progress(struct kr_rd *r,
				struct kr_plane_progress *ret_m,
				struct kr_err *e)
{
	struct kr_plane_progress m = { 0 };
	uint8_t phase = kr_rd_u8(r);

	m.from_qemu_bytes = kr_rd_u64(r);
	m.to_qemu_bytes = kr_rd_u64(r);
	m.wire_sent_bytes = kr_rd_u64(r);
	m.wire_received_bytes = kr_rd_u64(r);
	m.n_key_updates = kr_rd_u64(r);
	m.ram_bytes = kr_rd_u64(r);
	m.n_pages = kr_rd_u64(r);
	m.n_zero_pages = kr_rd_u64(r);
	m.rounds = kr_rd_u32(r);
	m.n_same_pages = kr_rd_u64(r);
	m.n_delta_pages = kr_rd_u64(r);
	m.n_cached_pages = kr_rd_u64(r);
	m.squeeze_in_bytes = kr_rd_u64(r);
	m.squeeze_out_bytes = kr_rd_u64(r);
	m.n_missing_pages = kr_rd_u64(r);
	m.n_late_pages = kr_rd_u64(r);
	m.n_urgent_pages = kr_rd_u64(r);
	m.in_flight_bytes = kr_rd_u64(r);
	m.window_bytes = kr_rd_u64(r);
	m.round_trip_us = kr_rd_u64(r);
	m.method = kr_rd_u8(r);
	m.verdict_us = kr_rd_u64(r);
	if (!kr_rd_done(r) || m.method >= KR_SQUEEZE_N || phase >= KR_PLANE_PHASE_N)
		return spoke(e, "PROGRESS");
	m.phase = phase;
	*ret_m = m;
	return 0;
}

int kr_plane_msg_parse_manifest(struct kr_rd *r, struct kr_manifest *ret_m,
				struct kr_err *e)
{
	struct kr_manifest m;

	if (kr_manifest_parse(r, &m, NULL) || !kr_rd_done(r))
		return spoke(e, "MANIFEST");
	*ret_m = m;
	return 0;
}

void kr_plane_msg_put_split(struct kr_wr *w, const struct kr_plane_split *m)
{
	kr_manifest_put(w, &m->manifest);
	kr_wr_u64(w, m->owed_pages);
}

int kr_plane_msg_parse_split(struct kr_rd *r, struct kr_plane_split *ret_m,
			     struct kr_err *e)
{
	struct kr_plane_split m;
	int rc = kr_manifest_parse(r, &m.manifest, NULL);

	m.owed_pages = kr_rd_u64(r);
	if (rc || !kr_rd_done(r))
		return spoke(e, "SPLIT");
	*ret_m = m;
	return 0;
}

void kr_plane_msg_put_fail(struct kr_wr *w, const struct kr_err *cause)
{
	kr_wr_u16(w, (uint16_t)cause->kr);
	kr_wr_str(w, cause->what);
}

int kr_plane_msg_parse_fail(struct kr_rd *r, struct kr_plane_fail *ret_m,
			    struct kr_err *e)
{
	struct kr_plane_fail m = { 0 };
	uint16_t number = kr_rd_u16(r);

	kr_rd_str(r, m.what, sizeof(m.what));
	if (!kr_rd_done(r) || !kr_code_find(number))
		return spoke(e, "FAIL");
	m.kr = (enum kr_code)number;
	*ret_m = m;
	return 0;
}

static void put_position(struct kr_wr *w, const struct kr_plane_position *p)
{
	kr_wr_u64(w, p->main);
	kr_wr_u64(w, p->urgent);
}

static void parse_position(struct kr_rd *r, struct kr_plane_position *ret_p)
{
	ret_p->main = kr_rd_u64(r);
	ret_p->urgent = kr_rd_u64(r);
}

void kr_plane_msg_put_torn(struct kr_wr *w, const struct kr_plane_position *p,
			   const struct kr_err *why)
{
	put_position(w, p);
	kr_plane_msg_put_fail(w, why);
}

int kr_plane_msg_parse_torn(struct kr_rd *r, struct kr_plane_torn *ret_m,
			    struct kr_err *e)
{
	parse_position(r, &ret_m->position);
	return kr_plane_msg_parse_fail(r, &ret_m->why, e);
}

void kr_plane_msg_put_mend(struct kr_wr *w, const struct kr_plane_position *p)
{
	put_position(w, p);
}

int kr_plane_msg_parse_mend(struct kr_rd *r, struct kr_plane_position *ret_p,
			    struct kr_err *e)
{
	parse_position(r, ret_p);
	return kr_rd_done(r) ? 0 : spoke(e, "MEND");
}
