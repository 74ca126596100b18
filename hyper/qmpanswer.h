/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpanswer.h - what QEMU's answers tell of it, for the command under way.
 */
#ifndef KR_QMPANSWER_H
#define KR_QMPANSWER_H

#include "hyper/qmpagent.h"

/** kr_qmpanswer_keep() - What is to be known, and said to kororad. */
void kr_qmpanswer_keep(struct kr_qmpagent *a, json_t *body);

/** kr_qmpanswer_broke() - KR_QMP_WHY: why it did. */
void kr_qmpanswer_broke(struct kr_qmpagent *a, json_t *body);

/** kr_qmpanswer_looked() - KR_QMP_LOOK: can the VM run now? */
void kr_qmpanswer_looked(struct kr_qmpagent *a, json_t *body);

#endif
