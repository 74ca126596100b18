/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpevent.h - QEMU's events: they are passed on as they are read, and the
 * agent learns from them what QEMU is doing.
 */
#ifndef KR_QMPEVENT_H
#define KR_QMPEVENT_H

#include "hyper/qmpagent.h"

/** kr_qmpevent() - Of struct kr_qmp; @arg is the agent. */
void kr_qmpevent(void *arg, const struct kr_qmpline_msg *m);

/** kr_qmpevent_look() - Of @look: ask if the VM can run. */
void kr_qmpevent_look(void *arg);

#endif
