/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c - what each kind of statement says of the terms: one table of
 * fields (predicate.h), and which of them belong to which kind.
 * Runs in kororad and, to verify receipts and logs, in the client.
 */
#include "evidence/statement.h"

#include <assert.h>
#include <string.h>

#include "evidence/predicate.h"

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
	G_PREDICTED = 1 << 10,	/* set with G_OFFER if it was predicted */
	G_THROTTLE  = 1 << 11,	/* set with G_OFFER if it was allowed */
	G_EARLY	    = 1 << 12,	/* set with G_STREAM if it runs early */
	G_REST	    = 1 << 13,	/* set with G_WHOLE, too */
	G_WHOLE	    = 1 << 14,	/* set with G_DONE if it ran early */
	G_PREEMPT   = 1 << 15,	/* set with G_ACCEPT if it was agreed */
	G_FROM	    = 1 << 16,	/* set with G_OFFER if policies are named, */
	G_UNNAMED   = 1 << 17,	/* else this one */
	G_TO	    = 1 << 18,	/* set with G_ACCEPT if they are */
	G_APPROVALS = 1 << 19,	/* set with G_OFFER if some were asked for */
	G_COVERS    = 1 << 20,	/* set with G_REST if it is said */
	G_OFF	    = 1 << 21,	/* set with G_WHOLE if it was off before */
	G_BASIS	    = 1 << 22,	/* set with G_PREDICTED if it is said */
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
	[KR_STATEMENT_REST]	  = { "rest", RELEASE | G_EARLY | G_REST },
	[KR_STATEMENT_COMPLETE]	  = { "complete", RELEASE | G_EARLY | G_WHOLE },
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == KR_STATEMENT_N,
	      "a row for each kind");

#define F(group, in, key, type, member) \
	KR_PREDICATE_FIELD(group, in, key, type, struct kr_terms, member)

static const struct kr_predicate_field fields[] = {
	F(G_APPROVALS,	NULL, "approvals", U8, approvals),
	F(G_OFFER,	NULL, "binding", HEX, binding),
	F(G_DONE,	NULL, "downtime_us", U64, downtime_us),
	F(G_ID,		NULL, "epoch", U64, epoch),
	F(G_ID,		"from", "keyid", HEX, from_keyid),
	F(G_DONE,	"from", "log_root", HEX, from_log.root),
	F(G_DONE,	"from", "log_size", U64, from_log.size),
	F(G_ID,		"from", "name", STR, from_name),
	F(G_OFFER,	"from", "nonce", HEX, nonce_from),
	F(G_FROM,	"from", "policy", STR, from_policy.name),
	F(G_FROM,	"from", "policy_sha256", HEX, from_policy.digest),
	F(G_FROM,	"from", "policy_version", U32, from_policy.version),
	F(G_ID,		NULL, "migration", HEX, migration),
	F(G_UNNAMED,	NULL, "policy_sha256", HEX, from_policy.digest),
	F(G_WHOLE,	"postcopy", "complete_ms", U64, postcopy.complete_ms),
	F(G_COVERS,	"postcopy", "covers", STR, postcopy.covers),
	F(G_WHOLE,	"postcopy", "late_pages", U64, postcopy.late_pages),
	F(G_REST,	"postcopy", "lost", BOOL, postcopy.lost),
	F(G_OFF,	"postcopy", "off", BOOL, postcopy.off),
	F(G_EARLY,	"postcopy", "owed_pages", U64, postcopy.owed_pages),
	F(G_REST,	"postcopy", "ram_root", HEX, postcopy.ram_root),
	F(G_WHOLE,	"postcopy", "recoveries", U32, postcopy.recoveries),
	F(G_REST,	"postcopy", "stream_bytes", U64,
			postcopy.stream_bytes),
	F(G_BASIS,	"predicted", "basis", STR, predicted.basis),
	F(G_PREDICTED,	"predicted", "downtime_ms", U64,
			predicted.downtime_ms),
	F(G_PREDICTED,	"predicted", "total_ms", U64, predicted.total_ms),
	F(G_PREDICTED,	"predicted", "wire_bytes", U64,
			predicted.wire_bytes),
	F(G_PREEMPT,	NULL, "preempt", BOOL, preempt),
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
	F(G_THROTTLE,	NULL, "throttle", BOOL, throttle),
	F(G_PAUSED,	"times", "paused_ms", U64, times.paused_ms),
	F(G_RELEASED,	"times", "released_ms", U64, times.released_ms),
	F(G_OFFER,	"times", "requested_ms", U64, times.requested_ms),
	F(G_DONE,	"times", "running_ms", U64, times.running_ms),
	F(G_ID,		"to", "keyid", HEX, to_keyid),
	F(G_DONE,	"to", "log_root", HEX, to_log.root),
	F(G_DONE,	"to", "log_size", U64, to_log.size),
	F(G_ID,		"to", "name", STR, to_name),
	F(G_ACCEPT,	"to", "nonce", HEX, nonce_to),
	F(G_TO,		"to", "policy", STR, to_policy.name),
	F(G_TO,		"to", "policy_sha256", HEX, to_policy.digest),
	F(G_TO,		"to", "policy_version", U32, to_policy.version),
	F(G_DONE,	NULL, "total_ms", U64, total_ms),
	F(G_ID,		NULL, "vm", STR, vm),
	F(G_DONE,	NULL, "wire_bytes", U64, wire_bytes),
};
#define N_FIELDS	(sizeof(fields) / sizeof(fields[0]))

