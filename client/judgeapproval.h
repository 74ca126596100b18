/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judgeapproval.h - the criterion of approvals: as many as were asked for, by
 * others than who asked, for this migration and no other. As those of
 * judgeway.h.
 */
#ifndef KR_CLIENT_JUDGEAPPROVAL_H
#define KR_CLIENT_JUDGEAPPROVAL_H

#include "client/judge.h"

void kr_judgeapproval(const json_t *file, struct kr_judgement *j);

#endif
