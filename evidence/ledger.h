/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - the evidence log of this host: append-only, one JSON record per
 * entry, a Merkle tree over all of them, and a checkpoint signed by the host's
 * identity for every size the log ever had. Entries and checkpoints are
 * written in the caller's transaction, together with the state they tell of.
 *
 * The last checkpoint is also copied to a file beside the database, so that
 * cutting off the database's end shows. What peers cosigned (daemon/witness.h)
 * and their receipts make it show even when this host forges both.
 */
#ifndef KR_EVIDENCE_LEDGER_H
#define KR_EVIDENCE_LEDGER_H

#include <jansson.h>

#include "evidence/checkpoint.h"
#include "evidence/merkle.h"
#include "store/logrow.h"
#include "store/store.h"

#define KR_LEDGER_FILE_SUFFIX	".checkpoint"	/* after the store's path */
#define KR_LEDGER_EVENT_BYTES	64u		/* of a name, with its NUL */

struct kr_ledger;

/**
 * kr_ledger_open() - Read the log and check it against its checkpoints
 * @s, @id: borrowed until kr_ledger_free(); the ledger listens to the ends of
 *          the store's transactions (kr_store_on_end())
 *
 * Return: 0; KR_E_LOG_BROKEN if the log is not what was signed last; run
 *         kr_ledgercheck_run() to find out where.
 */
int kr_ledger_open(struct kr_store *s, const struct kr_identity *id,
		   struct kr_ledger **ret_l, struct kr_err *e);

/**
 * kr_ledger_append() - Add one entry, in the store's open transaction
 * @event:     "migration.release", say; printable ASCII
 * @migration: 16 bytes, or NULL
 * @detail:    JSON object, borrowed; NULL for {}
 * @envelope:  a DSSE envelope's text, or NULL
 *
 * On failure, roll the transaction back. What was appended in a transaction
 * that is rolled back is forgotten here too.
 */
int kr_ledger_append(struct kr_ledger *l, const char *event,
		     const uint8_t *migration, json_t *detail,
		     const char *envelope, struct kr_err *e);

/** kr_ledger_head() - Size and root, uncommitted entries included. */
void kr_ledger_head(const struct kr_ledger *l, uint64_t *ret_size,
		    uint8_t ret_root[32]);

/**
 * kr_ledger_note() - The signed checkpoint of that head
 * @out: KR_CHECKPOINT_NOTE_MAX bytes; NUL-terminated
 */
int kr_ledger_note(const struct kr_ledger *l, char *out, struct kr_err *e);

/**
 * kr_ledger_defer() - Leave the file to kr_ledger_publish() from now on
 * kr_ledger_publish() - Replace it if commits came since; says whether
 *
 * The file is a copy for after the fact; a guest does not wait for it. One
 * that could not be written is still due.
 */
void kr_ledger_defer(struct kr_ledger *l);
bool kr_ledger_publish(struct kr_ledger *l);

/** kr_ledger_free() - Make the file durable and let go of the store. */
void kr_ledger_free(struct kr_ledger *l);

static inline void kr_ledger_autofree(struct kr_ledger **l)
{
	kr_ledger_free(*l);
}

#endif
