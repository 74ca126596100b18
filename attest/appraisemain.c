/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appraisemain.c - the judging agent, korora-appraise: one process for what one
 * host says of itself, or of its TPM. Signature, keys, event log and reference values are
 * parsed here, where there is no key, no file and no TPM.
 */
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/appraisemsg.h"
#include "attest/credential.h"
#include "attest/endorsemsg.h"
#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"

static struct kr_loop *loop;
static struct kr_chan chan;
static struct kr_appraiseask asked;
static struct kr_appraisal found;
static uint8_t evidence[KR_SAID_BYTES_MAX];

/* Up to @max bytes, be there more or not. */
static int read_evidence(int fd, size_t max, size_t *ret_n, struct kr_err *e)
{
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, evidence + n, max - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		return kr_fail(e, KR_E_SYSTEM, "evidence that is not there");
	*ret_n = n;
	return 0;
}

/* < 0: no judgement. What deviates is one, and in @found. */
static int judge(int fd, struct kr_err *e)
{
	KR_AUTO(kr_reference_fini) struct kr_reference ref = { 0 };
	KR_AUTO(kr_tpmkey_fini) struct kr_tpmkey ak = { 0 };
	struct kr_appraise_want want = { .ak = &ak, .reference = &ref,
					 .binding = &asked.binding,
					 .mask = asked.mask };
	struct kr_appraise_said said;
	struct kr_err refused = KR_ERR_NONE;
	struct kr_rd r;
	size_t n = 0;
	int rc = read_evidence(fd, sizeof(evidence), &n, e);

	r = KR_RD(evidence, n);
	if (!rc)
		rc = kr_reference_parse(asked.reference,
					strlen(asked.reference), &ref, e);
	if (!rc)
		rc = kr_tpmkey_parse(asked.ak.b, asked.ak.n, &ak, e);
	if (!rc)
		rc = kr_said_parse(&r, &said, e);
	if (!rc)
		kr_appraise(&want, &said, &found, &refused);
	return rc;
}

/* @w, or why there is nothing in it. */
static int answer(uint16_t type, struct kr_wr *w, const struct kr_err *why,
		  struct kr_err *e)
{
	if (!why->code)
		return kr_chan_put(&chan, type, w, e);
	kr_wr_u16(w, (uint16_t)why->kr);
	kr_wr_str(w, why->what);
	return kr_chan_put(&chan, KR_APPRAISEMSG_FAIL, w, e);
}

static int on_ask(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		  struct kr_err *e)
{
	static uint8_t buf[KR_APPRAISEMSG_BODY_MAX];
	KR_AUTO(kr_fd_autoclose) int fd = n_fds ? fds[0] : -1;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;

	(void)arg;
	if (kr_appraiseask_parse(r, &asked, e))
		return e->code;
	if (fd < 0)
		return kr_fail(e, KR_E_MALFORMED, "nothing to be judged");
	kr_loop_stop(loop, 0);
	if (!judge(fd, &why))
		kr_appraisal_put(&w, &found);
	return answer(KR_APPRAISEMSG_RESULT, &w, &why, e);
}

/* ---- endorsement --------------------------------------------------------- */

/* By the authorities in @fd, if there are any. */
static int vouch(const struct kr_endorseask *a, const struct kr_tpmkey *ek,
		 int fd, struct kr_endorsed *d, struct kr_err *e)
{
	size_t n = 0;
	int rc = fd < 0 ? 0 : read_evidence(fd, KR_EKCERT_ROOTS_MAX, &n, e);

	if (fd < 0 || rc)
		return rc;
	d->vouched = true;
	return kr_ekcert_verify(a->m.cert, a->m.n_cert, (const char *)evidence,
				n, ek, e);
}

static int endorse(const struct kr_endorseask *a, int fd,
		   struct kr_endorsed *d, struct kr_err *e)
{
	KR_AUTO(kr_tpmkey_fini) struct kr_tpmkey ek = { 0 };
	KR_AUTO(kr_tpmkey_fini) struct kr_tpmkey ak = { 0 };
	int rc = kr_tpmkey_parse(a->m.ek.b, a->m.ek.n, &ek, e);

	if (!rc)
		rc = kr_ekcert_read(a->m.cert, a->m.n_cert, &ek, &d->names, e);
	if (!rc)
		rc = vouch(a, &ek, fd, d, e);
	if (!rc)
		rc = kr_tpmkey_parse(a->m.ak.b, a->m.ak.n, &ak, e);
	if (!rc && !kr_tpmkey_attests(&ak))
		rc = kr_fail(e, KR_E_TPM_KEY,
			     "it signs what its TPM does not say");
	if (!rc)
		rc = kr_credential_make(&ek, &ak.name, a->secret,
					sizeof(a->secret), &d->credential, e);
	d->ak = ak.name;
	return rc;
}

static int on_endorse(void *arg, struct kr_rd *r, int *fds,
		      unsigned int n_fds, struct kr_err *e)
{
	static uint8_t buf[KR_APPRAISEMSG_BODY_MAX];
	KR_AUTO(kr_fd_autoclose) int fd = n_fds ? fds[0] : -1;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;
	struct kr_endorsed d = { .ak.n = 0 };
	struct kr_endorseask a;

	(void)arg;
	if (kr_endorseask_parse(r, &a, e))
		return e->code;
	kr_loop_stop(loop, 0);
	if (!endorse(&a, fd, &d, &why))
		kr_endorsed_put(&w, &d);
	kr_wipe(&a, sizeof(a));
	return answer(KR_APPRAISEMSG_ENDORSED, &w, &why, e);
}

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg, (void)e;
	kr_loop_stop(loop, 0);
}

static const struct kr_grant grants[] = {
	{ KR_APPRAISEMSG_ASK, KR_APPRAISEMSG_BODY_MAX, 1, "ask", on_ask },
	{ KR_APPRAISEMSG_ENDORSE, KR_APPRAISEMSG_BODY_MAX, 1, "endorse",
	  on_endorse },
};

/* What OpenSSL and jansson would look for in files later on. */
static bool ready(void)
{
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);

	EVP_MD_free(md);
	json_object_seed(0);
	return md;
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
	alarm(KR_APPRAISEMSG_MS / 1000);
	if (kr_agent_init("korora-appraise", argc, argv, &loop, &e) ||
	    !ready() || kr_chan_open(loop, &chan, KR_AGENT_FD, &e) ||
	    kr_jail_enter(&jail, &e)) {
		kr_log_err(KR_LOG_ERROR, "start", &e);
		return 1;
	}
	kr_loop_run(loop);
	kr_chan_close(&chan);
	kr_loop_free(loop);
	return 0;
}
