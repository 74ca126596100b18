/* SPDX-License-Identifier: Apache-2.0 */
/* casefile.c - see casefile.h. Used by korora report. */
#include "client/casefile.h"

#include <stdio.h>
#include <string.h>

const char *kr_casefile_text(const json_t *j, const char *key)
{
	const char *t = json_string_value(json_object_get(j, key));

	return t ? t : "";
}

const json_t *kr_casefile_id(const json_t *file, const char *id)
{
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(file, "data"), i, d)
		if (!strcmp(kr_casefile_text(d, "id"), id))
			return d;
	return NULL;
}

/* ---- statements -------------------------------------------------------- */

enum find { PROVED, BAD, UNREAD };

/* The receipt's file is held to be one, whatever it turns out to be. */
static const char *kind_of(const json_t *d)
{
	return strcmp(kr_casefile_text(d, "id"), "receipt") ?
	       kr_casefile_text(d, "statement") : "receipt";
}

static bool is(const json_t *d, const char *statement, enum find what)
{
	const json_t *verified = json_object_get(d, "verified");
	bool no_key = json_is_true(json_object_get(d, "no_key"));
	size_t need = strcmp(statement, "receipt") ? 1 : 2;

	if (strcmp(kind_of(d), statement))
		return false;
	switch (what) {
	case PROVED:
		return json_is_true(verified) &&
		       json_array_size(json_object_get(d, "signed_by")) >=
		       need;
	case BAD:
		return json_is_false(verified) && !no_key;
	case UNREAD:
		return no_key;
	}
	return false;
}

static const json_t *last(const json_t *file, const char *statement,
			  enum find what)
{
	const json_t *d, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(file, "data"), i, d)
		if (is(d, statement, what))
			found = d;
	return found;
}

const json_t *kr_casefile_proved(const json_t *file, const char *statement)
{
	return last(file, statement, PROVED);
}

const json_t *kr_casefile_either(const json_t *file, const char *statement)
{
	const json_t *d = last(file, statement, PROVED);

	return d ? d : last(file, "receipt", PROVED);
}

const json_t *kr_casefile_bad(const json_t *file, const char *statement)
{
	return last(file, statement, BAD);
}

const json_t *kr_casefile_unread(const json_t *file, const char *statement)
{
	return last(file, statement, UNREAD);
}

const json_t *kr_casefile_event(const json_t *file, const char *event)
{
	const json_t *d, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(file, "data"), i, d)
		if (!strcmp(kr_casefile_text(d, "event"), event))
			found = d;
	return found;
}

const json_t *kr_casefile_telling(const json_t *file, const char *key)
{
	const json_t *d, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(file, "data"), i, d)
		if (json_object_get(json_object_get(d, "detail"), key))
			found = d;
	return found;
}

const json_t *kr_casefile_altered(const json_t *file, const json_t *only)
{
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(file, "data"), i, d)
		if ((!only || d == only) &&
		    (json_is_false(json_object_get(d, "proved")) ||
		     (json_is_false(json_object_get(d, "verified")) &&
		      !json_is_true(json_object_get(d, "no_key")))))
			return d;
	return NULL;
}

json_int_t kr_casefile_hidden(const json_t *file)
{
	return json_integer_value(json_object_get(file, "hidden"));
}

const json_t *kr_casefile_error(const json_t *file)
{
	const json_t *d, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(file, "data"), i, d)
		if (json_is_object(json_object_get(d, "error")) &&
		    json_object_get(d, "index"))
			found = d;
	return found;
}

/* ---- what they say ----------------------------------------------------- */

const json_t *kr_casefile_say(const json_t *datum, const char *key)
{
	const json_t *p = json_object_get(datum, "predicate");
	const char *dot = strchr(key, '.');
	char object[32];

	if (!dot)
		return json_object_get(p, key);
	snprintf(object, sizeof(object), "%.*s", (int)(dot - key), key);
	return json_object_get(json_object_get(p, object), dot + 1);
}

const char *kr_casefile_hex(const json_t *datum, const char *key)
{
	const char *t = json_string_value(kr_casefile_say(datum, key));

	return t && t[strspn(t, "0")] ? t : "";
}

const char *kr_casefile_subject(const json_t *datum, size_t n)
{
	const json_t *s = json_array_get(json_object_get(datum, "subject"), n);

	return kr_casefile_text(json_object_get(s, "digest"), "sha256");
}

bool kr_casefile_same(const json_t *a, const json_t *b, const char *key)
{
	const char *t = kr_casefile_hex(a, key);

	return *t && !strcmp(t, kr_casefile_hex(b, key));
}

bool kr_casefile_same_stream(const json_t *a, const json_t *b)
{
	if (json_is_true(kr_casefile_say(a, "stream.opaque")))
		return kr_casefile_same(a, b, "stream.sha256");
	return kr_casefile_same(a, b, "stream.ram_root") &&
	       kr_casefile_same(a, b, "stream.device_sha256");
}

bool kr_casefile_all_same(const json_t *file, const char *key)
{
	const json_t *d, *first = NULL;
	size_t i;

	json_array_foreach(json_object_get(file, "data"), i, d) {
		const json_t *v = kr_casefile_say(d, key);

		/* a person's word is no host's statement */
		if (!v || !json_is_true(json_object_get(d, "verified")) ||
		    !strcmp(kr_casefile_text(d, "statement"), "approval"))
			continue;
		if (first && !json_equal(first, v))
			return false;
		first = v;
	}
	return first != NULL;
}

/* ---- the migration ----------------------------------------------------- */

static const char *name(const json_t *file, const char *key, const char *role)
{
	const json_t *s = json_object_get(file, "status");
	const char *t = kr_casefile_text(s, key);

	if (*t)
		return t;
	return strcmp(kr_casefile_text(s, "role"), role) ?
	       kr_casefile_text(s, "peer") : kr_casefile_text(file, "host");
}

const char *kr_casefile_from(const json_t *file)
{
	return name(file, "from", "source");
}

const char *kr_casefile_to(const json_t *file)
{
	return name(file, "to", "destination");
}

const char *kr_casefile_side(const json_t *file)
{
	return strcmp(kr_casefile_text(json_object_get(file, "status"),
				       "role"), "destination") ? "from" : "to";
}

bool kr_casefile_is(const json_t *file, const char *state)
{
	return !strcmp(kr_casefile_text(json_object_get(file, "status"),
					"state"), state);
}

bool kr_casefile_over(const json_t *file)
{
	return kr_casefile_text(json_object_get(file, "status"), "state")[0] &&
	       !kr_casefile_is(file, "running") &&
	       !kr_casefile_is(file, "waiting");
}

bool kr_casefile_moved(const json_t *file)
{
	return kr_casefile_is(file, "completed") ||
	       kr_casefile_is(file, "lost");
}
