/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_goodvalues.c - reference values come from users whose keys are enrolled
 * and who may, and from nobody else; versions go up; what was removed refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/fd.h"
#include "daemon/api.h"
#include "daemon/authorise.h"
#include "daemon/goodvalues.h"
#include "evidence/signer.h"
#include "store/userkeyrow.h"

enum { ANNA, BEN, CARL, N_USERS };	/* Ben may not, Carl is not enrolled */

static const struct { const char *name, *role; } users[N_USERS] = {
	{ "anna", "admin" }, { "ben", "operate" }, { "carl", "admin" },
};
static char dir[64];
static struct kr_host host;
static struct kr_signer *keys[N_USERS];
static const char *anna_is;		/* in which role, NULL: as above */
static char recorded[64];

/* ---- what they ask of the rest of kororad -------------------------------- */

int kr_authorise_find(struct kr_host *h, const char *name,
		      struct kr_authorise_who *w, struct kr_err *e)
{
	(void)h, (void)e;
	*w = (struct kr_authorise_who){ .p = { .name = name } };
	for (unsigned int i = 0; i < N_USERS; i++)
		if (!strcmp(users[i].name, name))
			w->p.roles[w->p.n_roles++] = i == ANNA && anna_is ?
						     anna_is : users[i].role;
	return 0;
}

int kr_host_record(struct kr_host *h, const char *event, json_t *detail,
		   struct kr_err *e)
{
	(void)h, (void)e;
	assert_non_null(json_object_get(detail, "version"));
	snprintf(recorded, sizeof(recorded), "%s", event);
	return 0;
}

const char *kr_api_text(struct kr_request *q, const char *key,
			struct kr_err *e)
{
	(void)e;
	return json_string_value(json_object_get(q->params, key));
}

/* ---- who they are -------------------------------------------------------- */

static struct kr_signer *make_key(const char *name)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	struct kr_signer *s = NULL;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.pem", dir, name);
	f = fopen(path, "w");
	assert_true(k && f);
	assert_true(PEM_write_PKCS8PrivateKey(f, k, NULL, NULL, 0, NULL, NULL));
	assert_int_equal(fclose(f), 0);
	EVP_PKEY_free(k);
	assert_int_equal(kr_signer_open(path, &s, NULL), 0);
	return s;
}

static void enrol(unsigned int who)
{
	struct kr_userkeyrow k = { .added_by = "root" };
	const struct kr_pubkey *pub = kr_signer_pubkey(keys[who]);
	KR_AUTOFREE char *pem = NULL;

	snprintf(k.user, sizeof(k.user), "%s", users[who].name);
	memcpy(k.keyid, kr_pubkey_keyid(pub), sizeof(k.keyid));
	assert_int_equal(kr_pubkey_pem(pub, &pem, NULL), 0);
	snprintf(k.pem, sizeof(k.pem), "%s", pem);
	assert_int_equal(kr_userkeyrow_add(host.store, &k, NULL), 0);
}

static void strike_off(unsigned int who)
{
	assert_int_equal(kr_userkeyrow_del(host.store, kr_pubkey_keyid(
				kr_signer_pubkey(keys[who])), NULL), 0);
}

