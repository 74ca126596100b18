/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk.c - a client who notices everything
 *
 *	talk HOST PORT [--interval-ms 5] [--seconds N] [--report FILE]
 *
 * Keeps one TCP connection to an echo server, sends a numbered line every
 * interval and checks that each comes back complete, in order and unchanged.
 * At SIGTERM, SIGINT or after N seconds it waits up to GRACE_NS for what is
 * still on its way and prints one JSON line. With --report the same line is
 * kept in FILE, replaced atomically every REPORT_NS.
 *
 * Exit status: 0; 1 when the connection failed, was closed or reset, or came
 * back with other content; 2 when called wrongly.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	INT64_C(1000000000)
#define NS_PER_MS	INT64_C(1000000)
#define CONNECT_S	10
#define GRACE_NS	(2 * NS_PER_S)
#define REPORT_NS	(200 * NS_PER_MS)
#define LINE_BYTES	32

struct talk {
	int         fd;
	const char *report;		/* file name or NULL */
	int64_t     start_ns, echo_ns;	/* connected; latest echo */
	int64_t     longest_ns;		/* between two echoes */
	uint64_t    sent, echoed;	/* whole lines */
	size_t      n_out, n_in;	/* bytes of the current lines done */
	bool        reset;		/* closed by the other side */
	bool        wrong;		/* came back changed */
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t max_ns(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Line number @i, always LINE_BYTES long. */
static void make_line(char *ret_line, uint64_t i)
{
	char s[LINE_BYTES + 1];

	snprintf(s, sizeof(s), "korora %016" PRIx64 " %06" PRIu64 " \n", i,
		 i * 7919 % 1000000);
	memcpy(ret_line, s, LINE_BYTES);
}

static int dial(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *ai;
	struct timeval limit = { .tv_sec = CONNECT_S };
	int fd, on = 1, r;

	r = getaddrinfo(host, port, &hints, &ai);
	if (r) {
		fprintf(stderr, "talk: %s: %s\n", host, gai_strerror(r));
		return -1;
	}
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    connect(fd, ai->ai_addr, ai->ai_addrlen)) {
		fprintf(stderr, "talk: %s port %s: %s\n", host, port,
			strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(ai);
	return fd;
}

/* Send the rest of the current line. Return: true when it is out. */
static bool say(struct talk *t)
{
	char line[LINE_BYTES];
	ssize_t n;

	make_line(line, t->sent);
	n = send(t->fd, line + t->n_out, LINE_BYTES - t->n_out,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			t->reset = true;
		return false;
	}
	t->n_out += (size_t)n;
	if (t->n_out < LINE_BYTES)
		return false;
	t->n_out = 0;
	t->sent++;
	return true;
}

static void hear(struct talk *t)
{
	char buf[4096], line[LINE_BYTES];
	int64_t now = now_ns();
	ssize_t n, i;

	n = recv(t->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		t->reset = true;
		return;
	}
	for (i = 0; i < n; i++) {
		if (i == 0 || t->n_in == 0)
			make_line(line, t->echoed);
		if (t->echoed > t->sent || buf[i] != line[t->n_in]) {
			t->wrong = true;
			return;
		}
		if (++t->n_in < LINE_BYTES)
			continue;
		t->n_in = 0;
		t->echoed++;
		t->longest_ns = max_ns(t->longest_ns, now - t->echo_ns);
		t->echo_ns = now;
	}
}

/* A silence that still goes on counts while an answer is due. */
static void print(const struct talk *t, FILE *f)
{
	int64_t now = now_ns(), longest = t->longest_ns;

	if (t->sent > t->echoed)
		longest = max_ns(longest, now - t->echo_ns);
	fprintf(f, "{\"sent\":%" PRIu64 ",\"echoed\":%" PRIu64 ",\"lost\":%"
		PRIu64 ",\"longest_gap_ms\":%.3f,\"connected_s\":%.3f,"
		"\"reset\":%s,\"intact\":%s}\n", t->sent, t->echoed,
		t->sent - t->echoed, (double)longest / NS_PER_MS,
		(double)(now - t->start_ns) / NS_PER_S,
		t->reset ? "true" : "false", t->wrong ? "false" : "true");
}

static void report(const struct talk *t)
{
	char tmp[4096];
	FILE *f;

	if (!t->report)
		return;
	snprintf(tmp, sizeof(tmp), "%s.new", t->report);
	f = fopen(tmp, "we");
	if (!f) {
		perror(tmp);
		return;
	}
	print(t, f);
	if (fclose(f) || rename(tmp, t->report))
		perror(t->report);
}

static void talk(struct talk *t, int sig_fd, int64_t interval_ns,
		 int64_t end_ns)
{
	struct pollfd p[2] = { { .fd = t->fd, .events = POLLIN },
			       { .fd = sig_fd, .events = POLLIN } };
	int64_t now, wake, say_ns = t->start_ns, report_ns = t->start_ns;
	bool ending = false, blocked;
	struct timespec ts;

	while (!t->reset && !t->wrong) {
		now = now_ns();
		if (!ending && now >= end_ns) {
			ending = true;
			end_ns = now + GRACE_NS;
		}
		if (ending && (now >= end_ns ||
			       (!t->n_out && t->sent == t->echoed)))
			break;
		/* after a stall one line follows, not all that were due */
		blocked = false;
		if (now >= say_ns && (!ending || t->n_out)) {
			blocked = !say(t);
			if (!blocked)
				say_ns = max_ns(say_ns + interval_ns, now);
		}
		if (now >= report_ns) {
			report(t);
			report_ns = now + REPORT_NS;
		}
		wake = min_ns(report_ns, end_ns);
		if (!ending && !blocked)
			wake = min_ns(wake, say_ns);
		wake = max_ns(0, wake - now);
		p[0].events = blocked ? POLLIN | POLLOUT : POLLIN;
		ts.tv_sec = wake / NS_PER_S;
		ts.tv_nsec = wake % NS_PER_S;
		if (ppoll(p, 2, &ts, NULL) <= 0)
			continue;
		if (p[0].revents & ~POLLOUT)
			hear(t);
		if (p[1].revents && !ending) {
			p[1].fd = -1;
			end_ns = 0;
		}
	}
}

static _Noreturn void usage(void)
{
	fputs("usage: talk HOST PORT [--interval-ms 5] [--seconds N] "
	      "[--report FILE]\n", stderr);
	exit(2);
}

static double number(const char *s)
{
	char *end;
	double d = strtod(s, &end);

	if (end == s || *end || !(d > 0 && d < 1e9))
		usage();
	return d;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval-ms", required_argument, NULL, 'i' },
		{ "seconds", required_argument, NULL, 's' },
		{ "report", required_argument, NULL, 'r' },
		{ 0 },
	};
	double interval_ms = 5, seconds = 1e9;
	struct talk t = { 0 };
	sigset_t set;
	int c, sig_fd;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'i')
			interval_ms = number(optarg);
		else if (c == 's')
			seconds = number(optarg);
		else if (c == 'r')
			t.report = optarg;
		else
			usage();
	}
	if (argc - optind != 2)
		usage();

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	t.fd = dial(argv[optind], argv[optind + 1]);
	if (t.fd < 0)
		return 1;
	sigprocmask(SIG_BLOCK, &set, NULL);
	sig_fd = signalfd(-1, &set, SFD_CLOEXEC);

	t.start_ns = t.echo_ns = now_ns();
	talk(&t, sig_fd, (int64_t)(interval_ms * NS_PER_MS),
	     t.start_ns + (int64_t)(seconds * NS_PER_S));
	report(&t);
	print(&t, stdout);
	return t.reset || t.wrong || t.echoed < t.sent;
}
