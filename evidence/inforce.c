/* SPDX-License-Identifier: Apache-2.0 */
/* inforce.c - the policy in force as the log tells of it. In kororad. */
#include "evidence/inforce.h"

#include <string.h>

#include "base/fd.h"
#include "evidence/ledgerproof.h"
#include "evidence/predicate.h"
#include "store/logrow.h"

bool kr_inforce_same(const struct kr_inforce *a, const struct kr_inforce *b)
{
	return !strcmp(a->name, b->name) && a->version == b->version &&
	       !memcmp(a->digest, b->digest, sizeof(a->digest));
}

json_t *kr_inforce_detail(const struct kr_inforce *p)
{
	char hex[65];

	kr_hex(p->digest, sizeof(p->digest), hex);
	return json_pack("{s:s, s:I, s:s}", "name", p->name, "version",
			 (json_int_t)p->version, "sha256", hex);
}

static bool is(const json_t *j, const char *key, const char *want)
{
	const char *t = json_string_value(json_object_get(j, key));

	return t && !strcmp(t, want);
}

/* A record of that log at that place, which tells of a policy. */
struct last {
	uint64_t	   from;
	struct kr_inforce *ret;
	uint64_t	  *ret_index;
};

/* It ends the walk: 1 if it is the one, 2 if there is none. */
static int look_at(void *arg, uint64_t idx, const uint8_t *leaf,
		   size_t n_bytes, struct kr_err *e)
{
	static const char event[] = "\"event\":\"" KR_INFORCE_EVENT "\"";
	const struct last *l = arg;
	const char *hex;
	json_t *j, *detail;
	bool ok;

	if (idx < l->from)
		return 2;
	if (!memmem(leaf, n_bytes, event, sizeof(event) - 1))
		return 0;
	j = json_loadb((const char *)leaf, n_bytes, JSON_REJECT_DUPLICATES,
		       NULL);
	if (!is(j, "event", KR_INFORCE_EVENT)) {	/* it only speaks of it */
		json_decref(j);
		return 0;
	}
	detail = json_object_get(j, "detail");
	hex = json_string_value(json_object_get(detail, "sha256"));
	memset(l->ret, 0, sizeof(*l->ret));
	l->ret->version = (uint32_t)json_integer_value(
					json_object_get(detail, "version"));
	*l->ret_index = idx;
	ok = hex && kr_unhex(hex, l->ret->digest, sizeof(l->ret->digest));
	json_decref(j);
	return ok ? 1 : kr_fail(e, KR_E_LOG_BROKEN, "entry %llu names no "
				"policy", (unsigned long long)idx);
}

int kr_inforce_last(struct kr_store *s, uint64_t from, struct kr_inforce *ret,
		    uint64_t *ret_index, struct kr_err *e)
{
	struct last l = { from, ret, ret_index };
	int r = kr_logrow_back(s, look_at, &l, e);

	return r < 0 ? r : r != 1;
}

int kr_inforce_show(struct kr_store *s, uint64_t index, uint64_t size,
		    struct kr_inforce_entry *ret, struct kr_err *e)
{
	KR_AUTOFREE uint8_t *record = NULL;
	int r = kr_ledgerproof_leaf(s, index, size, &ret->proof, e);

	if (!r)
		r = kr_logrow_get(s, index, &record, &ret->n_record, e);
	if (!r && ret->n_record > sizeof(ret->record))
		r = kr_fail(e, KR_E_LIMIT, "the entry of the policy is too "
			    "large to be shown");
	if (r)
		return r;
	ret->index = index;
	memcpy(ret->record, record, ret->n_record);
	return 0;
}

static bool read_entry(const json_t *j, const char *host, uint64_t index,
		       struct kr_inforce *p)
{
	const json_t *d = json_object_get(j, "detail");
	const json_t *at = json_object_get(j, "index");
	const json_t *v = json_object_get(d, "version");
	const char *name = json_string_value(json_object_get(d, "name"));
	const char *hex = json_string_value(json_object_get(d, "sha256"));

	if (!is(j, "event", KR_INFORCE_EVENT) || !is(j, "host", host) ||
	    !json_is_integer(at) ||
	    (uint64_t)json_integer_value(at) != index ||
	    !json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) > UINT32_MAX || !name || !name[0] ||
	    strlen(name) >= sizeof(p->name) || !hex ||
	    !kr_unhex(hex, p->digest, sizeof(p->digest)))
		return false;
	memcpy(p->name, name, strlen(name) + 1);
	p->version = (uint32_t)json_integer_value(v);
	return kr_predicate_text_ok(p->name, sizeof(p->name));
}

int kr_inforce_check(const struct kr_inforce_entry *x, const char *host,
		     uint64_t size, const uint8_t root[32],
		     struct kr_inforce *ret, struct kr_err *e)
{
	struct kr_inforce p = { .name = "" };
	uint8_t leaf[32];
	json_t *j;
	bool good;

	kr_merkle_leaf(x->record, x->n_record, leaf);
	if (!kr_proof_has_leaf(&x->proof, x->index, size, leaf, root))
		return kr_fail(e, KR_E_PEER_POLICY, "the log of %s does not "
			       "have the entry that it shows of its policy",
			       host);
	j = json_loadb((const char *)x->record, x->n_record,
		       JSON_REJECT_DUPLICATES, NULL);
	good = read_entry(j, host, x->index, &p);
	json_decref(j);
	if (!good)
		return kr_fail(e, KR_E_PEER_POLICY, "what %s shows of its log "
			       "does not tell of a policy in force", host);
	*ret = p;
	return 0;
}
