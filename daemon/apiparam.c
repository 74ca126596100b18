/* SPDX-License-Identifier: Apache-2.0 */
/* apiparam.c - the parameters of a request to the local API. In kororad. */
#include "daemon/api.h"

const char *kr_api_text(struct kr_request *q, const char *key,
			struct kr_err *e)
{
	const char *s = json_string_value(json_object_get(q->params, key));

	if (!s || !s[0])
		kr_fail(e, KR_E_USAGE, "%s is missing", key);
	return s && s[0] ? s : NULL;
}

const char *kr_api_opt(struct kr_request *q, const char *key, const char *def)
{
	const char *s = json_string_value(json_object_get(q->params, key));

	return s && s[0] ? s : def;
}

int kr_api_number(struct kr_request *q, const char *key, uint64_t min,
		  uint64_t max, uint64_t *io, struct kr_err *e)
{
	json_t *v = json_object_get(q->params, key);
	json_int_t n = json_integer_value(v);

	if (!v)
		return 0;
	if (!json_is_integer(v) || n < 0 || (uint64_t)n < min ||
	    (uint64_t)n > max)
		return kr_fail(e, KR_E_USAGE, "%s: an integer %llu..%llu", key,
			       (unsigned long long)min,
			       (unsigned long long)max);
	*io = (uint64_t)n;
	return 0;
}
