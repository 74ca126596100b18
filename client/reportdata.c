/* SPDX-License-Identifier: Apache-2.0 */
/* reportdata.c - see reportdata.h. Used by korora report. */
#include "client/reportdata.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/reportproof.h"
#include "evidence/approval.h"
#include "evidence/checkpoint.h"
#include "evidence/fingerprint.h"
#include "evidence/statement.h"

#define LOG_BROKEN	"KR-8002"

enum { SOURCE = 1, DESTINATION = 2, BOTH = 3 };

/* Who signs a kind of statement, and what he says by it. */
static const struct {
	unsigned int by;
	const char  *what;
} kinds[KR_STATEMENT_N] = {
	[KR_STATEMENT_OFFER] = { SOURCE,
		"the source offers this VM in this session" },
	[KR_STATEMENT_ACCEPTANCE] = { DESTINATION,
		"the destination accepts that offer" },
	[KR_STATEMENT_MANIFEST] = { SOURCE, "what was sent" },
	[KR_STATEMENT_PREPARED] = { DESTINATION,
		"what was loaded and verified" },
	[KR_STATEMENT_RELEASE] = { SOURCE,
		"the source gives up its right to run the VM" },
	[KR_STATEMENT_OWNER] = { DESTINATION,
		"the destination takes that right" },
	[KR_STATEMENT_RECEIPT] = { BOTH, "what was moved, and how" },
	[KR_STATEMENT_ABORT] = { SOURCE, "the source calls it off" },
	[KR_STATEMENT_DISOWN] = { DESTINATION,
		"the destination gives the VM back" },
	[KR_STATEMENT_REST] = { SOURCE, "what was sent after the VM ran" },
	[KR_STATEMENT_COMPLETE] = { DESTINATION,
		"all memory is there and verified, or never will be" },
};

static const char *text_of(const json_t *j, const char *key)
{
	const char *t = json_string_value(json_object_get(j, key));

	return t ? t : "";
}

static void put(json_t *j, const char *key, const char *text)
{
	json_object_set_new(j, key, json_string(text));
}

static void put_sha256(json_t *j, const char *key, const void *data, size_t n)
{
	uint8_t d[EVP_MAX_MD_SIZE];
	char hex[65];

	if (!EVP_Digest(data, n, d, NULL, EVP_sha256(), NULL))
		return;
	kr_hex(d, 32, hex);
	put(j, key, hex);
}

/* ---- statements -------------------------------------------------------- */

/* A host that a statement names, and whether its key is at hand. */
struct party {
	unsigned int		bit;
	const char	       *name;
	const uint8_t	       *keyid;
	const struct kr_pubkey *key;
};

static const struct kr_pubkey *key_of(const struct kr_keyring *keys,
				      const char *name, const uint8_t *keyid)
{
	const struct kr_pubkey *k = kr_keyring_find(keys, keyid);

	/* the same key under another name is another host's */
	return k && (!*kr_pubkey_name(k) || !strcmp(kr_pubkey_name(k), name)) ?
	       k : NULL;
}

/* Which of both hosts signed; each is added to the datum. */
static unsigned int signers(json_t *d, const struct kr_dsse *env,
			    const struct party *p, unsigned int *ret_n)
{
	json_t *by = json_array();
	unsigned int all = 0;

	*ret_n = 0;
	for (size_t i = 0; i < 2; i++) {
		char fp[KR_FINGERPRINT_BYTES];
		unsigned int mask = 0;

		if (!p[i].key ||
		    kr_dsse_verify(env, &p[i].key, 1, &mask, NULL) || !mask)
			continue;
		kr_fingerprint_put(p[i].keyid, fp);
		json_array_append_new(by, json_pack("{s:s, s:s}", "host",
						    p[i].name, "fingerprint",
						    fp));
		all |= p[i].bit;
		*ret_n += 1;
	}
	json_object_set_new(d, "signed_by", by);
	return all;
}

