/* SPDX-License-Identifier: Apache-2.0 */
/* deviations.h - what is wrong with a host's word, as checks: for doctor. */
#ifndef KR_DAEMON_DEVIATIONS_H
#define KR_DAEMON_DEVIATIONS_H

#include "attest/appraise.h"
#include "wire/peermsg.h"

/** kr_deviations_tell() - A check for each, PCR by PCR and event by event; if
 * there are none, one that says by what it was judged. */
void kr_deviations_tell(const struct kr_appraisal *a, struct kr_checks *ret);

/** kr_deviations_fail() - One check: it could not be judged, and why. */
void kr_deviations_fail(const struct kr_err *why, struct kr_checks *ret);

/** kr_deviations_fine() - One check: nothing is wrong, in words. */
void kr_deviations_fine(const char *message, struct kr_checks *ret);

#endif
