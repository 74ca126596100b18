/* SPDX-License-Identifier: Apache-2.0 */
/* apipolicy.c - the API's methods about policies. */
#include <string.h>

#include "base/fd.h"
#include "daemon/api.h"
#include "daemon/demands.h"
#include "daemon/policy.h"

/* In force, or one that was. */
int kr_api_policy_show(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	const char *vm = kr_api_opt(q, "vm", NULL);
	const char *hex = kr_api_opt(q, "sha256", NULL);
	char text[KR_DEMANDS_TEXT_BYTES];
	uint8_t digest[32];

	if (hex && (!vm || !kr_unhex(hex, digest, 32)))
		return kr_fail(e, KR_E_USAGE, "sha256: 64 hexadecimal digits, "
			       "with a vm");
	if (hex && memcmp(digest, q->host->policy_digest, 32))
		return kr_policy_past(q->host, digest, vm, ret, e);
	*ret = kr_policy_describe(q->host);
	if (vm) {
		kr_demands_text(q->host, q->host->book, vm, text);
		json_object_set_new(*ret, "demands", json_string(text));
	}
	return 0;
}

int kr_api_policy_reload(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	int r = kr_policy_reload(q->host, e);

	if (!r)
		*ret = kr_policy_describe(q->host);
	return r;
}