/* @required: those who have to have signed; of BOTH in the log one will do. */
static void judge_signers(json_t *d, const struct kr_dsse *env,
			  const struct kr_terms *t, unsigned int required,
			  bool all, const struct kr_keyring *keys)
{
	const struct party p[2] = {
		{ SOURCE, t->from_name, t->from_keyid,
		  key_of(keys, t->from_name, t->from_keyid) },
		{ DESTINATION, t->to_name, t->to_keyid,
		  key_of(keys, t->to_name, t->to_keyid) },
	};
	unsigned int n, mask = signers(d, env, p, &n);
	bool good = n == env->n_sigs && !(mask & ~required) &&
		    (all ? mask == required : mask != 0) &&
		    !kr_eq_ct(t->from_keyid, t->to_keyid, 32);

	json_object_set_new(d, "verified", json_boolean(good));
	for (size_t i = 0; !good && i < 2; i++) {
		char why[160];

		if (p[i].key || !(p[i].bit & required))
			continue;
		snprintf(why, sizeof(why), "the key that it calls %s is not "
			 "at hand", p[i].name);
		put(d, "why", why);
		json_object_set_new(d, "no_key", json_true());
		return;
	}
	if (!good)
		put(d, "why", n != env->n_sigs ?
		    "a signature in it does not verify" :
		    "it is not signed by who has to sign it");
}

/* The envelope in @text, as far as it is good: what it says, and who signed. */
static void put_statement(json_t *d, const char *text, const char *migration,
			  bool receipt, const struct kr_keyring *keys)
{
	KR_AUTO(kr_dsse_fini) struct kr_dsse env = { 0 };
	struct kr_err e = KR_ERR_NONE;
	enum kr_statement k = KR_STATEMENT_N;
	struct kr_terms t;
	KR_AUTO(kr_cli_decref) json_t *says = NULL;
	char id[33];
	int r = kr_dsse_parse(text, strlen(text), &env, &e);

	json_object_set_new(d, "verified", json_false());
	if (!r && strcmp(env.type, KR_STATEMENT_TYPE))
		r = kr_fail(&e, KR_E_MALFORMED, "it is no in-toto statement");
	if (!r)
		r = kr_statement_parse((const char *)env.payload,
				       env.payload_bytes, &k, &t, &e);
	if (r) {
		put(d, "why", e.what);
		return;
	}
	says = json_loadb((const char *)env.payload, env.payload_bytes, 0,
			  NULL);
	put(d, "statement", kr_statement_name(k));
	put(d, "what", kinds[k].what);
	put_sha256(d, "payload_sha256", env.payload, env.payload_bytes);
	json_object_set(d, "predicate", json_object_get(says, "predicate"));
	json_object_set(d, "subject", json_object_get(says, "subject"));
	kr_hex(t.migration, sizeof(t.migration), id);
	if (strcmp(id, migration))
		put(d, "why", "it is about another migration");
	else if (receipt && k != KR_STATEMENT_RECEIPT)
		put(d, "why", "it is no receipt");
	else
		judge_signers(d, &env, &t, kinds[k].by, receipt, keys);
}

/* ---- entries of the log ------------------------------------------------ */

static const struct kr_pubkey *own_key(const struct kr_reportdata_raw *raw,
				       const struct kr_keyring *keys)
{
	uint8_t keyid[32];

	return kr_fingerprint_get(text_of(raw->info, "fingerprint"), keyid) ?
	       key_of(keys, text_of(raw->info, "host"), keyid) : NULL;
}

/* By the record that is proved to be in the log, if it is. */
static json_t *entry_datum(const struct kr_reportdata_raw *raw, size_t n,
			   const char *migration,
			   const struct kr_keyring *keys)
{
	const char *host = text_of(raw->info, "host");
	const json_t *entry = json_array_get(raw->entries, n);
	json_t *d = json_object();
	KR_AUTO(kr_cli_decref) json_t *proved = kr_reportproof_put(d,
		json_array_get(raw->proofs, n), entry, migration, host,
		own_key(raw, keys), keys);
	const json_t *as = proved ? proved : entry;
	const json_t *detail = json_object_get(as, "detail");
	const json_t *env = json_object_get(as, "envelope");
	json_int_t index = json_integer_value(json_object_get(entry, "index"));
	KR_AUTOFREE char *text = env ? json_dumps(env, JSON_COMPACT) : NULL;
	char id[32], source[96];

	snprintf(id, sizeof(id), "log-%" JSON_INTEGER_FORMAT, index);
	snprintf(source, sizeof(source), "log of %.63s", host);
	put(d, "id", id);
	put(d, "source", source);
	json_object_set_new(d, "index", json_integer(index));
	json_object_set(d, "at_ms", json_object_get(as, "at_ms"));
	json_object_set(d, "event", json_object_get(as, "event"));
	json_object_set(d, "state", json_object_get(detail, "state"));
	json_object_set(d, "error", json_object_get(detail, "error"));
	json_object_set_new(d, "detail", json_deep_copy(detail));
	put(d, "what", "a step of the hand-over");
	if (text)
		put_statement(d, text, migration, false, keys);
	return d;
}

