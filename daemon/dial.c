/* SPDX-License-Identifier: Apache-2.0 */
/* dial.c - TCP addresses and sockets. Runs in kororad. */
#include "daemon/dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

/* Split ADDRESS:PORT or [ADDRESS]:PORT and look it up. */
static int resolve(const char *address, int flags, struct addrinfo **ret,
		   struct kr_err *e)
{
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM,
				 .ai_flags = flags | AI_NUMERICSERV };
	char host[280];
	char *port;
	char *name = host;
	int r;

	snprintf(host, sizeof(host), "%s", address);
	port = strrchr(host, ':');
	if (!port)
		return kr_fail(e, KR_E_CONFIG, "%s is not ADDRESS:PORT",
			       address);
	*port++ = '\0';
	if (name[0] == '[' && name[strlen(name) - 1] == ']') {
		name[strlen(name) - 1] = '\0';
		name++;
	}
	r = getaddrinfo(name[0] ? name : NULL, port, &hint, ret);
	if (r)
		return kr_fail(e, KR_E_UNREACHABLE, "%s: %s", address,
			       gai_strerror(r));
	return 0;
}

int kr_dial_connect(const char *address, int *ret_fd, struct kr_err *e)
{
	struct addrinfo *a = NULL;
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	int r = resolve(address, 0, &a, e);

	if (r)
		return r;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	r = fd < 0 ? -1 : connect(fd, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(a);
	if (r && (fd < 0 || errno != EINPROGRESS))
		return kr_fail(e, KR_E_UNREACHABLE, "%s: %s", address,
			       strerror(errno));
	*ret_fd = kr_fd_take(&fd);
	return 0;
}

int kr_dial_listen(const char *address, int *ret_fd, struct kr_err *e)
{
	struct addrinfo *a = NULL;
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	int one = 1, r = resolve(address, AI_PASSIVE, &a, e);

	if (r)
		return r;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	r = fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 64);
	freeaddrinfo(a);
	if (r)
		return kr_fail(e, KR_E_SYSTEM, "listen on %s: %s", address,
			       strerror(errno));
	*ret_fd = kr_fd_take(&fd);
	return 0;
}

void kr_dial_name(const struct sockaddr_storage *a, socklen_t n, char *out,
		  size_t size)
{
	char host[64] = "?", port[16] = "?";

	getnameinfo((const struct sockaddr *)a, n, host, sizeof(host), port,
		    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(out, size, "%s:%s", host, port);
}