static int setup(void **state)
{
	char path[128];

	(void)state;
	anna_is = NULL;
	strcpy(dir, "/tmp/korora-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/korora.db", dir);
	if (kr_store_open(path, KR_STORE_WRITE, &host.store, NULL) ||
	    kr_book_load(POLICIES "/standard.policy", &host.book, NULL, NULL))
		return -1;
	for (unsigned int i = 0; i < N_USERS; i++)
		keys[i] = make_key(users[i].name);
	enrol(ANNA);
	enrol(BEN);
	return 0;
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	for (unsigned int i = 0; i < N_USERS; i++)
		kr_signer_free(keys[i]);
	kr_book_free(host.book);
	kr_store_free(host.store);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* ---- what they say ------------------------------------------------------- */

static char *document(const char *name, unsigned int version)
{
	char *text = NULL;

	assert_true(asprintf(&text, "{\"name\":\"%s\",\"version\":%u,"
			     "\"bank\":\"sha256\",\"pcrs\":{\"0\":[\"%064x\"]}}",
			     name, version, version) > 0);
	return text;
}

static char *envelope(unsigned int who, const char *name, unsigned int version)
{
	KR_AUTOFREE char *doc = document(name, version);
	char *text = NULL;

	assert_int_equal(kr_signer_envelope(keys[who], KR_REFERENCE_TYPE, doc,
					    strlen(doc), &text, NULL), 0);
	return text;
}

static enum kr_code call(kr_api_fn fn, const char *name, const char *text)
{
	struct kr_request q = { .host = &host, .user = "root" };
	struct kr_err e = KR_ERR_NONE;
	json_t *ret = NULL;

	q.params = json_pack("{s:s, s:s*}", "name", name, "envelope", text);
	recorded[0] = '\0';
	fn(&q, &ret, &e);
	json_decref(ret);
	json_decref(q.params);
	assert_true(!e.code == !!recorded[0]);
	return e.kr;
}

static enum kr_code add(unsigned int who, const char *name,
			unsigned int version)
{
	KR_AUTOFREE char *text = envelope(who, name, version);

	return call(kr_api_reference_add, name, text);
}

/* What a host is judged by: the version, which is in its one value, too. */
static unsigned int judged_by(const char *name, enum kr_code *ret_kr)
{
	static char doc[KR_REFERENCE_BYTES_MAX + 1];
	struct kr_reference ref;
	struct kr_err e = KR_ERR_NONE;
	unsigned int version;
	int r = kr_goodvalues_find(&host, name, doc, &e);

	*ret_kr = e.kr;
	if (r)
		return 0;
	assert_int_equal(kr_reference_parse(doc, strlen(doc), &ref, &e), 0);
	version = ref.version;
	assert_int_equal(ref.values[0].digest[31], version);
	kr_reference_fini(&ref);
	return version;
}

#define REFUSED(host, code) do { \
	enum kr_code kr_; \
	assert_int_equal(judged_by(host, &kr_), 0); \
	assert_int_equal(kr_, code); \
} while (0)

#define JUDGED(host, version) do { \
	enum kr_code kr_; \
	assert_int_equal(judged_by(host, &kr_), version); \
} while (0)

/* ---- tests --------------------------------------------------------------- */

static void by_name_or_by_all(void **state)
{
	(void)state;
	JUDGED("alpha", 0);
	assert_int_equal(add(ANNA, "hosts", 3), KR_OK);
	assert_string_equal(recorded, "reference-added");
	JUDGED("alpha", 3);
	assert_int_equal(add(ANNA, "alpha", 1), KR_OK);
	JUDGED("alpha", 1);
	JUDGED("beta", 3);
}

static void only_who_may_is_believed(void **state)
{
	KR_AUTOFREE char *doc = document("hosts", 1);
	KR_AUTOFREE char *text = envelope(ANNA, "hosts", 1), *as = NULL;
	char *p;

	(void)state;
	assert_int_equal(add(BEN, "hosts", 1), KR_E_REFERENCE_SIGNER);
	assert_int_equal(add(CARL, "hosts", 1), KR_E_REFERENCE_SIGNER);
	assert_int_equal(call(kr_api_reference_add, "hosts", doc),
			 KR_E_REFERENCE_SIGNER);
	/* signed by her as something else */
	assert_int_equal(kr_signer_envelope(keys[ANNA], "text/plain", doc,
					    strlen(doc), &as, NULL), 0);
	assert_int_equal(call(kr_api_reference_add, "hosts", as),
			 KR_E_REFERENCE_SIGNER);
	/* changed after she had signed it; under a name that it has not */
	assert_int_equal(call(kr_api_reference_add, "alpha", text),
			 KR_E_REFERENCE);
	p = strstr(text, "\"payload\":\"");
	assert_non_null(p);
	p[14] ^= 1;
	assert_int_equal(call(kr_api_reference_add, "hosts", text),
			 KR_E_REFERENCE_SIGNER);
	assert_int_equal(add(ANNA, "Hosts", 1), KR_E_USAGE);
	JUDGED("alpha", 0);
}

