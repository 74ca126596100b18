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
#include "daemon/tenantcache.h"

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
	if (++m->n_lanes_up == m->terms.protection.n_lanes)
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
	if (m->manifest.opaque)
		kr_log(KR_LOG_WARN, "%s: the hypervisor's stream was carried "
		       "without being understood: %s", m->terms.vm,
		       m->manifest.reason);
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
		.n_lanes = m->terms.protection.n_lanes,
		.recall_mib = m->recall_mib,
		.padding_bytes = (uint16_t)m->host->cfg.padding_bytes,
	};
	uint8_t buf[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	KR_AUTO(kr_fd_autoclose) int cache_fd = -1;
	int fds[2] = { hyper_fd, -1 };
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
	kr_tenantcache_take(m->host, m->def.tenant, &s, &cache_fd);
	fds[1] = cache_fd;
	kr_plane_msg_put_start(&w, &s);
	r = kr_chan_send(&m->plane, KR_PLANE_START, buf, kr_wr_len(&w), fds,
			 cache_fd < 0 ? 1 : 2, e);
	kr_wipe(&s, sizeof(s));
	kr_wipe(buf, sizeof(buf));
	return r;
}

void kr_mig_stop_plane(struct kr_mig *m)
{
	kr_lanes_close(m);
	kr_chan_close(&m->plane);
}
