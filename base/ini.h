/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini.h - a small bounded reader of the text files users write (NAME.vm,
 * korora.conf):
 *
 *	# a comment, also with ';', only at the start of a line
 *	[section]  or  [section name]
 *	key = value
 *
 * Text is printable UTF-8 with tabs, lines end in a newline. Blanks around
 * keys and values are dropped; there is no quoting and no continuation, and
 * a value may hold '#', '=' and brackets. Keys need a section before them.
 * Every error names the file and the line.
 */
#ifndef KR_BASE_INI_H
#define KR_BASE_INI_H

#include <stddef.h>

#include "base/err.h"

#define KR_INI_BYTES_MAX	(4u << 20)	/* of a whole file */
#define KR_INI_WORD_MAX		63u	/* bytes of a section, name or key */
#define KR_INI_VALUE_MAX	2047u	/* bytes of a value */

/* What kr_ini_next() came upon. */
#define KR_INI_END	0
#define KR_INI_SECTION	1	/* section and name are new; key is empty */
#define KR_INI_KEY	2	/* key and value are new */

struct kr_ini {
	const char  *file;		/* for messages, borrowed */
	const char  *p, *end;		/* what is left, borrowed */
	unsigned int line;		/* of what was returned last, from 1 */
	char	     section[KR_INI_WORD_MAX + 1];
	char	     name[KR_INI_WORD_MAX + 1];	/* "" if there is none */
	char	     key[KR_INI_WORD_MAX + 1];
	char	     value[KR_INI_VALUE_MAX + 1];
};

/**
 * kr_ini_start() - Begin to read a text
 * @file: named in messages; borrowed while @it is in use
 * @text: @n_bytes of it, need not end in NUL; borrowed likewise
 *
 * Return: 0; KR_E_CONFIG if it is longer than KR_INI_BYTES_MAX.
 */
int kr_ini_start(struct kr_ini *it, const char *file, const char *text,
		 size_t n_bytes, struct kr_err *e);

/**
 * kr_ini_next() - Read on to the next section or key
 *
 * Return: KR_INI_SECTION, KR_INI_KEY or KR_INI_END; < 0 with KR_E_CONFIG.
 */
int kr_ini_next(struct kr_ini *it, struct kr_err *e);

/**
 * kr_ini_fail()    - Record KR_E_CONFIG as "FILE:LINE: …" for what was read last
 * kr_ini_fail_as() - The same with another code
 *
 * Return: its negative errno.
 */
#define kr_ini_fail(it, e, ...) \
	kr_ini_fail_as((it), (e), KR_E_CONFIG, __VA_ARGS__)
int kr_ini_fail_as(const struct kr_ini *it, struct kr_err *e, enum kr_code kr,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/** kr_ini_unknown() - kr_ini_fail() for a key or section nobody knows. */
int kr_ini_unknown(const struct kr_ini *it, struct kr_err *e);

#endif
