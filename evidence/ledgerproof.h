/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledgerproof.h - proofs about this host's log, from what the store has of it:
 * each reads at most twice as many rows as the tree has levels. Runs in
 * kororad. A store that was altered gives no proof rather than a wrong one.
 */
#ifndef KR_EVIDENCE_LEDGERPROOF_H
#define KR_EVIDENCE_LEDGERPROOF_H

#include "evidence/checkpoint.h"
#include "evidence/proof.h"
#include "store/store.h"

/**
 * kr_ledgerproof_leaf() - Entry @idx is among the first @size
 * kr_ledgerproof_growth() - The first @size entries begin with the first @from
 *
 * Return: 0; KR_E_LIMIT if there are not so many; KR_E_LOG_BROKEN.
 */
int kr_ledgerproof_leaf(struct kr_store *s, uint64_t idx, uint64_t size,
			struct kr_proof *ret_p, struct kr_err *e);
int kr_ledgerproof_growth(struct kr_store *s, uint64_t from, uint64_t size,
			  struct kr_proof *ret_p, struct kr_err *e);

/** kr_ledgerproof_root() - The root of the first @size entries, as signed. */
int kr_ledgerproof_root(struct kr_store *s, uint64_t size, uint8_t ret[32],
			struct kr_err *e);

/**
 * kr_ledgerproof_note() - The checkpoint that says most of @min entries or more
 * @note: KR_CHECKPOINT_NOTE_MAX bytes
 *
 * The newest that a peer cosigned, with all cosignatures of it; without one
 * the newest there is.
 *
 * Return: 0; KR_E_LIMIT if there are not so many.
 */
int kr_ledgerproof_note(struct kr_store *s, uint64_t min, uint64_t *ret_size,
			char *note, struct kr_err *e);

#endif
