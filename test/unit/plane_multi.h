/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_multi.h - what tests of the data plane need for multifd: a lane for
 * each of the hypervisor's channels.
 */
#ifndef KR_TEST_PLANE_MULTI_H
#define KR_TEST_PLANE_MULTI_H

#include "plane_stand.h"

#include <poll.h>
#include <pthread.h>

/* A lane on a slow link: a thread passes on what comes. */
struct multi_link {
	pthread_t    thread;
	int	     fds[2];
	unsigned int rate;		/* bytes a second, forward; 0 = none */
};

static struct multi_link multi_links[KR_PLANE_LANES_MAX];
static unsigned int multi_rate;		/* of each lane; 0 = all there is */

/* Both ways, until both have ended. */
static inline void *multi_pass_on(void *arg)
{
	const struct multi_link *l = arg;
	struct pollfd f[2] = { { l->fds[0], POLLIN, 0 },
			       { l->fds[1], POLLIN, 0 } };
	static _Thread_local uint8_t b[32768];

	while (f[0].fd >= 0 || f[1].fd >= 0) {
		poll(f, 2, -1);
		for (int way = 0; way < 2; way++) {
			ssize_t k, sent = 0, n;

			if (f[way].fd < 0 || !f[way].revents)
				continue;
			k = read(f[way].fd, b, sizeof(b));
			if (!way && k > 0)
				usleep((useconds_t)((uint64_t)k * 1000000 /
						    l->rate));
			for (; sent < k; sent += n) {
				n = send(l->fds[!way], b + sent,
					 (size_t)(k - sent), MSG_NOSIGNAL);
				if (n <= 0)
					break;
			}
			if (k > 0 && sent == k)
				continue;
			shutdown(l->fds[!way], SHUT_WR);
			f[way].fd = -1;
		}
	}
	for (int way = 0; way < 2; way++)
		close(l->fds[way]);
	return NULL;
}

/* What the link takes and has not brought is little, as on a real one. */
static inline void multi_narrow(int fd)
{
	int n = 65536;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof(n));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n));
}

static inline void multi_slow(struct multi_link *l, int tcp[2])
{
	int far[2];

	stand_tcp(far);
	multi_narrow(tcp[1]);
	multi_narrow(far[0]);
	*l = (struct multi_link){ .fds = { tcp[1], far[0] },
				  .rate = multi_rate };
	tcp[1] = far[1];
	assert_int_equal(pthread_create(&l->thread, NULL, multi_pass_on, l),
			 0);
}

/* When the agents are gone. */
static inline void multi_join(void)
{
	for (unsigned int i = 0; i < KR_PLANE_LANES_MAX; i++) {
		if (multi_links[i].rate)
			pthread_join(multi_links[i].thread, NULL);
		multi_links[i].rate = 0;
	}
}

/* All lanes, over loopback. */
static inline void multi_lanes(void)
{
	for (uint8_t i = 0; i < stand_n_lanes; i++) {
		int tcp[2];

		stand_tcp(tcp);
		if (multi_rate)
			multi_slow(&multi_links[i], tcp);
		stand_lane(SRC, i, tcp[0], 7);
		stand_lane(DST, i, tcp[1], 7);
	}
}

#endif
