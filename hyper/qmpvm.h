/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpvm.h - QEMU's words in the adapters' terms: states, statistics, times
 * and texts. Pure functions over parsed JSON, used by korora-qmp.
 */
#ifndef KR_QMPVM_H
#define KR_QMPVM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "hyper/hyper_msg.h"

#define KR_QMPVM_TEXT_BYTES	160	/* of a text by QEMU, NUL included */

/** kr_qmpvm_run() - A status of query-status; unknown ones are faulty. */
enum kr_hyper_run kr_qmpvm_run(const char *status);

/** kr_qmpvm_mig() - A status of MIGRATION or query-migrate; NULL is none. */
enum kr_hyper_mig kr_qmpvm_mig(const char *status);

/** kr_qmpvm_stats() - Fill in all but run from a query-migrate answer. */
void kr_qmpvm_stats(json_t *answer, struct kr_hyper_status *ret_s);

/** kr_qmpvm_version() - "7.2.22" from the greeting, "?" if it is odd. */
void kr_qmpvm_version(json_t *greeting, char out[64]);

/**
 * kr_qmpvm_when() - When an event happened, on the monotonic clock
 * @wall_us: QEMU's time stamp, 0 = none
 *
 * QEMU stamps by the wall clock. A stamp from the future or more than a
 * second old (the clock was set) is not believed: then it is now.
 */
uint64_t kr_qmpvm_when(uint64_t wall_us, uint64_t now_ns, uint64_t now_wall_us);

/** kr_qmpvm_text() - QEMU's text, printable ASCII only, cut to size. */
void kr_qmpvm_text(const char *in, char out[KR_QMPVM_TEXT_BYTES]);

#endif
