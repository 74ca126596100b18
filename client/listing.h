/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listing.h - commands without arguments, which show what one method of
 * kororad's tells: as a table or a card, or as it is with --json.
 */
#ifndef KR_CLIENT_LISTING_H
#define KR_CLIENT_LISTING_H

#include "client/cli.h"
#include "client/columns.h"

/**
 * kr_listing_table() - The objects of an array
 * @key:  of that array in the result
 * @none: what to say if it is empty
 * kr_listing_card()  - The result itself
 *
 * Return: 0; the exit code of what was wrong, already shown.
 */
int kr_listing_table(struct kr_cli *c, int argc, char **argv,
		     const char *method, const char *key,
		     const struct kr_column *cols, size_t n_cols,
		     const char *none);
int kr_listing_card(struct kr_cli *c, int argc, char **argv,
		    const char *method, const struct kr_column *cols,
		    size_t n_cols);

#endif
