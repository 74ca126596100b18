/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tlogproof.c - a proof about a log, as anyone may hand it out. What is
 * read is written again and reads the same.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/tlogproof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t earlier[32];
	struct kr_tlogproof p, again;
	char *text = malloc(n + 1), *put = NULL;
	json_t *entry;

	if (!text)
		abort();
	memcpy(text, data, n);
	text[n] = '\0';
	if (!kr_tlogproof_parse(text, &p, NULL)) {
		kr_tlogproof_check(&p, earlier, NULL);
		if (!kr_tlogproof_entry(&p, &entry, NULL)) {
			assert(!p.growth && json_is_object(entry));
			json_decref(entry);
		}
		/* without an entry there is nothing to write */
		if ((p.growth || p.n_record) &&
		    !kr_tlogproof_put(&p, &put, NULL)) {
			assert(!kr_tlogproof_parse(put, &again, NULL));
			assert(again.growth == p.growth && again.at == p.at);
			assert(again.proof.n == p.proof.n &&
			       !memcmp(again.proof.hash, p.proof.hash,
				       p.proof.n * sizeof(p.proof.hash[0])));
			assert(again.n_record == p.n_record &&
			       (p.growth || !memcmp(again.record, p.record,
						    p.n_record)));
			assert(!strcmp(again.note, p.note));
			kr_tlogproof_fini(&again);
			free(put);
		}
		kr_tlogproof_fini(&p);
	}
	free(text);
	return 0;
}
