/* SPDX-License-Identifier: Apache-2.0 */
/*
 * columns.h - JSON answers as aligned tables and cards: one description of
 * the columns serves the list of a noun and the view of one.
 */
#ifndef KR_CLIENT_COLUMNS_H
#define KR_CLIENT_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define KR_COLUMNS_MAX		12u	/* of one table */
#define KR_CELL_BYTES		512u	/* of one cell's text; longer is cut */
#define KR_CELL_ID_CHARS	12	/* of an ID in a table; a unique prefix */

/* How the value under a key is written. */
enum kr_cell {
	KR_CELL_TEXT,
	KR_CELL_ID,		/* cut short in tables */
	KR_CELL_COUNT,
	KR_CELL_SIZE,		/* bytes */
	KR_CELL_RATE,		/* bytes per second */
	KR_CELL_MIB,		/* mebibytes */
	KR_CELL_SPAN,		/* milliseconds */
	KR_CELL_TIME,		/* Unix milliseconds */
};

struct kr_column {
	const char  *head, *key;
	enum kr_cell cell;
};

/**
 * kr_columns_table() - Print an array of objects, one row each
 * @empty: printed instead when there are none
 */
void kr_columns_table(const json_t *rows, const struct kr_column *cols,
		      size_t n_cols, const char *empty);

/** kr_columns_card() - Print one object, a line per key that it has. */
void kr_columns_card(const json_t *row, const struct kr_column *cols,
		     size_t n_cols);

/** kr_columns_alike() - Do two arrays look the same in these columns? */
bool kr_columns_alike(const json_t *a, const json_t *b,
		      const struct kr_column *cols, size_t n_cols);

/** kr_columns_block() - Print text of several lines, indented and cleaned. */
void kr_columns_block(const char *text);

/** kr_columns_cell() - One cell, as a table or card would have it. */
const char *kr_columns_cell(const json_t *row, const struct kr_column *c,
			    char out[KR_CELL_BYTES]);

/** kr_columns_text() - What is under @key, cleaned; "-" if nothing is. */
const char *kr_columns_text(const json_t *row, const char *key,
			    char out[KR_CELL_BYTES]);

#endif
