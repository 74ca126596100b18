/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_tls.h - TLS 1.3 as lanes use it, and nothing more of it: an external
 * pre-shared key with ephemeral Diffie-Hellman, one suite, no certificates,
 * no tickets, no early data. Used by plane/lane.c only.
 */
#ifndef KR_PLANE_LANE_TLS_H
#define KR_PLANE_LANE_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define KR_LANE_TLS_ALPN	"korora-lane/1"
#define KR_LANE_TLS_IDENTITY	"korora-lane"

/** kr_lane_tls_init() - The process's TLS context; before the jail. */
int kr_lane_tls_init(struct kr_err *e);

/**
 * kr_lane_tls_new() - One connection over @fd, which stays the caller's
 * @suite: a TLS 1.3 suite's name, KR_E_CONFIG for any other
 * @psk:   32 bytes, copied
 */
int kr_lane_tls_new(int fd, bool server, const char *suite,
		    const uint8_t *psk, SSL **ret_ssl, struct kr_err *e);

/** kr_lane_tls_check() - After the handshake: is it what we insist on? */
int kr_lane_tls_check(SSL *ssl, struct kr_err *e);

/**
 * kr_lane_tls_outcome() - What a call that returned @r <= 0 means
 * @ret_write: set if the socket must become writable, else untouched
 *
 * Call ERR_clear_error() before the call that is judged here.
 * Return: 0 if it is only to be repeated; < 0 with KR_E_LANE_FORGED or
 *         KR_E_LANE_LOST.
 */
int kr_lane_tls_outcome(SSL *ssl, int r, bool *ret_write, struct kr_err *e);

/** kr_lane_tls_free() - NULL is fine. */
void kr_lane_tls_free(SSL *ssl);

#endif
