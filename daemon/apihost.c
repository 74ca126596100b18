/* SPDX-License-Identifier: Apache-2.0 */
/* apihost.c - the API's methods about hosts, fleet authorities and users. */
#include <assert.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/api.h"
#include "daemon/tcpaddr.h"
#include "evidence/fingerprint.h"
#include "daemon/authorise.h"
#include "daemon/guard.h"
#include "store/akrow.h"
#include "store/hostrow.h"
#include "store/trustrow.h"
#include "store/userrow.h"
#include "store/witnessrow.h"

int kr_api_info(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	char fp[KR_FINGERPRINT_BYTES];
	struct kr_host *h = q->host;

	(void)e;
	kr_fingerprint_put(kr_identity_keyid(h->identity), fp);
	*ret = json_pack("{s:s, s:s, s:s, s:s, s:s}",
			 "host", kr_identity_name(h->identity),
			 "version", KR_VERSION, "fingerprint", fp,
			 "certificate", kr_identity_cert_pem(h->identity),
			 "listen", h->cfg.listen);
	return 0;
}

/* ---- hosts ------------------------------------------------------------- */

static_assert(sizeof(((struct kr_hostrow *)0)->address) >= KR_TCPADDR_BYTES,
	      "a row holds every address");

static json_t *host_json(const struct kr_hostrow *r)
{
	return json_pack("{s:s, s:s, s:s?, s:I, s:s}", "name", r->name,
			 "address", r->address, "fingerprint",
			 r->fingerprint[0] ? r->fingerprint : NULL, "added_ms",
			 (json_int_t)r->added_ms, "added_by", r->added_by);
}

static int add_host(void *arg, const struct kr_hostrow *r, struct kr_err *e)
{
	(void)e;
	return json_array_append_new(arg, host_json(r));
}

static int same_fingerprint(void *arg, const struct kr_hostrow *r,
			    struct kr_err *e)
{
	return strcmp(r->fingerprint, arg) ? 0 :
	       kr_fail(e, KR_E_EXISTS, "%s is enrolled with that fingerprint",
		       r->name);
}

int kr_api_host_add(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *name = kr_api_text(q, "name", e);
	const char *address = kr_api_text(q, "address", e);
	const char *given = kr_api_opt(q, "fingerprint", "");
	char fp[KR_FINGERPRINT_BYTES] = "";
	struct kr_hostrow row = { .added_ms = kr_wall_ms() }, old;
	struct kr_err none = KR_ERR_NONE;
	uint8_t keyid[32];
	json_t *d;
	int r;

	(void)ret;
	if (!name || !address)
		return e->code;
	if (!kr_vmdef_name_ok(name))
		return kr_fail(e, KR_E_USAGE, "%.64s is not a host name", name);
	if (given[0] && !kr_fingerprint_get(given, keyid))
		return kr_fail(e, KR_E_USAGE,
			       "fingerprint: SHA256: and 43 characters, as "
			       "korora init printed it on that host");
	if (given[0])		/* one key, one text */
		kr_fingerprint_put(keyid, fp);
	if (fp[0] && !memcmp(keyid, kr_identity_keyid(q->host->identity), 32))
		return kr_fail(e, KR_E_SAME_HOST,
			       "that is this host's own fingerprint");
	r = kr_tcpaddr_full(address, row.address, e);
	if (!r && fp[0])
		r = kr_hostrow_each(q->host->store, same_fingerprint, fp, e);
	if (r)
		return r;
	if (!kr_hostrow_get(q->host->store, name, &old, &none))
		return kr_fail(e, KR_E_EXISTS, "host %s is enrolled", name);
	snprintf(row.name, sizeof(row.name), "%s", name);
	snprintf(row.fingerprint, sizeof(row.fingerprint), "%s", fp);
	snprintf(row.added_by, sizeof(row.added_by), "%s", q->user);
	r = kr_hostrow_put(q->host->store, &row, e);
	d = host_json(&row);
	if (!r)
		r = kr_host_record(q->host, "host-added", d, e);
	json_decref(d);
	return r;
}

int kr_api_host_list(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	json_t *a = json_array();

	*ret = json_pack("{s:o}", "hosts", a);
	return kr_hostrow_each(q->host->store, add_host, a, e);
}

int kr_api_host_show(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *name = kr_api_text(q, "name", e);
	struct kr_hostrow row;
	int r = name ? kr_hostrow_get(q->host->store, name, &row, e) : e->code;

	if (!r)
		*ret = host_json(&row);
	return r;
}

int kr_api_host_remove(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *name = kr_api_text(q, "name", e);
	struct kr_witnessrow seen = { 0 };
	json_t *d;
	int r;

	(void)ret;
	if (!name)
		return e->code;
	if (kr_mig_with(q->host, name))
		return kr_fail(e, KR_E_BUSY, "a migration with %s is not "
			       "finished", name);
	r = kr_witnessrow_get(q->host->store, name, &seen, e);
	if (r >= 0)
		r = kr_hostrow_del(q->host->store, name, e);
	if (!r)		/* its log as it was seen last is in this one */
		r = kr_witnessrow_del(q->host->store, name, e);
	if (!r)
		r = kr_akrow_del(q->host->store, name, e);
	if (r)
		return r;
	d = json_pack("{s:s, s:s, s:s}", "name", name, "removed_by", q->user,
		      "log_seen", seen.note);
	r = kr_host_record(q->host, "host-removed", d, e);
	json_decref(d);
	/* a session with it is a session with a stranger now */
	for (struct kr_link *l = q->host->links; l; l = l->next)
		if (!l->dead && !strcmp(l->peer, name))
			kr_link_close(l, NULL);
	return r;
}

