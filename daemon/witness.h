/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness.h - two hosts vouch for each other's evidence logs: before each
 * offer, and once more when a migration is done, each shows the other its
 * newest checkpoint and that it grew from the one the other saw last, and
 * gets it cosigned. Who forked its log or rolled it back cannot; the
 * migration does not begin then, and what it signed is in the other's log.
 * With its log each shows the entry of the policy that it decides by.
 */
#ifndef KR_DAEMON_WITNESS_H
#define KR_DAEMON_WITNESS_H

#include "daemon/migration.h"

/**
 * kr_witness_begin() - S: show this host's log, and ask for the peer's
 *
 * In KR_S_OFFER kr_source_ready() follows once each is vouched for, or the
 * migration fails; in any other state nothing does.
 */
int kr_witness_begin(struct kr_mig *m, struct kr_err *e);

/**
 * kr_witness_message() - LOG_SEEN, LOG_HEAD or LOG_COSIGN came
 *
 * What this host itself is to blame for ends the migration that it was said
 * for, here or there, not the session. Return: 0, with @e if there was such a
 * thing; < 0 for what the peer did.
 */
int kr_witness_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
		       struct kr_err *e);

/**
 * kr_witness_shown() - T: did both show their logs for this offer?
 *
 * Return: 0, once; KR_E_UNEXPECTED; KR_E_POLICY_CHANGED if this host does not
 *         decide any more by the policy that it showed.
 */
int kr_witness_shown(struct kr_link *l, const uint8_t migration[16],
		     struct kr_err *e);

#endif
