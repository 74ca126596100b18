/* SPDX-License-Identifier: Apache-2.0 */
/* broken.h - the rules broken in every way, one at a time. For explore. */
#ifndef KR_MODEL_BROKEN_H
#define KR_MODEL_BROKEN_H

#include <stdbool.h>

/**
 * kr_broken_all_told() - Does some universe tell of every break?
 *
 * Explores the whole rules first: each must say yes somewhere, and each
 * condition decide somewhere. Prints what it does.
 */
bool kr_broken_all_told(void);

#endif
