/* SPDX-License-Identifier: Apache-2.0 */
/* apilog.c - the API's methods about evidence: receipts and the log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/api.h"
#include "daemon/record.h"
#include "evidence/ledgercheck.h"
#include "evidence/receipt.h"
#include "store/receiptrow.h"

#define LIST_MAX	1000u
#define SHOW_MAX	10000u

struct list {
	struct kr_host *h;
	json_t	       *a;
	const char     *prefix;
	uint8_t		id[16];
	unsigned int	n;
};

static int add_receipt(void *arg, const struct kr_receiptrow *p,
		       struct kr_err *e)
{
	struct list *l = arg;
	struct kr_terms t = { 0 };
	char id[33], path[PATH_MAX];

	(void)e;
	kr_hex(p->migration, 16, id);
	if (l->prefix && strncmp(id, l->prefix, strlen(l->prefix)))
		return 0;
	memcpy(l->id, p->migration, sizeof(l->id));
	l->n++;
	kr_receipt_peek(p->envelope, strlen(p->envelope), &t, NULL);
	kr_record_receipt_path(l->h, p->migration, path, sizeof(path));
	return json_array_append_new(l->a, json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:s}", "migration", id, "vm", p->vm,
		"from", t.from_name, "to", t.to_name, "at_ms",
		(json_int_t)p->at_ms, "path", path));
}

int kr_api_receipt_list(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	struct list l = { .h = q->host, .a = json_array() };

	*ret = json_pack("{s:o}", "receipts", l.a);
	return kr_receiptrow_each(q->host->store, LIST_MAX, add_receipt, &l,
				  e);
}

int kr_api_receipt_show(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	static struct kr_receiptrow p;
	static char text[KR_STATEMENT_BYTES_MAX];
	struct list l = { .h = q->host, .a = json_array(),
			  .prefix = kr_api_text(q, "id", e) };
	struct kr_terms t;
	size_t n;
	int r = l.prefix ? kr_receiptrow_each(q->host->store, LIST_MAX,
					      add_receipt, &l, e) : e->code;

	if (!r && l.n != 1)
		r = kr_fail(e, KR_E_NO_MIGRATION, "%.32s: %u receipts",
			    l.prefix, l.n);
	if (!r)
		r = kr_receiptrow_get(q->host->store, l.id, &p, e);
	if (!r)
		r = kr_receipt_peek(p.envelope, strlen(p.envelope), &t, e);
	if (!r)
		r = kr_statement_build(KR_STATEMENT_RECEIPT, &t, text, &n, e);
	if (!r)
		*ret = json_pack("{s:O, s:O, s:o, s:o}",
			"migration", json_object_get(json_array_get(l.a, 0),
						     "migration"),
			"path", json_object_get(json_array_get(l.a, 0),
						"path"),
			"statement", json_loads(text, 0, NULL),
			"envelope", json_loads(p.envelope, 0, NULL));
	json_decref(l.a);
	return r;
}

/* ---- the log ----------------------------------------------------------- */

static int add_entry(void *arg, uint64_t idx, const uint8_t *leaf,
		     size_t n_bytes, struct kr_err *e)
{
	json_t *o = json_loadb((const char *)leaf, n_bytes, 0, NULL);

	(void)e;
	if (!json_is_object(o)) {
		json_decref(o);
		o = json_pack("{s:I, s:s}", "index", (json_int_t)idx, "event",
			      "unreadable: see korora log verify");
	}
	json_object_set_new(o, "index", json_integer((json_int_t)idx));
	json_object_set(o, "at_ms", json_object_get(o, "time_ms"));
	json_object_del(o, "time_ms");
	return json_array_append_new(arg, o);
}

int kr_api_log_show(struct kr_request *q, json_t **ret, struct kr_err *e)
{
	uint64_t limit = 50, size;
	uint8_t root[32];
	json_t *a;
	int r = kr_api_number(q, "limit", 0, UINT32_MAX, &limit, e);

	if (r)
		return r;
	if (limit > SHOW_MAX)
		limit = SHOW_MAX;
	a = json_array();
	kr_ledger_head(q->host->ledger, &size, root);
	*ret = json_pack("{s:o}", "entries", a);
	return kr_logrow_each(q->host->store, size > limit ? size - limit : 0,
			      add_entry, a, e);
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
