/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_msg.h - the messages between kororad and korora-plane, one agent per
 * migration and side, over the channel of base/chan.h. Both sides use these
 * calls; kororad links nothing else of plane/ but manifest.h.
 *
 * Order: START once; then LANE once for each lane; the agent answers UP for
 * each whose handshake is done, PROGRESS every 200 ms from START on, and in
 * the end MANIFEST or FAIL, once. FAIL may follow MANIFEST, if the return
 * path breaks after it. STOP or a closed channel at any time ends the agent
 * with 0 and closes everything it holds.
 */
#ifndef KR_PLANE_PLANE_MSG_H
#define KR_PLANE_PLANE_MSG_H

#include <stdint.h>

#include "base/chan.h"
#include "base/cursor.h"
#include "base/err.h"
#include "plane/manifest.h"

enum kr_plane_msg {
	/* kororad to agent */
	KR_PLANE_START	  = 0x0301,	/* fds: QEMU's socket, page cache */
	KR_PLANE_LANE	  = 0x0302,	/* fd: TCP socket, preamble done */
	KR_PLANE_STOP	  = 0x0303,
	/* agent to kororad */
	KR_PLANE_UP	  = 0x0381,
	KR_PLANE_PROGRESS = 0x0382,
	KR_PLANE_MANIFEST = 0x0383,
	KR_PLANE_FAIL	  = 0x0384,
};

#define KR_PLANE_BODY_BYTES_MAX	512u	/* of any of these messages */
#define KR_PLANE_PSK_BYTES	32u
#define KR_PLANE_ID_BYTES	16u
#define KR_PLANE_STALL_MS	10000u	/* what 0 in START stands for */
#define KR_PLANE_PROGRESS_MS	200u
#define KR_PLANE_LANES_MAX	16u
#define KR_PLANE_RECALL_MIB_MAX	65536u
#define KR_PLANE_PADDING_MAX	16384u	/* a whole record */
#define KR_PLANE_CACHE_SLOTS_MAX	(1u << 28)	/* 1 TiB */

/* Rows of the agent's and of kororad's grant table. */
#define KR_PLANE_AGENT_GRANTS(start, lane, stop) \
	{ KR_PLANE_START, KR_PLANE_BODY_BYTES_MAX, 2, "START", start }, \
	{ KR_PLANE_LANE, KR_PLANE_BODY_BYTES_MAX, 1, "LANE", lane }, \
	{ KR_PLANE_STOP, 0, 0, "STOP", stop }
#define KR_PLANE_DAEMON_GRANTS(up, progress, manifest, fail) \
	{ KR_PLANE_UP, KR_PLANE_BODY_BYTES_MAX, 0, "UP", up }, \
	{ KR_PLANE_PROGRESS, KR_PLANE_BODY_BYTES_MAX, 0, "PROGRESS", \
	  progress }, \
	{ KR_PLANE_MANIFEST, KR_PLANE_BODY_BYTES_MAX, 0, "MANIFEST", \
	  manifest }, \
	{ KR_PLANE_FAIL, KR_PLANE_BODY_BYTES_MAX, 0, "FAIL", fail }

enum kr_plane_role { KR_PLANE_SOURCE, KR_PLANE_DESTINATION, KR_PLANE_ROLE_N };

struct kr_plane_start {
	enum kr_plane_role role;
	uint8_t	 id[KR_PLANE_ID_BYTES];	/* migration, for the log */
	uint64_t limit_ram_bytes;	/* all RAM blocks: VM's RAM + ROMs, VGA */
	uint32_t stall_ms;		/* 0 = KR_PLANE_STALL_MS */
	uint8_t	 n_lanes;		/* 1..KR_PLANE_LANES_MAX, as the peer */
	uint32_t recall_mib;		/* pages both ends remember, as the
					   peer; 0 = none */
	char	 suite[40];		/* TLS 1.3 suite, "" = the default;
					   the same on both sides */
	uint16_t padding_bytes;		/* TLS records are padded to multiples;
					   0 = not */
	uint32_t cache_slots;		/* of the page cache; 0 = none */
	uint8_t	 cache_key[64];		/* a secret: wipe */
};

struct kr_plane_lane {
	uint8_t	lane_no;		/* 0..n_lanes-1 */
	uint8_t	psk[KR_PLANE_PSK_BYTES];
};

struct kr_plane_up {
	uint8_t	lane_no;
	char	tls_version[16];	/* "TLSv1.3" */
	char	suite[40];		/* "TLS_AES_256_GCM_SHA384" */
};

enum kr_plane_phase {
	KR_PLANE_WAITING,		/* for QEMU or the lane */
	KR_PLANE_RAM,
	KR_PLANE_DEVICE,		/* RAM is complete */
	KR_PLANE_OPAQUE,		/* carried and hashed, not understood */
	KR_PLANE_DONE,			/* the manifest was made */
	KR_PLANE_PHASE_N
};

struct kr_plane_progress {
	enum kr_plane_phase phase;
	uint64_t from_qemu_bytes, to_qemu_bytes;
	uint64_t wire_sent_bytes, wire_received_bytes;	/* TLS records */
	uint64_t ram_bytes;		/* declared, 0 = not yet known */
	uint64_t n_pages, n_zero_pages;
	uint32_t rounds;		/* passes over memory, an estimate */
	uint64_t n_same_pages;		/* sent as a reference */
	uint64_t n_delta_pages;		/* sent as a difference */
	uint64_t n_cached_pages;	/* found in the destination's cache */
	uint64_t squeeze_in_bytes, squeeze_out_bytes;	/* compressed */
	uint8_t	 method;		/* enum kr_squeeze_method, the newest */
	uint64_t verdict_us;		/* destination: from the last byte's
					   arrival to the manifest */
};

struct kr_plane_fail {
	enum kr_code kr;
	char	     what[KR_WHAT_BYTES];
};

/* put writes the body; parse takes the whole body, KR_E_AGENT_SPOKE if it is
 * anything else. Secrets: wipe what holds a struct kr_plane_lane. */
void kr_plane_msg_put_start(struct kr_wr *w, const struct kr_plane_start *m);
int kr_plane_msg_parse_start(struct kr_rd *r, struct kr_plane_start *ret_m,
			     struct kr_err *e);
void kr_plane_msg_put_lane(struct kr_wr *w, const struct kr_plane_lane *m);
int kr_plane_msg_parse_lane(struct kr_rd *r, struct kr_plane_lane *ret_m,
			    struct kr_err *e);
void kr_plane_msg_put_up(struct kr_wr *w, const struct kr_plane_up *m);
int kr_plane_msg_parse_up(struct kr_rd *r, struct kr_plane_up *ret_m,
			  struct kr_err *e);
void kr_plane_msg_put_progress(struct kr_wr *w,
			       const struct kr_plane_progress *m);
int kr_plane_msg_parse_progress(struct kr_rd *r,
				struct kr_plane_progress *ret_m,
				struct kr_err *e);
/** MANIFEST's body is kr_manifest_put()'s and nothing else. */
int kr_plane_msg_parse_manifest(struct kr_rd *r, struct kr_manifest *ret_m,
				struct kr_err *e);
void kr_plane_msg_put_fail(struct kr_wr *w, const struct kr_err *cause);
int kr_plane_msg_parse_fail(struct kr_rd *r, struct kr_plane_fail *ret_m,
			    struct kr_err *e);

#endif
