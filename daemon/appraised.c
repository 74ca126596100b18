/* SPDX-License-Identifier: Apache-2.0 */
/* appraised.c - asks korora-appraise. Runs in kororad. */
#include "daemon/appraised.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/spawn.h"

static void end(struct kr_appraised *k, const struct kr_appraisal *a,
		const struct kr_err *e)
{
	kr_appraised_stop(k);
	k->done(k->arg, a, e);
}

static int on_result(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		     struct kr_err *e)
{
	static struct kr_appraisal a;
	int rc = kr_appraisal_parse(r, &a, e);

	(void)fds, (void)n_fds;
	if (!rc)
		end(arg, &a, NULL);
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

static const struct kr_grant grants[] = {
	{ KR_APPRAISEMSG_RESULT, KR_APPRAISEMSG_BODY_MAX, 0, "result",
	  on_result },
	{ KR_APPRAISEMSG_FAIL, KR_APPRAISEMSG_BODY_MAX, 0, "fail", on_fail },
};

/* The evidence as a file in memory, at its beginning. */
static int put_evidence(const struct kr_appraise_said *said, int *ret_fd,
			struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = memfd_create("evidence",
						       MFD_CLOEXEC);
	KR_AUTOFREE uint8_t *buf = malloc(KR_SAID_BYTES_MAX);
	struct kr_wr w = KR_WR(buf, buf ? KR_SAID_BYTES_MAX : 0);

	kr_said_put(&w, said);
	if (fd < 0 || w.bad ||
	    write(fd, buf, kr_wr_len(&w)) != (ssize_t)kr_wr_len(&w) ||
	    lseek(fd, 0, SEEK_SET))
		return kr_fail(e, KR_E_SYSTEM, "no room for evidence");
	*ret_fd = kr_fd_take(&fd);
	return 0;
}

int kr_appraised_ask(struct kr_host *h, struct kr_appraised *k,
		     const struct kr_appraiseask *a,
		     const struct kr_appraise_said *said, struct kr_err *e)
{
	static uint8_t buf[KR_APPRAISEMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	int r = put_evidence(said, &fd, e);

	if (r)
		return r;
	k->chan = (struct kr_chan){
		.io.fd = -1, .grants = grants, .gone = on_gone, .arg = k,
		.n_grants = sizeof(grants) / sizeof(grants[0]),
	};
	r = kr_spawn_agent(h, "korora-appraise", &k->chan, &k->pid, e);
	if (r)
		return r;
	kr_appraiseask_put(&w, a);
	r = kr_chan_put_fds(&k->chan, KR_APPRAISEMSG_ASK, &w, &fd, 1, e);
	if (r)
		kr_appraised_stop(k);
	return r;
}

void kr_appraised_stop(struct kr_appraised *k)
{
	kr_chan_close(&k->chan);
}
