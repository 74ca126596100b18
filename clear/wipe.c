/* SPDX-License-Identifier: Apache-2.0 */
/* wipe.c - see wipe.h. Runs in korora-wipe. */
#include "clear/wipe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE		UINT64_C(4096)	/* of x86-64 */
#define AT_ONCE		512u		/* pages looked at, and written */
#define LINE_MAX_BYTES	8192u		/* a path, and what is before it */

/* A page's 64 bits, Documentation/admin-guide/mm/pagemap.rst */
#define PRESENT		(UINT64_C(1) << 63)
#define SWAPPED		(UINT64_C(1) << 62)
#define OF_FILE		(UINT64_C(1) << 61)	/* or shared, in memory */

bool kr_wipe_map(const char *line, struct kr_wipe_map *ret_m)
{
	struct kr_wipe_map m;
	char perms[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %*u %n",
		   &m.start, &m.end, perms, &at) != 3 || !at ||
	    strlen(perms) != 4 || m.start >= m.end ||
	    m.start % PAGE || m.end % PAGE || perms[1] != 'w')
		return false;
	m.files_too = !strncmp(line + at, "/memfd:", 7);
	if (perms[3] != 'p' && !m.files_too)
		return false;	/* others have it as well, or it is a device */
	*ret_m = m;
	return true;
}

static bool to_wipe(const struct kr_wipe_map *m, uint64_t page)
{
	return page & (PRESENT | SWAPPED) &&
	       (m->files_too || !(page & OF_FILE) || page & SWAPPED);
}

static void wipe_run(const struct kr_wipe_of *p, uint64_t at, uint64_t n,
		     struct kr_wiped *w)
{
	static const uint8_t zeros[AT_ONCE * PAGE];

	while (n) {
		ssize_t k = pwrite(p->mem, zeros, n, (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0) {
			w->left += n;
			return;
		}
		w->bytes += (uint64_t)k;
		at += (uint64_t)k;
		n -= (uint64_t)k;
	}
}

/* As many at once as lie beside each other. */
static int wipe_some(const struct kr_wipe_of *p, const struct kr_wipe_map *m,
		     uint64_t at, struct kr_wiped *w, struct kr_err *e)
{
	uint64_t pages[AT_ONCE], first = 0, n = (m->end - at) / PAGE;
	ssize_t k;

	if (n > AT_ONCE)
		n = AT_ONCE;
	k = pread(p->pagemap, pages, n * 8, (off_t)(at / PAGE * 8));
	if (k != (ssize_t)(n * 8))
		return kr_fail(e, KR_E_SYSTEM, "pages of a hypervisor: %s",
			       k < 0 ? strerror(errno) : "too few");
	for (uint64_t i = 0; i <= n; i++) {
		if (i < n && to_wipe(m, pages[i]))
			continue;
		wipe_run(p, at + first * PAGE, (i - first) * PAGE, w);
		first = i + 1;
	}
	return 0;
}

/* Lines that are read; without stdio, which asks what the jail has not. */
struct lines {
	int    fd;
	size_t n, at;
	char   buf[LINE_MAX_BYTES];
};

/* The next one without its newline; NULL at the end. < 0 through @ret. */
static char *next_line(struct lines *l, int *ret, struct kr_err *e)
{
	char *end, *line;
	ssize_t k;

	for (;;) {
		line = l->buf + l->at;
		end = memchr(line, '\n', l->n - l->at);
		if (end)
			break;
		memmove(l->buf, line, l->n - l->at);
		l->n -= l->at;
		l->at = 0;
		k = read(l->fd, l->buf + l->n, sizeof(l->buf) - l->n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 || (!k && l->n))
			*ret = kr_fail(e, KR_E_SYSTEM, "memory of a hypervisor: "
				       "%s", k ? strerror(errno) :
				       "an odd line");
		if (k <= 0)
			return NULL;
		l->n += (size_t)k;
	}
	*end = '\0';
	l->at = (size_t)(end + 1 - l->buf);
	return line;
}

int kr_wipe_process(const struct kr_wipe_of *p, struct kr_wiped *ret_w,
		    struct kr_err *e)
{
	struct lines l = { .fd = p->maps };
	struct kr_wipe_map m;
	const char *line;
	int r = 0;

	*ret_w = (struct kr_wiped){ 0 };
	while (!r && (line = next_line(&l, &r, e)))
		if (kr_wipe_map(line, &m))
			for (uint64_t at = m.start; !r && at < m.end;
			     at += AT_ONCE * PAGE)
				r = wipe_some(p, &m, at, ret_w, e);
	return r;
}
