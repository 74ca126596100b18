/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - the error object: owned by the caller, filled by the first cause.
 *
 * 0 is success; a negative return is fatal and passed up unchanged; a
 * positive return is an outcome that the one function documents. The code
 * table in korora.h gives each code its errno, blame, exit code and hint.
 */
#ifndef KR_BASE_ERR_H
#define KR_BASE_ERR_H

#include "korora.h"

#define KR_WHAT_BYTES	200

struct kr_err {
	int		code;		/* negative errno, 0 = none */
	enum kr_code	kr;		/* stable code, KR_OK = none */
	enum kr_blame	blame;		/* who must answer for it */
	const char     *where;		/* origin's __func__, static */
	char		what[KR_WHAT_BYTES]; /* no secrets, no raw peer bytes */
};

#define KR_ERR_NONE	((struct kr_err){ 0 })

/**
 * kr_fail() - Record the cause of a failure, unless one is recorded already
 * @e:  error object, may be NULL
 * @kr: a KR_E_ code
 *
 * Return: the code's negative errno, for `return kr_fail(…)`.
 */
#define kr_fail(e, kr, ...) kr_err_set((e), (kr), __func__, __VA_ARGS__)

int kr_err_set(struct kr_err *e, enum kr_code kr, const char *where,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Rows of the code table; NULL for an unknown number. */
struct kr_code_row {
	enum kr_code	kr;
	enum kr_exit	exit;
	int		err;		/* positive errno */
	enum kr_blame	blame;
	const char     *name, *summary, *hint;
};

const struct kr_code_row *kr_code_find(unsigned int number);
const struct kr_code_row *kr_code_rows(unsigned int *ret_n);

#endif
