/* SPDX-License-Identifier: Apache-2.0 */
/* apilog.c - the API's methods about evidence: receipts and the log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/api.h"
#include "daemon/record.h"
#include "daemon/sight.h"
#include "evidence/ledgercheck.h"
#include "evidence/receipt.h"
#include "store/receiptrow.h"

#define LIST_MAX	1000u
#define SHOW_MAX	10000u	/* entries looked at */
#define SHOW_BYTES	(3u << 20)	/* of them: an answer has 4 MiB at most */

struct list {
	struct kr_request *q;
	json_t		  *a;
};

static json_t *told(struct kr_request *q, const struct kr_receiptrow *p)
{
	char id[33], path[PATH_MAX];

	kr_hex(p->migration, 16, id);
	kr_record_receipt_path(q->host, p->migration, path, sizeof(path));
	return json_pack("{s:s, s:s}", "migration", id, "path", path);
}

static int add_receipt(void *arg, const struct kr_receiptrow *p,
		       struct kr_err *e)
{
	struct list *l = arg;
	struct kr_terms t = { 0 };
	struct kr_vmdef d;
	json_t *o;

	(void)e;
	if (!kr_sight_vm(l->q, p->vm,
			 kr_sight_whose(l->q->host, p->migration, &d)))
		return 0;
	kr_receipt_peek(p->envelope, strlen(p->envelope), &t, NULL);
	o = told(l->q, p);
	json_object_set_new(o, "vm", json_string(p->vm));
	json_object_set_new(o, "from", json_string(t.from_name));
	json_object_set_new(o, "to", json_string(t.to_name));
	json_object_set_new(o, "at_ms", json_integer((json_int_t)p->at_ms));
	return json_array_append_new(l->a, o);
}

int kr_api_receipt_list(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct list l = { .q = q, .a = json_array() };

	*ret = json_pack("{s:o}", "receipts", l.a);
	return kr_receiptrow_each(q->host->store, LIST_MAX, add_receipt, &l,
				  e);
}

int kr_api_receipt_show(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_receiptrow p;
	static char text[KR_STATEMENT_BYTES_MAX];
	const char *prefix = kr_api_text(q, "id", e);
	struct kr_vmdef d;
	struct kr_terms t;
	uint8_t id[16];
	size_t n;
	int r = prefix ? kr_api_id(q, prefix, id, e) : e->code;

	if (!r)
		r = kr_receiptrow_get(q->host->store, id, &p, e);
	if (!r)
		r = kr_sight_check(q, prefix, p.vm,
				   kr_sight_whose(q->host, id, &d), e);
	if (!r)
		r = kr_receipt_peek(p.envelope, strlen(p.envelope), &t, e);
	if (!r)
		r = kr_statement_build(KR_STATEMENT_RECEIPT, &t, text, &n, e);
	if (r)
		return r;
	*ret = told(q, &p);
	json_object_set_new(*ret, "statement", json_loads(text, 0, NULL));
	json_object_set_new(*ret, "envelope",
			    json_loads(p.envelope, 0, NULL));
	return 0;
}

/* ---- the log ----------------------------------------------------------- */

#define ENOUGH	1	/* of them were found */

/* The latest entries, the newest first. */
struct entries {
	struct kr_request *q;
	json_t		  *a;
	size_t		   limit, asked;	/* as many are shown, at most */
	uint64_t	   before;		/* that index */
	uint64_t	   last;		/* looked at */
	size_t		   n_bytes;
	unsigned int	   n_seen, n_hidden;	/* hidden: not for who asks */
	bool		   cut;			/* there may be earlier ones */
};

static int add_entry(void *arg, uint64_t idx, const uint8_t *leaf,
		     size_t n_bytes, struct kr_err *e)
{
	struct entries *l = arg;
	json_t *o;

	(void)e;
	if (idx >= l->before)
		return 0;
	if (json_array_size(l->a) == l->limit) {
		l->cut = l->asked > l->limit;
		return ENOUGH;
	}
	l->n_bytes += n_bytes;
	l->cut = l->n_seen++ == SHOW_MAX || l->n_bytes > SHOW_BYTES;
	if (l->cut)
		return ENOUGH;
	l->last = idx;
	o = json_loadb((const char *)leaf, n_bytes, 0, NULL);
	if (!json_is_object(o)) {
		json_decref(o);
		o = json_pack("{s:I, s:s}", "index", (json_int_t)idx, "event",
			      "unreadable: see korora log verify");
	}
	if (!kr_sight_entry(l->q, o)) {
		l->n_hidden++;
		json_decref(o);
		return 0;
	}
	json_object_set_new(o, "index", json_integer((json_int_t)idx));
	json_object_set(o, "at_ms", json_object_get(o, "time_ms"));
	json_object_del(o, "time_ms");
	return json_array_append_new(l->a, o);
}

/* Of all, or of one migration. */
static int find_entries(struct kr_request *q, struct entries *l,
			struct kr_err *e)
{
	const char *id;
	uint8_t bin[16];

	if (!json_object_get(q->params, "migration"))
		return kr_logrow_back(q->host->store, add_entry, l, e);
	id = kr_api_text(q, "migration", e);
	if (!id)
		return e->code;
	if (!kr_unhex(id, bin, sizeof(bin)))
		return kr_fail(e, KR_E_USAGE, "migration is an id of 32 hex "
			       "digits");
	return kr_ledgercheck_of(q->host->store, bin, add_entry, l, e);
}

int kr_api_log_show(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct entries l = { .q = q, .before = UINT64_MAX };
	uint64_t limit = 50;
	json_t *shown;
	int r = kr_api_number(q, "limit", 0, UINT32_MAX, &limit, e);

	if (!r)
		r = kr_api_number(q, "before", 0, INT64_MAX, &l.before, e);
	if (r)
		return r;
	l.limit = limit < SHOW_MAX ? limit : SHOW_MAX;
	l.asked = limit;
	l.a = json_array();
	shown = json_array();
	r = find_entries(q, &l, e);
	*ret = json_pack("{s:o, s:I, s:b}", "entries", shown, "hidden",
			 (json_int_t)l.n_hidden, "cut", (int)l.cut);
	if (l.cut)
		json_object_set_new(*ret, "next",
				    json_integer((json_int_t)l.last));
	for (size_t i = json_array_size(l.a); i; i--)
		json_array_append(shown, json_array_get(l.a, i - 1));
	json_decref(l.a);
	return r == ENOUGH ? 0 : r;
}

int kr_api_log_verify(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct kr_host *h = q->host;
	struct kr_ledgercheck c;
	char note[KR_CHECKPOINT_NOTE_MAX], root[65];
	int r;

	kr_ledger_publish(h->ledger);
	r = kr_ledgercheck_run(h->store, kr_identity_pubkey(h->identity),
				   kr_identity_name(h->identity), &c, e);

	if (!r)
		r = kr_ledger_note(h->ledger, note, e);
	if (r)
		return r;
	kr_hex(c.root, 32, root);
	*ret = json_pack("{s:b, s:I, s:I, s:s, s:I, s:s}", "ok", 1,
			 "entries", (json_int_t)c.size, "size",
			 (json_int_t)c.size, "root", root, "receipts",
			 (json_int_t)c.n_receipts, "checkpoint", note);
	return 0;
}
