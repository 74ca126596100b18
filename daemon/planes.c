/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planes.c - a migration's data plane as kororad sees it: the agent, its
 * lanes and what it reports. The bytes never come near this process.
 */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/guard.h"
#include "daemon/migration.h"
#include "daemon/plan.h"
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
	if (!kr_postcopy_late(m))
		memcpy(m->terms.protection.lane_suite, up.suite,
		       sizeof(m->terms.protection.lane_suite));
	kr_mig_hang_up(&m->anew.ends);	/* what comes is this plane's alone */
	if (++m->n_lanes_up == m->terms.protection.n_lanes)
		tell(m, KR_PLANE_UP);
	return 0;
}

static int on_progress(void *arg, struct kr_rd *r, int *fds,
		       unsigned int n_fds, struct kr_err *e)
{
	struct kr_mig *m = arg;
	int rc;

	(void)fds;
	(void)n_fds;
	rc = kr_plane_msg_parse_progress(r, &m->progress, e);
	kr_postcopy_begin(m);
	return rc;
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

void kr_mig_take_manifest(struct kr_mig *m, const struct kr_manifest *own)
{
	m->terms.stream.opaque = own->opaque;
	memcpy(m->terms.stream.ram_root, own->ram_root, 32);
	memcpy(m->terms.stream.device_digest, own->device_digest, 32);
	m->terms.stream.ram_bytes = own->ram_bytes;
	m->terms.stream.stream_bytes = own->stream_bytes;
}

static int on_split(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	struct kr_plane_split split;
	int rc = kr_plane_msg_parse_split(r, &split, e);

	(void)fds;
	(void)n_fds;
	if (!rc)
		kr_postcopy_split(arg, &split);
	return rc;
}

static int on_socket(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		     struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = n_fds ? fds[0] : -1;
	struct kr_mig *m = arg;

	(void)r;
	if (fd < 0)
		return kr_fail(e, KR_E_AGENT_SPOKE, "SOCKET without one");
	if (m->state == KR_S_COPY)
		kr_postcopy_hold(m, kr_fd_take(&fd));
	return 0;
}

static void take_fail(struct kr_mig *m, const struct kr_plane_fail *f)
{
	struct kr_err why = KR_ERR_NONE;

	m->plane_failed = true;
	if (m->have_manifest)
		return;			/* its work was done */
	kr_fail(&why, f->kr, "%s", f->what);
	if (kr_anew_torn(m, &why))
		return;
	/* a plane that was told to stop says "cancelled": nobody here did */
	kr_fail(&why, f->kr == KR_E_CANCELLED ? KR_E_PEER_CLOSED : f->kr, "%s",
		f->what);
	if ((f->kr == KR_E_LANE_LOST || f->kr == KR_E_CANCELLED) && m->link)
		kr_mig_suspect(m, &why);	/* the peer may know why */
	else
		kr_mig_fail(m, &why);
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_plane_fail f;
	int rc = kr_plane_msg_parse_fail(r, &f, e);

	(void)fds;
	(void)n_fds;
	if (!rc)
		take_fail(arg, &f);
	return rc;
}

static int on_torn(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_plane_torn t;
	int rc = kr_plane_msg_parse_torn(r, &t, e);

	(void)fds;
	(void)n_fds;
	if (!rc && kr_postcopy_late(arg))
		kr_anew_lanes_torn(arg, &t);
	else if (!rc)
		take_fail(arg, &t.why);	/* it is not owned here yet */
	return rc;
}

static const struct kr_grant grants[] = {
	KR_PLANE_DAEMON_GRANTS(on_up, on_progress, on_manifest, on_fail,
			       on_split, on_socket, on_torn),
};

static void on_gone(void *arg, const struct kr_err *e)
{
	struct kr_mig *m = arg;

	bool told = m->suspect.code && m->suspect.kr != KR_E_PEER_SILENT;

	if (!m->have_manifest && !told && !kr_anew_torn(m, e))
		kr_mig_fail(m, e);
}

unsigned int kr_mig_channels(const struct kr_mig *m)
{
	if (m->multifd)
		return m->terms.protection.n_lanes;
	return m->terms.preempt ? 2 : 1;
}

uint8_t kr_mig_multifd(const struct kr_mig *m)
{
	return m->multifd ? m->terms.protection.n_lanes - 1 : 0;
}

int kr_mig_connect(const struct kr_mig *m, struct kr_anew_ends *ret_ends,
		   struct kr_err *e)
{
	struct kr_anew_ends ends = { 0 };
	char path[PATH_MAX];

	kr_mig_socket(m, path);
	while (ends.n < kr_mig_channels(m)) {
		ends.fds[ends.n] = kr_unix_connect(path);
		if (ends.fds[ends.n] < 0) {
			kr_mig_hang_up(&ends);
			return kr_fail(e, KR_E_STREAM, "%s: its migration "
				       "socket is not there", m->terms.vm);
		}
		ends.n++;
	}
	*ret_ends = ends;
	return 0;
}

void kr_mig_hang_up(struct kr_anew_ends *ends)
{
	while (ends->n)
		kr_fd_close(&ends->fds[--ends->n]);
}

uint32_t kr_mig_rounds(const struct kr_mig *m)
{
	return m->status.rounds ? m->status.rounds : m->progress.rounds;
}

int kr_mig_order(struct kr_mig *m, enum kr_plane_msg order,
		 const struct kr_wr *w, const int *fds, unsigned int n_fds,
		 struct kr_err *e)
{
	int r = kr_guard_plane(m, order, e);

	return r ? r : kr_chan_put_fds(&m->plane, (uint16_t)order, w, fds,
				       n_fds, e);
}

static void take_cache(const struct kr_mig *m, struct kr_plane_start *s,
		       int *ret_fd)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_guard_cache(m, &e))
		kr_log_err(KR_LOG_WARN, "no page cache", &e);
	else
		kr_tenantcache_take(m->host, m->def.tenant, s, ret_fd);
}