/* Also afterwards, whatever the store holds. */
static void a_word_ends_with_who_gave_it(void **state)
{
	static struct kr_referencerow row;
	KR_AUTOFREE char *by_ben = envelope(BEN, "hosts", 9);

	(void)state;
	assert_int_equal(add(ANNA, "hosts", 1), KR_OK);
	anna_is = "operate";
	REFUSED("alpha", KR_E_REFERENCE_SIGNER);
	anna_is = NULL;
	JUDGED("alpha", 1);
	strike_off(ANNA);
	REFUSED("alpha", KR_E_REFERENCE_SIGNER);
	enrol(ANNA);
	JUDGED("alpha", 1);
	assert_int_equal(kr_referencerow_get(host.store, "hosts", &row, NULL),
			 0);
	assert_string_equal(row.signed_by, "anna");
	snprintf(row.envelope, sizeof(row.envelope), "%s", by_ben);
	assert_int_equal(kr_referencerow_put(host.store, &row, NULL), 0);
	REFUSED("alpha", KR_E_REFERENCE_SIGNER);
}

/* Whether others have to approve that it is added is not about who signs. */
static void what_others_approve_is_still_his_word(void **state)
{
	static const char text[] =
		"[policy p]\nversion = 1\n[triple t]\nwho = role:admin\n"
		"may = reference.add\non = reference:hosts\napprovals = 1\n"
		"approvers = role:approve\ncertified_by = korora\n";
	struct kr_err e = KR_ERR_NONE;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/p.policy", dir);
	assert_int_equal(kr_write_file(path, text, strlen(text), 0600), 0);
	kr_book_free(host.book);
	host.book = NULL;
	if (kr_book_load(path, &host.book, NULL, &e))
		fail_msg("%s", e.what);
	assert_int_equal(add(ANNA, "hosts", 1), KR_OK);
	JUDGED("alpha", 1);
	assert_int_equal(add(BEN, "hosts", 2), KR_E_REFERENCE_SIGNER);
	/* nor does he have that right on another document */
	assert_int_equal(add(ANNA, "alpha", 2), KR_E_REFERENCE_SIGNER);
}

static void versions_go_up(void **state)
{
	(void)state;
	assert_int_equal(add(ANNA, "hosts", 3), KR_OK);
	assert_int_equal(add(ANNA, "hosts", 3), KR_E_REFERENCE_OLD);
	assert_int_equal(add(ANNA, "hosts", 2), KR_E_REFERENCE_OLD);
	assert_int_equal(add(ANNA, "hosts", 5), KR_OK);
	JUDGED("alpha", 5);
	assert_int_equal(add(ANNA, "hosts", 4), KR_E_REFERENCE_OLD);
	JUDGED("alpha", 5);
}

static void what_was_removed_refuses(void **state)
{
	(void)state;
	assert_int_equal(add(ANNA, "hosts", 3), KR_OK);
	assert_int_equal(add(ANNA, "alpha", 7), KR_OK);
	assert_int_equal(call(kr_api_reference_remove, "alpha", NULL), KR_OK);
	assert_string_equal(recorded, "reference-removed");
	/* and does not give way to what is about all */
	REFUSED("alpha", KR_E_REVOKED);
	JUDGED("beta", 3);
	assert_int_equal(call(kr_api_reference_remove, "alpha", NULL),
			 KR_E_REVOKED);
	assert_int_equal(add(ANNA, "alpha", 7), KR_E_REFERENCE_OLD);
	REFUSED("alpha", KR_E_REVOKED);
	assert_int_equal(add(ANNA, "alpha", 8), KR_OK);
	JUDGED("alpha", 8);
	assert_int_equal(call(kr_api_reference_remove, "gamma", NULL),
			 KR_E_NO_REFERENCE);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(by_name_or_by_all), T(only_who_may_is_believed),
		T(a_word_ends_with_who_gave_it),
		T(what_others_approve_is_still_his_word), T(versions_go_up),
		T(what_was_removed_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
