/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd.h - file descriptors that close with their scope, secrets that are
 * wiped, memory that frees itself.
 */
#ifndef KR_BASE_FD_H
#define KR_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KR_AUTO(fn)	__attribute__((cleanup(fn)))
#define KR_AUTOFREE	KR_AUTO(kr_autofree)

/** kr_fd_close() - Close @*fd if it is open and set it to -1. */
void kr_fd_close(int *fd);
static inline void kr_fd_autoclose(int *fd) { kr_fd_close(fd); }

/** kr_fd_take() - Move a descriptor out of its scope's care. */
static inline int kr_fd_take(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

/** kr_autofree() - free() for KR_AUTOFREE pointers. */
void kr_autofree(void *pp);

/** kr_wipe() - Overwrite a secret; not optimised away. */
void kr_wipe(void *p, size_t n);

/** kr_eq_ct() - Compare @n bytes in constant time. */
bool kr_eq_ct(const void *a, const void *b, size_t n);

/** kr_hex() - Write 2*@n+1 characters of lower-case hex to @out. */
void kr_hex(const uint8_t *in, size_t n, char *out);

/** kr_hex_begins() - Is @text the beginning of that? "" is. */
bool kr_hex_begins(const uint8_t *in, size_t n, const char *text);

/** kr_unhex() - Read exactly @n bytes of hex; false if @in is anything else. */
bool kr_unhex(const char *in, uint8_t *out, size_t n);

/** kr_now_ns() - Monotonic clock. kr_wall_ms() - wall clock, Unix epoch. */
uint64_t kr_now_ns(void);
uint64_t kr_wall_ms(void);

/**
 * kr_write_file() - Replace a file durably (temporary, fsync, rename)
 * Return: 0 or -errno.
 */
int kr_write_file(const char *path, const void *data, size_t n, unsigned mode);

/**
 * kr_read_file() - Read a whole file of at most @max bytes
 * @ret: NUL-terminated, for free(); @ret_n may be NULL
 * Return: 0; -E2BIG if longer; -errno.
 */
int kr_read_file(const char *path, size_t max, char **ret, size_t *ret_n);

/** kr_mkdirs() - mkdir -p with @mode for new folders; 0 or -errno. */
int kr_mkdirs(const char *path, unsigned mode);

/**
 * kr_unix_listen(), kr_unix_connect() - Unix stream sockets at any path length
 * (through /proc/self/fd, so the 107-byte limit is for the last part alone).
 * Return: a close-on-exec descriptor, or -errno.
 */
int kr_unix_listen(const char *path, unsigned mode);
int kr_unix_connect(const char *path);

#endif