/* What @t has decides which fields there are to say. */
static unsigned int groups_of(enum kr_statement k, const struct kr_terms *t)
{
	unsigned int g = kinds[k].groups;

	if (g & G_STREAM)
		g |= t->stream.opaque ? G_OPAQUE : G_CLEAR;
	if ((g & G_STREAM) && t->postcopy.early)
		g |= G_EARLY | (g & G_DONE ? G_WHOLE : 0);
	if (g & G_WHOLE)
		g |= G_REST;
	g |= t->from_policy.name[0] ? G_FROM : G_UNNAMED;
	if ((g & G_ACCEPT) && t->to_policy.name[0])
		g |= G_TO;
	if (t->approvals)
		g |= G_APPROVALS;
	if ((g & G_REST) && t->postcopy.covers[0])
		g |= G_COVERS;
	if ((g & G_WHOLE) && t->postcopy.off)
		g |= G_OFF;
	if (t->predicted.total_ms)
		g |= G_PREDICTED | (t->predicted.basis[0] ? G_BASIS : 0);
	if ((g & G_ACCEPT) && t->preempt)
		g |= G_PREEMPT;
	return g | (t->throttle ? G_THROTTLE : 0);
}

const char *kr_statement_name(enum kr_statement k)
{
	return (unsigned int)k < KR_STATEMENT_N ? kinds[k].name : "unknown";
}

int kr_statement_build(enum kr_statement k, const struct kr_terms *t,
		       char *out, size_t *ret_n, struct kr_err *e)
{
	struct kr_predicate_subject subjects[3] = {
		{ t->vm, "", t->definition },
	};
	size_t n_subjects = 1;
	unsigned int groups;
	int r = kr_terms_check(t, e);

	if (r)
		return r;
	assert((unsigned int)k < KR_STATEMENT_N);
	groups = groups_of(k, t);
	if (groups & G_CLEAR) {
		subjects[n_subjects++] = (struct kr_predicate_subject){
			t->vm, "/ram", t->stream.ram_root };
		subjects[n_subjects++] = (struct kr_predicate_subject){
			t->vm, "/device-state", t->stream.device_digest };
	} else if (groups & G_OPAQUE) {
		subjects[n_subjects++] = (struct kr_predicate_subject){
			t->vm, "/stream", t->stream.device_digest };
	}
	*ret_n = kr_predicate_build(kinds[k].name, fields, N_FIELDS, groups, t,
				    subjects, n_subjects, out,
				    KR_STATEMENT_BYTES_MAX);
	return 0;
}

static char says(const json_t *p, const char *in, const char *key)
{
	return json_object_get(json_object_get(p, in), key) ? '?' : '\0';
}

/* Reads what is known and leaves the rest to the comparison of the texts. */
static bool get_all(const json_t *doc, enum kr_statement *ret_k,
		    struct kr_terms *t)
{
	const json_t *p = json_object_get(doc, "predicate");
	unsigned int k = 0;

	while (k < KR_STATEMENT_N && !kr_predicate_kind(doc, kinds[k].name))
		k++;
	if (k == KR_STATEMENT_N || !kr_predicate_subject(doc, t->definition))
		return false;
	*ret_k = k;
	t->stream.opaque = json_is_true(json_object_get(
				json_object_get(p, "stream"), "opaque"));
	t->from_policy.name[0] = says(p, "from", "policy");
	t->to_policy.name[0] = says(p, "to", "policy");
	t->approvals = json_object_get(p, "approvals") ? 1 : 0;
	t->predicted.total_ms = json_object_get(p, "predicted") ? 1 : 0;
	t->predicted.basis[0] = says(p, "predicted", "basis");
	t->throttle = json_object_get(p, "throttle");
	t->preempt = json_object_get(p, "preempt");
	t->postcopy.early = json_object_get(p, "postcopy");
	t->postcopy.covers[0] = json_object_get(json_object_get(p, "postcopy"),
						"covers") ? '?' : '\0';
	t->postcopy.off = json_object_get(json_object_get(p, "postcopy"),
					  "off");
	return kr_predicate_get(p, fields, N_FIELDS, groups_of(*ret_k, t), t);
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
