/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.c - appending to the evidence log. Runs in kororad. Reading a log
 * that may have been altered is ledgercheck.c's.
 *
 * The tree's frontier is kept in memory: an entry costs a few hashes and one
 * signature, however long the log. The inner nodes are kept in the store.
 */
#include "evidence/ledger.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/noderow.h"

#define FILE_BYTES	(KR_STORE_PATH_BYTES + 16)

struct state {			/* what a rollback brings back */
	struct kr_merkle tree;
	uint8_t		 last[32];	/* leaf hash of the last entry */
	char		 note[KR_CHECKPOINT_NOTE_MAX];
};

struct kr_ledger {
	struct kr_store		 *s;
	const struct kr_identity *id;
	struct state		  now, saved;
	bool			  dirty;	/* appended, not ended */
	bool			  deferred;	/* the file has its own time */
	bool			  behind;	/* and is due */
	char			  file[FILE_BYTES];
};

/* Replaces the file without waiting for the disk: it may stay behind the
 * database after a crash, which is fine, and never gets ahead of it.
 */
static bool write_file(const struct kr_ledger *l)
{
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	char tmp[FILE_BYTES + 4];
	size_t n = strlen(l->now.note);

	snprintf(tmp, sizeof(tmp), "%s.new", l->file);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd >= 0 && write(fd, l->now.note, n) == (ssize_t)n &&
	       !rename(tmp, l->file);
}

static void tx_ended(void *arg, bool committed)
{
	struct kr_ledger *l = arg;

	if (!l->dirty)
		return;
	l->dirty = false;
	if (!committed)
		l->now = l->saved;
	else
		l->behind = l->deferred || !write_file(l);
}

void kr_ledger_defer(struct kr_ledger *l)
{
	l->deferred = true;
}

bool kr_ledger_publish(struct kr_ledger *l)
{
	if (!l->behind || !write_file(l))
		return false;
	l->behind = false;
	return true;
}

static int load_leaf(void *arg, uint64_t idx, const uint8_t *leaf,
		     size_t n_bytes, struct kr_err *e)
{
	struct state *st = arg;

	if (idx != st->tree.size)
		return kr_fail(e, KR_E_LOG_BROKEN,
			       "entry %" PRIu64 " is missing", st->tree.size);
	kr_merkle_leaf(leaf, n_bytes, st->last);
	kr_merkle_append(&st->tree, st->last);
	return 0;
}

/* The subtrees that the last leaf completed: what proofs are made of. */
static int put_nodes(struct kr_store *s, const struct kr_merkle *m,
		     struct kr_err *e)
{
	int r = 0;

	for (unsigned int i = 1; !r && !(m->size & ((1ull << i) - 1)); i++)
		r = kr_noderow_add(s, i, (m->size >> i) - 1, m->node[i], e);
	return r;
}

struct growth {
	struct kr_store	*s;
	struct kr_merkle tree;
};

static int grow(void *arg, uint64_t idx, const uint8_t *leaf, size_t n_bytes,
		struct kr_err *e)
{
	struct growth *g = arg;
	uint8_t h[32];

	(void)idx;
	kr_merkle_leaf(leaf, n_bytes, h);
	kr_merkle_append(&g->tree, h);
	return put_nodes(g->s, &g->tree, e);
}

/* A log of before there were nodes has them made once. */
static int make_nodes(struct kr_ledger *l, struct kr_err *e)
{
	const uint64_t size = l->now.tree.size;
	struct growth g = { .s = l->s };
	uint64_t n;
	int r = kr_noderow_count(l->s, &n, e);

	if (r || n == size - (uint64_t)__builtin_popcountll(size))
		return r;
	r = kr_store_begin(l->s, e);
	if (r)
		return r;
	r = kr_noderow_clear(l->s, e);
	if (!r)
		r = kr_logrow_each(l->s, 0, grow, &g, e);
	if (r)
		kr_store_rollback(l->s);
	return r ? r : kr_store_commit(l->s, e);
}

/* Does the database's last checkpoint fit what was read? */
static int check_row(struct kr_ledger *l, struct kr_err *e)
{
	struct kr_logrow_note n;
	struct kr_checkpoint c;
	uint8_t root[32];
	int r = kr_logrow_last(l->s, &n, e);

	if (r < 0)
		return r;
	if (r)
		return l->now.tree.size ?
			kr_fail(e, KR_E_LOG_BROKEN,
				"the log's checkpoints are missing") : 0;
	kr_merkle_root(&l->now.tree, root);
	if (kr_checkpoint_verify(n.note, kr_identity_pubkey(l->id),
				 kr_identity_name(l->id), &c, NULL))
		return kr_fail(e, KR_E_LOG_BROKEN, "the log's last checkpoint "
			       "is not signed by this host");
	if (c.size > l->now.tree.size)
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " and what "
			       "followed was cut off: the checkpoint is of %"
			       PRIu64 " entries", l->now.tree.size, c.size);
	if (c.size < l->now.tree.size || memcmp(c.root, root, 32))
		return kr_fail(e, KR_E_LOG_BROKEN, "the log's entries are not "
			       "what its last checkpoint says");
	memcpy(l->now.note, n.note, sizeof(n.note));
	return 0;
}

