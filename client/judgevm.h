/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judgevm.h - the criteria about the VM and what is left of its migration, one
 * function each; as judgeway.h.
 */
#ifndef KR_CLIENT_JUDGEVM_H
#define KR_CLIENT_JUDGEVM_H

#include "client/judge.h"

void kr_judgevm_definition(const json_t *file, struct kr_judgement *j);
void kr_judgevm_memory(const json_t *file, struct kr_judgement *j);
void kr_judgevm_devices(const json_t *file, struct kr_judgement *j);
void kr_judgevm_ownership(const json_t *file, struct kr_judgement *j);
void kr_judgevm_nonrepudiation(const json_t *file, struct kr_judgement *j);
void kr_judgevm_log(const json_t *file, struct kr_judgement *j);
void kr_judgevm_prediction(const json_t *file, struct kr_judgement *j);

#endif
