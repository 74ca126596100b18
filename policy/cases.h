/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases.h - requests with the decisions that are expected of a policy, one a
 * line, as `korora policy test` takes them; korora-policy(5) describes it:
 *
 *	# a comment
 *	WHO[:ROLE,...] PROCEDURE ITEM[@TENANT] TO APPROVERS EXPECTED [DEMANDS]
 *
 * parted by blanks, '-' for none; approvers as WHO[:ROLE,...];WHO... and
 * EXPECTED yes, no, question or error. DEMANDS, of what goes to a host, is what
 * the policy demands of it, as kr_cases_demands() says it. host:NAME is a peer,
 * which has the role host. Nothing is allocated.
 */
#ifndef KR_POLICY_CASES_H
#define KR_POLICY_CASES_H

#include "policy/book.h"

#define KR_CASES_BYTES_MAX	(4u << 20)	/* of a whole file */
#define KR_CASES_LINE_MAX	4095u		/* bytes of a line */

struct kr_cases {
	const char  *file;		/* for messages, borrowed */
	const char  *p, *end;		/* what is left, borrowed */
	unsigned int line;		/* of what was returned last, from 1 */
	/* what kr_cases_next() came upon; good until it is called again */
	struct kr_execution x;
	enum kr_answer	    expected;
	const char	   *demands;	/* "-": none; NULL: not said */
	struct kr_person    approvers[KR_BOOK_APPROVALS_MAX];
	char		    words[KR_CASES_LINE_MAX + 1];
};

/**
 * kr_cases_start() - Begin to read a text, borrowed as @file is
 * Return: 0; KR_E_CONFIG if it is longer than KR_CASES_BYTES_MAX.
 */
int kr_cases_start(struct kr_cases *it, const char *file, const char *text,
		   size_t n_bytes, struct kr_err *e);

/**
 * kr_cases_next() - Read on to the next request
 * Return: 1; 0 at the end; < 0 with KR_E_CONFIG naming file and line.
 */
int kr_cases_next(struct kr_cases *it, struct kr_err *e);

/**
 * kr_cases_demands() - What is demanded, in one word of a table
 *
 * "-" if nothing is; else of attestation, no_postcopy, memory_root, scanners=N,
 * control_suites=A:B, lane_suites=A:B those that are, in this order, with a
 * comma between. Return: @out; cut where it is full.
 */
const char *kr_cases_demands(const struct kr_protection *p,
			     char out[KR_CASES_LINE_MAX + 1]);

/**
 * kr_cases_person() - Read WHO[:ROLE,...], or host:NAME
 * @text:  cut at ':' and ',', and borrowed by @ret_p
 *
 * Return: NULL; else what is wrong with it.
 */
const char *kr_cases_person(char *text, struct kr_person *ret_p);

#endif
