/* SPDX-License-Identifier: Apache-2.0 */
/* tlogproof.c - proofs as text. Runs in kororad and the client. */
#include "evidence/tlogproof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/b64.h"
#include "evidence/noteline.h"

#define HEAD	"c2sp.org/tlog-proof@v1"

int kr_tlogproof_put(const struct kr_tlogproof *p, char **ret_text,
		     struct kr_err *e)
{
	char b64[KR_B64_CHARS(32) + 1], *text = malloc(KR_TLOGPROOF_BYTES_MAX);
	size_t at;

	if (!text || p->n_record > KR_LOGROW_LEAF_MAX) {
		free(text);
		return kr_fail(e, KR_E_SYSTEM, "no memory for a proof");
	}
	if (p->growth) {
		at = (size_t)sprintf(text, "old %" PRIu64 "\n", p->at);
	} else {
		at = (size_t)sprintf(text, HEAD "\nextra ");
		at += kr_b64_put(p->record, p->n_record, text + at);
		at += (size_t)sprintf(text + at, "\nindex %" PRIu64 "\n",
				      p->at);
	}
	for (unsigned int i = 0; i < p->proof.n; i++) {
		kr_b64_put(p->proof.hash[i], 32, b64);
		at += (size_t)sprintf(text + at, "%s\n", b64);
	}
	sprintf(text + at, "\n%s", p->note);
	*ret_text = text;
	return 0;
}

/* The entry's record; its room is no more than the line could hold. */
static bool get_record(const struct kr_noteline *l, struct kr_tlogproof *p)
{
	const size_t n = l->n / 4 * 3 + 3;

	if (n > KR_LOGROW_LEAF_MAX + 3)
		return false;
	p->record = malloc(n);
	return p->record &&
	       kr_b64_get(l->p, l->n, p->record, n, &p->n_record) &&
	       p->n_record <= KR_LOGROW_LEAF_MAX;
}

/* The lines before the hashes. */
static bool get_head(const char **s, struct kr_tlogproof *p)
{
	struct kr_noteline l;

	if (!kr_noteline_take(s, &l))
		return false;
	p->growth = kr_noteline_word(&l, "old");
	if (p->growth)
		return kr_noteline_number(&l, &p->at);
	if (l.n != sizeof(HEAD) - 1 || memcmp(l.p, HEAD, l.n) ||
	    !kr_noteline_take(s, &l))
		return false;
	if (kr_noteline_word(&l, "extra") &&
	    (!get_record(&l, p) || !kr_noteline_take(s, &l)))
		return false;
	return kr_noteline_word(&l, "index") && kr_noteline_number(&l, &p->at);
}

static bool get_hashes(const char **s, struct kr_proof *p)
{
	struct kr_noteline l;
	size_t n;

	while (kr_noteline_take(s, &l)) {
		if (!l.n)
			return true;
		if (p->n == KR_PROOF_HASHES_MAX || l.n != KR_B64_CHARS(32) ||
		    !kr_b64_get(l.p, l.n, p->hash[p->n], 32, &n) || n != 32)
			return false;
		p->n++;
	}
	return false;
}

static bool parse(const char *text, struct kr_tlogproof *p)
{
	size_t n;

	if (strnlen(text, KR_TLOGPROOF_BYTES_MAX) == KR_TLOGPROOF_BYTES_MAX ||
	    !get_head(&text, p) || !get_hashes(&text, &p->proof))
		return false;
	n = strlen(text);
	if (n >= sizeof(p->note))
		return false;
	memcpy(p->note, text, n + 1);
	return true;
}

int kr_tlogproof_parse(const char *text, struct kr_tlogproof *ret_p,
		       struct kr_err *e)
{
	memset(ret_p, 0, sizeof(*ret_p));
	if (parse(text, ret_p))
		return 0;
	kr_tlogproof_fini(ret_p);
	return kr_fail(e, KR_E_PROOF_BAD, "not a proof about a log");
}

int kr_tlogproof_check(const struct kr_tlogproof *p, const uint8_t earlier[32],
		       struct kr_err *e)
{
	struct kr_checkpoint c;
	uint8_t leaf[32];
	bool good;

	if (kr_checkpoint_parse(p->note, &c, NULL))
		return kr_fail(e, KR_E_PROOF_BAD,
			       "it does not end with a checkpoint");
	if (p->growth) {
		good = kr_proof_has_grown(&p->proof, p->at, earlier, c.size,
					  c.root);
		return good ? 0 : kr_fail(e, KR_E_PROOF_BAD, "the log of %"
					  PRIu64 " entries did not grow from "
					  "that of %" PRIu64, c.size, p->at);
	}
	if (!p->record)
		return kr_fail(e, KR_E_PROOF_BAD, "it does not hold the entry");
	kr_merkle_leaf(p->record, p->n_record, leaf);
	good = kr_proof_has_leaf(&p->proof, p->at, c.size, leaf, c.root);
	return good ? 0 : kr_fail(e, KR_E_PROOF_BAD, "this is not entry %"
				  PRIu64 " of that log", p->at);
}

int kr_tlogproof_entry(const struct kr_tlogproof *p, json_t **ret,
		       struct kr_err *e)
{
	struct kr_checkpoint c;
	const char *host;
	json_t *j;
	int r = p->growth ? kr_fail(e, KR_E_PROOF_BAD, "it is of no entry") :
			    kr_tlogproof_check(p, NULL, e);

	if (r)
		return r;
	if (kr_checkpoint_parse(p->note, &c, NULL))
		return kr_fail(e, KR_E_PROOF_BAD,
			       "it does not end with a checkpoint");
	j = json_loadb((const char *)p->record, p->n_record,
		       JSON_REJECT_DUPLICATES, NULL);
	host = json_string_value(json_object_get(j, "host"));
	if (!host || strcmp(host, c.host) ||
	    json_integer_value(json_object_get(j, "index")) !=
	    (json_int_t)p->at) {
		json_decref(j);
		return kr_fail(e, KR_E_PROOF_BAD, "the entry says that it is "
			       "another than it is");
	}
	*ret = j;
	return 0;
}

void kr_tlogproof_fini(struct kr_tlogproof *p)
{
	free(p->record);
	p->record = NULL;
}
