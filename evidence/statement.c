/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c - statements as text and back, both from one table of fields.
 * The table is in the order of the text: keys sorted, one level of objects.
 * Runs in kororad and, to verify receipts and logs, in the client.
 */
#include "evidence/statement.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

#define TYPE	"https://in-toto.io/Statement/v1"

/* Groups of fields; a kind of statement covers some. */
enum {
	G_ID	    = 1 << 0,	/* who moves what where */
	G_OFFER	    = 1 << 1,
	G_ACCEPT    = 1 << 2,
	G_PROTECT   = 1 << 3,
	G_STREAM    = 1 << 4,
	G_CLEAR	    = 1 << 5,	/* set with G_STREAM unless opaque */
	G_OPAQUE    = 1 << 6,	/* set with G_STREAM if opaque */
	G_PAUSED    = 1 << 7,
	G_RELEASED  = 1 << 8,
	G_DONE	    = 1 << 9,
	OFFER	    = G_ID | G_OFFER,
	ACCEPTANCE  = OFFER | G_ACCEPT,
	MANIFEST    = ACCEPTANCE | G_PROTECT | G_STREAM | G_PAUSED,
	RELEASE	    = MANIFEST | G_RELEASED,
	RECEIPT	    = RELEASE | G_DONE,
};

static const struct { const char *name; unsigned int groups; } kinds[] = {
	[KR_STATEMENT_OFFER]	  = { "offer", OFFER },
	[KR_STATEMENT_ACCEPTANCE] = { "acceptance", ACCEPTANCE },
	[KR_STATEMENT_MANIFEST]	  = { "manifest", MANIFEST },
	[KR_STATEMENT_PREPARED]	  = { "prepared", MANIFEST },
	[KR_STATEMENT_RELEASE]	  = { "release", RELEASE },
	[KR_STATEMENT_OWNER]	  = { "owner", RELEASE },
	[KR_STATEMENT_RECEIPT]	  = { "receipt", RECEIPT },
	[KR_STATEMENT_ABORT]	  = { "abort", ACCEPTANCE },
	[KR_STATEMENT_DISOWN]	  = { "disown", RELEASE },
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == KR_STATEMENT_N,
	      "a row for each kind");

enum type { STR, HEX, U64, U32, U8, BOOL };

struct field {
	unsigned int group;
	const char  *in, *key;		/* object in the predicate, or NULL */
	enum type    type;
	size_t	     at, size;
};

#define F(group, in, key, type, member) \
	{ group, in, key, type, offsetof(struct kr_terms, member), \
	  sizeof(((struct kr_terms *)0)->member) }

static const struct field fields[] = {
	F(G_OFFER,	NULL, "binding", HEX, binding),
	F(G_DONE,	NULL, "downtime_us", U64, downtime_us),
	F(G_ID,		NULL, "epoch", U64, epoch),
	F(G_ID,		"from", "keyid", HEX, from_keyid),
	F(G_DONE,	"from", "log_root", HEX, from_log.root),
	F(G_DONE,	"from", "log_size", U64, from_log.size),
	F(G_ID,		"from", "name", STR, from_name),
	F(G_OFFER,	"from", "nonce", HEX, nonce_from),
	F(G_ID,		NULL, "migration", HEX, migration),
	F(G_OFFER,	NULL, "policy_sha256", HEX, policy_digest),
	F(G_PROTECT,	"protection", "attestation", STR,
			protection.attestation),
	F(G_PROTECT,	"protection", "control_suite", STR,
			protection.control_suite),
	F(G_PROTECT,	"protection", "control_tls", STR,
			protection.control_tls),
	F(G_PROTECT,	"protection", "lane_suite", STR,
			protection.lane_suite),
	F(G_PROTECT,	"protection", "lanes", U8, protection.n_lanes),
	F(G_OFFER,	NULL, "requested_by", STR, requested_by),
	F(G_DONE,	NULL, "rounds", U32, rounds),
	F(G_OFFER,	NULL, "strategy", STR, strategy),
	F(G_STREAM,	"stream", "bytes", U64, stream.stream_bytes),
	F(G_CLEAR,	"stream", "device_sha256", HEX, stream.device_digest),
	F(G_STREAM,	"stream", "opaque", BOOL, stream.opaque),
	F(G_CLEAR,	"stream", "ram_bytes", U64, stream.ram_bytes),
	F(G_CLEAR,	"stream", "ram_root", HEX, stream.ram_root),
	F(G_OPAQUE,	"stream", "sha256", HEX, stream.device_digest),
	F(G_PAUSED,	"times", "paused_ms", U64, times.paused_ms),
	F(G_RELEASED,	"times", "released_ms", U64, times.released_ms),
	F(G_OFFER,	"times", "requested_ms", U64, times.requested_ms),
	F(G_DONE,	"times", "running_ms", U64, times.running_ms),
	F(G_ID,		"to", "keyid", HEX, to_keyid),
	F(G_DONE,	"to", "log_root", HEX, to_log.root),
	F(G_DONE,	"to", "log_size", U64, to_log.size),
	F(G_ID,		"to", "name", STR, to_name),
	F(G_ACCEPT,	"to", "nonce", HEX, nonce_to),
	F(G_DONE,	NULL, "total_ms", U64, total_ms),
	F(G_ID,		NULL, "vm", STR, vm),
	F(G_DONE,	NULL, "wire_bytes", U64, wire_bytes),
};
#define N_FIELDS	(sizeof(fields) / sizeof(fields[0]))

