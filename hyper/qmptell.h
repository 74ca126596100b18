/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmptell.h - what korora-qmp says to kororad. Between QEMU's STOP at the
 * switch-over and the RUN every millisecond is downtime, so it is said as soon
 * as it is known. If it cannot be said the agent ends.
 */
#ifndef KR_QMPTELL_H
#define KR_QMPTELL_H

#include "hyper/qmpagent.h"

/** kr_qmptell() - READY or STATUS. */
void kr_qmptell(struct kr_qmpagent *a, uint16_t type, const struct kr_wr *w);

void kr_qmptell_event(struct kr_qmpagent *a, enum kr_hyper_what what,
		      uint64_t at_ns, uint16_t kr, const char *reason);

/** kr_qmptell_done() - The command under way is done, though not its script. */
void kr_qmptell_done(struct kr_qmpagent *a);

void kr_qmptell_fail(struct kr_qmpagent *a, const struct kr_qmpcommand *c,
		     const struct kr_err *e);

/** kr_qmptell_broken() - The migration is; @why: QEMU's words, or NULL. */
void kr_qmptell_broken(struct kr_qmpagent *a, const char *why);

#endif
