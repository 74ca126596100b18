/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - a migration's durable side: its row, what it means for the VM's
 * row, and its entries in the evidence log, all in one transaction a step.
 */
#ifndef KR_DAEMON_RECORD_H
#define KR_DAEMON_RECORD_H

#include "daemon/migration.h"

/** kr_record_step() - Make "in state @to because of @ev" durable. */
int kr_record_step(struct kr_mig *m, enum kr_state to, enum kr_event ev,
		   struct kr_err *e);

/** kr_record_event() - What happened in between, for the evidence log. */
int kr_record_event(struct kr_mig *m, const char *event, json_t *d,
		    struct kr_err *e);

/** kr_record_finish() - Write the receipt file, then mark the row finished. */
int kr_record_finish(struct kr_mig *m, struct kr_err *e);

/**
 * kr_record_ours() - Is the process found here this migration's to touch?
 * @st: KR_S_UNDONE: to run it; KR_S_DONE, KR_T_UNDONE: to end it
 *
 * An old migration taken up after a restart must not run or end a VM that a
 * later one has moved away or brought here.
 */
bool kr_record_ours(const struct kr_mig *m, enum kr_state st);

/** kr_record_load() - Read a migration back; listed, NULL if unknown. */
struct kr_mig *kr_record_load(struct kr_host *h, const uint8_t id[16],
			      struct kr_err *e);

/** kr_record_def() - The VM that a row is about, as it was then. */
int kr_record_def(const struct kr_migrow *row, struct kr_vmdef *ret_d,
		  struct kr_err *e);

/** kr_record_terms() - Likewise, with what was agreed. */
int kr_record_terms(const struct kr_migrow *row, struct kr_terms *ret_t,
		    struct kr_vmdef *ret_d, struct kr_err *e);

/** kr_record_receipt_path() - ROOT/var/lib/korora/receipts/ID.json. */
void kr_record_receipt_path(const struct kr_host *h, const uint8_t id[16],
			    char *out, size_t size);

#endif
