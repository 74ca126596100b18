/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.h - one SQL statement: bind in order, step, read in order. Internal
 * to store/. Like a cursor it goes bad once and stays bad: a value that does
 * not bind or a column that does not fit is reported by the next step, or by
 * kr_query_row_ok() after a row was read.
 */
#ifndef KR_STORE_QUERY_H
#define KR_STORE_QUERY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fd.h"
#include "store/store.h"

struct kr_store {
	sqlite3	*db;
	bool	 in_tx, read_only, in_doubt;
	void	(*on_end)(void *arg, bool committed);
	void	*on_end_arg;
	char	 path[KR_STORE_PATH_BYTES];
};

struct kr_query {
	struct kr_store	*s;
	sqlite3_stmt	*st;
	int		 n_bound, n_read;
	bool		 bad;
};

/** kr_query_fail() - KR_E_STORE with SQLite's reason. */
int kr_query_fail(struct kr_store *s, struct kr_err *e);

/** kr_query_open() - Compile @sql, a constant; close @q even on failure. */
int kr_query_open(struct kr_query *q, struct kr_store *s, const char *sql,
		  struct kr_err *e);

/** kr_query_number() - The one number that @sql, a constant, selects. */
int kr_query_number(struct kr_store *s, const char *sql, uint64_t *ret_n,
		    struct kr_err *e);

/* Bind the next parameter; borrowed until the statement is closed. */
void kr_query_text(struct kr_query *q, const char *text);
void kr_query_u64(struct kr_query *q, uint64_t v);	/* at most INT64_MAX */
void kr_query_blob(struct kr_query *q, const void *p, size_t n_bytes);

/** kr_query_step() - Return: 1 for a row, 0 for the end, < 0. */
int kr_query_step(struct kr_query *q, struct kr_err *e);

/** kr_query_run() - Step to the end and close. */
int kr_query_run(struct kr_query *q, struct kr_err *e);

/* Read the row's next column; borrowed columns live until the next step. */
void kr_query_get_text(struct kr_query *q, char *out, size_t size);
const char *kr_query_get_str(struct kr_query *q, size_t max_bytes);
uint64_t kr_query_get_u64(struct kr_query *q);
uint32_t kr_query_get_int(struct kr_query *q, uint32_t max);
void kr_query_get_blob(struct kr_query *q, void *out, size_t n_bytes);
const uint8_t *kr_query_get_bytes(struct kr_query *q, size_t max_bytes,
				  size_t *ret_n);

/** kr_query_row_ok() - 0, or KR_E_STORE if a column of the row did not fit. */
int kr_query_row_ok(struct kr_query *q, struct kr_err *e);

/** kr_query_changed() - Number of rows the last statement changed. */
int kr_query_changed(const struct kr_store *s);

void kr_query_close(struct kr_query *q);

#endif
