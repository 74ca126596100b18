/* SPDX-License-Identifier: Apache-2.0 */
/* apireference.c - the API's methods about what hosts may have booted. */
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/api.h"
#include "daemon/goodvalues.h"
#include "hyper/vmdef.h"

static json_t *row_json(const struct kr_referencerow *r)
{
	json_t *revoked = r->revoked_by[0] ?
			  json_integer((json_int_t)r->revoked_ms) :
			  json_null();

	return json_pack("{s:s, s:I, s:s, s:s, s:I, s:s?, s:o}", "name",
			 r->name, "version", (json_int_t)r->version,
			 "signed_by", r->signed_by, "added_by", r->added_by,
			 "added_ms", (json_int_t)r->added_ms, "revoked_by",
			 r->revoked_by[0] ? r->revoked_by : NULL,
			 "revoked_ms", revoked);
}

/* Whatever was in use under that name, removed or not, is older. */
static int replaces(struct kr_request *q, const struct kr_reference *ref,
		    struct kr_err *e)
{
	static struct kr_referencerow old;
	struct kr_err no = KR_ERR_NONE;

	if (!kr_referencerow_get(q->host->store, ref->name, &old, &no))
		return kr_reference_newer(ref, old.version, e);
	return no.kr == KR_E_NO_REFERENCE ? 0 :
	       kr_fail(e, no.kr, "%s", no.what);
}

static int record_added(struct kr_request *q, const struct kr_referencerow *r,
			struct kr_err *e)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1];
	json_t *d = row_json(r);
	int rc;

	SHA256((const uint8_t *)r->envelope, strlen(r->envelope), digest);
	kr_hex(digest, sizeof(digest), hex);
	json_object_set_new(d, "sha256", json_string(hex));
	rc = kr_host_record(q->host, "reference-added", d, e);
	json_decref(d);
	return rc;
}

int kr_api_reference_add(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	KR_AUTO(kr_reference_fini) struct kr_reference ref = { 0 };
	static struct kr_referencerow row;
	const char *name = kr_api_text(q, "name", e);
	const char *envelope = kr_api_text(q, "envelope", e);
	int r;

	if (!name || !envelope)
		return e->code;
	if (!kr_vmdef_name_ok(name))
		return kr_fail(e, KR_E_USAGE, "%.64s is not a name", name);
	if (strlen(envelope) >= sizeof(row.envelope))
		return kr_fail(e, KR_E_LIMIT, "an envelope is at most %zu "
			       "bytes", sizeof(row.envelope) - 1);
	memset(&row, 0, sizeof(row));
	r = kr_goodvalues_verify(q->host, name, envelope, &ref, row.signed_by,
				 e);
	if (!r)
		r = replaces(q, &ref, e);
	if (r)
		return r;
	snprintf(row.name, sizeof(row.name), "%s", name);
	snprintf(row.envelope, sizeof(row.envelope), "%s", envelope);
	snprintf(row.added_by, sizeof(row.added_by), "%s", q->user);
	row.version = ref.version;
	row.added_ms = kr_wall_ms();
	r = kr_referencerow_put(q->host->store, &row, e);
	if (r)
		return r;
	*ret = row_json(&row);
	return record_added(q, &row, e);
}

static int add_row(void *arg, const struct kr_referencerow *r,
		   struct kr_err *e)
{
	(void)e;
	return json_array_append_new(arg, row_json(r));
}

int kr_api_reference_list(struct kr_request *q, json_t **ret,
			  struct kr_err *e)
{
	json_t *a = json_array();

	*ret = json_pack("{s:o}", "references", a);
	return kr_referencerow_each(q->host->store, add_row, a, e);
}

static int named(struct kr_request *q, struct kr_referencerow *ret,
		 struct kr_err *e)
{
	const char *name = kr_api_text(q, "name", e);

	return name ? kr_referencerow_get(q->host->store, name, ret, e) :
		      e->code;
}

int kr_api_reference_show(struct kr_request *q, json_t **ret,
			  struct kr_err *e)
{
	static struct kr_referencerow row;
	int r = named(q, &row, e);

	if (r)
		return r;
	*ret = row_json(&row);
	return json_object_set_new(*ret, "envelope",
				   json_string(row.envelope));
}

int kr_api_reference_remove(struct kr_request *q, json_t **ret,
			    struct kr_err *e)
{
	static struct kr_referencerow row;
	int r = named(q, &row, e);

	if (r)
		return r;
	if (row.revoked_by[0])
		return kr_fail(e, KR_E_REVOKED, "%s, version %u, by %s",
			       row.name, row.version, row.revoked_by);
	snprintf(row.revoked_by, sizeof(row.revoked_by), "%s", q->user);
	row.revoked_ms = kr_wall_ms();
	r = kr_referencerow_put(q->host->store, &row, e);
	if (r)
		return r;
	*ret = row_json(&row);
	return kr_host_record(q->host, "reference-removed", *ret, e);
}
