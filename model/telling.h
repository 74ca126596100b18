/* SPDX-License-Identifier: Apache-2.0 */
/* telling.h - explorations and rules in words, on standard output. */
#ifndef KR_MODEL_TELLING_H
#define KR_MODEL_TELLING_H

#include "model/exploration.h"

/** kr_telling_size() - One line: what was explored, how much, how long. */
void kr_telling_size(const struct kr_exploration *x);

/** kr_telling_path() - Each request to the goal, its rule and answer, and the
 * state that the last one was asked in or led to. */
void kr_telling_path(const struct kr_exploration *x);

/** kr_telling_rules() - Rules and conditions, as ARCHITECTURE.md has them. */
void kr_telling_rules(const struct kr_rules *w);

#endif
