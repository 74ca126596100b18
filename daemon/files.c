/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - whose files and networks a VM names. Runs in kororad. */
#include "daemon/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/disks.h"
#include "daemon/vm.h"
#include "policy/access.h"
#include "policy/book.h"
#include "store/filerow.h"
#include "store/vmrow.h"

#define FILES_MAX	(KR_VMDEF_DISKS_MAX + 2u)

struct named {
	const char *file;	/* "storage:path" */
	bool	    writes;
};

/* All that @d names: its disks, and what it boots. */
static unsigned int named(const struct kr_vmdef *d,
			  struct named out[FILES_MAX])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->n_disks; i++)
		out[n++] = (struct named){ d->disks[i].file,
					   !d->disks[i].readonly };
	if (d->kernel[0])
		out[n++] = (struct named){ d->kernel, false };
	if (d->initrd[0])
		out[n++] = (struct named){ d->initrd, false };
	return n;
}

/* Where it is, behind all links; as it is named if it is not there. */
static int find(struct kr_host *h, const char *file,
		struct kr_filerow *f, struct kr_err *e)
{
	char path[PATH_MAX];
	struct stat st;
	int r = kr_disks_path(h, file, path, sizeof(path), e);

	if (r)
		return r;
	if (!realpath(path, f->path))
		memcpy(f->path, path, sizeof(path));
	f->inode = stat(f->path, &st) ? 0 : st.st_ino & INT64_MAX;
	return 0;
}

static struct kr_class vm_class(struct kr_host *h, const char *name,
				const char *tenant)
{
	char item[KR_ITEM_BYTES];

	return kr_book_item_class(h->book, kr_item_put(KR_ITEM_VM, name, item),
				  tenant);
}

/* ---- storages and networks ---------------------------------------------- */

struct part {
	const char *item;
	bool	    classed;
};

/* "*" is of every other kind of item; these have to be named. */
static void by_name(void *arg, const struct kr_classing *c)
{
	struct part *p = arg;

	for (unsigned int i = 0; i < c->of.n; i++)
		p->classed |= strcmp(c->of.word[i], "*") &&
			      kr_words_match(c->of.word[i], p->item);
}

static int ask_part(struct kr_host *h, const struct kr_vmdef *d,
		    enum kr_item_kind kind, const char *name, bool writes,
		    struct kr_err *e)
{
	char item[KR_ITEM_BYTES];
	struct part p = { kr_item_put(kind, name, item), false };
	struct kr_decision a;

	kr_book_item_classings(h->book, item, by_name, &p);
	if (!p.classed)
		return 0;
	a = kr_access_uses(vm_class(h, d->name, d->tenant),
			   kr_book_item_class(h->book, item, NULL), writes);
	if (a.answer == KR_YES)
		return 0;
	return kr_fail(e, KR_E_FORBIDDEN, "%s may not have %s: only if %s; see "
		       "their classes in the policy", d->name, item,
		       kr_decision_why(&a));
}

/* ---- files -------------------------------------------------------------- */

struct whose {
	struct kr_host   *h;
	const struct kr_vmdef  *d;
	struct named		n;
	const struct kr_filerow *f;
	bool			certifier;
	struct kr_filerow	before;	/* who had it, of another class */
};

