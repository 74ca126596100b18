/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - one control session: TLS 1.3 with both sides authenticated,
 * ALPN korora/1, frames inside, heartbeats, deadlines. Lives in a link agent;
 * single-threaded, never blocks (but for its questions to kororad).
 */
#ifndef KR_WIRE_SESSION_H
#define KR_WIRE_SESSION_H

#include "base/err.h"
#include "base/loop.h"
#include "wire/frame.h"
#include "wire/linkmsg.h"

/* 1 knew neither the messages about logs nor policies that are proved: who
 * speaks no other would be a way around both (PROTOCOL.wire.md, 4.1). */
#define KR_WIRE_VERSION_MIN	2u
#define KR_WIRE_VERSION_MAX	4u
/* From this one on terms may say what was predicted by (kr_linkup, version). */
#define KR_WIRE_VERSION_BASIS	3u
/* From this one on TPMs' keys are asked for. */
#define KR_WIRE_VERSION_TPM	4u
#define KR_WIRE_ALPN		"\x08korora/1"
#define KR_SESSION_OUT_MAX	(8u * KR_FRAME_BYTES_MAX)

struct kr_session;

struct kr_session_ops {
	int  (*who)(void *arg, const uint8_t keyid[32], const char *name,
		    struct kr_linkknown *ret, struct kr_err *e);
	/** Was this ClientHello random met before? 0 no, 1 yes, < 0. */
	int  (*seen)(void *arg, const uint8_t random[32], struct kr_err *e);
	/** Hello is over. */
	void (*up)(void *arg, const struct kr_linkup *u);
	/** A message that parses; body borrowed. */
	void (*msg)(void *arg, uint16_t type, const uint8_t *body, size_t n);
	/** The end, once; the session is dead and still to be freed. */
	void (*down)(void *arg, const struct kr_err *e);
};

/**
 * kr_session_new() - Begin the handshake
 * @fd: connected TCP socket, owned from here on
 * @s:  what kororad said; borrowed for the session's life
 */
int kr_session_new(struct kr_loop *l, int fd, const struct kr_linkstart *s,
		   const struct kr_session_ops *ops, void *arg,
		   struct kr_session **ret, struct kr_err *e);

/** kr_session_send() - Queue one message; KR_E_LIMIT if the peer stalls. */
int kr_session_send(struct kr_session *s, uint16_t type, const uint8_t *body,
		    size_t n_bytes, struct kr_err *e);

/** kr_session_lane_key() - Derive a lane's key from the session's secret. */
int kr_session_lane_key(struct kr_session *s, struct kr_lanekey *k,
			struct kr_err *e);

/** kr_session_bye() - Say why, end TLS properly, close. */
void kr_session_bye(struct kr_session *s, const struct kr_err *e);
/**
 * kr_session_linger() - Let the last words reach the peer
 *
 * Closing a socket with unread bytes resets the connection and may destroy
 * the alert that was just sent. Blocks for at most KR_SESSION_LINGER_MS.
 */
#define KR_SESSION_LINGER_MS	500u
void kr_session_linger(struct kr_session *s);
void kr_session_free(struct kr_session *s);

#endif
