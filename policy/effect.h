/* SPDX-License-Identifier: Apache-2.0 */
/* effect.h - the next state after a yes, in place; see rules.c. */
#ifndef KR_POLICY_EFFECT_H
#define KR_POLICY_EFFECT_H

#include "policy/rules.h"

void kr_effect_get(struct kr_system *t, const struct kr_ask *q);
void kr_effect_release(struct kr_system *t, const struct kr_ask *q);
void kr_effect_give(struct kr_system *t, const struct kr_ask *q);
void kr_effect_rescind(struct kr_system *t, const struct kr_ask *q);
void kr_effect_create(struct kr_system *t, const struct kr_ask *q);
void kr_effect_delete(struct kr_system *t, const struct kr_ask *q);
void kr_effect_subject_level(struct kr_system *t, const struct kr_ask *q);
void kr_effect_object_level(struct kr_system *t, const struct kr_ask *q);
void kr_effect_offer(struct kr_system *t, const struct kr_ask *q);
void kr_effect_accept(struct kr_system *t, const struct kr_ask *q);
void kr_effect_transfer(struct kr_system *t, const struct kr_ask *q);
void kr_effect_freeze(struct kr_system *t, const struct kr_ask *q);
void kr_effect_release_ownership(struct kr_system *t, const struct kr_ask *q);
void kr_effect_own(struct kr_system *t, const struct kr_ask *q);
void kr_effect_destroy(struct kr_system *t, const struct kr_ask *q);
void kr_effect_undo(struct kr_system *t, const struct kr_ask *q);
void kr_effect_disown(struct kr_system *t, const struct kr_ask *q);

#endif
