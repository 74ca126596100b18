/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - one criterion of criteria.h, held against what was gathered.
 * Pure. Where the evidence says nothing the result is not a good one: what a
 * migration that is over lacks was not obtained, and what cannot be verified,
 * or may still come, cannot be told; nothing can of one of whose entries some
 * are hidden.
 */
#ifndef KR_CLIENT_JUDGE_H
#define KR_CLIENT_JUDGE_H

#include <jansson.h>

#include "client/criteria.h"

#define KR_JUDGE_BECAUSE_BYTES	800u

enum kr_asked { KR_ASKED_YES, KR_ASKED_NO, KR_ASKED_UNKNOWN, KR_ASKED_N };

enum kr_result {
	KR_RESULT_OBTAINED,
	KR_RESULT_NOT_OBTAINED,
	KR_RESULT_NOT_ASKED,		/* and nothing was done for it */
	KR_RESULT_UNKNOWN,		/* cannot be told */
	KR_RESULT_N
};

struct kr_judgement {
	enum kr_asked  asked;
	enum kr_result result;
	char	       because[KR_JUDGE_BECAUSE_BYTES];	/* a sentence or more */
	json_t	      *evidence;	/* ids of data, for json_decref() */
};

/**
 * kr_judge() - Judge one criterion
 * @file: of kr_reportdata_new()
 */
void kr_judge(enum kr_criterion c, const json_t *file,
	      struct kr_judgement *ret_j);

/** kr_judge_asked(), kr_judge_result() - Their names in JSON. */
const char *kr_judge_asked(enum kr_asked a);
const char *kr_judge_result(enum kr_result r);

/** kr_judge_decided_by() - The digest of this host's policy that its statement
 * names, in hex; "" if none does. */
const char *kr_judge_decided_by(const json_t *file);

/** kr_judge_policy() - Is what the policy decided by here demanded at hand? */
bool kr_judge_policy(const json_t *file);

/* ---- for those who judge one (judgeway.c, judgevm.c) --------------------- */

/** kr_judge_by() - That datum is evidence; once, and none if it is NULL. */
void kr_judge_by(struct kr_judgement *j, const json_t *d);

/** kr_judge_say() - The result, and why. kr_judge_also() - And more of why. */
void kr_judge_say(struct kr_judgement *j, enum kr_result r, const char *fmt,
		  ...) __attribute__((format(printf, 3, 4)));
void kr_judge_also(struct kr_judgement *j, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** kr_judge_error() - Add what it ended with, as far as a record says. */
void kr_judge_error(struct kr_judgement *j, const json_t *file);

/**
 * kr_judge_lacks() - A statement of @host should be there, or does not count
 *
 * Says why: it does not verify, cannot be verified, is to come, or is not
 * there.
 */
void kr_judge_lacks(struct kr_judgement *j, const json_t *file,
		    const char *statement, const char *host);

/**
 * kr_judge_both() - One of the source and one of the destination
 *
 * The receipt says what each does. Return: both are there; else said why not.
 */
bool kr_judge_both(struct kr_judgement *j, const json_t *file,
		   const char *first, const char *second, const json_t **a,
		   const json_t **b);

/** kr_judge_differ() - The hosts' statements are not the same. */
void kr_judge_differ(struct kr_judgement *j, const char *what);

/** kr_judge_number() - A number in a statement, 0 if there is none. */
unsigned long long kr_judge_number(const json_t *d, const char *key);

#endif
