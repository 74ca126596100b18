/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_stand.h - two hosts with real keys and what their kororads would
 * answer about a migration, for tests of its report. Include after cmocka.h.
 */
#ifndef KR_TEST_REPORT_STAND_H
#define KR_TEST_REPORT_STAND_H

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "client/reportdata.h"
#include "evidence/checkpoint.h"
#include "evidence/fingerprint.h"
#include "evidence/statement.h"
#include "evidence/tlogproof.h"

#define POLICY	"tls=1.3\nmutual=required\nattestation=none\n"		\
		"scanners=0\npostcopy=yes\nevidence=any\n"			\
		"control_suites=TLS_AES_256_GCM_SHA384:"		\
		"TLS_CHACHA20_POLY1305_SHA256\n"			\
		"lane_suite=TLS_AES_128_GCM_SHA256\n"

enum { ALPHA, BETA, GAMMA, HOSTS };

static char dir[64];
static struct kr_identity *host[HOSTS];

/* One migration, as seen by alpha. */
struct stand {
	struct kr_terms	  t;
	struct kr_keyring keys;
	json_t		 *info, *policy, *status, *entries, *log, *log_error;
	json_t		 *request, *user_keys;
	char		 *receipt;	/* the file, NULL if there is none */
	bool		  cut;		/* there are more entries */
	json_int_t	  hidden;	/* that alpha does not show */
	enum { PROVED, NO_PROOF, NOT_THAT, NOT_IN_IT, NOT_SIGNED }
			  proof;	/* that one of them has */
	size_t		  at_fault;	/* which */
};

static inline const char *in_dir(unsigned int i, const char *file)
{
	static const char *const names[HOSTS] = { "alpha", "beta", "gamma" };
	static char path[2][160];
	static unsigned int n;

	n = !n;
	snprintf(path[n], sizeof(path[n]), "%s/%s%s", dir, names[i], file);
	return path[n];
}

static inline int hosts_setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/korora-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	for (unsigned int i = 0; i < HOSTS; i++)
		if (mkdir(in_dir(i, ""), 0700) ||
		    kr_identity_create(in_dir(i, ""),
				       strrchr(in_dir(i, ""), '/') + 1,
				       NULL) ||
		    kr_identity_load(in_dir(i, ""), &host[i], NULL))
			return -1;
	return 0;
}

static inline int hosts_teardown(void **state)
{
	char cmd[128];

	(void)state;
	for (unsigned int i = 0; i < HOSTS; i++)
		kr_identity_free(host[i]);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static inline void terms_fill(struct kr_terms *t)
{
	*t = (struct kr_terms){ .epoch = 8, .requested_by = "anna@alpha" };
	memset(t->migration, 0x11, sizeof(t->migration));
	memset(t->definition, 0x22, 32);
	memset(t->nonce_from, 0x55, 32);
	memset(t->nonce_to, 0x66, 32);
	memset(t->binding, 0x77, 32);
	strcpy(t->vm, "web-1");
	strcpy(t->from_name, "alpha");
	strcpy(t->to_name, "beta");
	memcpy(t->from_keyid, kr_identity_keyid(host[ALPHA]), 32);
	memcpy(t->to_keyid, kr_identity_keyid(host[BETA]), 32);
	strcpy(t->from_policy.name, "standard");
	t->from_policy.version = 1;
	assert_true(EVP_Digest(POLICY, strlen(POLICY), t->from_policy.digest,
			       NULL, EVP_sha256(), NULL));
	strcpy(t->to_policy.name, "strict");
	t->to_policy.version = 4;
	memset(t->to_policy.digest, 0x8b, 32);
	strcpy(t->strategy, "precopy");
	strcpy(t->protection.control_tls, "TLSv1.3");
	strcpy(t->protection.control_suite, "TLS_AES_256_GCM_SHA384");
	strcpy(t->protection.lane_suite, "TLS_AES_128_GCM_SHA256");
	strcpy(t->protection.attestation, "none");
	t->protection.n_lanes = 2;
	memset(t->stream.ram_root, 0x99, 32);
	memset(t->stream.device_digest, 0xaa, 32);
	t->stream.ram_bytes = 1 << 26;
	t->stream.stream_bytes = 1 << 20;
	t->times.requested_ms = 1700000000001;
	t->times.paused_ms = 1700000004001;
	t->times.released_ms = 1700000004011;
	t->times.running_ms = 1700000004021;
	t->total_ms = 4000;
	t->downtime_us = 20000;
	t->rounds = 3;
	t->wire_bytes = 1 << 20;
}

static inline json_t *log_answer(uint64_t size)
{
	char note[KR_CHECKPOINT_NOTE_MAX], hex[65];
	uint8_t root[32];

	memset(root, 0xbb, sizeof(root));
	kr_hex(root, sizeof(root), hex);
	assert_int_equal(kr_checkpoint_sign(host[ALPHA], size, root, note,
					    NULL), 0);
	return json_pack("{s:b, s:I, s:I, s:s, s:i, s:s}", "ok", 1, "entries",
			 (json_int_t)size, "size", (json_int_t)size, "root",
			 hex, "receipts", 1, "checkpoint", note);
}

static inline void stand_init(struct stand *s, const char *state)
{
	char fp[KR_FINGERPRINT_BYTES], id[33], digest[65];

	*s = (struct stand){ .entries = json_array() };
	terms_fill(&s->t);
	kr_fingerprint_put(s->t.from_keyid, fp);
	kr_hex(s->t.migration, 16, id);
	assert_int_equal(kr_keyring_add(&s->keys, in_dir(ALPHA,
					"/identity.crt"), NULL), 0);
	assert_int_equal(kr_keyring_add(&s->keys, in_dir(BETA,
					"/identity.crt"), NULL), 0);
	s->info = json_pack("{s:s, s:s}", "host", "alpha", "fingerprint", fp);
	kr_hex(s->t.from_policy.digest, 32, digest);
	s->policy = json_pack("{s:s, s:i, s:s, s:s, s:[s, s]}", "name",
			      "standard", "version", 1, "sha256", digest,
			      "demands", POLICY, "destinations", "gamma",
			      "bet*");
	s->status = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "migration",
			      id, "vm", "web-1", "role", "source", "peer",
			      "beta", "state", state, "started_ms",
			      (json_int_t)1700000000001);
	s->log = log_answer(40);
}

