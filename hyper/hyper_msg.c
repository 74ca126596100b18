/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hyper_msg.c - reads and writes the adapters' messages. Runs in kororad and
 * in the agents. An agent may have been taken over by its hypervisor, so
 * kororad trusts nothing here: enums are checked, strings are plain text.
 */
#include "hyper/hyper_msg.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

static const char *const commands[] = {
	"OPEN", "SETUP", "SEND", "RECEIVE", "SWITCH", "RUN", "PAUSE",
	"CANCEL", "END", "ASK", "LIMIT", "SAMPLE", "HOLD", "LETGO",
	"POSTCOPY", "RECOVER", "RESUME", "UNDO",
};
static const char *const whats[] = {
	"at switch", "sent", "loaded", "broken", "stopped", "running",
	"shutdown", "gone", "pass", "loaded early", "torn", "mended",
	"taken",
};
static const char *const runs[] = {
	"paused", "running", "waiting", "switching", "migrated", "down",
	"faulty",
};
static const char *const migs[] = {
	"none", "setup", "active", "at switch", "switching", "post-copy",
	"torn", "recovering", "completed", "failed",
};

#define N(a)	(sizeof(a) / sizeof((a)[0]))
static_assert(N(commands) == KR_HYPER_COMMAND_END_ - KR_HYPER_OPEN, "");
static_assert(N(whats) == KR_HYPER_WHAT_N, "");
static_assert(N(runs) == KR_HYPER_RUN_N, "");
static_assert(N(migs) == KR_HYPER_MIG_N, "");

static bool is_command(uint16_t type)
{
	return type >= KR_HYPER_OPEN && type < KR_HYPER_COMMAND_END_;
}

const char *kr_hyper_msg_command_name(uint16_t type)
{
	return is_command(type) ? commands[type - KR_HYPER_OPEN] : "?";
}

const char *kr_hyper_msg_what_name(enum kr_hyper_what w)
{
	return (unsigned int)w < KR_HYPER_WHAT_N ? whats[w] : "?";
}

const char *kr_hyper_msg_run_name(enum kr_hyper_run r)
{
	return (unsigned int)r < KR_HYPER_RUN_N ? runs[r] : "?";
}

const char *kr_hyper_msg_mig_name(enum kr_hyper_mig m)
{
	return (unsigned int)m < KR_HYPER_MIG_N ? migs[m] : "?";
}

static int done(const struct kr_rd *r, bool ok, const char *name,
		struct kr_err *e)
{
	if (kr_rd_done(r) && ok)
		return 0;
	return kr_fail(e, KR_E_AGENT_SPOKE, "malformed %s", name);
}

void kr_hyper_msg_put_open(struct kr_wr *w, const struct kr_hyper_open *m)
{
	kr_wr_str(w, m->vm);
}

int kr_hyper_msg_open(struct kr_rd *r, struct kr_hyper_open *ret_m,
		      struct kr_err *e)
{
	struct kr_hyper_open m;
	int x;

	kr_rd_str(r, m.vm, sizeof(m.vm));
	x = done(r, true, "OPEN", e);
	if (!x)
		*ret_m = m;
	return x;
}

void kr_hyper_msg_put_setup(struct kr_wr *w, const struct kr_hyper_setup *m)
{
	kr_wr_u8(w, m->incoming);
	kr_wr_u64(w, m->max_bandwidth_bytes_s);
	kr_wr_u32(w, m->downtime_limit_ms);
	kr_wr_u8(w, m->throttle);
	kr_wr_u8(w, m->multifd_channels);
	kr_wr_u8(w, m->postcopy);
	kr_wr_u8(w, m->preempt);
}

int kr_hyper_msg_setup(struct kr_rd *r, struct kr_hyper_setup *ret_m,
		       struct kr_err *e)
{
	struct kr_hyper_setup m;
	int x;

	m.incoming = kr_rd_u8(r);
	m.max_bandwidth_bytes_s = kr_rd_u64(r);
	m.downtime_limit_ms = kr_rd_u32(r);
	m.throttle = kr_rd_u8(r);
	m.multifd_channels = kr_rd_u8(r);
	m.postcopy = kr_rd_u8(r);
	m.preempt = kr_rd_u8(r);
	x = done(r, m.incoming <= 1 && m.throttle <= 1 && m.postcopy <= 1 &&
		 m.preempt <= m.postcopy, "SETUP", e);
	if (!x)
		*ret_m = m;
	return x;
}

void kr_hyper_msg_put_limit(struct kr_wr *w, const struct kr_hyper_limit *m)
{
	kr_wr_u32(w, m->downtime_limit_ms);
}

int kr_hyper_msg_limit(struct kr_rd *r, struct kr_hyper_limit *ret_m,
		       struct kr_err *e)
{
	struct kr_hyper_limit m;
	int x;

	m.downtime_limit_ms = kr_rd_u32(r);
	x = done(r, true, "LIMIT", e);
	if (!x)
		*ret_m = m;
	return x;
}

void kr_hyper_msg_put_sample(struct kr_wr *w, const struct kr_hyper_sample *m)
{
	kr_wr_u8(w, m->seconds);
}

int kr_hyper_msg_sample(struct kr_rd *r, struct kr_hyper_sample *ret_m,
			struct kr_err *e)
{
	struct kr_hyper_sample m;
	int x;

	m.seconds = kr_rd_u8(r);
	x = done(r, m.seconds && m.seconds <= KR_HYPER_SAMPLE_S_MAX, "SAMPLE",
		 e);
	if (!x)
		*ret_m = m;
	return x;
}

void kr_hyper_msg_put_uri(struct kr_wr *w, const struct kr_hyper_uri *m)
{
	kr_wr_str(w, m->uri);
}

