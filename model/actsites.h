/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actsites.h - how often a source file names a function: what nm says of an
 * object is that it is called, not from how many places.
 */
#ifndef KR_MODEL_ACTSITES_H
#define KR_MODEL_ACTSITES_H

#include <stddef.h>

/**
 * kr_actsites_read() - The file's text without comments and literals
 *
 * NULL: it cannot be read. The caller frees it.
 */
char *kr_actsites_read(const char *root, const char *file);

/** kr_actsites_count() - As a whole word; @n bytes of @name. */
unsigned int kr_actsites_count(const char *text, const char *name, size_t n);

#endif
