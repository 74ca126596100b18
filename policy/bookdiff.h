/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bookdiff.h - what one policy decides differently from another, by section
 * and key. Where in which file something stands, in what order, and what
 * comments say decides nothing and is no difference; nor is a triple's name,
 * which is told all the same.
 */
#ifndef KR_POLICY_BOOKDIFF_H
#define KR_POLICY_BOOKDIFF_H

#include "policy/book.h"

enum kr_bookdiff_kind {
	KR_BOOKDIFF_ADDED, KR_BOOKDIFF_REMOVED, KR_BOOKDIFF_CHANGED,
	KR_BOOKDIFF_RENAMED,	/* a triple; @is: its new name */
	KR_BOOKDIFF_N
};

/* One key of one section. Of lists, only the words that differ are told. */
struct kr_bookdiff {
	enum kr_bookdiff_kind kind;	/* of the section as a whole */
	const char *section, *name;	/* "triple", "operate" */
	const char *key;		/* "who" */
	const char *was, *is;		/* as in a file; "" if it is not there */
};

/**
 * kr_bookdiff_each() - All differences, a section's keys one after the other
 * @fn: what it is given is gone when it returns
 *
 * Return: 0; KR_E_SYSTEM if memory is out.
 */
int kr_bookdiff_each(const struct kr_book *old, const struct kr_book *new,
		     void (*fn)(void *arg, const struct kr_bookdiff *d),
		     void *arg, struct kr_err *e);

const char *kr_bookdiff_name(enum kr_bookdiff_kind k);

#endif
