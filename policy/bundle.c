/* SPDX-License-Identifier: Apache-2.0 */
/* bundle.c - a policy's files, read from a folder or kept as one. */
#include "policy/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cursor.h"
#include "base/fd.h"
#include "base/ini.h"

static int is_policy(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 7 &&
	       !strcmp(d->d_name + n - 7, ".policy");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);	/* in any locale */
}

bool kr_bundle_any(const char *folder)
{
	struct dirent **found;
	int n = scandir(folder, &found, is_policy, NULL);

	for (int i = 0; i < n; i++)
		free(found[i]);
	if (n >= 0)
		free(found);
	return n > 0;
}

static int add(struct kr_bundle *b, const char *path, const char *name,
	       struct kr_err *e)
{
	KR_AUTOFREE char *text = NULL;
	struct kr_wr w;
	uint8_t *p;
	size_t n, more;
	int r = kr_read_file(path, KR_INI_BYTES_MAX, &text, &n);

	if (r)
		return kr_fail(e, KR_E_CONFIG, "%s: %s", path,
			       r == -E2BIG ? "too long" : strerror(-r));
	more = strlen(name) + 1 + 8 + n;
	if (b->n + more > KR_BUNDLE_BYTES_MAX)
		return kr_fail(e, KR_E_LIMIT, "a policy of more than %u bytes",
			       KR_BUNDLE_BYTES_MAX);
	p = realloc(b->bytes, b->n + more);
	if (!p)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	b->bytes = p;
	w = KR_WR(p + b->n, more);
	kr_wr_bytes(&w, name, strlen(name) + 1);
	kr_wr_u64(&w, n);
	kr_wr_bytes(&w, text, n);
	b->n += kr_wr_len(&w);
	return 0;
}

static int add_folder(struct kr_bundle *b, const char *folder,
		      struct kr_err *e)
{
	struct dirent **found;
	int n = scandir(folder, &found, is_policy, by_name), r = 0;

	if (n < 0)
		return kr_fail(e, KR_E_CONFIG, "%s: %s", folder,
			       strerror(errno));
	if (!n)
		r = kr_fail(e, KR_E_CONFIG, "%s has no *.policy", folder);
	if (n > (int)KR_BUNDLE_FILES_MAX)
		r = kr_fail(e, KR_E_LIMIT, "%s has more than %u files",
			    folder, KR_BUNDLE_FILES_MAX);
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		if (!r && snprintf(path, sizeof(path), "%s/%s", folder,
				   found[i]->d_name) >= (int)sizeof(path))
			r = kr_fail(e, KR_E_CONFIG, "%.60s...: too long",
				    folder);
		if (!r)
			r = add(b, path, found[i]->d_name, e);
		free(found[i]);
	}
	free(found);
	return r;
}

int kr_bundle_sum(struct kr_bundle *b, struct kr_err *e)
{
	if (EVP_Digest(b->bytes, b->n, b->digest, NULL, EVP_sha256(), NULL))
		return 0;
	return kr_fail(e, KR_E_CRYPTO, "SHA-256");
}

int kr_bundle_read(const char *path, struct kr_bundle *ret_b,
		   struct kr_err *e)
{
	struct kr_bundle b = { 0 };
	const char *slash = strrchr(path, '/');
	struct stat st;
	int r;

	if (stat(path, &st))
		return kr_fail(e, KR_E_CONFIG, "%s: %s", path,
			       strerror(errno));
	r = S_ISDIR(st.st_mode) ? add_folder(&b, path, e) :
				  add(&b, path, slash ? slash + 1 : path, e);
	if (!r)
		r = kr_bundle_sum(&b, e);
	if (r)
		kr_bundle_fini(&b);
	else
		*ret_b = b;
	return r;
}

void kr_bundle_fini(struct kr_bundle *b)
{
	free(b->bytes);
	*b = (struct kr_bundle){ 0 };
}

/* What was read a moment ago, or comes out of the store. */
static int add_all(struct kr_book *book, const struct kr_bundle *b,
		   const char *folder, struct kr_err *e)
{
	struct kr_rd rd = KR_RD(b->bytes, b->n);
	int r = 0;

	while (!r && kr_rd_left(&rd)) {
		const char *name = (const char *)rd.p;
		size_t n_name = strnlen(name, kr_rd_left(&rd)) + 1;
		char path[PATH_MAX];
		uint64_t n;

		kr_rd_take(&rd, n_name);
		n = kr_rd_u64(&rd);
		if (rd.bad || n > kr_rd_left(&rd))
			return kr_fail(e, KR_E_MALFORMED, "a policy that is "
				       "cut off");
		snprintf(path, sizeof(path), "%s%s%s", folder,
			 folder[0] ? "/" : "", name);
		r = kr_book_add(book, path, (const char *)rd.p, (size_t)n, e);
		kr_rd_take(&rd, (size_t)n);
	}
	return r ? r : kr_book_finish(book, e);
}

int kr_bundle_book(const struct kr_bundle *b, const char *folder,
		   struct kr_book **ret_b, struct kr_err *e)
{
	struct kr_book *book = kr_book_new();
	int r = book ? add_all(book, b, folder, e) :
		       kr_fail(e, KR_E_SYSTEM, "out of memory");

	if (r)
		kr_book_free(book);
	else
		*ret_b = book;
	return r;
}

int kr_book_load(const char *path, struct kr_book **ret_b,
		 uint8_t ret_digest[32], struct kr_err *e)
{
	KR_AUTO(kr_bundle_fini) struct kr_bundle b = { 0 };
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	struct stat st;
	int r = kr_bundle_read(path, &b, e);

	if (r)
		return r;
	snprintf(folder, sizeof(folder), "%s", path);
	if (!stat(path, &st) && !S_ISDIR(st.st_mode))
		folder[slash ? slash - path : 0] = '\0';
	r = kr_bundle_book(&b, folder, ret_b, e);
	if (!r && ret_digest)
		memcpy(ret_digest, b.digest, sizeof(b.digest));
	return r;
}
