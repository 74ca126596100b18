/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept.c - accepts connections, for link.c to make links of, within bounds.
 * Runs in kororad, which reads nothing of what comes in.
 */
#include "daemon/accept.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/dial.h"
#include "daemon/link.h"

struct kr_accept {
	struct kr_host *host;
	struct kr_io	io;
	unsigned int	n_unproved;	/* links whose peer is not proved */
	unsigned int	next;		/* place in random[] */
	uint8_t		random[KR_ACCEPT_SEEN][32];
};

/* Unproved connections from the same address: nobody gets all places. */
static unsigned int from_address(const struct kr_host *h, const char *who)
{
	size_t n = (size_t)(strrchr(who, ':') - who) + 1;
	unsigned int same = 0;

	for (const struct kr_link *l = h->links; l; l = l->next)
		same += !l->outgoing && !l->up && !l->dead &&
			!strncmp(l->address, who, n);
	return same;
}

static void on_accept(void *arg, uint32_t events)
{
	struct kr_accept *a = arg;
	struct kr_host *h = a->host;
	struct sockaddr_storage from;
	socklen_t n = sizeof(from);
	struct kr_err e = KR_ERR_NONE;
	KR_AUTO(kr_fd_autoclose) int fd =
		accept4(a->io.fd, (struct sockaddr *)&from, &n,
			SOCK_CLOEXEC | SOCK_NONBLOCK);
	char who[128];
	int one = 1;

	(void)events;
	if (fd < 0)
		return;
	kr_dial_name(&from, n, who, sizeof(who));
	if (a->n_unproved >= h->cfg.max_unproved ||
	    from_address(h, who) >= (h->cfg.max_unproved + 1) / 2) {
		kr_fail(&e, KR_E_TOO_MANY, "%u of them; %s was turned away",
			a->n_unproved, who);
		kr_log_err(KR_LOG_WARN, "accept", &e);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	a->n_unproved++;
	if (kr_link_incoming(h, who, fd, &e)) {
		kr_accept_leave(a);
		kr_log_err(KR_LOG_ERROR, "accept", &e);
	}
}

int kr_accept_listen(struct kr_host *h, struct kr_err *e)
{
	struct kr_accept *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	a->host = h;
	a->io = (struct kr_io){ .fd = -1, .fn = on_accept, .arg = a };
	r = kr_dial_listen(h->cfg.listen, &a->io.fd, e);
	if (!r)
		r = kr_io_add(h->loop, &a->io, EPOLLIN, e);
	if (r) {
		kr_accept_free(a);
		return r;
	}
	h->accept = a;
	return 0;
}

bool kr_accept_seen(struct kr_accept *a, const uint8_t random[32])
{
	for (unsigned int i = 0; i < KR_ACCEPT_SEEN; i++)
		if (!memcmp(a->random[i], random, sizeof(a->random[i])))
			return true;
	memcpy(a->random[a->next], random, sizeof(a->random[0]));
	a->next = (a->next + 1) % KR_ACCEPT_SEEN;
	return false;
}

void kr_accept_leave(struct kr_accept *a)
{
	a->n_unproved--;
}

void kr_accept_free(struct kr_accept *a)
{
	if (!a)
		return;
	kr_io_del(&a->io);
	kr_fd_close(&a->io.fd);
	free(a);
}
