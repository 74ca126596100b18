/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foretell.h - what a migration will take, said before it begins, from what is
 * known by then: nothing is measured for it, no file of a size that grows with
 * the VM is read. In order: a plan (plan.h); the store's migrations that are
 * over; the process and the link.
 */
#ifndef KR_DAEMON_FORETELL_H
#define KR_DAEMON_FORETELL_H

#include "daemon/migration.h"

/**
 * kr_foretell() - Put what is predicted for @m, and by what, into its terms
 *
 * At the source, with a session, before the offer is signed. A peer that does
 * not know what predictions are based on is told a plan's alone.
 */
void kr_foretell(struct kr_mig *m);

#endif
