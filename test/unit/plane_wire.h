/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_wire.h - what stands between two QEMUs and their agents, and between
 * the agents, in tests of post-copy: processes that pass on what comes. Beside
 * a QEMU they write down what goes forward; a lane's can be ended, which breaks
 * it, and be slow.
 */
#ifndef KR_TEST_PLANE_WIRE_H
#define KR_TEST_PLANE_WIRE_H

#include "plane_vm.h"

#include <poll.h>

#define LANES		2
#define CHANNELS	2

static pid_t taps[2][CHANNELS], relays[LANES + 1];
static unsigned int segment;		/* 0, and 1 when resumed */
static unsigned int link_rate;		/* bytes a second and lane; 0 = all */

static void pass_on(int to, const uint8_t *b, size_t n)
{
	while (n) {
		ssize_t k = send(to, b, n, MSG_NOSIGNAL);

		if (k <= 0)
			_exit(0);
		b += k;
		n -= (size_t)k;
	}
}

/* Both ways, until both have ended; what goes forward is written down. */
static void play_wire(int from, int to, int log)
{
	static uint8_t b[65536];
	struct pollfd f[2] = { { from, POLLIN, 0 }, { to, POLLIN, 0 } };
	const int out[2] = { to, from };

	while (f[0].fd >= 0 || f[1].fd >= 0) {
		poll(f, 2, -1);
		for (int i = 0; i < 2; i++) {
			ssize_t k;

			if (f[i].fd < 0 || !f[i].revents)
				continue;
			k = read(f[i].fd, b, sizeof(b));
			if (k <= 0) {
				shutdown(out[i], SHUT_WR);
				f[i].fd = -1;
				continue;
			}
			if (log < 0 && link_rate)
				usleep((useconds_t)((uint64_t)k * 1000000 /
						    link_rate));
			if (!i && log >= 0 && write(log, b, (size_t)k) != k)
				_exit(1);
			pass_on(out[i], b, (size_t)k);
		}
	}
	_exit(0);
}

static pid_t spawn(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 2; i++) {
			close(stand.side[i].chan.io.fd);
			close(vms[i].qmp);
		}
	}
	return pid;
}

static void end(pid_t *pid, bool now)
{
	int status;

	if (!*pid)
		return;
	if (now)
		kill(*pid, SIGKILL);
	waitpid(*pid, &status, 0);
	*pid = 0;
}

static unsigned int n_channels(void)
{
	return stand_urgent ? 2 : 1;
}

static const char *name(const char *what, unsigned int i)
{
	static char path[128];
	char b[64];

	snprintf(b, sizeof(b), "%s%u.%u", what, i, segment);
	stand_path(path, b);
	return path;
}

static int open_log(unsigned int i, unsigned int channel)
{
	return open(name(channel ? "urgent" : "log", i),
		    O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

/* The source's QEMU will connect to the path that is returned. A tap accepts
 * when the one before it has a connection to the agent. */
static const char *tap_source(void)
{
	char agent[128];
	int l, before = -1, after[2];

	snprintf(agent, sizeof(agent), "%s", name("mig", SRC));
	l = kr_unix_listen(name("tap", SRC), 0600);
	fcntl(l, F_SETFL, 0);
	for (unsigned int i = 0; i < n_channels(); i++) {
		assert_int_equal(pipe2(after, O_CLOEXEC), 0);
		taps[SRC][i] = spawn();
		if (!taps[SRC][i]) {
			char b;
			int from, to;

			close(after[0]);
			if (before >= 0 && read(before, &b, 1))
				_exit(1);
			from = accept4(l, NULL, NULL, 0);
			to = kr_unix_connect(agent);
			close(after[1]);
			play_wire(from, to, open_log(SRC, i));
		}
		close(after[1]);
		close(before);
		before = after[0];
	}
	close(before);
	close(l);
	return name("tap", SRC);
}

/* Return: what the agent has for its QEMU. */
static int tap_destination(unsigned int channel)
{
	int pair[2], fd = kr_unix_connect(name("mig", DST));

	assert_true(fd >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	taps[DST][channel] = spawn();
	if (!taps[DST][channel]) {
		close(pair[1]);
		play_wire(pair[0], fd, open_log(DST, channel));
	}
	close(pair[0]);
	close(fd);
	return pair[1];
}

static void relay_lane(uint8_t no)
{
	int near[2], far[2];

	stand_tcp(near);
	stand_tcp(far);
	for (int i = 0; link_rate && i < 2; i++) {
		int n = 65536;

		setsockopt(near[i], SOL_SOCKET, SO_SNDBUF, &n, sizeof(n));
		setsockopt(near[i], SOL_SOCKET, SO_RCVBUF, &n, sizeof(n));
	}
	relays[no] = spawn();
	if (!relays[no]) {
		close(near[0]);
		close(far[1]);
		play_wire(near[1], far[0], -1);
	}
	close(near[1]);
	close(far[0]);
	stand_lane(SRC, no, near[0], 7);
	stand_lane(DST, no, far[1], 7);
}

#endif
