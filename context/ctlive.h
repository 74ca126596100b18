/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctlive.h - a zone's state while it lives: all of it at first, and then, as
 * often as is asked, what has changed. Needs CAP_NET_ADMIN in the network
 * namespace that the process is in.
 *
 * The kernel's events say which connection something happened to, not all that
 * it is now, and they can be lost. So they are only taken for hints: what one
 * is, is asked when it is wanted, and if hints were lost, everything is.
 */
#ifndef KR_CONTEXT_CTLIVE_H
#define KR_CONTEXT_CTLIVE_H

#include "context/ctdump.h"

/**
 * kr_ctlive_read() - A zone's state, all of it of one moment before the return
 * @ret_s: empty; sorted on success, for kr_ctset_fini() in any case
 * @left:  may be told of one more than once
 *
 * Where the kernel tells no events, it is read until it was twice the same.
 *
 * Return: 0; KR_E_CT_KERNEL if it changes too quickly for that.
 */
int kr_ctlive_read(uint16_t zone, struct kr_ctset *ret_s,
		   const struct kr_ctleft *left, struct kr_err *e);

struct kr_ctlive;

/**
 * kr_ctlive_new() - Begin to follow @zone
 * Return: 0; KR_E_CT_EVENTS as kr_ctfollow_open().
 */
int kr_ctlive_new(uint16_t zone, const struct kr_ctleft *left,
		  struct kr_ctlive **ret, struct kr_err *e);

/** kr_ctlive_fd() - Readable when something happened, in whatever zone. */
int kr_ctlive_fd(const struct kr_ctlive *l);

/**
 * kr_ctlive_note() - Take hints, so that they do not pile up
 * @timeout_ms: as for kr_ctfollow_wait()
 */
int kr_ctlive_note(struct kr_ctlive *l, int timeout_ms, struct kr_err *e);

struct kr_ctdelta {
	bool		anew;	/* put is all there is, and gone is empty */
	struct kr_ctset put;	/* new, or not as they were; of what is */
				/* expected, all, if any of it changed */
	struct kr_ctset gone;	/* of which the keys count */
};

/**
 * kr_ctlive_take() - What has changed since it was last asked; at first, all
 * @ret_d: zeroed; sets are sorted; kr_ctdelta_fini() in any case
 *
 * End those that are gone before you tell of the others: what they had may
 * have been taken by those.
 */
int kr_ctlive_take(struct kr_ctlive *l, struct kr_ctdelta *ret_d,
		   struct kr_err *e);

void kr_ctdelta_fini(struct kr_ctdelta *d);

void kr_ctlive_free(struct kr_ctlive *l);

#endif
