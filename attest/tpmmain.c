/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpmmain.c - the TPM's agent, korora-tpm: one process for one question to this
 * host's TPM, whose descriptor kororad hands it. What a TPM answers is parsed
 * here, by tpm2-tss, where neither the host's key nor a file is.
 */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <signal.h>
#include <unistd.h>

#include "attest/tpmmsg.h"
#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"

static struct kr_loop *loop;
static struct kr_chan chan;

static int quote(int fd, const struct kr_tpmask *a, struct kr_tpmquoted *q,
		 struct kr_err *e)
{
	KR_AUTO(kr_tpm_autoclose) struct kr_tpm *t = NULL;
	int r = kr_tpm_open(fd, &t, e);	/* takes it */

	q->pcrs = (struct kr_pcrs){ .bank = a->bank, .mask = a->mask };
	if (!r)
		r = kr_tpm_ak(t, &q->ak, e);
	if (!r)
		r = kr_tpm_quote(t, a->extra, sizeof(a->extra), &q->pcrs,
				 &q->quote, &q->sig, e);
	return r;
}

static int on_quote(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = n_fds ? fds[0] : -1;
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;
	struct kr_tpmquoted q = { 0 };
	struct kr_tpmask a;

	(void)arg;
	if (kr_tpmask_parse(r, &a, e))
		return e->code;
	if (fd < 0)
		return kr_fail(e, KR_E_MALFORMED, "a question without a TPM");
	kr_loop_stop(loop, 0);
	if (quote(kr_fd_take(&fd), &a, &q, &why)) {
		kr_wr_str(&w, why.what);
		return kr_chan_put(&chan, KR_TPMMSG_FAIL, &w, e);
	}
	kr_tpmquoted_put(&w, &q);
	return kr_chan_put(&chan, KR_TPMMSG_QUOTED, &w, e);
}

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg, (void)e;
	kr_loop_stop(loop, 0);
}

static const struct kr_grant grants[] = {
	{ KR_TPMMSG_QUOTE, KR_TPMMSG_BODY_MAX, 1, "quote", on_quote },
};

/* What OpenSSL would look for in files later on. */
static bool ready(void)
{
	uint8_t some[1];
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);

	EVP_MD_free(md);
	return md && RAND_bytes(some, sizeof(some)) == 1;
}

int main(int argc, char **argv)
{
	static const struct kr_jail jail = { 0 };
	struct kr_err e = KR_ERR_NONE;

	chan = (struct kr_chan){ .grants = grants, .n_grants = 1,
				 .gone = gone };
	/* whoever asked has long given up: this process, too */
	signal(SIGALRM, SIG_DFL);
	alarm(KR_TPMMSG_MS / 1000);
	if (kr_agent_init("korora-tpm", argc, argv, &loop, &e) || !ready() ||
	    kr_chan_open(loop, &chan, KR_AGENT_FD, &e) ||
	    kr_jail_enter(&jail, &e)) {
		kr_log_err(KR_LOG_ERROR, "start", &e);
		return 1;
	}
	kr_loop_run(loop);
	kr_chan_close(&chan);
	kr_loop_free(loop);
	return 0;
}
