/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copycount.c - counts what a data-plane agent copies. Preloaded into it by
 * bench/copies: what goes through memcpy() and memmove(), its own and TLS's,
 * and what the kernel takes from it and gives it. The counters are in a file
 * that is mapped before the agent gives up its privileges.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum counter { N_USER, N_TO_KERNEL, N_FROM_KERNEL, N_COUNTERS };

static uint64_t idle[N_COUNTERS], *counters = idle;

static void add(enum counter c, ssize_t n)
{
	if (n > 0)
		__atomic_add_fetch(&counters[c], (uint64_t)n,
				   __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void map(void)
{
	const char *dir = getenv("KORORA_COPIES");
	char path[256];
	void *p;
	int fd;

	if (!dir || strcmp(program_invocation_short_name, "korora-plane"))
		return;
	snprintf(path, sizeof(path), "%s/%d", dir, (int)getpid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(idle)))
		return;
	p = mmap(NULL, sizeof(idle), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	if (p != MAP_FAILED)
		counters = p;
	close(fd);
}

/* ---- in user space ----------------------------------------------------- */

void *memmove(void *to, const void *from, size_t n)
{
	static void *(*real)(void *, const void *, size_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "memmove");
	add(N_USER, (ssize_t)n);
	return real(to, from, n);
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	return memmove(to, from, n);
}

/* ---- in the kernel ----------------------------------------------------- */

#define INTO(counter, name, args, call) \
ssize_t name args \
{ \
	static ssize_t (*real) args; \
	ssize_t r; \
\
	if (!real) \
		*(void **)&real = dlsym(RTLD_NEXT, #name); \
	r = real call; \
	add(counter, r); \
	return r; \
}

INTO(N_FROM_KERNEL, read, (int fd, void *p, size_t n), (fd, p, n))
INTO(N_FROM_KERNEL, recv, (int fd, void *p, size_t n, int flags),
     (fd, p, n, flags))
INTO(N_TO_KERNEL, write, (int fd, const void *p, size_t n), (fd, p, n))
INTO(N_TO_KERNEL, send, (int fd, const void *p, size_t n, int flags),
     (fd, p, n, flags))
INTO(N_TO_KERNEL, sendmsg, (int fd, const struct msghdr *m, int flags),
     (fd, m, flags))
INTO(N_FROM_KERNEL, recvmsg, (int fd, struct msghdr *m, int flags),
     (fd, m, flags))
