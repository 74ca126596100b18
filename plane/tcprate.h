/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcprate.h - what the kernel saw a TCP connection deliver. A file of its
 * own, since <linux/tcp.h> and <netinet/tcp.h> do not go together. Used by
 * plane/send.c.
 */
#ifndef KR_PLANE_TCPRATE_H
#define KR_PLANE_TCPRATE_H

#include <stdbool.h>
#include <stdint.h>

/** kr_tcprate() - Bytes per second of late; 0 if it is not known. */
uint64_t kr_tcprate(int fd);

/** kr_tcprate_all_there() - Has the other kernel got everything? */
bool kr_tcprate_all_there(int fd);

#endif
