/* SPDX-License-Identifier: Apache-2.0 */
/* tenantcache.c - tenants' page caches, opened. Runs in kororad. */
#include "daemon/tenantcache.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

#define PAGES_PER_MB	256u

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

void kr_tenantcache_take(const struct kr_host *h, const char *tenant,
			 struct kr_plane_start *s, int *ret_fd)
{
	char path[PATH_MAX];
	struct kr_err e = KR_ERR_NONE;
	int r, fd;

	*ret_fd = -1;
	s->cache_slots = 0;
	if (!h->cfg.cache_mb)
		return;
	snprintf(path, sizeof(path), "%s/pagecache", h->lib);
	r = kr_mkdirs(path, 0700);
	snprintf(path, sizeof(path), "%s/pagecache/%s.key", h->lib, tenant);
	if (!r)
		r = take_key(path, s->cache_key, sizeof(s->cache_key));
	snprintf(path, sizeof(path), "%s/pagecache/%s.pages", h->lib, tenant);
	fd = r ? r : open_locked(path);
	if (fd >= 0) {
		s->cache_slots = h->cfg.cache_mb * PAGES_PER_MB;
		*ret_fd = fd;
		return;
	}
	kr_wipe(s->cache_key, sizeof(s->cache_key));
	kr_fail(&e, KR_E_SYSTEM, "%s: %s", path,
		fd == -EBUSY ? "another migration of the tenant has it" :
			       strerror(-fd));
	kr_log_err(KR_LOG_WARN, "no page cache", &e);
}