static json_t *receipt_datum(const struct kr_reportdata_raw *raw,
			     const char *migration,
			     const struct kr_keyring *keys)
{
	json_t *d = json_object();

	put(d, "id", "receipt");
	put(d, "source", raw->receipt_path);
	put(d, "what", kinds[KR_STATEMENT_RECEIPT].what);
	if (raw->receipt)
		put_statement(d, raw->receipt, migration, true, keys);
	else
		put(d, "why", raw->receipt_why ? raw->receipt_why : "");
	return d;
}

/* ---- approvals --------------------------------------------------------- */

/* The key that is enrolled here for who approved, if it is that one. */
static struct kr_pubkey *user_key(const json_t *keys, const char *user,
				  const uint8_t keyid[32])
{
	char fp[KR_FINGERPRINT_BYTES];
	const json_t *k;
	size_t i;

	kr_fingerprint_put(keyid, fp);
	json_array_foreach(json_object_get(keys, "keys"), i, k) {
		const char *pem = text_of(k, "pem");
		struct kr_pubkey *key = NULL;

		if (strcmp(text_of(k, "fingerprint"), fp) ||
		    strcmp(text_of(k, "user"), user) ||
		    kr_pubkey_parse(pem, strlen(pem), &key, NULL))
			continue;
		if (kr_eq_ct(kr_pubkey_keyid(key), keyid, 32))
			return key;
		kr_pubkey_free(key);
	}
	return NULL;
}

static void judge_approver(json_t *d, const char *text,
			   const struct kr_approval *a, const json_t *keys)
{
	KR_AUTO(kr_pubkey_autofree) struct kr_pubkey *key =
		user_key(keys, a->approver, a->approver_keyid);
	struct kr_approval said;
	struct kr_err e = KR_ERR_NONE;
	char fp[KR_FINGERPRINT_BYTES], why[200];

	json_object_set_new(d, "verified", json_false());
	if (!key) {
		snprintf(why, sizeof(why), "the key that it calls %s's is not "
			 "enrolled on this host", a->approver);
		put(d, "why", why);
		json_object_set_new(d, "no_key", json_true());
		return;
	}
	if (kr_approval_verify(text, strlen(text), key, &said, &e)) {
		put(d, "why", e.what);
		return;
	}
	kr_fingerprint_put(a->approver_keyid, fp);
	json_object_set_new(d, "verified", json_true());
	json_object_set_new(d, "signed_by", json_pack("[{s:s, s:s}]", "user",
			    a->approver, "fingerprint", fp));
}

static json_t *approval_datum(const json_t *word, size_t n,
			      const json_t *keys)
{
	const json_t *env = json_object_get(word, "envelope");
	KR_AUTOFREE char *text = env ? json_dumps(env, JSON_COMPACT) : NULL;
	KR_AUTO(kr_dsse_fini) struct kr_dsse dsse = { 0 };
	KR_AUTO(kr_cli_decref) json_t *says = NULL;
	struct kr_err e = KR_ERR_NONE;
	struct kr_approval a;
	json_t *d = json_object();
	char id[32];

	snprintf(id, sizeof(id), "approval-%zu", n + 1);
	put(d, "id", id);
	put(d, "source", "request.show");
	put(d, "what", "somebody else's word on what was asked for");
	put(d, "statement", "approval");
	json_object_set(d, "at_ms", json_object_get(word, "at_ms"));
	if (!text || kr_approval_peek(text, strlen(text), &a, &e) ||
	    kr_dsse_parse(text, strlen(text), &dsse, &e)) {
		json_object_set_new(d, "verified", json_false());
		put(d, "why", text ? e.what : "there is no envelope");
		return d;
	}
	says = json_loadb((const char *)dsse.payload, dsse.payload_bytes, 0,
			  NULL);
	put_sha256(d, "payload_sha256", dsse.payload, dsse.payload_bytes);
	json_object_set(d, "predicate", json_object_get(says, "predicate"));
	json_object_set(d, "subject", json_object_get(says, "subject"));
	judge_approver(d, text, &a, keys);
	return d;
}

/* ---- this host --------------------------------------------------------- */

