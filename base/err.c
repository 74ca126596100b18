/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.c - the error object and the table of stable codes. Used in every
 * process; allocates nothing.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const struct kr_code_row rows[] = {
#define KR_X(n, number, ex, er, bl, sum, hi) \
	{ .kr = number, .exit = ex, .err = er, .blame = bl, .name = #n, \
	  .summary = sum, .hint = hi },
	KR_CODES(KR_X)
#undef KR_X
};

#define N_ROWS	(sizeof(rows) / sizeof(rows[0]))

const struct kr_code_row *kr_code_rows(unsigned int *ret_n)
{
	*ret_n = N_ROWS;
	return rows;
}

const struct kr_code_row *kr_code_find(unsigned int number)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if ((unsigned int)rows[i].kr == number)
			return &rows[i];
	return NULL;
}

int kr_err_set(struct kr_err *e, enum kr_code kr, const char *where,
	       const char *fmt, ...)
{
	const struct kr_code_row *row = kr_code_find((unsigned int)kr);
	int err = row ? row->err : EIO;
	va_list ap;

	if (!e || e->code)
		return -err;
	e->code = -err;
	e->kr = kr;
	e->blame = row ? row->blame : KR_SELF;
	e->where = where;
	va_start(ap, fmt);
	vsnprintf(e->what, sizeof(e->what), fmt, ap);
	va_end(ap);
	return -err;
}
