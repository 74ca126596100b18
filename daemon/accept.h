/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept.h - the port of kororad: who comes in, how many may be there before
 * they have proved who they are, and which handshakes were met before.
 */
#ifndef KR_DAEMON_ACCEPT_H
#define KR_DAEMON_ACCEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define KR_ACCEPT_SEEN	4096u	/* ClientHellos remembered, 128 KiB */

struct kr_host;
struct kr_accept;

/** kr_accept_listen() - Accept peers on [host] listen; sets @h->accept. */
int kr_accept_listen(struct kr_host *h, struct kr_err *e);

/**
 * kr_accept_seen() - Was a ClientHello with this random met before?
 *
 * From now on it was, until KR_ACCEPT_SEEN others have come.
 */
bool kr_accept_seen(struct kr_accept *a, const uint8_t random[32]);

/** kr_accept_leave() - One of the unproved has gone, or is proved. */
void kr_accept_leave(struct kr_accept *a);

/** kr_accept_free() - Close the port; after the links, who leave it. */
void kr_accept_free(struct kr_accept *a);

#endif
