/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dial.h - TCP addresses as users write them: ADDRESS:PORT, [ADDRESS]:PORT,
 * NAME:PORT. A name is looked up as it is used, which may block.
 */
#ifndef KR_DAEMON_DIAL_H
#define KR_DAEMON_DIAL_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

/** kr_dial_connect() - Begin a non-blocking connect; KR_E_UNREACHABLE. */
int kr_dial_connect(const char *address, int *ret_fd, struct kr_err *e);

/** kr_dial_listen() - A non-blocking listening socket. */
int kr_dial_listen(const char *address, int *ret_fd, struct kr_err *e);

/** kr_dial_name() - A peer's address for the log. */
void kr_dial_name(const struct sockaddr_storage *a, socklen_t n, char *out,
		  size_t size);

#endif
