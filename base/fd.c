/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd.c - descriptors, files, clocks and secrets in small. Used in every
 * process.
 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void kr_fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void kr_autofree(void *pp)
{
	free(*(void **)pp);
}

void kr_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

bool kr_eq_ct(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t d = 0;

	for (size_t i = 0; i < n; i++)
		d = (uint8_t)(d | (x[i] ^ y[i]));
	return d == 0;
}

void kr_hex(const uint8_t *in, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * n] = '\0';
}

bool kr_hex_begins(const uint8_t *in, size_t n, const char *text)
{
	size_t len = strlen(text);
	char digits[3];

	for (size_t i = 0; i < len && i < 2 * n; i++) {
		kr_hex(in + i / 2, 1, digits);
		if (text[i] != digits[i % 2])
			return false;
	}
	return len <= 2 * n;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool kr_unhex(const char *in, uint8_t *out, size_t n)
{
	if (strlen(in) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int hi = nibble(in[2 * i]), lo = nibble(in[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t kr_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t kr_wall_ms(void)
{
	return clock_ns(CLOCK_REALTIME) / 1000000u;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int kr_write_file(const char *path, const void *data, size_t n, unsigned mode)
{
	char tmp[PATH_MAX], dir[PATH_MAX];
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	KR_AUTO(kr_fd_autoclose) int dfd = -1;
	int r;

	if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp) ||
	    snprintf(dir, sizeof(dir), "%s", path) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, n);
	if (!r && (fchmod(fd, mode) || fsync(fd) || rename(tmp, path)))
		r = -errno;
	if (r) {
		unlink(tmp);
		return r;
	}
	dfd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dfd >= 0 && fsync(dfd) ? -errno : 0;
}

int kr_read_file(const char *path, size_t max, char **ret, size_t *ret_n)
{
	KR_AUTO(kr_fd_autoclose) int fd = open(path, O_RDONLY | O_CLOEXEC);
	KR_AUTOFREE char *buf = NULL;
	size_t n = 0;

	if (fd < 0)
		return -errno;
	buf = malloc(max + 2);
	if (!buf)
		return -ENOMEM;
	for (;;) {
		ssize_t r = read(fd, buf + n, max + 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		n += (size_t)r;
		if (n > max)
			return -E2BIG;
	}
	buf[n] = '\0';
	if (ret_n)
		*ret_n = n;
	*ret = buf;
	buf = NULL;
	return 0;
}

int kr_mkdirs(const char *path, unsigned mode)
{
	char p[PATH_MAX];

	if (snprintf(p, sizeof(p), "%s", path) >= (int)sizeof(p))
		return -ENAMETOOLONG;
	for (char *s = p + 1;; s++) {
		char c = *s;

		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		if (mkdir(p, mode) && errno != EEXIST)
			return -errno;
		if (!c)
			return 0;
		*s = c;
	}
}

/* A path that reaches the socket through its folder's descriptor. */
static int unix_addr(const char *path, struct sockaddr_un *ret_a, int *ret_dir)
{
	char d[PATH_MAX], b[PATH_MAX];
	int n;

	snprintf(d, sizeof(d), "%s", path);
	snprintf(b, sizeof(b), "%s", path);
	*ret_dir = open(dirname(d), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return -errno;
	*ret_a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret_a->sun_path, sizeof(ret_a->sun_path),
		     "/proc/self/fd/%d/%s", *ret_dir, basename(b));
	return n >= (int)sizeof(ret_a->sun_path) ? -ENAMETOOLONG : 0;
}

int kr_unix_listen(const char *path, unsigned mode)
{
	KR_AUTO(kr_fd_autoclose) int dir = -1;
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	struct sockaddr_un a;
	int r = unix_addr(path, &a, &dir);

	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    chmod(path, mode) || listen(fd, 64))
		return -errno;
	return kr_fd_take(&fd);
}

int kr_unix_connect(const char *path)
{
	KR_AUTO(kr_fd_autoclose) int dir = -1;
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	struct sockaddr_un a;
	int r = unix_addr(path, &a, &dir);

	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return -errno;
	return kr_fd_take(&fd);
}
