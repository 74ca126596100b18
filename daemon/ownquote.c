/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ownquote.c - see ownquote.h. Runs in kororad, which reads neither quote nor
 * event log.
 */
#include "daemon/ownquote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/host.h"

static int read_log(const char *path, char **ret, size_t *ret_n,
		    struct kr_err *e)
{
	int r = kr_read_file(path, KR_SAID_LOG_MAX, ret, ret_n);

	return r ? kr_fail(e, KR_E_EVENTLOG, "%.64s: %s", path, r == -E2BIG ?
			   "too long" : strerror(-r)) : 0;
}

static int put_said(const struct kr_ownquote *k, const struct kr_tpmquoted *q,
		    uint8_t **ret, size_t *ret_n, struct kr_err *e)
{
	const struct kr_config *cfg = &k->host->cfg;
	struct kr_appraise_said said = {
		.quote = q->quote.b, .n_quote = q->quote.n, .sig = q->sig.b,
		.n_sig = q->sig.n, .pcrs = q->pcrs, .binding = k->binding,
	};
	KR_AUTOFREE uint8_t *buf = malloc(KR_SAID_BYTES_MAX);
	struct kr_wr w = KR_WR(buf, buf ? KR_SAID_BYTES_MAX : 0);
	KR_AUTOFREE char *log = NULL;
	int r = cfg->tpm_log[0] ? read_log(cfg->tpm_log, &log, &said.n_log, e) :
				  0;

	if (r)
		return r;
	said.log = (const uint8_t *)log;
	kr_said_put(&w, &said);
	if (w.bad)
		return kr_fail(e, KR_E_SYSTEM, "no room for evidence");
	*ret = buf;
	*ret_n = kr_wr_len(&w);
	buf = NULL;
	return 0;
}

static void quoted(void *arg, const struct kr_tpmsaid *s,
		   const struct kr_err *e)
{
	struct kr_ownquote *k = arg;
	struct kr_err why = KR_ERR_NONE;
	uint8_t *said = NULL;
	size_t n = 0;

	if (s && put_said(k, s->quoted, &said, &n, &why))
		e = &why;
	k->done(k->arg, said, n, said ? s->quoted : NULL, e);
}

int kr_ownquote_ask(struct kr_host *h, struct kr_ownquote *k,
		    enum kr_bank bank, uint32_t mask, struct kr_err *e)
{
	struct kr_tpmask a = { .bank = bank, .mask = mask };
	int r = kr_binding_digest(&k->binding, a.extra, e);

	k->host = h;
	k->tpm = (struct kr_tpmasked){ .done = quoted, .arg = k };
	if (!r && !kr_tpmasked_configured(h))
		r = kr_fail(e, KR_E_TPM, "korora.conf names none");
	return r ? r : kr_tpmasked_quote(h, &k->tpm, &a, e);
}
