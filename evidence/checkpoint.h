/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.h - a log's size and root, signed: a C2SP tlog-checkpoint in a
 * C2SP signed note. Signatures are type 0x02, ECDSA P-256 with SHA-256 over
 * the note's text, and the key's 4-byte id begins its key id. A peer that has
 * seen that a log only grew cosigns its checkpoint: one more signature line.
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
 * kr_checkpoint_vouch() - Sign the text of a checkpoint, of any host's log
 * kr_checkpoint_check() - Did @k sign it?
 * @sig: KR_SIG_BYTES_MAX bytes, or from anyone
 *
 * Return: 0; KR_E_SIGNATURE.
 */
int kr_checkpoint_vouch(const struct kr_identity *id,
			const struct kr_checkpoint *c, uint8_t *ret_sig,
			size_t *ret_sig_bytes, struct kr_err *e);
int kr_checkpoint_check(const struct kr_checkpoint *c,
			const struct kr_pubkey *k, const uint8_t *sig,
			size_t sig_bytes, struct kr_err *e);

/**
 * kr_checkpoint_line() - Such a signature as a line of the note
 * @name: the signer's
 * @out:  KR_CHECKPOINT_LINE_MAX bytes; with its newline
 *
 * kr_checkpoint_note() - The note with that of the log's own host
 * @out:  KR_CHECKPOINT_NOTE_MAX bytes
 */
void kr_checkpoint_line(const char *name, const uint8_t keyid[32],
			const uint8_t *sig, size_t sig_bytes, char *out);
void kr_checkpoint_note(const struct kr_checkpoint *c, const uint8_t keyid[32],
			const uint8_t *sig, size_t sig_bytes, char *out);

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

/** kr_checkpoint_cosigned() - Did @k sign it as @name? As above. */
int kr_checkpoint_cosigned(const char *note, const struct kr_pubkey *k,
			   const char *name, struct kr_err *e);

#endif
