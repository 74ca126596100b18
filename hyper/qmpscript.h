/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpscript.h - each command of kororad's as QMP commands, and our own.
 */
#ifndef KR_QMPSCRIPT_H
#define KR_QMPSCRIPT_H

#include "hyper/qmpagent.h"

#define KR_QMPSCRIPT_OPEN_ASKS	3	/* steps of OPEN before it asks */

/**
 * kr_qmpscript_step() - Do step @step of the command under way
 *
 * Return: 0, an answer will come, or @calm; 1, the command is complete; < 0, it failed.
 */
int kr_qmpscript_step(struct kr_qmpagent *a, struct kr_err *e);

/**
 * kr_qmpscript_tear() - CANCEL was refused: tear the post-copy instead?
 *
 * Return: that is being done.
 */
bool kr_qmpscript_tear(struct kr_qmpagent *a);

#endif