static unsigned int groups_of(enum kr_statement k, bool opaque)
{
	unsigned int g = kinds[k].groups;

	if (g & G_STREAM)
		g |= opaque ? G_OPAQUE : G_CLEAR;
	return g;
}

const char *kr_statement_name(enum kr_statement k)
{
	return (unsigned int)k < KR_STATEMENT_N ? kinds[k].name : "unknown";
}

/* ---- building ---------------------------------------------------------- */

struct text { char *p; size_t n; };	/* of KR_STATEMENT_BYTES_MAX */

__attribute__((format(printf, 2, 3)))
static void say(struct text *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->p + o->n, KR_STATEMENT_BYTES_MAX - o->n, fmt, ap);
	va_end(ap);
	/* The table and the terms' sizes bound the text far below this. */
	assert(n >= 0 && o->n + (size_t)n < KR_STATEMENT_BYTES_MAX);
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

static void say_value(struct text *o, const struct field *f,
		      const struct kr_terms *t)
{
	const void *v = (const char *)t + f->at;
	char hex[65];

	switch (f->type) {
	case STR:
		say(o, "\"");
		say_escaped(o, v);
		say(o, "\"");
		break;
	case HEX:
		kr_hex(v, f->size, hex);
		say(o, "\"%s\"", hex);
		break;
	case U64:
		say(o, "%" PRIu64, *(const uint64_t *)v);
		break;
	case U32:
		say(o, "%" PRIu32, *(const uint32_t *)v);
		break;
	case U8:
		say(o, "%u", *(const uint8_t *)v);
		break;
	case BOOL:
		say(o, "%s", *(const bool *)v ? "true" : "false");
		break;
	}
}

static void say_predicate(struct text *o, unsigned int groups,
			  const struct kr_terms *t)
{
	const char *in = NULL;

	say(o, "{");
	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct field *f = &fields[i];

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
		say_value(o, f, t);
	}
	say(o, "%s}", in ? "}" : "");
}

static void say_subject(struct text *o, const char *vm, const char *part,
			const uint8_t digest[32])
{
	char hex[65];

	kr_hex(digest, 32, hex);
	say(o, "%s{\"digest\":{\"sha256\":\"%s\"},\"name\":\"",
	    o->p[o->n - 1] == '[' ? "" : ",", hex);
	say_escaped(o, vm);
	say(o, "%s\"}", part);
}

int kr_statement_build(enum kr_statement k, const struct kr_terms *t,
		       char *out, size_t *ret_n, struct kr_err *e)
{
	struct text o = { .p = out };
	unsigned int groups;
	int r = kr_terms_check(t, e);

	if (r)
		return r;
	assert((unsigned int)k < KR_STATEMENT_N);
	groups = groups_of(k, t->stream.opaque);
	say(&o, "{\"_type\":\"%s\",\"predicate\":", TYPE);
	say_predicate(&o, groups, t);
	say(&o, ",\"predicateType\":\"%s%s/v1\",\"subject\":[",
	    KR_STATEMENT_PREFIX, kinds[k].name);
	say_subject(&o, t->vm, "", t->definition);
	if (groups & G_CLEAR) {
		say_subject(&o, t->vm, "/ram", t->stream.ram_root);
		say_subject(&o, t->vm, "/device-state",
			    t->stream.device_digest);
	} else if (groups & G_OPAQUE) {
		say_subject(&o, t->vm, "/stream", t->stream.device_digest);
	}
	say(&o, "]}");
	*ret_n = o.n;
	return 0;
}

/* ---- reading ----------------------------------------------------------- */

static bool get_number(const json_t *j, uint64_t max, uint64_t *ret_v)
{
	if (!json_is_integer(j) || json_integer_value(j) < 0 ||
	    (uint64_t)json_integer_value(j) > max)
		return false;
	*ret_v = (uint64_t)json_integer_value(j);
	return true;
}

static bool get_value(const json_t *j, const struct field *f,
		      struct kr_terms *t)
{
	char *v = (char *)t + f->at;
	uint64_t n = 0;

