/* SPDX-License-Identifier: Apache-2.0 */
/* tap.c - tap devices on bridges. Runs in kororad, needs CAP_NET_ADMIN. */
#include "hyper/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

/*
 * A bridge takes the lowest address of its ports as its own. One that begins
 * with fe is never the lowest, so VMs that come and go do not change the
 * host's address under its peers' ARP entries.
 */
static int raise_address(int s, const char *tap, struct kr_err *e)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tap);
	if (!ioctl(s, SIOCGIFHWADDR, &ifr)) {
		ifr.ifr_hwaddr.sa_data[0] = (char)0xfe;
		if (!ioctl(s, SIOCSIFHWADDR, &ifr))
			return 0;
	}
	return kr_fail(e, KR_E_SYSTEM, "address of %s: %s", tap,
		       strerror(errno));
}

/* Into the bridge while it is down: it never talks outside of it. */
static int attach(const char *bridge, const char *tap, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int s =
		socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };
	int r;

	if (s < 0)
		return kr_fail(e, KR_E_SYSTEM, "socket: %s", strerror(errno));
	r = raise_address(s, tap, e);
	if (r)
		return r;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", bridge);
	ifr.ifr_ifindex = (int)if_nametoindex(tap);
	if (ioctl(s, SIOCBRADDIF, &ifr))
		return kr_fail(e, KR_E_NO_NETWORK, "bridge %s: %s", bridge,
			       strerror(errno));
	return 0;
}

int kr_tap_up(const char *tap, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int s =
		socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };

	if (s < 0)
		return kr_fail(e, KR_E_SYSTEM, "socket: %s", strerror(errno));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tap);
	if (ioctl(s, SIOCGIFFLAGS, &ifr))
		return kr_fail(e, KR_E_SYSTEM, "flags of %s: %s", tap,
			       strerror(errno));
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &ifr))
		return kr_fail(e, KR_E_SYSTEM, "%s up: %s", tap,
			       strerror(errno));
	return 0;
}

int kr_tap_open(const char *bridge, char ret_name[IFNAMSIZ], int *ret_fd,
		struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd =
		open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq ifr = {
		.ifr_name = "krt%d",
		/* QEMU reads the header flag back from the descriptor */
		.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
	};
	int r;

	if (strlen(bridge) >= IFNAMSIZ || !if_nametoindex(bridge))
		return kr_fail(e, KR_E_NO_NETWORK, "there is no bridge '%s'",
			       bridge);
	if (fd < 0)
		return kr_fail(e, KR_E_NO_NETWORK, "/dev/net/tun: %s",
			       strerror(errno));
	if (ioctl(fd, TUNSETIFF, &ifr))
		return kr_fail(e, KR_E_NO_NETWORK, "making a tap: %s",
			       strerror(errno));
	r = attach(bridge, ifr.ifr_name, e);
	if (r)
		return r;
	memcpy(ret_name, ifr.ifr_name, IFNAMSIZ);
	*ret_fd = kr_fd_take(&fd);
	return 0;
}
