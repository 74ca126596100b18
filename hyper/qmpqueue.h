/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpqueue.h - korora-qmp's commands, worked off in order: each is a script
 * whose next step follows on QEMU's answer, and kororad is told how it ended.
 */
#ifndef KR_QMPQUEUE_H
#define KR_QMPQUEUE_H

#include "hyper/qmpagent.h"

/** kr_qmpqueue_own() - Nobody sent it: nobody is answered. */
bool kr_qmpqueue_own(const struct kr_qmpcommand *c);

/** kr_qmpqueue_insert() - One of our own, before whatever waits, once. */
void kr_qmpqueue_insert(struct kr_qmpagent *a, uint16_t type);

/** kr_qmpqueue_next() - Start, as far as it goes without an answer. */
void kr_qmpqueue_next(struct kr_qmpagent *a);

/* Of struct kr_qmp, and of @calm and @urge; @arg is the agent. */
void kr_qmpqueue_answer(void *arg, json_t *body);
void kr_qmpqueue_failed(void *arg, const struct kr_err *e);
void kr_qmpqueue_lost(void *arg, const struct kr_err *e);
void kr_qmpqueue_calm(void *arg);
void kr_qmpqueue_urge(void *arg);

#endif
