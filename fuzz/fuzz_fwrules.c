/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_fwrules.c - lines of a firewall; what is taken is made of few bytes, and
 * is taken as it is kept. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hyper/fwrules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const nics[] = { "eth0" };
	static struct kr_fwrules f, again;
	char *text = calloc(1, n + 1), *at = text, *line;
	struct kr_fwrule r;

	if (!text)
		return 0;
	memcpy(text, data, n);
	f = again = (struct kr_fwrules){ 0 };
	while ((line = strsep(&at, "\n"))) {
		struct kr_err e = KR_ERR_NONE;

		if (kr_fwrules_add(&f, line, &e))
			assert(e.kr == KR_E_FW_RULE);
	}
	kr_fwrules_check(&f, nics, 1, NULL);
	for (uint32_t i = 0; kr_fwrules_next(&f, &i, &r);) {
		assert(strspn(r.text, "abcdefghijklmnopqrstuvwxyz0123456789"
				      " _.:/@-,{}!=") == strlen(r.text));
		assert(r.rest <= strlen(r.text) + 1);
		kr_fwrules_add(&again, r.text, NULL);
	}
	assert(!strcmp(f.text, again.text));
	free(text);
	return 0;
}
