/* SPDX-License-Identifier: Apache-2.0 */
/* apipolicy.c - the API's methods about policies. */
#include "base/fd.h"
#include "daemon/api.h"
#include "daemon/authorise.h"
#include "daemon/policy.h"
#include "policy/bundle.h"
#include "store/requestrow.h"

/* What is in force; or a part of one that is, or was. */
int kr_api_policy_show(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *hex = kr_api_opt(q, "sha256", NULL);
	uint8_t digest[32];
	uint64_t from = 0;
	int r;

	if (!hex) {
		*ret = kr_policy_describe(q->host);
		return 0;
	}
	if (!kr_unhex(hex, digest, 32))
		return kr_fail(e, KR_E_USAGE, "sha256: 64 hexadecimal digits");
	r = kr_api_number(q, "from", 0, KR_BUNDLE_BYTES_MAX, &from, e);
	return r ? r : kr_policy_kept(q->host, digest, (size_t)from, ret,
				       e);
}

int kr_api_policy_reload(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct kr_authorise_who who;
	int r = kr_authorise_known(q->host, q->user, q->uid, &who, e);

	if (!r)
		r = kr_policy_reload(q->host, q->request ?
				     q->request->definition : NULL,
				     strcmp(who.uid, "0") ? &who.p : NULL, e);
	if (!r)
		*ret = kr_policy_describe(q->host);
	return r;
}
