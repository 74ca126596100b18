/* SPDX-License-Identifier: Apache-2.0 */
/* filerow.c - the table of VMs' files. Runs in kororad. */
#include "store/filerow.h"

#include "store/query.h"

int kr_filerow_put(struct kr_store *s, const struct kr_filerow *f,
		   struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s,
		"INSERT OR REPLACE INTO file (path, inode, vm, tenant, writes)"
		" VALUES (?,?,?,?,?)", e);

	if (r)
		return r;
	kr_query_text(&q, f->path);
	kr_query_u64(&q, f->inode);
	kr_query_text(&q, f->vm);
	kr_query_text(&q, f->tenant);
	kr_query_u64(&q, f->writes);
	return kr_query_run(&q, e);
}

int kr_filerow_each(struct kr_store *s, const char *path, uint64_t inode,
		    int (*fn)(void *arg, const struct kr_filerow *f,
			      struct kr_err *e),
		    void *arg, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	struct kr_filerow f;
	int r = kr_query_open(&q, s,
		"SELECT path, inode, vm, tenant, writes FROM file"
		" WHERE path = ? OR (inode <> 0 AND inode = ?)"
		" ORDER BY path, vm", e);

	if (r)
		return r;
	kr_query_text(&q, path);
	kr_query_u64(&q, inode);
	while (!r && (r = kr_query_step(&q, e)) > 0) {
		kr_query_get_text(&q, f.path, sizeof(f.path));
		f.inode = kr_query_get_u64(&q);
		kr_query_get_text(&q, f.vm, sizeof(f.vm));
		kr_query_get_text(&q, f.tenant, sizeof(f.tenant));
		f.writes = kr_query_get_u64(&q);
		r = kr_query_row_ok(&q, e);
		if (!r)
			r = fn(arg, &f, e);
	}
	return r;
}

/* A change by one or two texts. */
static int change(struct kr_store *s, const char *sql, const char *one,
		  const char *two, struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, sql, e);

	if (r)
		return r;
	kr_query_text(&q, one);
	if (two)
		kr_query_text(&q, two);
	return kr_query_run(&q, e);
}

int kr_filerow_del(struct kr_store *s, const char *path, const char *vm,
		   struct kr_err *e)
{
	return change(s, "DELETE FROM file WHERE path = ? AND vm = ?", path,
		      vm, e);
}

int kr_filerow_del_reads(struct kr_store *s, const char *vm, struct kr_err *e)
{
	return change(s, "DELETE FROM file WHERE vm = ? AND NOT writes", vm,
		      NULL, e);
}

int kr_filerow_count(struct kr_store *s, uint64_t *ret_n, struct kr_err *e)
{
	return kr_query_number(s, "SELECT count(*) FROM file", ret_n, e);
}