int kr_mig_plane(struct kr_mig *m, const int *hyper_fds, unsigned int n_fds,
		 struct kr_err *e)
{
	struct kr_plane_start s = {
		.role = kr_state_side(m->state) == KR_SOURCE ?
			KR_PLANE_SOURCE : KR_PLANE_DESTINATION,
		.limit_ram_bytes = ((uint64_t)m->def.memory_mb << 20) +
				   ROM_BYTES_MAX,
		.stall_ms = m->host->cfg.peer_timeout_ms,
		.n_lanes = m->terms.protection.n_lanes,
		.multifd = m->multifd,
		.urgent = m->terms.preempt,
		.hold = m->state == KR_S_COPY &&
			kr_strategy_early(m->strategy),
		.resumed = kr_postcopy_late(m),
		/* a peer that was started anew knows of none */
		.recall_mib = kr_postcopy_late(m) ? 0 : m->recall_mib,
		.padding_bytes = (uint16_t)m->host->cfg.padding_bytes,
		.rekey_mib = m->host->cfg.rekey_mib,
		.cache_keeps = strcmp(m->terms.strategy, KR_PLAN_STRATEGY),
	};
	uint8_t buf[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	KR_AUTO(kr_fd_autoclose) int cache_fd = -1;
	int fds[KR_PLANE_START_FDS_MAX];
	int r;

	assert(n_fds < KR_PLANE_START_FDS_MAX);
	memcpy(fds, hyper_fds, n_fds * sizeof(fds[0]));
	memcpy(s.id, m->terms.migration, sizeof(s.id));
	memcpy(s.suite, m->host->cfg.lane_suite, sizeof(s.suite));
	m->plane = (struct kr_chan){
		.io.fd = -1, .grants = grants, .gone = on_gone, .arg = m,
		.n_grants = sizeof(grants) / sizeof(grants[0]),
	};
	m->plane_failed = false;
	r = kr_spawn_agent(m->host, "korora-plane", &m->plane, &m->plane_pid,
			   e);
	if (r)
		return r;
	if (!s.resumed)
		take_cache(m, &s, &cache_fd);
	fds[n_fds] = cache_fd;
	kr_plane_msg_put_start(&w, &s);
	r = kr_mig_order(m, KR_PLANE_START, &w, fds, n_fds + (cache_fd >= 0),
			 e);
	kr_wipe(&s, sizeof(s));
	kr_wipe(buf, sizeof(buf));
	return r;
}

void kr_mig_socket(const struct kr_mig *m, char path[PATH_MAX])
{
	kr_vm_folder(m->host, m->terms.vm, path, PATH_MAX - 16);
	strcat(path, "/" KR_MIG_SOCKET);
}

int kr_mig_listen(const struct kr_mig *m, struct kr_err *e)
{
	char path[PATH_MAX];
	int fd;

	kr_mig_socket(m, path);
	fd = kr_unix_listen(path, 0600);
	return fd >= 0 ? fd : kr_fail(e, KR_E_SYSTEM, "%s: %s", path,
				      strerror(-fd));
}

void kr_mig_unlink_socket(const struct kr_mig *m)
{
	char path[PATH_MAX];

	kr_mig_socket(m, path);
	unlink(path);
}

bool kr_mig_has_plane(const struct kr_mig *m)
{
	return m->plane.io.fd >= 0 && !m->plane_failed;
}

void kr_mig_stop_plane(struct kr_mig *m)
{
	kr_lanes_close(m);
	kr_fd_close(&m->pc.far_fd);
	/* just closing would not end one that a VM waits for */
	if (m->plane.io.fd >= 0)
		kr_mig_order(m, KR_PLANE_STOP, NULL, NULL, 0, NULL);
	kr_chan_close(&m->plane);
}
