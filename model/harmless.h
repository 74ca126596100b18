/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harmless.h - calls that reach nothing beyond the process' own memory, its own
 * limits and the descriptors that it has: libc's and the libraries' by name,
 * "*" at one end for all that begin or end so. What is neither here nor in a
 * row of actsrow.c fails the build, so that a call that nobody thought of does.
 */
#ifndef KR_MODEL_HARMLESS_H
#define KR_MODEL_HARMLESS_H

#include <stdbool.h>

/** kr_like() - Is @name meant by @pattern, with '*' at one end or without? */
bool kr_like(const char *pattern, const char *name);

bool kr_harmless(const char *name);

#endif
