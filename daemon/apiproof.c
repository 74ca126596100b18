/* SPDX-License-Identifier: Apache-2.0 */
/* apiproof.c - the API's method that proves what is in the evidence log. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/sight.h"
#include "evidence/ledgercheck.h"
#include "evidence/ledgerproof.h"
#include "evidence/tlogproof.h"

#define FOUND	1

static int keep_index(void *arg, uint64_t idx, const uint8_t *leaf,
		      size_t n_bytes, struct kr_err *e)
{
	(void)leaf;
	(void)n_bytes;
	(void)e;
	*(uint64_t *)arg = idx;
	return FOUND;
}

/* The newest entry of a migration: its receipt, if it is done. */
static int find_entry(struct kr_request *q, const char *text, uint64_t *ret_idx,
		      struct kr_err *e)
{
	uint8_t id[16];
	int r = kr_api_id(q, text, id, e);

	if (!r)
		r = kr_ledgercheck_of(q->host->store, id, keep_index, ret_idx,
				      e);
	if (r < 0)
		return r;
	return r == FOUND ? 0 : kr_fail(e, KR_E_NO_MIGRATION,
					"%.32s is not in the log", text);
}

/* What is asked for: exactly one of the three. */
static int read_question(struct kr_request *q, struct kr_tlogproof *p,
			 struct kr_err *e)
{
	const char *migration = kr_api_opt(q, "migration", "");
	bool index = json_object_get(q->params, "index");

	p->growth = json_object_get(q->params, "from");
	if (index + p->growth + !!migration[0] != 1)
		return kr_fail(e, KR_E_USAGE,
			       "one of index, migration and from");
	if (migration[0])
		return find_entry(q, migration, &p->at, e);
	if (index)
		return kr_api_number(q, "index", 0, KR_PROOF_SIZE_MAX - 1,
				     &p->at, e);
	return kr_api_number(q, "from", 1, KR_PROOF_SIZE_MAX, &p->at, e);
}

static int prove(struct kr_store *s, struct kr_tlogproof *p,
		 uint64_t *ret_size, struct kr_err *e)
{
	int r = kr_ledgerproof_note(s, p->growth ? p->at : p->at + 1, ret_size,
				    p->note, e);

	if (r || p->growth)
		return r ? r : kr_ledgerproof_growth(s, p->at, *ret_size,
						     &p->proof, e);
	r = kr_ledgerproof_leaf(s, p->at, *ret_size, &p->proof, e);
	return r ? r : kr_logrow_get(s, p->at, &p->record, &p->n_record, e);
}

/* What is proved is shown. */
static int check_sight(struct kr_request *q, const struct kr_tlogproof *p,
		       struct kr_err *e)
{
	json_t *record = json_loadb((const char *)p->record, p->n_record, 0,
				    NULL);
	char what[32];
	int r;

	snprintf(what, sizeof(what), "entry %" PRIu64, p->at);
	r = kr_sight_check_entry(q, what, record, e);
	json_decref(record);
	return r;
}

int kr_api_log_prove(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct kr_tlogproof p = { 0 };
	KR_AUTOFREE char *text = NULL;
	uint64_t size = 0;
	int r = read_question(q, &p, e);

	if (!r)
		r = prove(q->host->store, &p, &size, e);
	if (!r && !p.growth)
		r = check_sight(q, &p, e);
	if (!r)
		r = kr_tlogproof_put(&p, &text, e);
	if (!r)
		*ret = json_pack("{s:I, s:I, s:s, s:s}",
				 p.growth ? "from" : "index",
				 (json_int_t)p.at, "size", (json_int_t)size,
				 "checkpoint", p.note, "proof", text);
	kr_tlogproof_fini(&p);
	return r;
}
