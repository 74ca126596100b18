/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assent.h - when somebody's word on a request is kept, and counts, and when
 * the request is used: once, with as many words as it needs. Pure: who calls
 * finds the facts, this alone decides. kororad does so (daemon/requests.c), and
 * model/assenting.c, which explores the whole life of requests.
 *
 * That a word says what is done, and is of now, kr_approval_check() tells; what
 * a policy wants besides, kr_book_decide(). One has one word on a request: the
 * key of its row.
 */
#ifndef KR_POLICY_ASSENT_H
#define KR_POLICY_ASSENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Where a request is. Numbers are durable: append only. */
enum kr_request_state {
	KR_REQUEST_OPEN,	/* waits for approvals */
	KR_REQUEST_APPROVED,	/* had enough when the last one came */
	KR_REQUEST_DENIED,
	KR_REQUEST_USED,
	KR_REQUEST_EXPIRED,
	KR_REQUEST_WITHDRAWN,	/* by who asked */
	KR_REQUEST_STATE_N
};

/* X(name, code of the refusal, what does not hold then) */
#define KR_ASSENT_CONDS(X) \
	X(WAITS,	REQUEST_OVER,	"it is over") \
	X(NOT_DUE,	REQUEST_OVER,	"it has expired") \
	X(APPROVABLE,	QUESTION,	"no rule deals with it") \
	X(QUESTION,	NOT_APPROVED,	"it is denied by a signed word") \
	X(BY_ASKER,	FORBIDDEN,	"another asked for it") \
	X(BY_ANOTHER,	APPROVAL_SELF,	"who says it asked for it") \
	X(OWN_KEY,	APPROVAL_KEY,	"the key is not enrolled for him") \
	X(SIGNED,	APPROVAL_KEY,	"the key did not sign it") \
	X(FITS,		APPROVAL_DIFFERS, "it is of something else") \
	X(MAY,		NOT_APPROVED,	"he may not approve any more") \
	X(APPROVES,	NOT_APPROVED,	"he denies it") \
	X(DENIES,	NOT_APPROVED,	"he approves it") \
	X(ENOUGH,	NOT_APPROVED,	"more approvals are needed")

enum kr_assent_cond {
#define X(name, code, text) KR_ASSENT_##name,
	KR_ASSENT_CONDS(X)
#undef X
	KR_ASSENT_COND_N
};

/* Those that are known before a word is read, first in the order above. */
#define KR_ASSENT_UNREAD	((2u << KR_ASSENT_BY_ANOTHER) - 1)

enum kr_assent_act {
	KR_ASSENT_KEEP,		/* a word */
	KR_ASSENT_COUNT,	/* a kept word, as an approval */
	KR_ASSENT_PASS,		/* a request, by a word: it is approved */
	KR_ASSENT_DENY,		/* likewise: it is denied */
	KR_ASSENT_USE,		/* a request */
	KR_ASSENT_WITHDRAW,	/* likewise */
	KR_ASSENT_CLOSE,	/* a question */
	KR_ASSENT_ACT_N
};

/* An act and what must hold for it: 1 << enum kr_assent_cond. */
struct kr_assent_rule {
	const char	     *name;
	unsigned int	      conds;
	enum kr_request_state to;	/* the request, then; OPEN: as it is */
};

extern const struct kr_assent_rule kr_assent_rules[KR_ASSENT_ACT_N];

/* What is so. An act looks at what its conditions are about; zero is no. */
struct kr_assent {
	/* of the request */
	enum kr_request_state state;
	bool	     question;		/* no rule deals with it */
	const char  *asked_by;
	uint64_t     expires_ms, now_ms; /* wall clock */
	unsigned int needed;		/* when it was opened */
	unsigned int needed_now;	/* 0: that is not looked at */
	unsigned int n;			/* words that count */
	/* of who acts, and his word */
	const char  *by;		/* as the host knows him */
	const char  *key_of;		/* whose key it is here, or NULL */
	bool	     is_signed;		/* with that key */
	bool	     fits;		/* kr_approval_check() */
	bool	     may;		/* approve, by the policy in force */
	bool	     approves;		/* or else denies */
};

/**
 * kr_assent_failed() - Which conditions of @rule do not hold
 *
 * Return: 1 << enum kr_assent_cond of each; 0: it is done, and the request in
 *         rule->to.
 */
unsigned int kr_assent_failed(const struct kr_assent_rule *rule,
			      const struct kr_assent *a);

/** kr_assent_first() - Of those that failed, not none, the one to tell. */
enum kr_assent_cond kr_assent_first(unsigned int failed);

const char *kr_assent_cond_name(enum kr_assent_cond c);	/* "WAITS" */
const char *kr_assent_text(enum kr_assent_cond c);
enum kr_code kr_assent_code(enum kr_assent_cond c);

#endif
