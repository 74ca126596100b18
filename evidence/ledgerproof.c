/* SPDX-License-Identifier: Apache-2.0 */
/* ledgerproof.c - proofs about this host's log. Runs in kororad. */
#include "evidence/ledgerproof.h"

#include <inttypes.h>
#include <string.h>

#include "base/fd.h"
#include "store/cosignrow.h"
#include "store/logrow.h"
#include "store/noderow.h"

static int gone(uint64_t idx, struct kr_err *e)
{
	return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " is missing", idx);
}

static int subtree(void *arg, unsigned int level, uint64_t idx,
		   uint8_t ret[32], struct kr_err *e)
{
	KR_AUTOFREE uint8_t *leaf = NULL;
	size_t n = 0;
	int r;

	if (level) {
		r = kr_noderow_get(arg, level, idx, ret, e);
		return r > 0 ? gone(idx << level, e) : r;
	}
	r = kr_logrow_get(arg, idx, &leaf, &n, e);
	if (r)
		return r > 0 ? gone(idx, e) : r;
	kr_merkle_leaf(leaf, n, ret);
	return 0;
}

int kr_ledgerproof_root(struct kr_store *s, uint64_t size, uint8_t ret[32],
			struct kr_err *e)
{
	struct kr_logrow_note n;
	int r;

	if (!size) {
		kr_merkle_root(&(struct kr_merkle){ 0 }, ret);
		return 0;
	}
	r = kr_logrow_note(s, size, &n, e);
	if (r > 0)
		return kr_fail(e, KR_E_LIMIT, "the log has not %" PRIu64
			       " entries", size);
	memcpy(ret, n.root, 32);
	return r;
}

static int does_not_fit(struct kr_err *e)
{
	return kr_fail(e, KR_E_LOG_BROKEN, "the log's entries are not what "
		       "was signed");
}

int kr_ledgerproof_leaf(struct kr_store *s, uint64_t idx, uint64_t size,
			struct kr_proof *ret_p, struct kr_err *e)
{
	const struct kr_proof_tree t = { subtree, s };
	uint8_t leaf[32], root[32];
	int r = kr_ledgerproof_root(s, size, root, e);

	if (!r)
		r = kr_proof_leaf(&t, idx, size, ret_p, e);
	if (!r)
		r = subtree(s, 0, idx, leaf, e);
	if (r)
		return r;
	return kr_proof_has_leaf(ret_p, idx, size, leaf, root) ? 0 :
	       does_not_fit(e);
}

int kr_ledgerproof_growth(struct kr_store *s, uint64_t from, uint64_t size,
			  struct kr_proof *ret_p, struct kr_err *e)
{
	const struct kr_proof_tree t = { subtree, s };
	uint8_t old[32], root[32];
	int r = kr_ledgerproof_root(s, size, root, e);

	if (!r)
		r = kr_proof_growth(&t, from, size, ret_p, e);
	if (!r)
		r = kr_ledgerproof_root(s, from, old, e);
	if (r)
		return r;
	return kr_proof_has_grown(ret_p, from, old, size, root) ? 0 :
	       does_not_fit(e);
}

struct note { char *text; unsigned int n_lines; };

static int add_line(void *arg, const struct kr_cosignrow *c, struct kr_err *e)
{
	struct note *n = arg;
	size_t at = strlen(n->text), n_line = strlen(c->line);

	(void)e;
	if (n->n_lines == KR_CHECKPOINT_SIGS_MAX ||
	    at + n_line >= KR_CHECKPOINT_NOTE_MAX)
		return 0;	/* as many as readers look at */
	memcpy(n->text + at, c->line, n_line + 1);
	n->n_lines++;
	return 0;
}

int kr_ledgerproof_note(struct kr_store *s, uint64_t min, uint64_t *ret_size,
			char *note, struct kr_err *e)
{
	struct note n = { note, 1 };
	struct kr_logrow_note row;
	uint64_t size = 0;
	int r = kr_cosignrow_newest(s, min, &size, e);

	if (!r)
		r = kr_logrow_note(s, size, &row, e);
	else if (r > 0)
		r = kr_logrow_last(s, &row, e);
	if (r < 0)
		return r;
	if (r || row.size < min)
		return kr_fail(e, KR_E_LIMIT, "the log has not %" PRIu64
			       " entries", min);
	memcpy(note, row.note, sizeof(row.note));
	*ret_size = row.size;
	return kr_cosignrow_each(s, row.size, add_line, &n, e);
}
