/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judgeway.h - the criteria about the hosts and what is between them, one
 * function each: what it finds is added to a judgement that begins as "asked
 * for, cannot be told".
 */
#ifndef KR_CLIENT_JUDGEWAY_H
#define KR_CLIENT_JUDGEWAY_H

#include "client/judge.h"

void kr_judgeway_authentication(const json_t *file, struct kr_judgement *j);
void kr_judgeway_authorisation(const json_t *file, struct kr_judgement *j);
void kr_judgeway_policy(const json_t *file, struct kr_judgement *j);
void kr_judgeway_confidentiality(const json_t *file, struct kr_judgement *j);
void kr_judgeway_tamper(const json_t *file, struct kr_judgement *j);
void kr_judgeway_replay(const json_t *file, struct kr_judgement *j);

#endif