static inline void stand_fini(struct stand *s)
{
	kr_keyring_fini(&s->keys);
	json_decref(s->info);
	json_decref(s->policy);
	json_decref(s->status);
	json_decref(s->entries);
	json_decref(s->log);
	json_decref(s->log_error);
	json_decref(s->request);
	json_decref(s->user_keys);
	free(s->receipt);
}

/* An envelope about the terms; @b < 0: signed by @a alone. */
static inline char *envelope(const struct stand *s, enum kr_statement k, int a,
			     int b)
{
	struct kr_dsse_sig sig[2];
	char *text = NULL;

	assert_int_equal(kr_statement_sign(k, &s->t, host[a], &sig[0], NULL),
			 0);
	if (b >= 0)
		assert_int_equal(kr_statement_sign(k, &s->t, host[b], &sig[1],
						   NULL), 0);
	assert_int_equal(kr_statement_envelope(k, &s->t, sig, b < 0 ? 1 : 2,
					       &text, NULL), 0);
	return text;
}

/* The next entry of alpha's log; @text: an envelope, taken, or NULL. */
static inline json_t *entry(struct stand *s, const char *event, char *text)
{
	char id[33];
	json_t *e;

	kr_hex(s->t.migration, 16, id);
	e = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:i, s:{s:s, s:s}}",
		      "index", (json_int_t)(20 + json_array_size(s->entries)),
		      "at_ms", (json_int_t)1700000000500, "event", event,
		      "host", "alpha", "migration", id, "prev", "00", "v", 1,
		      "detail", "vm", "web-1", "state", "S_TEST");
	if (text)
		json_object_set_new(e, "envelope", json_loads(text, 0, NULL));
	free(text);
	json_array_append_new(s->entries, e);
	return e;
}

static inline void signed_entry(struct stand *s, const char *event,
				enum kr_statement k, int by)
{
	entry(s, event, envelope(s, k, by, -1));
}

/* As if the log had never had it. */
static inline void never_written(struct stand *s, size_t gone)
{
	json_t *e;
	size_t i;

	json_array_remove(s->entries, gone);
	json_array_foreach(s->entries, i, e)
		json_object_set_new(e, "index", json_integer(
				    (json_int_t)(20 + i)));
}

/* What @n of the statements of a migration that went well leave at alpha. */
static inline void entries(struct stand *s, unsigned int n)
{
	static const struct {
		const char	 *event;
		enum kr_statement k;
		int		  by;
	} all[] = {
		{ "migration.offer", KR_STATEMENT_OFFER, ALPHA },
		{ "peer.acceptance", KR_STATEMENT_ACCEPTANCE, BETA },
		{ "migration.seal", KR_STATEMENT_MANIFEST, ALPHA },
		{ "peer.prepared", KR_STATEMENT_PREPARED, BETA },
		{ "migration.release", KR_STATEMENT_RELEASE, ALPHA },
		{ "peer.owner", KR_STATEMENT_OWNER, BETA },
	};

	for (unsigned int i = 0; i < n; i++)
		signed_entry(s, all[i].event, all[i].k, all[i].by);
}

