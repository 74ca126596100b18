/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo.c - TCP echo server of the lab's linux guest
 *
 * Sends back on port 7 what it receives, to up to CLIENTS_MAX clients, in one
 * loop around poll. A client that does not read is not read from either, so
 * that no byte is ever held twice or dropped. Linked statically: the guest
 * has no C library.
 */
#define _GNU_SOURCE 1

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ECHO_PORT	7
#define CLIENTS_MAX	256
#define BUF_BYTES	16384

struct client {
	size_t at, end;			/* of buf, still to be sent */
	char   buf[BUF_BYTES];
};

/* fds[0] listens; fds[i] belongs to clients[i] */
static struct pollfd fds[1 + CLIENTS_MAX];
static struct client *clients[1 + CLIENTS_MAX];
static nfds_t n_fds;

static int start(uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};
	int on = 1, fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 64))
		return -1;
	fds[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	n_fds = 1;
	return 0;
}

static void welcome(void)
{
	struct client *c;
	int on = 1, fd;

	fd = accept4(fds[0].fd, NULL, NULL, SOCK_NONBLOCK);
	if (fd < 0)
		return;
	c = n_fds <= CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	clients[n_fds] = c;
	fds[n_fds++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* The last one takes the place of the one that leaves. */
static void part(nfds_t i)
{
	close(fds[i].fd);
	free(clients[i]);
	n_fds--;
	fds[i] = fds[n_fds];
	clients[i] = clients[n_fds];
}

/* Return: false when the client is gone. */
static bool serve(struct client *c, struct pollfd *p)
{
	ssize_t n;

	if (c->at == c->end) {
		n = read(p->fd, c->buf, sizeof(c->buf));
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		c->at = 0;
		c->end = (size_t)n;
	}
	n = write(p->fd, c->buf + c->at, c->end - c->at);
	if (n < 0 && errno != EAGAIN)
		return false;
	if (n > 0)
		c->at += (size_t)n;
	p->events = c->at < c->end ? POLLOUT : POLLIN;
	return true;
}

int main(int argc, char **argv)
{
	int port = argc > 1 ? atoi(argv[1]) : ECHO_PORT;
	nfds_t i;

	signal(SIGPIPE, SIG_IGN);
	if (start((uint16_t)port)) {
		perror("echo");
		return 1;
	}
	for (;;) {
		if (poll(fds, n_fds, -1) < 0)
			continue;
		for (i = n_fds - 1; i > 0; i--)
			if (fds[i].revents && !serve(clients[i], &fds[i]))
				part(i);
		if (fds[0].revents)
			welcome();
	}
}
