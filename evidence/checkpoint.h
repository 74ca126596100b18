/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.h - a log's size and root, signed: a C2SP tlog-checkpoint in a
 * C2SP signed note. Signatures are type 0x02, ECDSA P-256 with SHA-256 over
 * the note's text, and the key's 4-byte id begins its key id. A peer vouches
 * for having seen a checkpoint with one more signature line of its own.
 */
#ifndef KR_EVIDENCE_CHECKPOINT_H
#define KR_EVIDENCE_CHECKPOINT_H

#include "evidence/identity.h"

#define KR_CHECKPOINT_NOTE_MAX	4096u	/* bytes of a note, with its NUL */
#define KR_CHECKPOINT_LINE_MAX	320u	/* of one signature line, with its NUL */
#define KR_CHECKPOINT_SIGS_MAX	16u	/* lines looked at */

struct kr_checkpoint {
	char	 host[KR_IDENTITY_NAME_BYTES];	/* origin is korora/HOST */
	uint64_t size;				/* leaves */
	uint8_t	 root[32];
};

/**
 * kr_checkpoint_sign() - Make the note of this host's log
 * @out: KR_CHECKPOINT_NOTE_MAX bytes; NUL-terminated
 */
int kr_checkpoint_sign(const struct kr_identity *id, uint64_t size,
		       const uint8_t root[32], char *out, struct kr_err *e);

/**
 * kr_checkpoint_parse() - Read a note without believing it
 * @note: NUL-terminated, from anyone
 *
 * Return: 0; KR_E_MALFORMED.
 */
int kr_checkpoint_parse(const char *note, struct kr_checkpoint *ret_c,
			struct kr_err *e);

/**
 * kr_checkpoint_verify() - Is it @host's checkpoint, signed by @k?
 *
 * Other hosts' signature lines are ignored.
 * Return: 0; KR_E_MALFORMED; KR_E_SIGNATURE.
 */
int kr_checkpoint_verify(const char *note, const struct kr_pubkey *k,
			 const char *host, struct kr_checkpoint *ret_c,
			 struct kr_err *e);

#endif
