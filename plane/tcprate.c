/* SPDX-License-Identifier: Apache-2.0 */
/* tcprate.c - TCP_INFO. In the data-plane agent. */
#include "plane/tcprate.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

uint64_t kr_tcprate(int fd)
{
	struct tcp_info t = { 0 };
	socklen_t n = sizeof(t);

	/* limited by us: it could have been more */
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &t, &n) ||
	       t.tcpi_delivery_rate_app_limited ? 0 : t.tcpi_delivery_rate;
}

bool kr_tcprate_all_there(int fd)
{
	struct tcp_info t = { 0 };
	socklen_t n = sizeof(t);

	return !getsockopt(fd, IPPROTO_TCP, TCP_INFO, &t, &n) &&
	       !t.tcpi_unacked && !t.tcpi_notsent_bytes;
}
