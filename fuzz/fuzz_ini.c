/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_ini.c - users' text files; what parses prints and parses the same. */
#include <assert.h>
#include <string.h>

#include "base/ini.h"
#include "hyper/vmdef.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char a[KR_VMDEF_TEXT_MAX], b[KR_VMDEF_TEXT_MAX];
	struct kr_err e = KR_ERR_NONE;
	struct kr_vmdef d, again;
	struct kr_ini it;
	int r = kr_ini_start(&it, "f", (const char *)data, n, &e);

	if (!r)
		while (kr_ini_next(&it, &e) > 0)
			;
	e = KR_ERR_NONE;
	if (kr_vmdef_parse("f", (const char *)data, n, &d, &e)) {
		assert(e.kr == KR_E_CONFIG || e.kr == KR_E_FW_RULE);
		return 0;
	}
	kr_vmdef_print(&d, a);
	r = kr_vmdef_parse("f", a, strlen(a), &again, &e);
	assert(!r);
	kr_vmdef_print(&again, b);
	assert(!strcmp(a, b));
	return 0;
}
