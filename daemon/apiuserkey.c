/* SPDX-License-Identifier: Apache-2.0 */
/* apiuserkey.c - the API's methods about the keys with which users sign. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/api.h"
#include "evidence/fingerprint.h"
#include "evidence/pubkey.h"
#include "store/userkeyrow.h"

/* One name for each user, the one that his requests come with. */
static int user_name(const char *given, struct kr_userkeyrow *k,
		     struct kr_err *e)
{
	char *end;
	unsigned long uid = strtoul(given, &end, 10);
	bool numeric = !*end && uid < UINT32_MAX;
	const struct passwd *pw = numeric ? getpwuid((uid_t)uid) :
					    getpwnam(given);

	if (!pw && !numeric)
		return kr_fail(e, KR_E_USAGE, "no user %.64s on this host",
			       given);
	if (pw && strlen(pw->pw_name) >= sizeof(((struct kr_request *)0)->user))
		return kr_fail(e, KR_E_LIMIT, "a user's name is too long");
	if (pw)
		snprintf(k->user, sizeof(k->user), "%s", pw->pw_name);
	else
		snprintf(k->user, sizeof(k->user), "%lu", uid);
	return 0;
}

static int key_of(const char *pem, struct kr_userkeyrow *k, struct kr_err *e)
{
	KR_AUTO(kr_pubkey_autofree) struct kr_pubkey *key = NULL;
	KR_AUTOFREE char *text = NULL;
	int r = kr_pubkey_parse(pem, strlen(pem), &key, e);

	if (!r && kr_pubkey_name(key)[0])
		r = kr_fail(e, KR_E_KEY_FILE, "it is the certificate of the "
			    "host %s", kr_pubkey_name(key));
	if (!r)
		r = kr_pubkey_pem(key, &text, e);
	if (!r && strlen(text) >= sizeof(k->pem))
		r = kr_fail(e, KR_E_LIMIT, "a key is at most %zu bytes",
			    sizeof(k->pem) - 1);
	if (r)
		return r;
	memcpy(k->keyid, kr_pubkey_keyid(key), sizeof(k->keyid));
	memcpy(k->pem, text, strlen(text) + 1);
	return 0;
}

static json_t *key_json(const struct kr_userkeyrow *k)
{
	char fp[KR_FINGERPRINT_BYTES];

	kr_fingerprint_put(k->keyid, fp);
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "user", k->user,
			 "fingerprint", fp, "pem", k->pem, "added_by",
			 k->added_by, "added_ms", (json_int_t)k->added_ms);
}

int kr_api_user_key_add(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct kr_userkeyrow k = { .added_ms = kr_wall_ms() };
	const char *user = kr_api_text(q, "user", e);
	const char *pem = kr_api_text(q, "pem", e);
	int r;

	if (!user || !pem)
		return e->code;
	snprintf(k.added_by, sizeof(k.added_by), "%s", q->user);
	r = user_name(user, &k, e);
	if (!r)
		r = key_of(pem, &k, e);
	if (!r)
		r = kr_userkeyrow_add(q->host->store, &k, e);
	if (r)
		return r;
	*ret = key_json(&k);
	return kr_host_record(q->host, "user-key-added", *ret, e);
}

static int add_key(void *arg, const struct kr_userkeyrow *k, struct kr_err *e)
{
	(void)e;
	return json_array_append_new(arg, key_json(k));
}

int kr_api_user_key_list(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	json_t *a = json_array();

	*ret = json_pack("{s:o}", "keys", a);
	return kr_userkeyrow_each(q->host->store, add_key, a, e);
}

int kr_api_user_key_remove(struct kr_request *q, json_t **ret,
			   struct kr_err *e)
{
	const char *fp = kr_api_text(q, "fingerprint", e);
	struct kr_userkeyrow k;
	uint8_t keyid[32];
	json_t *d;
	int r;

	(void)ret;
	if (!fp)
		return e->code;
	if (!kr_fingerprint_get(fp, keyid))
		return kr_fail(e, KR_E_USAGE, "fingerprint: SHA256: and 43 "
			       "characters, as korora user key list shows it");
	r = kr_userkeyrow_get(q->host->store, keyid, &k, e);
	if (!r)
		r = kr_userkeyrow_del(q->host->store, keyid, e);
	if (r)
		return r;
	d = json_pack("{s:s, s:s, s:s}", "user", k.user, "fingerprint", fp,
		      "removed_by", q->user);
	r = kr_host_record(q->host, "user-key-removed", d, e);
	json_decref(d);
	return r;
}
