/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wipemain.c - the agent that wipes, korora-wipe: one process for one
 * hypervisor that has been stopped and is to be ended. It writes for seconds
 * where there are many pages, which kororad must not; and it can write nothing
 * but that one process' memory.
 */
#include <seccomp.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "clear/wipe.h"
#include "clear/wipemsg.h"

static struct kr_loop *loop;
static struct kr_chan chan;

static int on_wipe(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_wipe_of p = { -1, -1, -1 };
	uint8_t buf[KR_WIPEMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err why = KR_ERR_NONE;
	struct kr_wiped done;
	int rc;

	(void)arg;
	if (n_fds == KR_WIPEMSG_FDS)
		p = (struct kr_wipe_of){ fds[0], fds[1], fds[2] };
	rc = !kr_rd_done(r) || p.mem < 0 ?
	     kr_fail(e, KR_E_MALFORMED, "malformed order") : 0;
	if (!rc && kr_wipe_process(&p, &done, &why)) {
		kr_wr_str(&w, why.what);
		rc = kr_chan_put(&chan, KR_WIPEMSG_FAIL, &w, e);
	} else if (!rc) {
		kr_wr_u64(&w, done.bytes);
		kr_wr_u64(&w, done.left);
		rc = kr_chan_put(&chan, KR_WIPEMSG_WIPED, &w, e);
	}
	for (unsigned int i = 0; i < n_fds; i++)
		kr_fd_close(&fds[i]);
	kr_loop_stop(loop, 0);
	return rc;
}

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg, (void)e;
	kr_loop_stop(loop, 0);
}

static const struct kr_grant grants[] = {
	{ KR_WIPEMSG_WIPE, KR_WIPEMSG_BODY_MAX, KR_WIPEMSG_FDS, "wipe",
	  on_wipe },
};

static const int calls[] = { SCMP_SYS(pread64), SCMP_SYS(pwrite64) };

int main(int argc, char **argv)
{
	const struct kr_jail jail = { calls, sizeof(calls) / sizeof(*calls),
				      .threads = false };
	struct kr_err e = KR_ERR_NONE;

	chan = (struct kr_chan){ .grants = grants, .n_grants = 1,
				 .gone = gone };
	if (kr_agent_init("korora-wipe", argc, argv, &loop, &e) ||
	    kr_jail_enter(&jail, &e) ||
	    kr_chan_open(loop, &chan, KR_AGENT_FD, &e)) {
		kr_log_err(KR_LOG_ERROR, "start", &e);
		return 1;
	}
	kr_loop_run(loop);
	kr_chan_close(&chan);
	kr_loop_free(loop);
	return 0;
}