	switch (f->type) {
	case STR:
		if (!json_is_string(j) || json_string_length(j) >= f->size)
			return false;
		memcpy(v, json_string_value(j), json_string_length(j));
		return true;
	case HEX:
		return json_is_string(j) &&
		       kr_unhex(json_string_value(j), (uint8_t *)v, f->size);
	case U64:
		return get_number(j, KR_TERMS_NUMBER_MAX, (uint64_t *)v);
	case U32:
		if (!get_number(j, UINT32_MAX, &n))
			return false;
		*(uint32_t *)v = (uint32_t)n;
		return true;
	case U8:
		if (!get_number(j, UINT8_MAX, &n))
			return false;
		*(uint8_t *)v = (uint8_t)n;
		return true;
	case BOOL:
		*(bool *)v = json_is_true(j);
		return json_is_boolean(j);
	}
	return false;
}

static bool get_kind(const char *type, enum kr_statement *ret_k)
{
	char want[96];

	for (unsigned int k = 0; type && k < KR_STATEMENT_N; k++) {
		snprintf(want, sizeof(want), "%s%s/v1", KR_STATEMENT_PREFIX,
			 kinds[k].name);
		if (!strcmp(type, want)) {
			*ret_k = k;
			return true;
		}
	}
	return false;
}

/* Reads what is known and leaves the rest to the comparison of the texts. */
static bool get_all(const json_t *doc, enum kr_statement *ret_k,
		    struct kr_terms *t)
{
	const json_t *p = json_object_get(doc, "predicate");
	const json_t *subject =
		json_array_get(json_object_get(doc, "subject"), 0);
	const char *digest = json_string_value(json_object_get(
		json_object_get(subject, "digest"), "sha256"));
	unsigned int groups;

	if (!get_kind(json_string_value(json_object_get(doc, "predicateType")),
		      ret_k) ||
	    !digest || !kr_unhex(digest, t->definition, 32))
		return false;
	groups = groups_of(*ret_k, json_is_true(json_object_get(
				   json_object_get(p, "stream"), "opaque")));
	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct field *f = &fields[i];
		const json_t *o = f->in ? json_object_get(p, f->in) : p;

		if ((groups & f->group) &&
		    !get_value(json_object_get(o, f->key), f, t))
			return false;
	}
	return true;
}

int kr_statement_parse(const char *text, size_t n, enum kr_statement *ret_k,
		       struct kr_terms *ret_t, struct kr_err *e)
{
	struct kr_terms t = { 0 };
	enum kr_statement k = KR_STATEMENT_N;
	char again[KR_STATEMENT_BYTES_MAX];
	json_t *doc;
	size_t n_again;
	bool ok;
	int r;

	if (n >= KR_STATEMENT_BYTES_MAX)
		return kr_fail(e, KR_E_MALFORMED, "statement too large");
	doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	ok = get_all(doc, &k, &t);
	json_decref(doc);
	if (!ok)
		return kr_fail(e, KR_E_MALFORMED, "not a korora statement");
	r = kr_statement_build(k, &t, again, &n_again, e);
	if (r)
		return r;
	if (n_again != n || memcmp(again, text, n))
		return kr_fail(e, KR_E_MALFORMED, "the %s says more than "
			       "korora's", kr_statement_name(k));
	*ret_k = k;
	*ret_t = t;
	return 0;
}

/* ---- signing ----------------------------------------------------------- */

int kr_statement_sign(enum kr_statement k, const struct kr_terms *t,
		      const struct kr_identity *id,
		      struct kr_dsse_sig *ret_sig, struct kr_err *e)
{
	char text[KR_STATEMENT_BYTES_MAX];
	size_t n;
	int r = kr_statement_build(k, t, text, &n, e);

	return r ? r : kr_dsse_sign(id, KR_STATEMENT_TYPE, text, n, ret_sig, e);
}

int kr_statement_check(enum kr_statement k, const struct kr_terms *t,
		       const struct kr_pubkey *key, const uint8_t *sig,
		       size_t sig_bytes, struct kr_err *e)
{
	char text[KR_STATEMENT_BYTES_MAX];
	size_t n;
	int r = kr_statement_build(k, t, text, &n, e);

	return r ? r : kr_dsse_check(key, KR_STATEMENT_TYPE, text, n, sig,
				     sig_bytes, e);
}

int kr_statement_envelope(enum kr_statement k, const struct kr_terms *t,
			  const struct kr_dsse_sig *sigs, unsigned int n_sigs,
			  char **ret_text, struct kr_err *e)
{
	char text[KR_STATEMENT_BYTES_MAX];
	size_t n;
	int r = kr_statement_build(k, t, text, &n, e);

	return r ? r : kr_dsse_build(KR_STATEMENT_TYPE, text, n, sigs, n_sigs,
				     ret_text, e);
}
