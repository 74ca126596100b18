/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes.c - a migration's lanes until the data plane has them: the key of
 * each from the session's agent, its connection dialled by the source and
 * accepted by the destination. Runs in kororad; not a byte of a lane is read
 * here.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/dial.h"
#include "daemon/migration.h"
#include "daemon/vtpmmove.h"
#include "store/hostrow.h"
#include "wire/frame.h"

#define LANES_AUTO_MAX	4u	/* as many as cores, but no more than this */

uint8_t kr_lanes_wanted(const struct kr_config *c, bool preempt)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (c->n_lanes) {
		n = c->n_lanes;
	} else {
		n = n < 1 ? 1 : n < LANES_AUTO_MAX ? n : LANES_AUTO_MAX;
		/* the main channel brings next to nothing of the memory */
		n += c->multifd != 0;
	}
	return (uint8_t)(n + (preempt && n < KR_PLANE_LANES_MAX));
}

uint8_t kr_lanes_allowed(const struct kr_config *c, bool multifd, bool preempt)
{
	uint32_t n = c->n_lanes ? c->n_lanes : LANES_AUTO_MAX + multifd;

	return (uint8_t)(n + preempt);
}

int kr_lanes_ask(struct kr_mig *m, struct kr_err *e)
{
	int r = 0;

	if (!m->link)
		return kr_fail(e, KR_E_LANE_LOST, "no session with %s",
			       m->peer);
	kr_mig_expect(m, 2 * m->host->cfg.peer_timeout_ms, "no lane");
	r = kr_vtpmmove_ask(m, e);
	for (uint8_t i = 0; !r && i < m->terms.protection.n_lanes; i++)
		r = kr_link_ask_key(m->link, m->terms.migration, i,
				    m->anew.attempt, e);
	return r;
}

/* Both the key and the connection are here: to the data plane with them. */
static int give(struct kr_mig *m, struct kr_mig_lane *l, struct kr_err *e)
{
	struct kr_plane_lane p = { .lane_no = l->key.lane };
	uint8_t buf[KR_PLANE_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int r;

	memcpy(p.psk, l->key.key, sizeof(p.psk));
	kr_plane_msg_put_lane(&w, &p);
	r = kr_mig_order(m, KR_PLANE_LANE, &w, &l->fd, 1, e);
	kr_wipe(&p, sizeof(p));
	kr_wipe(buf, sizeof(buf));
	kr_wipe(&l->key, sizeof(l->key));
	kr_fd_close(&l->fd);
	l->given = true;
	return r;
}

/* ---- source ------------------------------------------------------------ */

static void on_connected(void *lane, int fd, const struct kr_err *why)
{
	struct kr_mig_lane *l = lane;
	struct kr_mig *m = l->mig;
	struct kr_preamble p = { .lane = l->key.lane };
	uint8_t buf[KR_PREAMBLE_BYTES];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err e = KR_ERR_NONE;

	l->fd = fd;
	memcpy(p.migration, m->terms.migration, sizeof(p.migration));
	kr_preamble_put(&w, &p);
	if (fd < 0)
		kr_fail(&e, why->kr == KR_E_UNREACHABLE ? KR_E_LANE_LOST :
			why->kr, "lane to %s: %s", m->peer, why->what);
	else if (send(fd, buf, sizeof(buf), MSG_NOSIGNAL) !=
		 (ssize_t)sizeof(buf))
		kr_fail(&e, KR_E_LANE_LOST, "lane to %s: %s", m->peer,
			strerror(errno));
	else
		give(m, l, &e);
	if (e.code)
		kr_mig_fail(m, &e);
}

static void connect_lane(struct kr_mig *m, struct kr_mig_lane *l)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_hostrow row;

	if (kr_hostrow_get(m->host->store, m->peer, &row, &e) ||
	    kr_dial_start(m->host, &l->dial, row.address, &e))
		kr_mig_fail(m, &e);
}

/* ---- either ------------------------------------------------------------ */

/* Lanes are wanted once, and anew when post-copy's broke. */
static bool wants(const struct kr_mig *m)
{
	return m->state == KR_S_COPY || m->state == KR_T_LOAD ||
	       (kr_postcopy_late(m) && m->plane.io.fd >= 0);
}

void kr_lanes_key(struct kr_link *link, const struct kr_lanekey *k)
{
	struct kr_mig *m = kr_mig_find(link->host, k->migration);
	struct kr_err e = KR_ERR_NONE;
	struct kr_mig_lane *l;

	if (m && m->link == link && !m->finished &&
	    k->lane == KR_VTPMMOVE_LANE)
		kr_vtpmmove_key(m, k);
	if (!m || m->link != link || m->finished ||
	    k->lane >= m->terms.protection.n_lanes)
		return;
	l = &m->lanes[k->lane];
	if (l->given || l->have_key || !wants(m) ||
	    k->attempt != m->anew.attempt)
		return;
	l->key = *k;
	l->have_key = true;
	if (kr_state_side(m->state) == KR_SOURCE)
		connect_lane(m, l);
	else if (l->fd >= 0 && give(m, l, &e))
		kr_mig_fail(m, &e);
}

int kr_lanes_in(struct kr_link *link, const uint8_t id[16], uint8_t lane,
		int fd, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int own = fd;
	struct kr_mig *m = kr_mig_find(link->host, id);
	struct kr_err why = KR_ERR_NONE;
	struct kr_mig_lane *l;

	if (!m || kr_state_side(m->state) != KR_TARGET || !wants(m) ||
	    lane >= m->terms.protection.n_lanes)
		return kr_fail(e, KR_E_LANE_UNKNOWN, "lane %u from %s", lane,
			       link->address);
	l = &m->lanes[lane];
	if (l->given || l->fd >= 0)
		return kr_fail(e, KR_E_LANE_USED, "lane %u from %s", lane,
			       link->address);
	l->fd = kr_fd_take(&own);
	if (l->have_key && give(m, l, &why))
		kr_mig_fail(m, &why);
	return 0;
}

void kr_lanes_init(struct kr_mig *m)
{
	for (unsigned int i = 0; i < KR_PLANE_LANES_MAX; i++) {
		m->lanes[i] = (struct kr_mig_lane){
			.mig = m, .fd = -1,
			.dial = KR_DIAL(on_connected, &m->lanes[i]),
		};
	}
}

void kr_lanes_close(struct kr_mig *m)
{
	for (unsigned int i = 0; i < KR_PLANE_LANES_MAX; i++) {
		kr_dial_stop(&m->lanes[i].dial);
		kr_fd_close(&m->lanes[i].fd);
		kr_wipe(&m->lanes[i].key, sizeof(m->lanes[i].key));
	}
}
