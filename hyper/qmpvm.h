/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpvm.h - QEMU's words in the adapters' terms: states, statistics, times
 * and texts, and how it is set up. Pure functions, used by korora-qmp.
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

/** kr_qmpvm_in_postcopy() - Does it go by on demand, or would it? */
bool kr_qmpvm_in_postcopy(enum kr_hyper_mig mig);

/**
 * kr_qmpvm_capabilities() - SETUP's, as migrate-set-capabilities takes them
 *
 * All of them are said either way: nothing is left of what came before.
 * @has_preempt: QEMU has that one
 */
json_t *kr_qmpvm_capabilities(const struct kr_hyper_setup *s,
			      bool has_preempt);

/** kr_qmpvm_has_preempt() - From query-migrate-capabilities. */
bool kr_qmpvm_has_preempt(json_t *answer);

/** kr_qmpvm_parameters() - The same for migrate-set-parameters. */
json_t *kr_qmpvm_parameters(const struct kr_hyper_setup *s);

/** kr_qmpvm_downtime() - A downtime limit that QEMU takes. */
json_int_t kr_qmpvm_downtime(uint32_t ms);

/** kr_qmpvm_stats() - From query-migrate: all but run and sampled. */
void kr_qmpvm_stats(json_t *answer, struct kr_hyper_status *ret_s);

/** kr_qmpvm_dirty() - From query-dirty-rate: what begins with sampled. */
void kr_qmpvm_dirty(json_t *answer, struct kr_hyper_status *ret_s);

/** kr_qmpvm_oob() - Does the greeting offer commands out of band? */
bool kr_qmpvm_oob(json_t *greeting);

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
