/* SPDX-License-Identifier: Apache-2.0 */
/* appraised.c - asks korora-appraise. Runs in kororad. */
#include "daemon/appraised.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/host.h"
#include "daemon/spawn.h"

static void end(struct kr_appraised *k, const struct kr_appraisersaid *s,
		const struct kr_err *e)
{
	kr_appraised_stop(k);
	k->done(k->arg, s, e);
}

static int on_result(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		     struct kr_err *e)
{
	static struct kr_appraisal a;
	int rc = kr_appraisal_parse(r, &a, e);

	(void)fds, (void)n_fds;
	if (!rc)
		end(arg, &(struct kr_appraisersaid){ .appraisal = &a }, NULL);
	return rc;
}

static int on_endorsed(void *arg, struct kr_rd *r, int *fds,
		       unsigned int n_fds, struct kr_err *e)
{
	struct kr_endorsed d;
	int rc = kr_endorsed_parse(r, &d, e);

	(void)fds, (void)n_fds;
	if (!rc)
		end(arg, &(struct kr_appraisersaid){ .endorsed = &d }, NULL);
	return rc;
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	enum kr_code kr = kr_rd_u16(r);
	struct kr_err why = KR_ERR_NONE;
	char what[sizeof(why.what)];

	(void)fds, (void)n_fds;
	kr_rd_str(r, what, sizeof(what));
	if (!kr_rd_done(r) || !kr || !kr_code_find(kr))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed failure");
	kr_fail(&why, kr, "%s", what);
	end(arg, NULL, &why);
	return 0;
}

static void on_gone(void *arg, const struct kr_err *e)
{
	end(arg, NULL, e);
}

/* The answers to each question: what was asked for, or why not. */
#define ANSWERS(type, name, fn) { \
	{ type, KR_APPRAISEMSG_BODY_MAX, 0, name, fn }, \
	{ KR_APPRAISEMSG_FAIL, KR_APPRAISEMSG_BODY_MAX, 0, "fail", on_fail } }
static const struct kr_grant answers[][2] = {
	[KR_APPRAISEMSG_ASK] = ANSWERS(KR_APPRAISEMSG_RESULT, "result",
				       on_result),
	[KR_APPRAISEMSG_ENDORSE] = ANSWERS(KR_APPRAISEMSG_ENDORSED,
					   "endorsed", on_endorsed),
};

static int ask(struct kr_host *h, struct kr_appraised *k,
	       enum kr_appraisemsg what, const struct kr_wr *w, const int *fds,
	       unsigned int n_fds, struct kr_err *e)
{
	int r;

	k->chan = (struct kr_chan){
		.io.fd = -1, .grants = answers[what], .n_grants = 2,
		.gone = on_gone, .arg = k,
	};
	r = kr_spawn_agent(h, "korora-appraise", &k->chan, &k->pid, e);
	if (r)
		return r;
	r = kr_chan_put_fds(&k->chan, (uint16_t)what, w, fds, n_fds, e);
	if (r)
		kr_appraised_stop(k);
	return r;
}

/* A file in memory, at its beginning. */
static int put_file(const void *data, size_t n, int *ret_fd, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = memfd_create("evidence",
						       MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n ||
	    lseek(fd, 0, SEEK_SET))
		return kr_fail(e, KR_E_SYSTEM, "no room for evidence");
	*ret_fd = kr_fd_take(&fd);
	return 0;
}

/* None if nobody is named: then anyone may have made the TPM. */
static int put_roots(const struct kr_host *h, int *ret_fd, struct kr_err *e)
{
	KR_AUTOFREE char *pem = NULL;
	size_t n;
	int r;

	if (!h->cfg.tpm_roots[0])
		return 0;
	r = kr_read_file(h->cfg.tpm_roots, KR_EKCERT_ROOTS_MAX, &pem, &n);
	return r ? kr_fail(e, KR_E_KEY_FILE, "%.64s: %s", h->cfg.tpm_roots,
			   r == -E2BIG ? "too long" : strerror(-r)) :
	       put_file(pem, n, ret_fd, e);
}

int kr_appraised_ask(struct kr_host *h, struct kr_appraised *k,
		     const struct kr_appraiseask *a, const uint8_t *said,
		     size_t n_said, struct kr_err *e)
{
	static uint8_t buf[KR_APPRAISEMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	int r = put_file(said, n_said, &fd, e);

	if (r)
		return r;
	kr_appraiseask_put(&w, a);
	return ask(h, k, KR_APPRAISEMSG_ASK, &w, &fd, 1, e);
}

int kr_appraised_endorse(struct kr_host *h, struct kr_appraised *k,
			 const struct kr_endorseask *a, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int r = put_roots(h, &fd, e);

	kr_endorseask_put(&w, a);
	if (!r)
		r = ask(h, k, KR_APPRAISEMSG_ENDORSE, &w, &fd, fd >= 0, e);
	kr_wipe(buf, sizeof(buf));
	return r;
}

void kr_appraised_stop(struct kr_appraised *k)
{
	kr_chan_close(&k->chan);
}
