/* SPDX-License-Identifier: Apache-2.0 */
/* own_net.h - a network namespace with a bridge, for tests with taps. */
#ifndef KR_TEST_OWN_NET_H
#define KR_TEST_OWN_NET_H

#include <linux/sockios.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define BRIDGE		"krtest0"

/* This process moves there; false if it may not. */
static inline bool make_net(void)
{
	KR_AUTO(kr_fd_autoclose) int s = -1;

	if (geteuid() || unshare(CLONE_NEWNET))
		return false;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return s >= 0 && !ioctl(s, SIOCBRADDBR, BRIDGE);
}

#endif
