/* SPDX-License-Identifier: Apache-2.0 */
/* ptm.c - see ptm.h; what each command brings along is a table. */
#include "vtpm/ptm.h"

#include <stddef.h>

#define RESULT_BYTES	4u
#define REFUSED		0x00000009u	/* TPM_FAIL */

static const struct row {
	enum kr_ptm cmd;
	const char *name;
	uint8_t	    n_ask;	/* bytes after the command, without a blob */
	uint8_t	    n_said;	/* bytes with the result, without a blob */
	bool	    passes;
} rows[] = {
	{ KR_PTM_GET_CAPABILITY,       "GET_CAPABILITY",       0,  8, false },
	{ KR_PTM_INIT,		       "INIT",		       4,  4, false },
	{ KR_PTM_SHUTDOWN,	       "SHUTDOWN",	       0,  4, false },
	{ KR_PTM_GET_TPMESTABLISHED,   "GET_TPMESTABLISHED",   0,  8, false },
	{ KR_PTM_SET_LOCALITY,	       "SET_LOCALITY",	       4,  4, false },
	{ KR_PTM_CANCEL_TPM_CMD,       "CANCEL_TPM_CMD",       0,  4, false },
	{ KR_PTM_RESET_TPMESTABLISHED, "RESET_TPMESTABLISHED", 4,  4, false },
	{ KR_PTM_GET_STATEBLOB,	       "GET_STATEBLOB",	      12, 16, false },
	{ KR_PTM_SET_STATEBLOB,	       "SET_STATEBLOB",	      12,  4, false },
	{ KR_PTM_STOP,		       "STOP",		       0,  4, false },
	{ KR_PTM_SET_DATAFD,	       "SET_DATAFD",	       0,  4, true },
	{ KR_PTM_SET_BUFFERSIZE,       "SET_BUFFERSIZE",       4, 16, false },
	{ KR_PTM_LOCK_STORAGE,	       "LOCK_STORAGE",	       4,  4, false },
};

static const struct row *find(uint32_t cmd)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].cmd == cmd)
			return &rows[i];
	return NULL;
}

const char *kr_ptm_name(enum kr_ptm cmd)
{
	const struct row *x = find(cmd);

	return x ? x->name : "?";
}

bool kr_ptm_passes(enum kr_ptm cmd)
{
	const struct row *x = find(cmd);

	return x && x->passes;
}

static int too_large(const char *name, uint32_t n_bytes, struct kr_err *e)
{
	return kr_fail(e, KR_E_VTPM_SPOKE, "%s of %u bytes", name, n_bytes);
}

/* ---- requests ------------------------------------------------------------ */

/* Flags and kind of a blob; of one that is set, its length. */
static int ask_blob(struct kr_rd *r, const struct row *x, struct kr_ptmask *a,
		    struct kr_err *e)
{
	struct kr_rd in = KR_RD(a->body, a->n_body);
	uint32_t type, last;

	a->flags = kr_rd_u32(&in);
	type = kr_rd_u32(&in);
	last = kr_rd_u32(&in);
	if (type < KR_PTM_PERMANENT || type > KR_PTM_SAVESTATE)
		return kr_fail(e, KR_E_VTPM_SPOKE, "%s of kind %u", x->name,
			       type);
	a->type = type;
	if (x->cmd == KR_PTM_GET_STATEBLOB)
		return !last ? 0 :
		       kr_fail(e, KR_E_VTPM_SPOKE, "a part of a blob is asked");
	if (last > KR_PTM_BLOB_MAX)
		return too_large(x->name, last, e);
	if (kr_rd_left(r) < last)
		return KR_PTM_MORE;
	a->blob = kr_rd_take(r, last);
	a->n_blob = last;
	return 0;
}

