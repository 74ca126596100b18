/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predicate.c - statements as text and back, from a table of fields. Runs in
 * kororad and in the client.
 */
#include "evidence/predicate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

#define TYPE	"https://in-toto.io/Statement/v1"

/* ---- building ---------------------------------------------------------- */

struct text { char *p; size_t n, size; };

__attribute__((format(printf, 2, 3)))
static void say(struct text *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->p + o->n, o->size - o->n, fmt, ap);
	va_end(ap);
	/* The table and the struct's sizes bound the text far below this. */
	assert(n >= 0 && o->n + (size_t)n < o->size);
	o->n += (size_t)n;
}

/* Printable ASCII, so only two characters need an escape. */
static void say_escaped(struct text *o, const char *s)
{
	for (; *s; s++)
		say(o, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
}

static void say_key(struct text *o, const char *key)
{
	say(o, "%s\"%s\":", o->p[o->n - 1] == '{' ? "" : ",", key);
}

static void say_hex(struct text *o, const uint8_t *v, size_t n)
{
	char hex[65];

	assert(n <= 32);
	kr_hex(v, n, hex);
	say(o, "\"%s\"", hex);
}

static void say_value(struct text *o, const struct kr_predicate_field *f,
		      const void *values)
{
	const void *v = (const char *)values + f->at;

	switch (f->type) {
	case KR_PREDICATE_STR:
		say(o, "\"");
		say_escaped(o, v);
		say(o, "\"");
		break;
	case KR_PREDICATE_HEX:
		say_hex(o, v, f->size);
		break;
	case KR_PREDICATE_U64:
		say(o, "%" PRIu64, *(const uint64_t *)v);
		break;
	case KR_PREDICATE_U32:
		say(o, "%" PRIu32, *(const uint32_t *)v);
		break;
	case KR_PREDICATE_U8:
		say(o, "%u", *(const uint8_t *)v);
		break;
	case KR_PREDICATE_BOOL:
		say(o, "%s", *(const bool *)v ? "true" : "false");
		break;
	}
}

static void say_predicate(struct text *o,
			  const struct kr_predicate_field *fields,
			  size_t n_fields, unsigned int groups,
			  const void *values)
{
	const char *in = NULL;

	say(o, "{");
	for (size_t i = 0; i < n_fields; i++) {
		const struct kr_predicate_field *f = &fields[i];

		if (!(groups & f->group))
			continue;
		if (in && (!f->in || strcmp(in, f->in))) {
			say(o, "}");
			in = NULL;
		}
		if (f->in && !in) {
			say_key(o, f->in);
			say(o, "{");
			in = f->in;
		}
		say_key(o, f->key);
		say_value(o, f, values);
	}
	say(o, "%s}", in ? "}" : "");
}

static void say_subject(struct text *o, const struct kr_predicate_subject *s)
{
	say(o, "%s{\"digest\":{\"sha256\":",
	    o->p[o->n - 1] == '[' ? "" : ",");
	say_hex(o, s->digest, 32);
	say(o, "},\"name\":\"");
	say_escaped(o, s->name);
	say(o, "%s\"}", s->part);
}

size_t kr_predicate_build(const char *kind,
			  const struct kr_predicate_field *fields,
			  size_t n_fields, unsigned int groups,
			  const void *values,
			  const struct kr_predicate_subject *subjects,
			  size_t n_subjects, char *out, size_t size)
{
	struct text o = { .p = out, .size = size };

	say(&o, "{\"_type\":\"%s\",\"predicate\":", TYPE);
	say_predicate(&o, fields, n_fields, groups, values);
	say(&o, ",\"predicateType\":\"%s%s/v1\",\"subject\":[",
	    KR_PREDICATE_PREFIX, kind);
	for (size_t i = 0; i < n_subjects; i++)
		say_subject(&o, &subjects[i]);
	say(&o, "]}");
	return o.n;
}

/* ---- reading ----------------------------------------------------------- */

bool kr_predicate_kind(const json_t *doc, const char *kind)
{
	const char *type =
		json_string_value(json_object_get(doc, "predicateType"));
	char want[KR_PREDICATE_TYPE_BYTES];

	snprintf(want, sizeof(want), "%s%s/v1", KR_PREDICATE_PREFIX, kind);
	return type && !strcmp(type, want);
}

bool kr_predicate_subject(const json_t *doc, uint8_t ret_digest[32])
{
	const json_t *subject =
		json_array_get(json_object_get(doc, "subject"), 0);
	const char *digest = json_string_value(json_object_get(
		json_object_get(subject, "digest"), "sha256"));

	return digest && kr_unhex(digest, ret_digest, 32);
}

static bool get_number(const json_t *j, uint64_t max, uint64_t *ret_v)
{
	if (!json_is_integer(j) || json_integer_value(j) < 0 ||
	    (uint64_t)json_integer_value(j) > max)
		return false;
	*ret_v = (uint64_t)json_integer_value(j);
	return true;
}

static bool get_value(const json_t *j, const struct kr_predicate_field *f,
		      void *values)
{
	char *v = (char *)values + f->at;
	uint64_t n = 0;

	switch (f->type) {
	case KR_PREDICATE_STR:
		if (!json_is_string(j) || json_string_length(j) >= f->size)
			return false;
		memcpy(v, json_string_value(j), json_string_length(j));
		return true;
	case KR_PREDICATE_HEX:
		return json_is_string(j) &&
		       kr_unhex(json_string_value(j), (uint8_t *)v, f->size);
	case KR_PREDICATE_U64:
		return get_number(j, KR_TERMS_NUMBER_MAX, (uint64_t *)v);
	case KR_PREDICATE_U32:
		if (!get_number(j, UINT32_MAX, &n))
			return false;
		*(uint32_t *)v = (uint32_t)n;
		return true;
	case KR_PREDICATE_U8:
		if (!get_number(j, UINT8_MAX, &n))
			return false;
		*(uint8_t *)v = (uint8_t)n;
		return true;
	case KR_PREDICATE_BOOL:
		*(bool *)v = json_is_true(j);
		return json_is_boolean(j);
	}
	return false;
}

bool kr_predicate_get(const json_t *predicate,
		      const struct kr_predicate_field *fields,
		      size_t n_fields, unsigned int groups, void *values)
{
	for (size_t i = 0; i < n_fields; i++) {
		const struct kr_predicate_field *f = &fields[i];
		const json_t *o = f->in ? json_object_get(predicate, f->in) :
					  predicate;

		if ((groups & f->group) &&
		    !get_value(json_object_get(o, f->key), f, values))
			return false;
	}
	return true;
}

bool kr_predicate_text_ok(const char *s, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!s[i])
			return true;
		if (s[i] < ' ' || s[i] > '~')
			return false;
	}
	return false;
}
