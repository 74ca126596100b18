/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_fwmsg.c - orders to load a firewall; what parses is written the same, and
 * becomes tables of the VM's name alone. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "context/fwtable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct kr_fwload l, again;
	static uint8_t buf[KR_FWMSG_BODY_MAX];
	struct kr_rd r = { data, data + n, false };
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err e = KR_ERR_NONE;
	char *text = NULL;
	unsigned int n_tables = 0;
	int rc;

	if (kr_fwload_parse(&r, &l, &e)) {
		assert(e.kr == KR_E_AGENT_SPOKE);
		return 0;
	}
	kr_fwload_put(&w, &l);
	assert(!w.bad);
	r = (struct kr_rd){ buf, buf + kr_wr_len(&w), false };
	rc = kr_fwload_parse(&r, &again, &e);
	assert(!rc && !memcmp(&l, &again, sizeof(l)));
	rc = kr_fwtable_load(&l, &text, &e);
	assert(!rc);
	for (char *p = text; (p = strstr(p, "table ")); p++) {
		char *name = strstr(p, " " KR_FWTABLE_PREFIX);

		assert(name && !strncmp(name + 1 + strlen(KR_FWTABLE_PREFIX),
					l.vm, strlen(l.vm)));
		n_tables++;
	}
	assert(n_tables == 6);
	free(text);
	return 0;
}
