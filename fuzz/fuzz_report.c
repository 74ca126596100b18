/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_report.c - a report of whatever kororad may answer, or a gathered file
 * may hold: there is always one, and its page is whole.
 */
#include <stdlib.h>
#include <string.h>

#include "client/report.h"
#include "client/reportdata.h"
#include "client/reporthtml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const json_t *file)
{
	json_t *r = kr_report_new(file);
	char *page = r ? kr_reporthtml_new(r) : NULL;
	long open = 0;

	if (!page || kr_report_verdict(r) >= KR_VERDICT_N)
		abort();
	for (const char *s = page; *s; s++) {
		open += (*s == '<') - (*s == '>');
		if (open < 0 || open > 1 || (*s > 0 && *s < ' ' && *s != '\n'))
			abort();
	}
	if (open)
		abort();
	free(page);
	json_decref(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct kr_keyring none = { 0 };
	json_t *j = json_loadb((const char *)data, n, 0, NULL), *file;
	const struct kr_reportdata_raw raw = {
		.info = json_object_get(j, "info"),
		.policy = json_object_get(j, "policy"),
		.status = json_object_get(j, "status"),
		.entries = json_object_get(j, "entries"),
		.proofs = json_object_get(j, "proofs"),
		.request = json_object_get(j, "request"),
		.user_keys = json_object_get(j, "user_keys"),
		.log = json_object_get(j, "log"),
		.log_error = json_object_get(j, "error"),
		.receipt = json_string_value(json_object_get(j, "receipt")),
		.receipt_path = json_string_value(json_object_get(j, "path")),
	};

	if (!j)
		return 0;
	file = kr_reportdata_new(&raw, &none);
	check(file);
	check(j);
	json_decref(file);
	json_decref(j);
	return 0;
}
