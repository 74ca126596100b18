/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptm.h - what QEMU and a TPM emulator (swtpm) say to each other on the
 * control channel, as far as QEMU 7.2 to 10 says it: one request, one reply,
 * all big-endian. A VM's TPM itself is talked to on another channel, whose
 * descriptor passes here. Pure; neither side's bytes are believed.
 *
 * Bytes come in pieces: a parser that lacks some is asked again with more.
 */
#ifndef KR_VTPM_PTM_H
#define KR_VTPM_PTM_H

#include <stdbool.h>

#include "base/cursor.h"
#include "base/err.h"

#define KR_PTM_HEAD_MAX		16u		/* bytes without a blob */
#define KR_PTM_BLOB_MAX		524288u		/* bytes of a blob of state */

enum kr_ptm {
	KR_PTM_GET_CAPABILITY	    = 0x01,
	KR_PTM_INIT		    = 0x02,
	KR_PTM_SHUTDOWN		    = 0x03,
	KR_PTM_GET_TPMESTABLISHED   = 0x04,
	KR_PTM_SET_LOCALITY	    = 0x05,
	KR_PTM_CANCEL_TPM_CMD	    = 0x09,
	KR_PTM_RESET_TPMESTABLISHED = 0x0b,
	KR_PTM_GET_STATEBLOB	    = 0x0c,
	KR_PTM_SET_STATEBLOB	    = 0x0d,
	KR_PTM_STOP		    = 0x0e,
	KR_PTM_SET_DATAFD	    = 0x10,	/* with one descriptor */
	KR_PTM_SET_BUFFERSIZE	    = 0x11,
	KR_PTM_LOCK_STORAGE	    = 0x13,
};

enum kr_ptmblob { KR_PTM_PERMANENT = 1, KR_PTM_VOLATILE, KR_PTM_SAVESTATE };

/* A result of GET_STATEBLOB that QEMU does not mind: there is no such blob. */
#define KR_PTM_NO_BLOB		0x800u

/* A parser's word for: not all of it is here yet. */
#define KR_PTM_MORE	1

/* Of QEMU. */
struct kr_ptmask {
	enum kr_ptm	cmd;
	enum kr_ptmblob type;		/* GET_STATEBLOB, SET_STATEBLOB */
	uint32_t	flags;		/* the same; QEMU's */
	const uint8_t  *body;		/* borrowed: what follows cmd, without
					   a blob's bytes */
	size_t		n_body;
	const uint8_t  *blob;		/* borrowed; SET_STATEBLOB */
	size_t		n_blob;
};

/* Of the emulator. */
struct kr_ptmsaid {
	uint32_t       result;		/* 0: it was done */
	uint32_t       flags;		/* GET_STATEBLOB; the emulator's */
	const uint8_t *body;		/* borrowed, the result included, without
					   a blob's bytes */
	size_t	       n_body;
	const uint8_t *blob;		/* borrowed; GET_STATEBLOB, whole */
	size_t	       n_blob;
};

/** kr_ptm_name() - For messages; "?" if QEMU does not say it. */
const char *kr_ptm_name(enum kr_ptm cmd);

/** kr_ptm_passes() - Does a descriptor come with it? */
bool kr_ptm_passes(enum kr_ptm cmd);

/**
 * kr_ptm_ask() - Read a request
 * @r: what came so far; after it on success, as it was otherwise
 *
 * Return: 0; KR_PTM_MORE; < 0 with KR_E_VTPM_SPOKE: this is no request of
 *         QEMU's, or its blob is too large.
 */
int kr_ptm_ask(struct kr_rd *r, struct kr_ptmask *ret, struct kr_err *e);

/**
 * kr_ptm_said() - Read the reply to a @cmd
 *
 * A reply that tells of a failure may be its result alone: one that is not
 * done is complete with that, and what more there is of it comes along if it
 * is in @r. Return: as kr_ptm_ask().
 */
int kr_ptm_said(enum kr_ptm cmd, struct kr_rd *r, struct kr_ptmsaid *ret,
		struct kr_err *e);

/** kr_ptm_ask_put() - A request as it was read, but for another blob. */
void kr_ptm_ask_put(struct kr_wr *w, const struct kr_ptmask *a,
		    const uint8_t *blob, size_t n_blob);

/** kr_ptm_said_put() - A reply as it was read, but for another blob. */
void kr_ptm_said_put(struct kr_wr *w, enum kr_ptm cmd,
		     const struct kr_ptmsaid *s, const uint8_t *blob,
		     size_t n_blob);

/** kr_ptm_refuse() - The reply that a @cmd was not done: a whole one. */
void kr_ptm_refuse(struct kr_wr *w, enum kr_ptm cmd);

#endif
