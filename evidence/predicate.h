/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predicate.h - an in-toto Statement v1 as one deterministic line of JSON, and
 * its predicate back, both from a table of fields. What is stated is the
 * caller's struct; statement.c and approval.c hold the tables. Internal to
 * evidence/, but for kr_predicate_text_ok().
 */
#ifndef KR_EVIDENCE_PREDICATE_H
#define KR_EVIDENCE_PREDICATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evidence/terms.h"

#define KR_PREDICATE_PREFIX	"https://korora.dev/statement/"
#define KR_PREDICATE_TYPE_BYTES	96u	/* of a predicateType, with its NUL */

enum kr_predicate_type {
	KR_PREDICATE_STR,	/* char[], printable ASCII */
	KR_PREDICATE_HEX,	/* uint8_t[] */
	KR_PREDICATE_U64, KR_PREDICATE_U32, KR_PREDICATE_U8,
	KR_PREDICATE_BOOL,
};

/* A row. Rows are in the text's order: keys sorted, one level of objects. */
struct kr_predicate_field {
	unsigned int	       group;	/* said if it is one of those wanted */
	const char	      *in, *key; /* object in the predicate, or NULL */
	enum kr_predicate_type type;
	size_t		       at, size; /* in the struct */
};

#define KR_PREDICATE_FIELD(group, in, key, type, of, member) \
	{ group, in, key, KR_PREDICATE_##type, offsetof(of, member), \
	  sizeof(((of *)0)->member) }

/* What the statement is about: @name with @part behind it. */
struct kr_predicate_subject {
	const char    *name, *part;
	const uint8_t *digest;		/* SHA-256 */
};

/**
 * kr_predicate_build() - Write the statement
 * @kind:   in the predicateType, "offer"
 * @groups: the fields to say
 * @values: the struct; its texts are checked, its numbers in range
 * @out:    @size bytes, more than the table and the struct can need
 *
 * Return: length of the text, without its NUL.
 */
size_t kr_predicate_build(const char *kind,
			  const struct kr_predicate_field *fields,
			  size_t n_fields, unsigned int groups,
			  const void *values,
			  const struct kr_predicate_subject *subjects,
			  size_t n_subjects, char *out, size_t size);

/** kr_predicate_kind() - Is @doc's predicateType that of @kind? */
bool kr_predicate_kind(const json_t *doc, const char *kind);

/** kr_predicate_subject() - @doc's first subject's digest, if it has one. */
bool kr_predicate_subject(const json_t *doc, uint8_t ret_digest[32]);

/**
 * kr_predicate_get() - Read fields of a predicate
 * @values: the struct, zeroed; what is not said stays so
 *
 * Reads what it knows: that there is no more is seen by building it again.
 * Return: false if a field is missing, of another type or too large.
 */
bool kr_predicate_get(const json_t *predicate,
		      const struct kr_predicate_field *fields,
		      size_t n_fields, unsigned int groups, void *values);

/** kr_predicate_text_ok() - Printable ASCII, terminated within @size? */
bool kr_predicate_text_ok(const char *s, size_t size);

#endif
