/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_msg.h - the messages between kororad and korora-plane, one agent per
 * migration and side, over the channel of base/chan.h. Both sides use these
 * calls; kororad links nothing else of plane/ but manifest.h.
 *
 * Order: START once; then LANE once for each lane; the agent answers UP for
 * each whose handshake is done, PROGRESS every 200 ms from START on, and in
 * the end MANIFEST or FAIL, once. FAIL may follow MANIFEST, if the return
 * path breaks after it. SPLIT comes once before these if the stream goes over
 * to post-copy: a manifest of all up to and including the device state and the
 * order to run, and how many pages were missing there, at the destination when
 * QEMU has been given all of that. From then on (at the source: from GO on, and
 * resumed) a lane that breaks takes the others with it, the agent says TORN
 * with where it is, and QEMU waits; MEND with where the peer is and LANE once
 * for each lane set new ones up, and UP comes for each. TEAR makes it give up
 * those it has and say TORN. STOP at any time ends the agent with 0 and closes
 * everything it holds; so does a closed channel, but behind the split (at the
 * source: and GO) or resumed: then it goes on alone, to the end.
 */
#ifndef KR_PLANE_PLANE_MSG_H
#define KR_PLANE_PLANE_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/chan.h"
#include "base/cursor.h"
#include "base/err.h"
#include "plane/manifest.h"

/*
 * kororad to agent, with what each does with the VM's state, in the words of
 * policy/access.h: X(name, number, access). One that does nothing says why.
 */
#define KR_PLANE_ORDERS(X) \
	/* fds: QEMU's sockets, page cache. Memory flows by LANEs alone, and the
	 * cache is asked for by itself */ \
	X(START, 0x0301, NOTHING) \
	/* fd: TCP socket, preamble done */ \
	X(LANE, 0x0302, FLOWS) \
	/* the agent ends: nothing flows any more */ \
	X(STOP, 0x0303, NOTHING) \
	/* read what is behind the split */ \
	X(GO, 0x0304, READS) \
	/* nothing flows before MEND */ \
	X(TEAR, 0x0305, NOTHING) \
	X(MEND, 0x0306, FLOWS)

enum kr_plane_msg {
#define X(name, number, access) KR_PLANE_##name = number,
	KR_PLANE_ORDERS(X)
#undef X
	/* agent to kororad */
	KR_PLANE_UP	  = 0x0381,
	KR_PLANE_PROGRESS = 0x0382,
	KR_PLANE_MANIFEST = 0x0383,
	KR_PLANE_FAIL	  = 0x0384,
	KR_PLANE_SPLIT	  = 0x0385,
	KR_PLANE_SOCKET	  = 0x0386,	/* fd: QEMU's socket's far end */
	KR_PLANE_TORN	  = 0x0387,
};

#define KR_PLANE_BODY_BYTES_MAX	512u	/* of any of these messages */
#define KR_PLANE_PSK_BYTES	32u
#define KR_PLANE_ID_BYTES	16u
#define KR_PLANE_STALL_MS	10000u	/* what 0 in START stands for */
#define KR_PLANE_PROGRESS_MS	200u
#define KR_PLANE_LANES_MAX	16u
#define KR_PLANE_START_FDS_MAX	(KR_PLANE_LANES_MAX + 1)
#define KR_PLANE_RECALL_MIB_MAX	65536u
#define KR_PLANE_PADDING_MAX	16384u	/* a whole record */
#define KR_PLANE_REKEY_MIB_MAX	65536u	/* what a lane does by itself */
#define KR_PLANE_CACHE_SLOTS_MAX	(1u << 28)	/* 1 TiB */

/* Rows of the agent's and of kororad's grant table. */
#define KR_PLANE_AGENT_GRANTS(start, lane, stop, go, tear, mend) \
	{ KR_PLANE_START, KR_PLANE_BODY_BYTES_MAX, KR_PLANE_START_FDS_MAX, \
	  "START", start }, \
	{ KR_PLANE_LANE, KR_PLANE_BODY_BYTES_MAX, 1, "LANE", lane }, \
	{ KR_PLANE_STOP, 0, 0, "STOP", stop }, \
	{ KR_PLANE_GO, 0, 0, "GO", go }, \
	{ KR_PLANE_TEAR, 0, 0, "TEAR", tear }, \
	{ KR_PLANE_MEND, KR_PLANE_BODY_BYTES_MAX, 0, "MEND", mend }
#define KR_PLANE_DAEMON_GRANTS(up, progress, manifest, fail, split, socket, \
			       torn) \
	{ KR_PLANE_UP, KR_PLANE_BODY_BYTES_MAX, 0, "UP", up }, \
	{ KR_PLANE_PROGRESS, KR_PLANE_BODY_BYTES_MAX, 0, "PROGRESS", \
	  progress }, \
	{ KR_PLANE_MANIFEST, KR_PLANE_BODY_BYTES_MAX, 0, "MANIFEST", \
	  manifest }, \
	{ KR_PLANE_FAIL, KR_PLANE_BODY_BYTES_MAX, 0, "FAIL", fail }, \
	{ KR_PLANE_SPLIT, KR_PLANE_BODY_BYTES_MAX, 0, "SPLIT", split }, \
	{ KR_PLANE_SOCKET, 0, 1, "SOCKET", socket }, \
	{ KR_PLANE_TORN, KR_PLANE_BODY_BYTES_MAX, 0, "TORN", torn }

