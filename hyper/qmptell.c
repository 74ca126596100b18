/* SPDX-License-Identifier: Apache-2.0 */
/* qmptell.c - see qmptell.h. Runs in korora-qmp. */
#include "hyper/qmptell.h"

#include <stdio.h>

#include "base/fd.h"
#include "base/log.h"

void kr_qmptell(struct kr_qmpagent *a, uint16_t type, const struct kr_wr *w)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_chan_put(&a->chan, type, w, &e)) {
		if (e.kr != KR_E_AGENT_DIED)	/* else it hung up on us */
			kr_log_err(KR_LOG_ERROR, "telling kororad", &e);
		kr_loop_stop(a->loop, 1);
	}
}

void kr_qmptell_event(struct kr_qmpagent *a, enum kr_hyper_what what,
		      uint64_t at_ns, uint16_t kr, const char *reason)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_event m = { .what = what, .at_ns = at_ns, .kr = kr };

	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	kr_hyper_msg_put_event(&w, &m);
	kr_qmptell(a, KR_HYPER_EVENT, &w);
}

void kr_qmptell_done(struct kr_qmpagent *a)
{
	uint8_t buf[8];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_done m = { a->cmds[0].type };

	kr_hyper_msg_put_done(&w, &m);
	kr_qmptell(a, KR_HYPER_DONE, &w);
	a->answered = true;
}

void kr_qmptell_fail(struct kr_qmpagent *a, const struct kr_qmpcommand *c,
		     const struct kr_err *e)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_fail m = { .command = c->type,
				   .kr = (uint16_t)e->kr };

	snprintf(m.what, sizeof(m.what), "%s", e->what);
	kr_hyper_msg_put_fail(&w, &m);
	kr_qmptell(a, KR_HYPER_FAIL, &w);
}

void kr_qmptell_broken(struct kr_qmpagent *a, const char *why)
{
	const char *reason = why ? why : a->cancelled ? "cancelled" :
			     "the hypervisor gives no reason";

	kr_qmptell_event(a, KR_HYPER_BROKEN, kr_now_ns(), (uint16_t)
			 (a->cancelled ? KR_E_CANCELLED : KR_E_HYPER_FAILED),
			 reason);
}
