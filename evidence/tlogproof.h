/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlogproof.h - a proof about a log as a text that needs no host to check it,
 * in C2SP's published forms: that an entry is in it, a tlog-proof whose extra
 * line is the entry's record; that it grew from an earlier one, the body of
 * tlog-witness' add-checkpoint. Both end with a signed checkpoint. Made by
 * kororad, checked by the client.
 */
#ifndef KR_EVIDENCE_TLOGPROOF_H
#define KR_EVIDENCE_TLOGPROOF_H

#include <jansson.h>

#include "evidence/checkpoint.h"
#include "evidence/proof.h"
#include "store/logrow.h"

#define KR_TLOGPROOF_BYTES_MAX	196608u	/* of a text, with its NUL */

struct kr_tlogproof {
	bool	 growth;	/* of the log; else of an entry */
	uint64_t at;		/* entries of the earlier log; index */
	struct kr_proof proof;
	uint8_t	*record;	/* the entry, for free(); NULL: not told */
	size_t	 n_record;
	char	 note[KR_CHECKPOINT_NOTE_MAX];
};

/** kr_tlogproof_put() - Write it; @ret_text is for free(). */
int kr_tlogproof_put(const struct kr_tlogproof *p, char **ret_text,
		     struct kr_err *e);

/**
 * kr_tlogproof_parse() - Read one without believing it
 * @text: NUL-terminated, from anyone
 *
 * Return: 0, then kr_tlogproof_fini() it; KR_E_PROOF_BAD.
 */
int kr_tlogproof_parse(const char *text, struct kr_tlogproof *ret_p,
		       struct kr_err *e);

/**
 * kr_tlogproof_check() - Does it show what it says, of the checkpoint in it?
 * @earlier: of growth, the root of what it grew from; else not looked at
 *
 * Whose checkpoint it is, and who signed it, is the caller's to check.
 *
 * Return: 0; KR_E_PROOF_BAD.
 */
int kr_tlogproof_check(const struct kr_tlogproof *p, const uint8_t earlier[32],
		       struct kr_err *e);

/**
 * kr_tlogproof_entry() - The entry that it shows to be in that log
 * @ret: for json_decref(); says itself that it is of that log, at that place
 *
 * Return: 0; KR_E_PROOF_BAD, also if it is of growth.
 */
int kr_tlogproof_entry(const struct kr_tlogproof *p, json_t **ret,
		       struct kr_err *e);

void kr_tlogproof_fini(struct kr_tlogproof *p);

#endif
