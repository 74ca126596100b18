/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clarkwilson.h - Clark's and Wilson's rules of certification (C) and
 * enforcement (E), see procedure.h, each a check by its name: of procedures,
 * of triples when a policy is read, of executions when one is asked for. What
 * the other files of this room check of these, they check here.
 */
#ifndef KR_POLICY_CLARKWILSON_H
#define KR_POLICY_CLARKWILSON_H

#include "policy/book.h"

/* X(name, what it says here) */
#define KR_CLARKWILSON(X) \
	X(C1, "constrained data that is read or written has a function " \
	      "that verifies it") \
	X(C2, "a procedure's row says what it does to its items, and its use " \
	      "is certified by somebody") \
	X(C3, "duties are separate: others approve than ask or certify") \
	X(C4, "what transforms anything appends to the log") \
	X(C5, "what is made of unconstrained data is verified") \
	X(E1, "only procedures transform data, each what its items are") \
	X(E2, "one triple has who asks, procedure, item and destination") \
	X(E3, "who asks is proved, and nothing constrained open to anyone") \
	X(E4, "who certifies a triple executes nothing by it")

enum kr_clarkwilson {
#define X(name, says) KR_CLARKWILSON_##name,
	KR_CLARKWILSON(X)
#undef X
	KR_CLARKWILSON_N
};

const char *kr_clarkwilson_name(enum kr_clarkwilson rule);
const char *kr_clarkwilson_says(enum kr_clarkwilson rule);

/** kr_clarkwilson_procedure() - Does that row keep it? */
bool kr_clarkwilson_procedure(enum kr_clarkwilson rule,
			      const struct kr_procedure *p);

/**
 * kr_clarkwilson_triple() - Does a triple keep it, and do its procedures?
 * @ret_word: that it is about
 *
 * Return: NULL if they do, else what is wrong, to be followed by that word.
 */
const char *kr_clarkwilson_triple(enum kr_clarkwilson rule,
				  const struct kr_triple *t,
				  const char **ret_word);

/** kr_clarkwilson_execution() - Would @x by @t keep it? @t: NULL for none. */
bool kr_clarkwilson_execution(enum kr_clarkwilson rule,
			      const struct kr_triple *t,
			      const struct kr_execution *x);

/** kr_clarkwilson_approved() - Approvals of @x that count for @t (C3). */
unsigned int kr_clarkwilson_approved(const struct kr_triple *t,
				     const struct kr_execution *x);

/** kr_clarkwilson_of() - The rule that a refusal is by; NULL: none of them. */
const char *kr_clarkwilson_of(enum kr_reason why);

#endif
