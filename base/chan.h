/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan.h - messages between kororad and its agents, over SOCK_SEQPACKET
 * socketpairs: one datagram is one message, u16 type and a body, with
 * descriptors where the type's grant allows them. A grant table says which
 * types a side may receive, how long and with how many descriptors; anything
 * else is fatal for the channel.
 *
 * Sending never blocks: an agent that does not drain its channel has failed.
 */
#ifndef KR_BASE_CHAN_H
#define KR_BASE_CHAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/loop.h"

#define KR_CHAN_BYTES_MAX	65536u	/* of one message, type included */
#define KR_CHAN_FDS_MAX		24u

struct kr_grant {
	uint16_t    type;
	uint32_t    max_bytes;		/* of the body */
	uint8_t	    n_fds_max;
	const char *name;
	/** Takes over @fds[0..n_fds) ; < 0 ends the channel with @e. */
	int (*fn)(void *arg, struct kr_rd *body, int *fds, unsigned int n_fds,
		  struct kr_err *e);
};

struct kr_chan {
	struct kr_io		 io;
	const struct kr_grant	*grants;
	unsigned int		 n_grants;
	/** Once, when the peer is gone or broke a rule (@e says which). */
	void			(*gone)(void *arg, const struct kr_err *e);
	void			*arg;
};

/** kr_chan_pair() - A pair of close-on-exec SOCK_SEQPACKET sockets. */
int kr_chan_pair(int ret_fds[2], struct kr_err *e);

/**
 * kr_chan_open() - Start receiving on @fd
 * @c:  caller's storage; grants, n_grants, gone and arg set by the caller
 * @fd: owned by the channel from here on
 */
int kr_chan_open(struct kr_loop *l, struct kr_chan *c, int fd,
		 struct kr_err *e);

/**
 * kr_chan_send() - Send one message; KR_E_LIMIT if it is not drained,
 * KR_E_AGENT_DIED if it is gone (what it said last may still be unread)
 * @body: may be NULL when @n_bytes is 0; a bad writer must not be sent
 * @fds:  borrowed, duplicated by the kernel
 */
int kr_chan_send(struct kr_chan *c, uint16_t type, const void *body,
		 size_t n_bytes, const int *fds, unsigned int n_fds,
		 struct kr_err *e);

/**
 * kr_chan_put()     - Send what a writer holds; a bad writer is KR_E_LIMIT
 * kr_chan_put_fds() - With descriptors, which are borrowed; @w: NULL for none
 */
int kr_chan_put(struct kr_chan *c, uint16_t type, const struct kr_wr *w,
		struct kr_err *e);
int kr_chan_put_fds(struct kr_chan *c, uint16_t type, const struct kr_wr *w,
		    const int *fds, unsigned int n_fds, struct kr_err *e);

/** kr_chan_close() - Stop and close; a no-op when not open. */
void kr_chan_close(struct kr_chan *c);

#endif
