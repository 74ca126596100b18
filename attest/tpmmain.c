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

/* What cannot be opened is told, and @ret_t NULL; < 0: nothing was handed. */
static int open_tpm(int *fd, struct kr_tpm **ret_t, struct kr_err *why,
		    struct kr_err *e)
{
	if (*fd < 0)
		return kr_fail(e, KR_E_MALFORMED, "a question without a TPM");
	kr_loop_stop(loop, 0);
	kr_tpm_open(kr_fd_take(fd), ret_t, why);
	return 0;
}

/* @w, or why there is nothing in it. */
static int answer(uint16_t type, struct kr_wr *w, const struct kr_err *why,
		  struct kr_err *e)
{
	if (!why->code)
		return kr_chan_put(&chan, type, w, e);
	kr_wr_u16(w, (uint16_t)why->kr);
	kr_wr_str(w, why->what);
	return kr_chan_put(&chan, KR_TPMMSG_FAIL, w, e);
}

static int on_quote(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = n_fds ? fds[0] : -1;
	KR_AUTO(kr_tpm_autoclose) struct kr_tpm *t = NULL;
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;
	struct kr_tpmquoted q = { 0 };
	struct kr_tpmask a;

	(void)arg;
	if (kr_tpmask_parse(r, &a, e) || open_tpm(&fd, &t, &why, e))
		return e->code;
	q.pcrs = (struct kr_pcrs){ .bank = a.bank, .mask = a.mask };
	if (t && !kr_tpm_ak(t, &q.ak, &why) &&
	    !kr_tpm_quote(t, a.extra, sizeof(a.extra), &q.pcrs, &q.quote,
			  &q.sig, &why))
		kr_tpmquoted_put(&w, &q);
	return answer(KR_TPMMSG_QUOTED, &w, &why, e);
}

static int on_enrol(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = n_fds ? fds[0] : -1;
	KR_AUTO(kr_tpm_autoclose) struct kr_tpm *t = NULL;
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;
	struct kr_tpmmaterial m = { 0 };

	(void)arg;
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_MALFORMED, "a malformed question");
	if (open_tpm(&fd, &t, &why, e))
		return e->code;
	if (t && !kr_tpm_ak(t, &m.ak, &why) &&
	    !kr_tpm_ek(t, &m.ek, m.cert, &m.n_cert, &why) &&
	    !kr_tpm_clock(t, &m.clock, &why))
		kr_tpmmaterial_put(&w, &m);
	return answer(KR_TPMMSG_ENROLLED, &w, &why, e);
}

static int on_activate(void *arg, struct kr_rd *r, int *fds,
		       unsigned int n_fds, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = n_fds ? fds[0] : -1;
	KR_AUTO(kr_tpm_autoclose) struct kr_tpm *t = NULL;
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;
	struct kr_tpmsecret s = { .n = 0 };
	struct kr_tpmcredential c;
	int rc;

	(void)arg;
	if (kr_tpmcredential_parse(r, &c, e) || open_tpm(&fd, &t, &why, e))
		return e->code;
	if (t && !kr_tpm_activate(t, &c, s.b, &s.n, &why))
		kr_tpmsecret_put(&w, &s);
	rc = answer(KR_TPMMSG_ACTIVATED, &w, &why, e);
	kr_wipe(&s, sizeof(s));
	kr_wipe(buf, sizeof(buf));
	return rc;
}

static int on_seal(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = n_fds ? fds[0] : -1;
	KR_AUTO(kr_tpm_autoclose) struct kr_tpm *t = NULL;
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;
	struct kr_tpmseal s;
	struct kr_tpmkeep k;

	(void)arg;
	if (kr_tpmkeep_parse(r, &k, e) || open_tpm(&fd, &t, &why, e))
		return e->code;
	if (t && !kr_tpmseal_make(t, k.bank, k.mask, k.key, &s, &why))
		kr_tpmseal_put(&w, &s);
	kr_wipe(&k, sizeof(k));
	return answer(KR_TPMMSG_SEALED, &w, &why, e);
}

static int on_unseal(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		     struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = n_fds ? fds[0] : -1;
	KR_AUTO(kr_tpm_autoclose) struct kr_tpm *t = NULL;
	uint8_t buf[KR_TPMMSG_BODY_MAX], key[KR_TPMSEAL_KEY_BYTES];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;
	struct kr_tpmseal s;
	int rc;

	(void)arg;
	if (kr_tpmsealed_parse(r, &s, e) || open_tpm(&fd, &t, &why, e))
		return e->code;
	if (t && !kr_tpmseal_open(t, &s, key, &why))
		kr_wr_bytes(&w, key, sizeof(key));
	rc = answer(KR_TPMMSG_UNSEALED, &w, &why, e);
	kr_wipe(key, sizeof(key));
	kr_wipe(buf, sizeof(buf));
	return rc;
}

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg, (void)e;
	kr_loop_stop(loop, 0);
}

static const struct kr_grant grants[] = {
	{ KR_TPMMSG_QUOTE, KR_TPMMSG_BODY_MAX, 1, "quote", on_quote },
	{ KR_TPMMSG_ENROL, 0, 1, "enrol", on_enrol },
	{ KR_TPMMSG_ACTIVATE, KR_TPMMSG_BODY_MAX, 1, "activate", on_activate },
	{ KR_TPMMSG_SEAL, KR_TPMMSG_BODY_MAX, 1, "seal", on_seal },
	{ KR_TPMMSG_UNSEAL, KR_TPMMSG_BODY_MAX, 1, "unseal", on_unseal },
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

	chan = (struct kr_chan){ .grants = grants, .gone = gone,
				 .n_grants = sizeof(grants) /
					     sizeof(grants[0]) };
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