int kr_ptm_ask(struct kr_rd *r, struct kr_ptmask *ret, struct kr_err *e)
{
	struct kr_rd at = *r;
	struct kr_ptmask a = { 0 };
	const struct row *x;
	uint32_t cmd;
	int rc = 0;

	if (kr_rd_left(&at) < sizeof(cmd))
		return KR_PTM_MORE;
	cmd = kr_rd_u32(&at);
	x = find(cmd);
	if (!x)
		return kr_fail(e, KR_E_VTPM_SPOKE, "unknown command %#x", cmd);
	if (kr_rd_left(&at) < x->n_ask)
		return KR_PTM_MORE;
	a.cmd = x->cmd;
	a.n_body = x->n_ask;
	a.body = kr_rd_take(&at, x->n_ask);
	if (cmd == KR_PTM_GET_STATEBLOB || cmd == KR_PTM_SET_STATEBLOB)
		rc = ask_blob(&at, x, &a, e);
	if (rc)
		return rc;
	*r = at;
	*ret = a;
	return 0;
}

void kr_ptm_ask_put(struct kr_wr *w, const struct kr_ptmask *a,
		    const uint8_t *blob, size_t n_blob)
{
	kr_wr_u32(w, a->cmd);
	if (a->cmd != KR_PTM_SET_STATEBLOB) {
		kr_wr_bytes(w, a->body, a->n_body);
		return;
	}
	kr_wr_u32(w, a->flags);
	kr_wr_u32(w, a->type);
	kr_wr_u32(w, (uint32_t)n_blob);
	kr_wr_bytes(w, blob, n_blob);
}

/* ---- replies ------------------------------------------------------------- */

/* Flags, length of all there is and of what follows: which must be all. */
static int said_blob(struct kr_rd *r, const struct row *x,
		     struct kr_ptmsaid *s, struct kr_err *e)
{
	struct kr_rd in = KR_RD(s->body, s->n_body);
	uint32_t total, n;

	kr_rd_u32(&in);
	s->flags = kr_rd_u32(&in);
	total = kr_rd_u32(&in);
	n = kr_rd_u32(&in);
	if (total != n)
		return kr_fail(e, KR_E_VTPM_SPOKE, "%u bytes of %u of a blob",
			       n, total);
	if (n > KR_PTM_BLOB_MAX)
		return too_large(x->name, n, e);
	if (kr_rd_left(r) < n)
		return KR_PTM_MORE;
	s->blob = kr_rd_take(r, n);
	s->n_blob = n;
	return 0;
}

int kr_ptm_said(enum kr_ptm cmd, struct kr_rd *r, struct kr_ptmsaid *ret,
		struct kr_err *e)
{
	struct kr_rd at = *r, first = *r;
	const struct row *x = find(cmd);
	struct kr_ptmsaid s = { 0 };
	int rc = 0;

	if (!x)
		return kr_fail(e, KR_E_VTPM_SPOKE, "a reply to nothing");
	if (kr_rd_left(&at) < RESULT_BYTES)
		return KR_PTM_MORE;
	s.result = kr_rd_u32(&first);
	s.n_body = x->n_said;
	if (kr_rd_left(&at) < s.n_body) {
		if (!s.result)
			return KR_PTM_MORE;
		s.n_body = kr_rd_left(&at);
	}
	s.body = kr_rd_take(&at, s.n_body);
	if (cmd == KR_PTM_GET_STATEBLOB && !s.result)
		rc = said_blob(&at, x, &s, e);
	if (rc)
		return rc;
	*r = at;
	*ret = s;
	return 0;
}

void kr_ptm_said_put(struct kr_wr *w, enum kr_ptm cmd,
		     const struct kr_ptmsaid *s, const uint8_t *blob,
		     size_t n_blob)
{
	if (cmd != KR_PTM_GET_STATEBLOB || s->result) {
		kr_wr_bytes(w, s->body, s->n_body);
		return;
	}
	kr_wr_u32(w, 0);
	kr_wr_u32(w, s->flags);
	kr_wr_u32(w, (uint32_t)n_blob);
	kr_wr_u32(w, (uint32_t)n_blob);
	kr_wr_bytes(w, blob, n_blob);
}

void kr_ptm_refuse(struct kr_wr *w, enum kr_ptm cmd)
{
	const struct row *x = find(cmd);

	kr_wr_u32(w, REFUSED);
	for (size_t i = RESULT_BYTES; x && i < x->n_said; i++)
		kr_wr_u8(w, 0);
}