/* A file that says nothing may be a crash's; one that disagrees is not. */
static int check_file(struct kr_ledger *l, struct kr_err *e)
{
	KR_AUTOFREE char *text = NULL;
	struct kr_checkpoint c;
	struct kr_logrow_note n;
	int r;

	if (kr_read_file(l->file, KR_CHECKPOINT_NOTE_MAX - 1, &text, NULL) ||
	    kr_checkpoint_verify(text, kr_identity_pubkey(l->id),
				 kr_identity_name(l->id), &c, NULL))
		return 0;
	if (c.size > l->now.tree.size)
		return kr_fail(e, KR_E_LOG_BROKEN, "entry %" PRIu64 " and what "
			       "followed was cut off: the checkpoint file is "
			       "of %" PRIu64 " entries", l->now.tree.size, c.size);
	r = kr_logrow_note(l->s, c.size, &n, e);
	if (r < 0)
		return r;
	if (r || memcmp(n.root, c.root, 32))
		return kr_fail(e, KR_E_LOG_BROKEN, "the log is not the one "
			       "its checkpoint file tells of");
	return 0;
}

int kr_ledger_open(struct kr_store *s, const struct kr_identity *id,
		   struct kr_ledger **ret_l, struct kr_err *e)
{
	struct kr_ledger *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return kr_fail(e, KR_E_STORE, "out of memory");
	l->id = id;
	l->s = s;
	snprintf(l->file, sizeof(l->file), "%s%s", kr_store_path(s),
		 KR_LEDGER_FILE_SUFFIX);
	if ((r = kr_logrow_each(s, 0, load_leaf, &l->now, e)) ||
	    (r = check_row(l, e)) || (r = check_file(l, e)) ||
	    (r = make_nodes(l, e))) {
		free(l);
		return r;
	}
	if (l->now.tree.size) {
		r = kr_write_file(l->file, l->now.note, strlen(l->now.note),
				  0600);
		if (r) {
			r = kr_fail(e, KR_E_STORE, "cannot write %s: %s",
				    l->file, strerror(-r));
			free(l);
			return r;
		}
	}
	kr_store_on_end(s, tx_ended, l);
	*ret_l = l;
	return 0;
}

/* The record as JSON text with sorted keys, for free(). */
static char *make_record(const struct kr_ledger *l, const char *event,
			 const uint8_t *migration, json_t *detail,
			 const char *envelope)
{
	char prev[65], id[33] = "";
	json_t *env = envelope ? json_loads(envelope, 0, NULL) : NULL;
	json_t *j = NULL;
	char *text = NULL;

	kr_hex(l->now.last, 32, prev);
	if (migration)
		kr_hex(migration, 16, id);
	if (!envelope || env)
		j = json_pack("{s:i, s:I, s:I, s:s, s:s, s:s}", "v", 1,
			      "index", (json_int_t)l->now.tree.size,
			      "time_ms", (json_int_t)kr_wall_ms(),
			      "host", kr_identity_name(l->id),
			      "event", event, "prev", prev);
	if (j && !json_object_set_new(j, "detail", detail ? json_incref(detail)
							  : json_object()) &&
	    (!migration ||
	     !json_object_set_new(j, "migration", json_string(id))) &&
	    (!env || !json_object_set(j, "envelope", env)))
		text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(env);
	json_decref(j);
	return text;
}

static bool event_ok(const char *event)
{
	size_t n = strlen(event);

	for (size_t i = 0; i < n; i++)
		if (event[i] < ' ' || event[i] > '~')
			return false;
	return n && n < KR_LEDGER_EVENT_BYTES;
}

int kr_ledger_append(struct kr_ledger *l, const char *event,
		     const uint8_t *migration, json_t *detail,
		     const char *envelope, struct kr_err *e)
{
	KR_AUTOFREE char *text = NULL;
	struct kr_logrow_note n = { 0 };
	struct state next = l->now;
	uint64_t idx = l->now.tree.size;
	int r;

	if (!kr_store_in_tx(l->s))
		return kr_fail(e, KR_E_STORE, "no transaction to log in");
	if (event_ok(event) && (!detail || json_is_object(detail)))
		text = make_record(l, event, migration, detail, envelope);
	if (!text)
		return kr_fail(e, KR_E_STORE, "cannot make a log entry");
	kr_merkle_leaf(text, strlen(text), next.last);
	kr_merkle_append(&next.tree, next.last);
	n.size = next.tree.size;
	kr_merkle_root(&next.tree, n.root);
	if ((r = kr_checkpoint_sign(l->id, n.size, n.root, n.note, e)) ||
	    (r = kr_logrow_add(l->s, idx, migration, text, strlen(text),
				 e)) ||
	    (r = kr_logrow_put_note(l->s, &n, e)) ||
	    (r = put_nodes(l->s, &next.tree, e)))
		return r;
	memcpy(next.note, n.note, sizeof(n.note));
	if (!l->dirty)
		l->saved = l->now;
	l->dirty = true;
	l->now = next;
	return 0;
}

void kr_ledger_head(const struct kr_ledger *l, uint64_t *ret_size,
		    uint8_t ret_root[32])
{
	*ret_size = l->now.tree.size;
	kr_merkle_root(&l->now.tree, ret_root);
}

int kr_ledger_note(const struct kr_ledger *l, char *out, struct kr_err *e)
{
	uint8_t root[32];

	if (l->now.tree.size) {
		memcpy(out, l->now.note, KR_CHECKPOINT_NOTE_MAX);
		return 0;
	}
	kr_merkle_root(&l->now.tree, root);
	return kr_checkpoint_sign(l->id, 0, root, out, e);
}

void kr_ledger_free(struct kr_ledger *l)
{
	if (!l)
		return;
	kr_store_on_end(l->s, NULL, NULL);
	if (l->dirty)
		l->now = l->saved;
	if (l->now.tree.size)
		(void)kr_write_file(l->file, l->now.note, strlen(l->now.note),
				    0600);
	free(l);
}
