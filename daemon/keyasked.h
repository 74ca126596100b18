/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyasked.h - a peer asks for this host's attestation key: its TPM says what
 * it is known by, and opens what was made for that. For peerkey.c.
 */
#ifndef KR_DAEMON_KEYASKED_H
#define KR_DAEMON_KEYASKED_H

#include "daemon/link.h"

/**
 * kr_keyasked_message() - TPM_ASK or TPM_CREDENTIAL came
 *
 * One question at a time: whoever asks meanwhile is refused, so that no peer
 * keeps the TPM, or this host's processes, to itself. Return: 0; < 0.
 */
int kr_keyasked_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
			struct kr_err *e);

void kr_keyasked_link_down(struct kr_link *l);

#endif