int kr_hyper_msg_uri(struct kr_rd *r, struct kr_hyper_uri *ret_m,
		     struct kr_err *e)
{
	struct kr_hyper_uri m;
	int x;

	kr_rd_str(r, m.uri, sizeof(m.uri));
	x = done(r, m.uri[0] != '\0', "uri", e);
	if (!x)
		*ret_m = m;
	return x;
}

int kr_hyper_msg_none(struct kr_rd *r, struct kr_err *e)
{
	return done(r, true, "command", e);
}

void kr_hyper_msg_put_ready(struct kr_wr *w, const struct kr_hyper_ready *m)
{
	kr_wr_str(w, m->version);
	kr_wr_u8(w, (uint8_t)m->run);
	kr_wr_u8(w, (uint8_t)m->mig);
	kr_wr_u8(w, m->preempt);
}

int kr_hyper_msg_ready(struct kr_rd *r, struct kr_hyper_ready *ret_m,
		       struct kr_err *e)
{
	struct kr_hyper_ready m;
	int x;

	kr_rd_str(r, m.version, sizeof(m.version));
	m.run = (enum kr_hyper_run)kr_rd_u8(r);
	m.mig = (enum kr_hyper_mig)kr_rd_u8(r);
	m.preempt = kr_rd_u8(r);
	x = done(r, m.run < KR_HYPER_RUN_N && m.mig < KR_HYPER_MIG_N &&
		 m.preempt <= 1, "READY", e);
	if (!x)
		*ret_m = m;
	return x;
}

void kr_hyper_msg_put_done(struct kr_wr *w, const struct kr_hyper_done *m)
{
	kr_wr_u16(w, m->command);
}

int kr_hyper_msg_done(struct kr_rd *r, struct kr_hyper_done *ret_m,
		      struct kr_err *e)
{
	struct kr_hyper_done m;
	int x;

	m.command = kr_rd_u16(r);
	x = done(r, is_command(m.command), "DONE", e);
	if (!x)
		*ret_m = m;
	return x;
}

void kr_hyper_msg_put_fail(struct kr_wr *w, const struct kr_hyper_fail *m)
{
	kr_wr_u16(w, m->command);
	kr_wr_u16(w, m->kr);
	kr_wr_str(w, m->what);
}

int kr_hyper_msg_fail(struct kr_rd *r, struct kr_hyper_fail *ret_m,
		      struct kr_err *e)
{
	struct kr_hyper_fail m;
	int x;

	m.command = kr_rd_u16(r);
	m.kr = kr_rd_u16(r);
	kr_rd_str(r, m.what, sizeof(m.what));
	x = done(r, is_command(m.command) && kr_code_find(m.kr), "FAIL", e);
	if (!x)
		*ret_m = m;
	return x;
}

void kr_hyper_msg_put_event(struct kr_wr *w, const struct kr_hyper_event *m)
{
	kr_wr_u8(w, (uint8_t)m->what);
	kr_wr_u64(w, m->at_ns);
	kr_wr_u16(w, m->kr);
	kr_wr_str(w, m->reason);
}

int kr_hyper_msg_event(struct kr_rd *r, struct kr_hyper_event *ret_m,
		       struct kr_err *e)
{
	struct kr_hyper_event m;
	int x;

	m.what = (enum kr_hyper_what)kr_rd_u8(r);
	m.at_ns = kr_rd_u64(r);
	m.kr = kr_rd_u16(r);
	kr_rd_str(r, m.reason, sizeof(m.reason));
	x = done(r, m.what < KR_HYPER_WHAT_N &&
		 (!m.kr || kr_code_find(m.kr)), "EVENT", e);
	if (!x)
		*ret_m = m;
	return x;
}

void kr_hyper_msg_put_status(struct kr_wr *w, const struct kr_hyper_status *m)
{
	kr_wr_u8(w, (uint8_t)m->run);
	kr_wr_u8(w, (uint8_t)m->mig);
	kr_wr_u64(w, m->sent_bytes);
	kr_wr_u64(w, m->left_bytes);
	kr_wr_u64(w, m->total_bytes);
	kr_wr_u64(w, m->dirty_bytes_s);
	kr_wr_u64(w, m->sent_bytes_s);
	kr_wr_u32(w, m->rounds);
	kr_wr_u32(w, m->expected_downtime_ms);
	kr_wr_u64(w, m->sampled_bytes_s);
	kr_wr_u32(w, m->sampled_s);
	kr_wr_u32(w, m->throttle_percent);
}

int kr_hyper_msg_status(struct kr_rd *r, struct kr_hyper_status *ret_m,
			struct kr_err *e)
{
	struct kr_hyper_status m;
	int x;

	m.run = (enum kr_hyper_run)kr_rd_u8(r);
	m.mig = (enum kr_hyper_mig)kr_rd_u8(r);
	m.sent_bytes = kr_rd_u64(r);
	m.left_bytes = kr_rd_u64(r);
	m.total_bytes = kr_rd_u64(r);
	m.dirty_bytes_s = kr_rd_u64(r);
	m.sent_bytes_s = kr_rd_u64(r);
	m.rounds = kr_rd_u32(r);
	m.expected_downtime_ms = kr_rd_u32(r);
	m.sampled_bytes_s = kr_rd_u64(r);
	m.sampled_s = kr_rd_u32(r);
	m.throttle_percent = kr_rd_u32(r);
	x = done(r, m.run < KR_HYPER_RUN_N && m.mig < KR_HYPER_MIG_N,
		 "STATUS", e);
	if (!x)
		*ret_m = m;
	return x;
}
