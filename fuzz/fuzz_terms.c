/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_terms.c - terms from a peer: what is accepted is written back alike,
 * and can be said in every statement.
 */
#include <stdlib.h>
#include <string.h>

#include "evidence/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_rd r = KR_RD(data, n);
	uint8_t again[KR_TERMS_BYTES_MAX];
	char text[KR_STATEMENT_BYTES_MAX];
	struct kr_wr w = KR_WR(again, sizeof(again));
	struct kr_terms t, back;
	enum kr_statement kind;
	size_t m;

	if (kr_terms_get(&r, &t, NULL))
		return 0;
	kr_terms_put(&w, &t);
	if (w.bad || kr_wr_len(&w) != n - kr_rd_left(&r) ||
	    memcmp(again, data, kr_wr_len(&w)))
		abort();
	for (unsigned int k = 0; k < KR_STATEMENT_N; k++)
		if (kr_statement_build(k, &t, text, &m, NULL) ||
		    kr_statement_parse(text, m, &kind, &back, NULL) ||
		    kind != k)
			abort();
	return 0;
}
