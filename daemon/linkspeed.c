/* SPDX-License-Identifier: Apache-2.0 */
/* linkspeed.c - see linkspeed.h: getifaddrs(3), /sys/class/net/IF/speed. */
#include "daemon/linkspeed.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MBIT_BYTES_S	125000u

void kr_linkspeed_local(int fd, struct sockaddr_storage *ret_local)
{
	socklen_t n = sizeof(*ret_local);

	memset(ret_local, 0, sizeof(*ret_local));
	if (getsockname(fd, (struct sockaddr *)ret_local, &n))
		ret_local->ss_family = AF_UNSPEC;
}

/* IPv4 in IPv6 is IPv4: a socket that listens for both says it so. */
static struct in6_addr of6(const struct sockaddr *a)
{
	struct in6_addr to = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	if (a->sa_family == AF_INET6) {
		memcpy(&six, a, sizeof(six));
		return six.sin6_addr;
	}
	memcpy(&four, a, sizeof(four));
	memcpy(&to.s6_addr[12], &four.sin_addr, 4);
	return to;
}

static bool is_ip(const struct sockaddr *a)
{
	return a && (a->sa_family == AF_INET || a->sa_family == AF_INET6);
}

/* Drivers that do not know say -1, or fail the read. */
static uint64_t speed_of(const char *name)
{
	long long mbit = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%.16s/speed", name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lld", &mbit) != 1 || mbit < 0 || mbit > INT32_MAX)
		mbit = 0;
	fclose(f);
	return (uint64_t)mbit * MBIT_BYTES_S;
}

uint64_t kr_linkspeed(const struct sockaddr_storage *local)
{
	const struct sockaddr *a = (const struct sockaddr *)local;
	struct in6_addr want, has;
	struct ifaddrs *all;
	uint64_t speed = 0;

	if (!is_ip(a) || getifaddrs(&all))
		return 0;
	want = of6(a);
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!is_ip(i->ifa_addr))
			continue;
		has = of6(i->ifa_addr);
		if (memcmp(&has, &want, sizeof(has)))
			continue;
		speed = speed_of(i->ifa_name);
		break;
	}
	freeifaddrs(all);
	return speed;
}
