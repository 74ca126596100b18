/* SPDX-License-Identifier: Apache-2.0 */
/* dial.c - TCP addresses and sockets. Runs in kororad. */
#include "daemon/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/host.h"

struct place { char text[280]; const char *name; char *port; };

/* Split ADDRESS:PORT or [ADDRESS]:PORT. */
static int split(const char *address, struct place *p, struct kr_err *e)
{
	char *name = p->text;

	snprintf(p->text, sizeof(p->text), "%s", address);
	p->port = strrchr(p->text, ':');
	if (!p->port)
		return kr_fail(e, KR_E_CONFIG, "%s is not ADDRESS:PORT",
			       address);
	*p->port++ = '\0';
	if (name[0] == '[' && name[strlen(name) - 1] == ']') {
		name[strlen(name) - 1] = '\0';
		name++;
	}
	p->name = name;
	return 0;
}

static struct addrinfo *resolve(const struct place *p, int flags, int *ret_err)
{
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM,
				 .ai_flags = flags | AI_NUMERICSERV };
	struct addrinfo *a = NULL;

	*ret_err = getaddrinfo(p->name[0] ? p->name : NULL, p->port, &hint,
			       &a);
	return *ret_err ? NULL : a;
}

/* ---- connecting -------------------------------------------------------- */

void kr_dial_stop(struct kr_dial *d)
{
	kr_lookup_stop(&d->lookup);
	kr_io_del(&d->io);
	kr_fd_close(&d->io.fd);
	kr_timer_off(&d->deadline);
}

static void end(struct kr_dial *d, int fd, const struct kr_err *e)
{
	kr_dial_stop(d);
	d->done(d->arg, fd, e);
}

static void on_deadline(void *arg)
{
	struct kr_dial *d = arg;
	struct kr_err e = KR_ERR_NONE;

	if (d->io.fd < 0)
		kr_fail(&e, KR_E_NO_ADDRESS, "%s: the resolver did not answer "
			"in %u ms", d->address, KR_DIAL_MS);
	else
		kr_fail(&e, KR_E_UNREACHABLE, "no answer from %s in %u ms",
			d->address, KR_DIAL_MS);
	end(d, -1, &e);
}

static void on_connected(void *arg, uint32_t events)
{
	struct kr_dial *d = arg;
	struct kr_err e = KR_ERR_NONE;
	int err = 0, one = 1;
	socklen_t n = sizeof(err);

	(void)events;
	getsockopt(d->io.fd, SOL_SOCKET, SO_ERROR, &err, &n);
	kr_io_del(&d->io);
	if (err) {
		kr_fail(&e, KR_E_UNREACHABLE, "%s: %s", d->address,
			strerror(err));
		end(d, -1, &e);
		return;
	}
	setsockopt(d->io.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	end(d, kr_fd_take(&d->io.fd), NULL);
}

static int begin(struct kr_dial *d, const struct sockaddr *a, socklen_t n,
		 struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd =
		socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC |
				     SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0 || (connect(fd, a, n) && errno != EINPROGRESS))
		return kr_fail(e, KR_E_UNREACHABLE, "%s: %s", d->address,
			       strerror(errno));
	d->io = (struct kr_io){ .fd = fd, .fn = on_connected, .arg = d };
	r = kr_io_add(d->loop, &d->io, EPOLLOUT, e);
	if (r)
		d->io.fd = -1;
	else
		kr_fd_take(&fd);
	return r;
}

static void on_address(void *arg, const struct kr_lookupfound *f,
		       const struct kr_err *why)
{
	struct kr_dial *d = arg;
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_port = htons(d->port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_port = htons(d->port) };
	struct kr_err e = KR_ERR_NONE;
	int r;

	if (!f) {
		kr_fail(&e, why->kr, "%s: %s", d->address, why->what);
		end(d, -1, &e);
		return;
	}
	memcpy(&four.sin_addr, f->bytes, sizeof(four.sin_addr));
	memcpy(&six.sin6_addr, f->bytes, sizeof(six.sin6_addr));
	six.sin6_scope_id = f->scope;
	r = f->n_bytes == sizeof(four.sin_addr) ?
	    begin(d, (const struct sockaddr *)&four, sizeof(four), &e) :
	    begin(d, (const struct sockaddr *)&six, sizeof(six), &e);
	if (r)
		end(d, -1, &e);
}

int kr_dial_start(struct kr_host *h, struct kr_dial *d, const char *address,
		  struct kr_err *e)
{
	struct addrinfo *a = NULL;
	struct place p;
	int err, r = split(address, &p, e);

	if (r)
		return r;
	d->loop = h->loop;
	d->port = (uint16_t)strtoul(p.port, NULL, 10);
	snprintf(d->address, sizeof(d->address), "%s", address);
	d->deadline = (struct kr_timer){ .fn = on_deadline, .arg = d };
	/* a number is its own address, and nobody has to be asked */
	a = resolve(&p, AI_NUMERICHOST, &err);
	if (a) {
		r = begin(d, a->ai_addr, a->ai_addrlen, e);
		freeaddrinfo(a);
	} else if (err == EAI_NONAME && strlen(p.name) < KR_LOOKUP_NAME_MAX) {
		d->lookup = (struct kr_lookup){ .done = on_address, .arg = d };
		r = kr_lookup_start(h, &d->lookup, p.name, e);
	} else {
		r = kr_fail(e, KR_E_NO_ADDRESS, "%s: %s", address,
			    gai_strerror(err));
	}
	if (!r)
		kr_timer_arm(d->loop, &d->deadline, KR_DIAL_MS);
	return r;
}

/* ---- listening --------------------------------------------------------- */

int kr_dial_listen(const char *address, int *ret_fd, struct kr_err *e)
{
	struct addrinfo *a;
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	struct place p;
	int one = 1, err, r = split(address, &p, e);

	if (r)
		return r;
	a = resolve(&p, AI_PASSIVE, &err);
	if (!a)
		return kr_fail(e, KR_E_NO_ADDRESS, "%s: %s", address,
			       gai_strerror(err));
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
