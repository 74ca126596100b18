/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledgercheck.h - reading a log as if someone had altered it: every entry,
 * every checkpoint and every receipt is held against every other, and the
 * first thing that does not fit is named. Needs the store, read-only, and the
 * host's public key; nothing is believed because the database says so.
 */
#ifndef KR_EVIDENCE_LEDGERCHECK_H
#define KR_EVIDENCE_LEDGERCHECK_H

#include "evidence/ledger.h"

struct kr_ledgercheck {
	uint64_t size;		/* entries, all of them good */
	uint8_t	 root[32];
	uint64_t n_receipts;	/* whose log heads were found here */
};

/**
 * kr_ledgercheck_run() - Verify the whole log
 * @s:    the store, in no transaction or in one
 * @k:    the public key of the host whose log it is
 * @host: its name
 *
 * Found are: an entry that was edited, inserted, removed or moved; an end
 * that was cut off, even with its checkpoints, as long as the checkpoint file
 * or one receipt is left; a checkpoint or a receipt that tells another story;
 * an entry that is not found by its migration, or by another's.
 *
 * Return: 0; KR_E_LOG_BROKEN, "entry 17 …".
 */
int kr_ledgercheck_run(struct kr_store *s, const struct kr_pubkey *k,
		       const char *host, struct kr_ledgercheck *ret_c,
		       struct kr_err *e);

/**
 * kr_ledgercheck_of() - A migration's entries, the newest first
 * @fn: as for kr_logrow_each()
 *
 * Each that is found names that migration. That none is missing is for
 * kr_ledgercheck_run() to tell. Return: as kr_logrow_of(); KR_E_LOG_BROKEN.
 */
int kr_ledgercheck_of(struct kr_store *s, const uint8_t migration[16],
		      int (*fn)(void *arg, uint64_t idx, const uint8_t *leaf,
				size_t n_bytes, struct kr_err *e),
		      void *arg, struct kr_err *e);

#endif
