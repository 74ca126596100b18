/* SPDX-License-Identifier: Apache-2.0 */
/*
 * questions.h - what no rule deals with is refused, and put before a person: a
 * request of kind question, which nobody can approve, since the answer to it is
 * a policy. Who may approve closes it, by requests.h.
 */
#ifndef KR_DAEMON_QUESTIONS_H
#define KR_DAEMON_QUESTIONS_H

#include "daemon/host.h"
#include "policy/book.h"
#include "store/requestrow.h"

#define KR_QUESTIONS_MS		86400000u	/* one is open for a day */
#define KR_QUESTIONS_OWN_MAX	16u	/* open, of one user */
#define KR_QUESTIONS_MAX	256u	/* open, of all */

#define KR_QUESTIONS_NONE	1

/**
 * kr_questions_put() - Keep that @x, asked by @user, was refused for want of a
 * rule
 *
 * Only acts: procedures that transform more than the log, or are used on an
 * item and transform anything; what merely looks would flood. Nor is anything
 * kept of names that no item has, for no policy could answer. One open question
 * is not kept twice; the oldest make way, without a trace but in the log, which
 * tells of new ones at the pace at which it does of refusals.
 *
 * Return: 0, with the id; KR_QUESTIONS_NONE; < 0.
 */
int kr_questions_put(struct kr_host *h, const char *user,
		     const struct kr_execution *x, uint64_t now_ms,
		     uint8_t ret_id[16], struct kr_err *e);

#endif
