/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matrix.h - the access matrix that a policy is: a subject for each role and
 * each name in it, an item for each kind, class and way of being dealt with,
 * and what kr_book_decide() lets those do with these, by what procedures read
 * and transform.
 */
#ifndef KR_MODEL_MATRIX_H
#define KR_MODEL_MATRIX_H

#include "model/universe.h"
#include "policy/book.h"

#define KR_MATRIX_WHOS_MAX	64u
#define KR_MATRIX_ITEMS_MAX	64u

struct kr_matrix_who {
	const char	*name;
	struct kr_person p;
	struct kr_class	 c;
	bool		 certifier;
};

struct kr_matrix_item {
	const char	 *name, *tenant;
	enum kr_item_kind kind;
	struct kr_class	  c;
	uint8_t		  rights[KR_MATRIX_WHOS_MAX];	/* KR_ATTR_* */
};

struct kr_matrix {
	const struct kr_book *b;
	struct kr_matrix_who  who[KR_MATRIX_WHOS_MAX];
	struct kr_matrix_item item[KR_MATRIX_ITEMS_MAX];
	unsigned int	      n_who, n_items;
	/* all that occur, and one that no class is above */
	struct kr_class	      classes[KR_UNIVERSE_CLASSES_MAX];
	unsigned int	      n_classes;
	bool		      too_much;
};

/**
 * kr_matrix_new() - Of @b, which has to live as long
 *
 * Return: for free(); NULL without memory, or if there is too much.
 */
struct kr_matrix *kr_matrix_new(const struct kr_book *b);

#endif