/* Under another name: is it the same file now? */
static bool same(const struct kr_filerow *f, const struct kr_filerow *g)
{
	struct stat a, b;

	return !strcmp(f->path, g->path) ||
	       (!stat(f->path, &a) && !stat(g->path, &b) &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

/* Can both classes' VMs have it, if one of them writes? */
static struct kr_decision ask_row(const struct whose *w,
				  const struct kr_filerow *row)
{
	if (!(w->n.writes || row->writes) || !same(w->f, row))
		return (struct kr_decision){ .answer = KR_YES };
	return kr_access_uses(vm_class(w->h, w->d->name, w->d->tenant),
			      vm_class(w->h, row->vm, row->tenant), true);
}

static int refuse(void *arg, const struct kr_filerow *row, struct kr_err *e)
{
	const struct whose *w = arg;
	struct kr_decision a = ask_row(w, row);

	if (a.answer == KR_YES ||
	    (w->certifier && !kr_vm_find(w->h, row->vm)))
		return 0;
	return kr_fail(e, KR_E_FORBIDDEN, "%s may not have %s, which is a VM's "
		       "of another class: only if %s", w->d->name,
		       w->n.file, kr_decision_why(&a));
}

int kr_files_ask(struct kr_host *h, const struct kr_vmdef *d,
		 bool certifier, struct kr_err *e)
{
	struct named files[FILES_MAX];
	unsigned int n = named(d, files);
	struct kr_filerow f;
	char storage[32];
	const char *path;
	int r = 0;

	for (unsigned int i = 0; !r && i < d->n_nics; i++)
		r = ask_part(h, d, KR_ITEM_NETWORK, d->nics[i].network, true,
			     e);
	for (unsigned int i = 0; !r && i < n; i++) {
		struct whose w = { .h = h, .d = d, .n = files[i],
				   .f = &f, .certifier = certifier };

		r = find(h, files[i].file, &f, e);
		if (!r && kr_vmdef_file(files[i].file, storage, &path))
			r = ask_part(h, d, KR_ITEM_STORAGE, storage,
				     files[i].writes, e);
		if (!r)
			r = kr_filerow_each(h->store, f.path, f.inode, refuse,
					    &w, e);
	}
	return r;
}

/* ---- keeping ------------------------------------------------------------ */

#define FOUND	1

static int of_another(void *arg, const struct kr_filerow *row,
		      struct kr_err *e)
{
	struct whose *w = arg;

	(void)e;
	if (ask_row(w, row).answer == KR_YES)
		return 0;
	w->before = *row;
	return FOUND;
}

/* It was given to this VM, by who may: nobody of another class has it now. */
static int take(struct kr_host *h, struct whose *w, struct kr_err *e)
{
	int r;

	while ((r = kr_filerow_each(h->store, w->f->path, w->f->inode,
				    of_another, w, e)) == FOUND) {
		r = kr_filerow_del(h->store, w->before.path, w->before.vm, e);
		if (r)
			return r;
	}
	return r;
}

int kr_files_keep(struct kr_host *h, const struct kr_vmdef *d,
		  struct kr_err *e)
{
	struct named files[FILES_MAX];
	unsigned int n = named(d, files);
	int r = kr_filerow_del_reads(h->store, d->name, e);

	for (unsigned int i = 0; !r && i < n; i++) {
		struct kr_filerow f;
		struct whose w = { .h = h, .d = d, .n = files[i], .f = &f };

		r = find(h, files[i].file, &f, e);
		if (!r)
			r = take(h, &w, e);
		f.writes = files[i].writes;
		memcpy(f.vm, d->name, sizeof(f.vm));
		memcpy(f.tenant, d->tenant, sizeof(f.tenant));
		if (!r)
			r = kr_filerow_put(h->store, &f, e);
	}
	return r;
}

int kr_files_leave(struct kr_host *h, const char *vm, struct kr_err *e)
{
	return kr_filerow_del_reads(h->store, vm, e);
}

static int recall(void *arg, const struct kr_vmrow *v, struct kr_err *e)
{
	struct kr_host *h = arg;
	struct kr_err why = KR_ERR_NONE;
	struct kr_vmdef d;
	int r = kr_vmdef_parse(v->name, v->definition, strlen(v->definition),
			       &d, &why);

	if (!r)
		r = kr_files_keep(h, &d, &why);
	/* nor can a VM start whose storage is not here */
	if (why.kr == KR_E_CONFIG || why.kr == KR_E_NO_STORAGE)
		return 0;
	if (r)
		*e = why;
	return r;
}

int kr_files_recall(struct kr_host *h, struct kr_err *e)
{
	uint64_t n;
	int r = kr_filerow_count(h->store, &n, e);

	if (r || n)
		return r;
	r = kr_store_begin(h->store, e);
	if (!r)
		r = kr_vmrow_each(h->store, recall, h, e);
	if (r)
		kr_store_rollback(h->store);
	return r ? r : kr_store_commit(h->store, e);
}