/* Is the checkpoint in the answer over that log, and signed with @k? */
static bool checkpoint_fits(const struct kr_reportdata_raw *raw,
			    const struct kr_pubkey *k)
{
	const json_t *size = json_object_get(raw->log, "size");
	struct kr_checkpoint c;
	uint8_t root[32];

	return !kr_checkpoint_verify(text_of(raw->log, "checkpoint"), k,
				     text_of(raw->info, "host"), &c, NULL) &&
	       kr_unhex(text_of(raw->log, "root"), root, 32) &&
	       !memcmp(c.root, root, 32) && json_is_integer(size) &&
	       c.size == (uint64_t)json_integer_value(size);
}

static void put_whole(json_t *d, const struct kr_reportdata_raw *raw,
		      const struct kr_keyring *keys)
{
	const struct kr_pubkey *k = own_key(raw, keys);
	bool fits = k && checkpoint_fits(raw, k);

	json_object_set(d, "entries", json_object_get(raw->log, "entries"));
	json_object_set(d, "root", json_object_get(raw->log, "root"));
	json_object_set(d, "checkpoint",
			json_object_get(raw->log, "checkpoint"));
	json_object_set_new(d, "verified", json_boolean(fits));
	if (!k)
		json_object_set_new(d, "no_key", json_true());
	if (fits)
		json_object_set_new(d, "signed_by", json_pack(
			"[{s:O, s:O}]", "host",
			json_object_get(raw->info, "host"), "fingerprint",
			json_object_get(raw->info, "fingerprint")));
	else
		put(d, "why", k ? "its checkpoint is not what this host signed" :
			      "this host's own key is not at hand");
}

/* kororad's word that the log is whole, and its signature over that. */
static json_t *log_datum(const struct kr_reportdata_raw *raw,
			 const struct kr_keyring *keys)
{
	bool whole = json_is_true(json_object_get(raw->log, "ok"));
	json_t *d = json_pack("{s:s, s:s, s:s, s:b}", "id", "log", "source",
			      "log.verify", "what", "the whole log, read again "
			      "by kororad, and the signed checkpoint over it",
			      "whole", (int)whole);

	if (whole) {
		put_whole(d, raw, keys);
		return d;
	}
	put(d, "why", raw->log_error ? text_of(raw->log_error, "message") :
				       "kororad does not vouch for it");
	json_object_set(d, "error", (json_t *)(uintptr_t)raw->log_error);
	if (!strcmp(text_of(raw->log_error, "code"), LOG_BROKEN))
		json_object_set_new(d, "verified", json_false());
	return d;
}

static json_t *policy_datum(const json_t *policy)
{
	bool past = json_is_false(json_object_get(policy, "in_force"));
	json_t *d = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", "policy",
			      "source", "policy.show", "what", past ?
			      "a policy that was in force on this host" :
			      "the policy in force on this host now", "text",
			      text_of(policy, "demands"), "name",
			      text_of(policy, "name"), "sha256",
			      text_of(policy, "sha256"));

	json_object_set(d, "version", json_object_get(policy, "version"));
	json_object_set_new(d, "in_force", json_boolean(!past));
	json_object_set(d, "destinations",
			json_object_get(policy, "destinations"));
	json_object_set(d, "past_error", json_object_get(policy, "error"));
	return d;
}

json_t *kr_reportdata_new(const struct kr_reportdata_raw *raw,
			  const struct kr_keyring *keys)
{
	const char *host = text_of(raw->info, "host");
	const char *id = text_of(raw->status, "migration");
	json_t *data = json_array(), *entry;
	size_t i;

	json_array_append_new(data, json_pack(
		"{s:s, s:s, s:s, s:I, s:s}", "id", "status", "source",
		"status", "what", "how kororad says that it stands", "at_ms",
		(json_int_t)raw->now_ms, "state",
		text_of(raw->status, "state")));
	json_array_append_new(data, policy_datum(raw->policy));
	json_array_foreach(raw->entries, i, entry)
		json_array_append_new(data, entry_datum(raw, i, id, keys));
	json_array_foreach(json_object_get(raw->request, "approvals"), i,
			   entry)
		json_array_append_new(data, approval_datum(entry, i,
							   raw->user_keys));
	json_array_append_new(data, log_datum(raw, keys));
	if (raw->receipt_path)
		json_array_append_new(data, receipt_datum(raw, id, keys));
	return json_pack("{s:I, s:s, s:O?, s:b, s:I, s:o}", "made_ms",
			 (json_int_t)raw->now_ms, "host", host, "status",
			 raw->status, "cut", (int)raw->cut, "hidden",
			 raw->hidden, "data", data);
}