enum kr_plane_role { KR_PLANE_SOURCE, KR_PLANE_DESTINATION, KR_PLANE_ROLE_N };

struct kr_plane_start {
	enum kr_plane_role role;
	uint8_t	 id[KR_PLANE_ID_BYTES];	/* migration, for the log */
	uint64_t limit_ram_bytes;	/* all RAM blocks: VM's RAM + ROMs, VGA */
	uint32_t stall_ms;		/* 0 = KR_PLANE_STALL_MS */
	uint8_t	 n_lanes;		/* 1..KR_PLANE_LANES_MAX, as the peer */
	bool	 multifd;		/* a lane for each of QEMU's channels,
					   the first its main one; as the
					   peer. Fds of QEMU: the source's is
					   listening; at the destination one,
					   or as many as lanes, are connected */
	bool	 resumed;		/* a post-copy that broke goes on; as
					   the peer. Not with multifd */
	bool	 urgent;		/* QEMU has a second channel, for pages
					   that are asked for in post-copy, and
					   the last of several lanes is its; as
					   the peer. Not with multifd. One more
					   connection at the destination */
	bool	 hold;			/* source: another keeps QEMU's socket
					   open, SOCKET gives it away: it is
					   closed and never shut down here.
					   Nothing behind the split is read
					   before GO, so that QEMU is not done
					   while it may be undone */
	uint32_t recall_mib;		/* pages both ends remember, as the
					   peer; 0 = none */
	char	 suite[40];		/* TLS 1.3 suite, "" = the default;
					   the same on both sides */
	uint16_t padding_bytes;		/* TLS records are padded to multiples;
					   0 = not */
	uint32_t rekey_mib;		/* a lane's TLS key is renewed after so
					   many, each way; 0 = the lane's own
					   limit */
	uint32_t cache_slots;		/* of the page cache; 0 = none */
	bool	 cache_keeps;		/* what is sent, or comes; not of a
					   probe */
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
	KR_PLANE_DEVICE,		/* RAM is complete, or post-copy begins */
	KR_PLANE_LATE,			/* post-copy: what is missing */
	KR_PLANE_OPAQUE,		/* carried and hashed, not understood */
	KR_PLANE_DONE,			/* the manifest was made */
	KR_PLANE_PHASE_N
};

struct kr_plane_progress {
	enum kr_plane_phase phase;
	uint64_t from_qemu_bytes, to_qemu_bytes;
	uint64_t wire_sent_bytes, wire_received_bytes;	/* TLS records */
	uint64_t n_key_updates;		/* TLS keys of lanes renewed here */
	uint64_t ram_bytes;		/* declared, 0 = not yet known */
	uint64_t n_pages, n_zero_pages;
	uint32_t rounds;		/* passes over memory, an estimate */
	uint64_t n_same_pages;		/* sent as a reference */
	uint64_t n_delta_pages;		/* sent as a difference */
	uint64_t n_cached_pages;	/* found in the destination's cache */
	uint64_t squeeze_in_bytes, squeeze_out_bytes;	/* compressed */
	uint64_t n_missing_pages;	/* never sent, or discarded since; not
					   known when resumed */
	uint64_t n_late_pages;		/* sent behind the split */
	uint64_t n_urgent_pages;	/* of these, on the urgent channel */
	/* source: read, and not taken at the other end yet; with multifd of
	 * all channels, the longest round trip */
	uint64_t in_flight_bytes, window_bytes, round_trip_us;
	uint8_t	 method;		/* enum kr_squeeze_method, the newest */
	uint64_t verdict_us;		/* destination: from the last byte's
					   arrival to the manifest */
};

/* What there is at the split, whatever came since. */
struct kr_plane_split {
	struct kr_manifest manifest;
	uint64_t	   owed_pages;	/* missing */
};

struct kr_plane_fail {
	enum kr_code kr;
	char	     what[KR_WHAT_BYTES];
};

/* How far a side is when its lanes broke. */
struct kr_plane_position {
	uint64_t main;		/* source: bytes of the return path that QEMU
				   has; destination: first batch it lacks */
	uint64_t urgent;	/* destination: first one of the urgent channel
				   that it lacks; else 0 */
};

struct kr_plane_torn {
	struct kr_plane_position position;
	struct kr_plane_fail	 why;
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
void kr_plane_msg_put_split(struct kr_wr *w, const struct kr_plane_split *m);
int kr_plane_msg_parse_split(struct kr_rd *r, struct kr_plane_split *ret_m,
			     struct kr_err *e);
void kr_plane_msg_put_fail(struct kr_wr *w, const struct kr_err *cause);
int kr_plane_msg_parse_fail(struct kr_rd *r, struct kr_plane_fail *ret_m,
			    struct kr_err *e);
void kr_plane_msg_put_torn(struct kr_wr *w, const struct kr_plane_position *p,
			   const struct kr_err *why);
int kr_plane_msg_parse_torn(struct kr_rd *r, struct kr_plane_torn *ret_m,
			    struct kr_err *e);
/** MEND's body: the peer's position. */
void kr_plane_msg_put_mend(struct kr_wr *w, const struct kr_plane_position *p);
int kr_plane_msg_parse_mend(struct kr_rd *r, struct kr_plane_position *ret_p,
			    struct kr_err *e);

#endif
