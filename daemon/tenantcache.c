/* SPDX-License-Identifier: Apache-2.0 */
/* tenantcache.c - tenants' page caches, opened. Runs in kororad. */
#include "daemon/tenantcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "plane/item.h"

#define PAGES_PER_MB	256u
#define DIGESTS_PER_PAGE (KR_PAGE_BYTES / 32u)

/* The tenant's key; made when it is used first. */
static int take_key(const char *path, uint8_t *key, size_t size)
{
	KR_AUTOFREE char *text = NULL;
	size_t n = 0;
	int r = kr_read_file(path, size, &text, &n);

	if (r == -ENOENT) {
		if (RAND_bytes(key, (int)size) != 1)
			return -EIO;
		return kr_write_file(path, key, size, 0600);
	}
	if (!r && n != size)
		r = -EINVAL;
	if (!r)
		memcpy(key, text, size);
	if (text)
		kr_wipe(text, n);
	return r;
}

static int open_locked(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		kr_fd_close(&fd);
		return -EBUSY;
	}
	return fd;
}

/* Was it made for more? Then it is given up at once: a file keeps the blocks
 * that it has, and another size is another layout. */
static int bound(int fd, uint32_t n_slots)
{
	off_t most = (off_t)KR_PAGE_BYTES *
		     (2 + n_slots / DIGESTS_PER_PAGE + (off_t)n_slots);
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	return st.st_size > most && ftruncate(fd, 0) ? -errno : 0;
}

/* ---- how many there may be --------------------------------------------- */

struct oldest {
	char	      tenant[NAME_MAX + 1];
	unsigned int  n;		/* caches that there are */
	struct timespec at;
};

static bool is_held(int dir, const char *name)
{
	KR_AUTO(kr_fd_autoclose) int fd = openat(dir, name, O_RDWR |
						 O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 || flock(fd, LOCK_EX | LOCK_NB);
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec :
					a->tv_nsec < b->tv_nsec;
}

/* Of those that no migration has, the one that was not used for longest. */
static void find_oldest(DIR *d, struct oldest *o)
{
	struct dirent *f;

	*o = (struct oldest){ 0 };
	rewinddir(d);
	while ((f = readdir(d))) {
		const char *dot = strrchr(f->d_name, '.');
		struct stat st;

		if (!dot || strcmp(dot, ".pages") ||
		    fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		o->n++;
		if ((o->tenant[0] && !is_before(&st.st_mtim, &o->at)) ||
		    is_held(dirfd(d), f->d_name))
			continue;
		o->at = st.st_mtim;
		snprintf(o->tenant, sizeof(o->tenant), "%.*s",
			 (int)(dot - f->d_name), f->d_name);
	}
}

static void drop(int dir, const char *tenant)
{
	char name[NAME_MAX + 8];

	snprintf(name, sizeof(name), "%s.key", tenant);
	unlinkat(dir, name, 0);
	snprintf(name, sizeof(name), "%s.pages", tenant);
	unlinkat(dir, name, 0);
}

/* A peer says what a VM's tenant is called, so that names are without end. */
static int make_room(const char *folder)
{
	struct oldest o;
	DIR *d = opendir(folder);

	if (!d)
		return -errno;
	find_oldest(d, &o);
	while (o.n >= KR_TENANTCACHE_MAX && o.tenant[0]) {
		drop(dirfd(d), o.tenant);
		find_oldest(d, &o);
	}
	closedir(d);
	return o.n < KR_TENANTCACHE_MAX ? 0 : -EDQUOT;
}

/* ---- one of them ------------------------------------------------------- */

void kr_tenantcache_take(const struct kr_host *h, const char *tenant,
			 struct kr_plane_start *s, int *ret_fd)
{
	char path[PATH_MAX], folder[PATH_MAX - 128];
	struct kr_err e = KR_ERR_NONE;
	int r, fd;

	*ret_fd = -1;
	s->cache_slots = 0;
	if (!h->cfg.cache_mb)
		return;
	snprintf(folder, sizeof(folder), "%s/pagecache", h->lib);
	snprintf(path, sizeof(path), "%s/%s.pages", folder, tenant);
	r = kr_mkdirs(folder, 0700);
	if (!r && access(path, F_OK))
		r = make_room(folder);
	snprintf(path, sizeof(path), "%s/%s.key", folder, tenant);
	if (!r)
		r = take_key(path, s->cache_key, sizeof(s->cache_key));
	snprintf(path, sizeof(path), "%s/%s.pages", folder, tenant);
	fd = r ? r : open_locked(path);
	if (fd >= 0) {
		r = bound(fd, h->cfg.cache_mb * PAGES_PER_MB);
		if (r) {
			kr_fd_close(&fd);
			fd = r;
		}
	}
	if (fd >= 0) {
		futimens(fd, NULL);	/* it is in use */
		s->cache_slots = h->cfg.cache_mb * PAGES_PER_MB;
		*ret_fd = fd;
		return;
	}
	kr_wipe(s->cache_key, sizeof(s->cache_key));
	kr_fail(&e, KR_E_SYSTEM, "%s: %s", path,
		fd == -EBUSY ? "another migration of the tenant has it" :
		fd == -EDQUOT ? "migrations have all that there may be" :
				strerror(-fd));
	kr_log_err(KR_LOG_WARN, "no page cache", &e);
}
