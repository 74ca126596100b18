/* SPDX-License-Identifier: Apache-2.0 */
/* keptreference.h - the reference values that kororad keeps. */
#ifndef KR_CLIENT_KEPTREFERENCE_H
#define KR_CLIENT_KEPTREFERENCE_H

#include "client/cli.h"

/** kr_keptreference_show() - Those of that name. Return: the exit code. */
int kr_keptreference_show(struct kr_cli *c, const char *name);

#endif
