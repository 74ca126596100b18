/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns.h - what must be done in the streams' order: one ticket after the
 * other, whichever lane has it. Used by plane/send.c and plane/receive.c, on
 * every lane's thread.
 */
#ifndef KR_PLANE_TURNS_H
#define KR_PLANE_TURNS_H

#include <stdint.h>

#include "base/err.h"

struct kr_flow;

enum kr_turn { KR_TURN_MEND, KR_TURN_GIVE, KR_TURN_N };

/**
 * kr_turns_mine() - Has @ticket's turn come? If not, the lane is woken then
 *
 * Then the turn is this lane's until kr_turns_over().
 *
 * Return: 1 or 0; KR_E_LANE_MALFORMED if it never can, since the ticket went
 *         by, another lane has it, or no lane is left that could bring the
 *         one before it.
 */
int kr_turns_mine(struct kr_flow *f, uint8_t lane, enum kr_turn t,
		  uint64_t ticket, struct kr_err *e);
void kr_turns_over(struct kr_flow *f, enum kr_turn t);

/** kr_turns_lane_ended() - This lane brought or took all it will. */
int kr_turns_lane_ended(struct kr_flow *f, uint8_t lane, struct kr_err *e);

#endif
