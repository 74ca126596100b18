/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlserr.h - the TLS library's reasons as stable codes, so that a user can
 * tell a stranger from an expired certificate from a flipped bit.
 */
#ifndef KR_WIRE_TLSERR_H
#define KR_WIRE_TLSERR_H

#include <stdbool.h>

#include "base/err.h"

/**
 * kr_tlserr_take() - Turn the oldest queued OpenSSL error into a cause
 * @proved: the handshake is over: whatever fails to open now was altered
 *
 * Return: the code's negative errno; the OpenSSL queue is empty afterwards.
 */
int kr_tlserr_take(bool proved, struct kr_err *e);

#endif