/* ---- fleet authorities ------------------------------------------------- */

static int add_trust(void *arg, const struct kr_trustrow *t, struct kr_err *e)
{
	json_t *o = kr_host_describe_ca(t->pem);

	(void)e;
	json_object_set_new(o, "name", json_string(t->name));
	return json_array_append_new(arg, o);
}

int kr_api_trust_add(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_trustrow row;
	const char *name = kr_api_text(q, "name", e);
	const char *pem = kr_api_text(q, "pem", e);
	json_t *d;
	int r;

	(void)ret;
	if (!name || !pem)
		return e->code;
	if (!kr_vmdef_name_ok(name))
		return kr_fail(e, KR_E_USAGE, "%.64s is not a name", name);
	if (strlen(pem) >= sizeof(row.pem))
		return kr_fail(e, KR_E_LIMIT, "a certificate is at most %zu "
			       "bytes", sizeof(row.pem) - 1);
	d = kr_host_describe_ca(pem);
	if (!json_object_get(d, "subject")) {
		json_decref(d);
		return kr_fail(e, KR_E_KEY_FILE, "not a PEM certificate of "
			       "an authority");
	}
	memset(&row, 0, sizeof(row));
	snprintf(row.name, sizeof(row.name), "%s", name);
	snprintf(row.pem, sizeof(row.pem), "%s", pem);
	row.added_ms = kr_wall_ms();
	r = kr_trustrow_put(q->host->store, &row, e);
	if (!r)
		r = kr_host_record(q->host, "trust-added", d, e);
	json_decref(d);
	return r;
}

int kr_api_trust_list(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	json_t *a = json_array();

	*ret = json_pack("{s:o}", "trusts", a);
	return kr_trustrow_each(q->host->store, add_trust, a, e);
}

int kr_api_trust_remove(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *name = kr_api_text(q, "name", e);
	json_t *d;
	int r = name ? kr_trustrow_del(q->host->store, name, e) : e->code;

	(void)ret;
	if (r)
		return r;
	d = json_pack("{s:s, s:s}", "name", name, "removed_by", q->user);
	r = kr_host_record(q->host, "trust-removed", d, e);
	json_decref(d);
	/* whoever was let in by an authority shows his certificate again */
	for (struct kr_link *l = q->host->links; l; l = l->next) {
		struct kr_hostrow row;

		if (!l->dead && l->up &&
		    (kr_hostrow_get(q->host->store, l->peer, &row, NULL) ||
		     !row.fingerprint[0]))
			kr_link_close(l, NULL);
	}
	return r;
}

/* ---- users ------------------------------------------------------------- */

static int user_and_role(struct kr_request *q, const char **user,
			 const char **role, struct kr_err *e)
{
	char *end;

	*user = kr_api_text(q, "user", e);
	*role = kr_api_text(q, "role", e);
	if (!*user || !*role)
		return e->code;
	(void)strtoul(*user, &end, 10);
	if (*end && !getpwnam(*user))
		return kr_fail(e, KR_E_USAGE, "no user %.64s on this host",
			       *user);
	return 0;
}

static int user_change(struct kr_request *q, const char *event,
		       const char *user, const char *role, struct kr_err *e)
{
	json_t *d = json_pack("{s:s, s:s, s:s}", "user", user, "role", role,
			      "by", q->user);
	int r = kr_host_record(q->host, event, d, e);

	json_decref(d);
	return r;
}

int kr_api_user_grant(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct kr_userrow row = { .at_ms = kr_wall_ms() };
	const char *user, *role;
	int r = user_and_role(q, &user, &role, e);

	(void)ret;
	if (!r && !kr_authorise_role(q->host, role))
		r = kr_fail(e, KR_E_USAGE, "the policy in force has no role "
			    "%.32s", role);
	if (!r)
		r = kr_guard_role(q, user, role, true, e);
	if (r)
		return r;
	snprintf(row.name, sizeof(row.name), "%s", user);
	snprintf(row.role, sizeof(row.role), "%s", role);
	snprintf(row.granted_by, sizeof(row.granted_by), "%s", q->user);
	r = kr_userrow_put(q->host->store, &row, e);
	return r ? r : user_change(q, "user-granted", user, role, e);
}

int kr_api_user_revoke(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *user, *role;
	int r = user_and_role(q, &user, &role, e);

	(void)ret;
	if (!r)
		r = kr_guard_role(q, user, role, false, e);
	if (!r)
		r = kr_userrow_del(q->host->store, user, role, e);
	if (r > 0)
		return kr_fail(e, KR_E_USAGE, "%s does not hold %s", user,
			       role);
	return r ? r : user_change(q, "user-revoked", user, role, e);
}

static int add_user(void *arg, const struct kr_userrow *u, struct kr_err *e)
{
	(void)e;
	return json_array_append_new(arg, json_pack("{s:s, s:s, s:s, s:I}",
			"user", u->name, "role", u->role, "granted_by",
			u->granted_by, "at_ms", (json_int_t)u->at_ms));
}

int kr_api_user_list(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	json_t *a = json_array();

	*ret = json_pack("{s:o}", "users", a);
	return kr_userrow_each(q->host->store, add_user, a, e);
}
