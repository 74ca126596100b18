/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linkspeed.h - how fast the interface is that leads to a peer, as its driver
 * says: the one that has the address which the kernel chose for a connection.
 * Runs in kororad.
 */
#ifndef KR_DAEMON_LINKSPEED_H
#define KR_DAEMON_LINKSPEED_H

#include <stdint.h>
#include <sys/socket.h>

/** kr_linkspeed_local() - This end's address of connection @fd; family
 * AF_UNSPEC if it has none. */
void kr_linkspeed_local(int fd, struct sockaddr_storage *ret_local);

/** kr_linkspeed() - Bytes a second of the interface with that address; 0: it
 * cannot be told, as of virtual or absent ones. */
uint64_t kr_linkspeed(const struct sockaddr_storage *local);

#endif
