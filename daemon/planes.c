/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planes.c - a migration's data plane as kororad sees it: the agent, its
 * lanes and what it reports. The bytes never come near this process.
 */
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/migration.h"
#include "daemon/spawn.h"

/* RAM blocks beside the VM's own memory: firmware, ROMs, video. */
#define ROM_BYTES_MAX	(1ull << 30)

static void tell(struct kr_mig *m, uint16_t what)
{
	if (kr_state_side(m->state) == KR_SOURCE)
		kr_source_plane(m, what);
	else
		kr_target_plane(m, what);
}

static int on_up(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		 struct kr_err *e)
{
	struct kr_mig *m = arg;
	struct kr_plane_up up;
	int rc = kr_plane_msg_parse_up(r, &up, e);

	(void)fds;
	(void)n_fds;
	if (rc)
		return rc;
	memcpy(m->terms.protection.lane_suite, up.suite,
	       sizeof(m->terms.protection.lane_suite));
	m->plane_up = true;
	tell(m, KR_PLANE_UP);
	return 0;
}

static int on_progress(void *arg, struct kr_rd *r, int *fds,
		       unsigned int n_fds, struct kr_err *e)
{
	struct kr_mig *m = arg;

	(void)fds;
	(void)n_fds;
	return kr_plane_msg_parse_progress(r, &m->progress, e);
}

static int on_manifest(void *arg, struct kr_rd *r, int *fds,
		       unsigned int n_fds, struct kr_err *e)
{
	struct kr_mig *m = arg;
	int rc = kr_plane_msg_parse_manifest(r, &m->manifest, e);

	(void)fds;
	(void)n_fds;
	if (rc)
		return rc;
	m->have_manifest = true;
	tell(m, KR_PLANE_MANIFEST);
	return 0;
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_mig *m = arg;
	struct kr_plane_fail f;
	struct kr_err why = KR_ERR_NONE;
	int rc = kr_plane_msg_parse_fail(r, &f, e);

	(void)fds;
	(void)n_fds;
	if (rc)
		return rc;
	if (m->have_manifest)
		return 0;	/* its work was done */
	/* a plane that was told to stop says "cancelled": nobody here did */
	kr_fail(&why, f.kr == KR_E_CANCELLED ? KR_E_PEER_CLOSED : f.kr, "%s",
		f.what);
	if ((f.kr == KR_E_LANE_LOST || f.kr == KR_E_CANCELLED) && m->link)
		kr_mig_suspect(m, &why);	/* the peer may know why */
	else
		kr_mig_fail(m, &why);
	return 0;
}

static const struct kr_grant grants[] = {
	KR_PLANE_DAEMON_GRANTS(on_up, on_progress, on_manifest, on_fail),
};

static void on_gone(void *arg, const struct kr_err *e)
{
	struct kr_mig *m = arg;

	bool told = m->suspect.code && m->suspect.kr != KR_E_PEER_SILENT;

	if (!m->have_manifest && !told)
		kr_mig_fail(m, e);
}

int kr_mig_plane(struct kr_mig *m, int hyper_fd, struct kr_err *e)
{
	struct kr_plane_start s = {
		.role = kr_state_side(m->state) == KR_SOURCE ?
			KR_PLANE_SOURCE : KR_PLANE_DESTINATION,
		.limit_ram_bytes = ((uint64_t)m->def.memory_mb << 20) +
				   ROM_BYTES_MAX,
		.stall_ms = m->host->cfg.peer_timeout_ms,
	};
	uint8_t buf[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int r;

	memcpy(s.id, m->terms.migration, sizeof(s.id));
	memcpy(s.suite, m->host->cfg.lane_suite, sizeof(s.suite));
	m->plane = (struct kr_chan){
		.io.fd = -1, .grants = grants, .gone = on_gone, .arg = m,
		.n_grants = sizeof(grants) / sizeof(grants[0]),
	};
	r = kr_spawn_agent(m->host, "korora-plane", &m->plane, &m->plane_pid,
			   e);
	if (r)
		return r;
	kr_plane_msg_put_start(&w, &s);
	return kr_chan_send(&m->plane, KR_PLANE_START, buf, kr_wr_len(&w),
			    &hyper_fd, 1, e);
}

int kr_mig_give_lane(struct kr_mig *m, int fd, struct kr_err *e)
{
	struct kr_plane_lane l = { .lane_no = m->key.lane };
	uint8_t buf[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int r;

	memcpy(l.psk, m->key.key, sizeof(l.psk));
	kr_plane_msg_put_lane(&w, &l);
	r = kr_chan_send(&m->plane, KR_PLANE_LANE, buf, kr_wr_len(&w), &fd, 1,
			 e);
	kr_wipe(&l, sizeof(l));
	kr_wipe(buf, sizeof(buf));
	kr_wipe(&m->key, sizeof(m->key));
	return r;
}

void kr_mig_stop_plane(struct kr_mig *m)
{
	kr_dial_stop(&m->dial);
	kr_fd_close(&m->lane_fd);
	kr_chan_close(&m->plane);
}

void kr_mig_lane_key(struct kr_link *l, const struct kr_lanekey *k)
{
	struct kr_mig *m = kr_mig_find(l->host, k->migration);

	if (!m || m->link != l || m->finished)
		return;
	m->key = *k;
	m->have_key = true;
	if (kr_state_side(m->state) == KR_SOURCE)
		kr_source_key(m);
	else
		kr_target_key(m);
}

int kr_mig_lane_in(struct kr_link *l, const uint8_t id[16], uint8_t lane,
		   int fd, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int own = fd;
	struct kr_mig *m = kr_mig_find(l->host, id);

	if (!m || m->state != KR_T_LOAD || lane != 0)
		return kr_fail(e, KR_E_LANE_UNKNOWN, "lane %u from %s", lane,
			       l->address);
	if (m->lane_given || m->lane_fd >= 0)
		return kr_fail(e, KR_E_LANE_USED, "lane %u from %s", lane,
			       l->address);
	m->lane_fd = kr_fd_take(&own);
	if (m->have_key)
		kr_target_key(m);
	return 0;
}