static inline void receipts(struct stand *s)
{
	entry(s, "migration.done", envelope(s, KR_STATEMENT_RECEIPT, ALPHA,
					    BETA));
	s->receipt = envelope(s, KR_STATEMENT_RECEIPT, ALPHA, BETA);
}

/* The record of one of them, as the log has it; for free(). */
static inline char *record_of(const json_t *e)
{
	json_t *r = json_copy((json_t *)(uintptr_t)e);
	char *text;

	json_object_set(r, "time_ms", json_object_get(r, "at_ms"));
	json_object_del(r, "at_ms");
	text = json_dumps(r, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(r);
	assert_non_null(text);
	return text;
}

/* The log: 20 entries of something else, and those of the migration. */
static inline int subtree(void *arg, unsigned int level, uint64_t idx,
			  uint8_t ret[32], struct kr_err *e)
{
	const struct stand *s = arg;
	uint8_t left[32], right[32];
	char *text;

	if (level) {
		subtree(arg, level - 1, 2 * idx, left, e);
		subtree(arg, level - 1, 2 * idx + 1, right, e);
		kr_merkle_node(left, right, ret);
		return 0;
	}
	text = idx < 20 ? strdup("other") :
	       record_of(json_array_get(s->entries, (size_t)idx - 20));
	kr_merkle_leaf(text, strlen(text), ret);
	free(text);
	return 0;
}

/* What log.prove answers about entry @i of them; beta has cosigned it. */
static inline json_t *proof_of(const struct stand *s, size_t i)
{
	const struct kr_proof_tree tree = { subtree, (void *)(uintptr_t)s };
	const int fault = i == s->at_fault ? s->proof : PROVED;
	struct kr_tlogproof p = { .at = 20 + i + (fault == NOT_THAT) };
	struct kr_checkpoint c = { .host = "alpha" };
	struct kr_merkle m = { 0 };
	uint8_t sig[KR_SIG_BYTES_MAX], leaf[32];
	size_t n_sig;
	char *text;
	json_t *j;

	if (fault == NO_PROOF)
		return json_pack("{s:s, s:s}", "code", "KR-1003", "message",
				 "he may not");
	c.size = 20 + json_array_size(s->entries);
	for (uint64_t k = 0; k < c.size; k++) {
		subtree((void *)(uintptr_t)s, 0, k, leaf, NULL);
		kr_merkle_append(&m, leaf);
	}
	kr_merkle_root(&m, c.root);
	c.root[0] ^= fault == NOT_IN_IT;
	assert_int_equal(kr_proof_leaf(&tree, p.at, c.size, &p.proof, NULL),
			 0);
	p.record = (uint8_t *)record_of(json_array_get(s->entries,
						       (size_t)p.at - 20));
	p.n_record = strlen((char *)p.record);
	assert_int_equal(kr_checkpoint_sign(host[fault == NOT_SIGNED ?
					    BETA : ALPHA], c.size, c.root,
					    p.note, NULL), 0);
	assert_int_equal(kr_checkpoint_vouch(host[BETA], &c, sig, &n_sig,
					     NULL), 0);
	kr_checkpoint_line("beta", kr_identity_keyid(host[BETA]), sig, n_sig,
			   p.note + strlen(p.note));
	assert_int_equal(kr_tlogproof_put(&p, &text, NULL), 0);
	kr_tlogproof_fini(&p);
	j = json_pack("{s:s}", "proof", text);
	free(text);
	return j;
}

static inline json_t *proofs_of(const struct stand *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < json_array_size(s->entries); i++)
		json_array_append_new(a, proof_of(s, i));
	return a;
}

static inline json_t *gathered(const struct stand *s)
{
	json_t *proofs = proofs_of(s), *file;
	const struct kr_reportdata_raw raw = {
		.info = s->info, .policy = s->policy, .status = s->status,
		.entries = s->entries, .proofs = proofs,
		.cut = s->cut, .hidden = s->hidden, .request = s->request,
		.user_keys = s->user_keys,
		.log = s->log_error ? NULL : s->log,
		.log_error = s->log_error, .receipt = s->receipt,
		.receipt_path = s->receipt ? "/r/ID.json" : NULL,
		.now_ms = 1700000009000,
	};

	file = kr_reportdata_new(&raw, &s->keys);
	json_decref(proofs);
	return file;
}

#endif
