/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.h - a lane: one TCP connection between two data-plane agents, sealed
 * with TLS 1.3 from a pre-shared key that the hosts' attested session gave,
 * carrying one stream of bytes each way in numbered frames.
 * Used by plane/worker.c. Non-blocking, on one loop; nothing is allocated after
 * kr_lane_new().
 *
 * Whatever goes wrong ends the lane once, through @fail, with a stable code:
 * KR_E_LANE_FORGED (TLS found a byte that is not the peer's, on either side),
 * KR_E_LANE_LOST (the connection ended before both streams did),
 * KR_E_LANE_STALLED (nothing authentic came for stall_ms), or
 * KR_E_LANE_MALFORMED (authentic, but not the protocol).
 */
#ifndef KR_PLANE_LANE_H
#define KR_PLANE_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "plane/lane_frame.h"

#define KR_LANE_PSK_BYTES	32u
#define KR_LANE_BATCH_BYTES_MAX	KR_LANE_FRAME_PAYLOAD_BYTES_MAX
#define KR_LANE_BATCH_SPARE	2u
#define KR_LANE_ALIVE_MS	1000u	/* a quiet side says so this often */
#define KR_LANE_REPORT_MS	100u	/* one that receives, this often */
#define KR_LANE_REKEY_BYTES	(UINT64_C(1) << 36) /* new TLS key after that */
#define KR_LANE_SUITE		"TLS_AES_256_GCM_SHA384"

struct kr_lane;

struct kr_lane_cfg {
	bool	    server;		/* destination; also picks directions */
	const char *suite;		/* TLS 1.3 name; NULL or "": KR_LANE_SUITE */
	uint32_t    stall_ms;
	uint16_t    padding_bytes;	/* of a TLS record; 0 = none */
	uint64_t    rekey_bytes;	/* 0 = KR_LANE_REKEY_BYTES */
};

/* Called from the loop, and data, end, sent_end from within kr_lane_resume()
 * and kr_lane_end() too. A negative return ends the lane with @e. */
struct kr_lane_ops {
	/** The handshake is done; strings are static or the lane's. */
	void (*up)(void *arg, const char *tls_version, const char *suite);
	/**
	 * The peer's next bytes, 1..KR_LANE_BATCH_BYTES_MAX of them. Return 0,
	 * or KR_LANE_HOLD to keep @p until kr_lane_resume() and receive
	 * nothing more meanwhile.
	 */
	int (*data)(void *arg, const uint8_t *p, size_t n, struct kr_err *e);
	/** The peer's stream ended, completely. */
	int (*end)(void *arg, struct kr_err *e);
	/** kr_lane_batch() has room again. */
	void (*room)(void *arg);
	/** Our stream's end was handed to the kernel. */
	int (*sent_end)(void *arg, struct kr_err *e);
	/** Both streams ended; the connection is closed. */
	void (*done)(void *arg);
	/** It failed, and is closed already. */
	void (*fail)(void *arg, const struct kr_err *e);
};
#define KR_LANE_HOLD	1

/** kr_lane_init() - Set up TLS for this process; before its jail. */
int kr_lane_init(struct kr_err *e);

/**
 * kr_lane_new() - Start the handshake
 * @fd:  a connected socket, owned by the lane from here on, also on failure
 * @psk: borrowed; wipe it afterwards
 */
int kr_lane_new(struct kr_loop *l, int fd, const struct kr_lane_cfg *cfg,
		const uint8_t psk[KR_LANE_PSK_BYTES],
		const struct kr_lane_ops *ops, void *arg,
		struct kr_lane **ret_lane, struct kr_err *e);

/**
 * kr_lane_batch() - Where to put the next KR_LANE_BATCH_BYTES_MAX bytes
 *
 * Return: the lane's memory, until kr_lane_send(); NULL while the lane is not
 *         up, still sends, or has ended: await @room. A sign of life may go
 *         out meanwhile, and takes the first KR_LANE_BATCH_SPARE bytes.
 */
uint8_t *kr_lane_batch(struct kr_lane *l);

/** kr_lane_send() - Send the first @n bytes of the batch. Failure: @fail. */
void kr_lane_send(struct kr_lane *l, size_t n);

/** kr_lane_end() - Our stream is complete; sent after what is under way. */
void kr_lane_end(struct kr_lane *l);

/** kr_lane_resume() - What @data kept is used up; go on receiving. */
void kr_lane_resume(struct kr_lane *l);

/** kr_lane_fd() - Its socket, to look at; -1 once it has ended. */
int kr_lane_fd(const struct kr_lane *l);

/**
 * kr_lane_load() - Who holds whom up
 * @ret_blocked_ns: all the time that this end had bytes the socket did not
 *		    take
 * @ret_peer_waits: permille of its time that the peer waited for bytes of
 *		    ours, as it said last
 */
void kr_lane_load(const struct kr_lane *l, uint64_t *ret_blocked_ns,
		  uint16_t *ret_peer_waits);

/** kr_lane_wire() - Bytes of TLS sent and received so far. */
void kr_lane_wire(const struct kr_lane *l, uint64_t *ret_sent,
		  uint64_t *ret_received);

/** kr_lane_key_updates() - How often this end renewed its TLS key. */
uint64_t kr_lane_key_updates(const struct kr_lane *l);

/**
 * kr_lane_abort() - Close at once, telling the peer @code if that is possible
 *
 * Calls nothing back. A no-op on an ended lane.
 */
void kr_lane_abort(struct kr_lane *l, enum kr_code code);

/** kr_lane_free() - Not from within a callback of the lane's. */
void kr_lane_free(struct kr_lane *l);

#endif
