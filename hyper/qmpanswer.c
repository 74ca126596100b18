/* SPDX-License-Identifier: Apache-2.0 */
/* qmpanswer.c - see qmpanswer.h. Runs in korora-qmp. */
#include "hyper/qmpanswer.h"

#include "base/fd.h"
#include "hyper/qmpqueue.h"
#include "hyper/qmpscript.h"
#include "hyper/qmptell.h"
#include "hyper/qmpvm.h"

static enum kr_hyper_run run_of(json_t *body)
{
	return kr_qmpvm_run(json_string_value(json_object_get(body,
							      "status")));
}

/*
 * A QEMU that was found like this: which side of a migration is it, and what
 * may we have missed? It waits only at the destination, and in post-copy the
 * source stays stopped in the switch-over to the end, whatever it is told;
 * anything else then is the destination. Outside of post-copy a QEMU that does
 * not wait is the source of what comes next. Where one migration is over, an
 * agent before us may have left something held.
 */
static void side(struct kr_qmpagent *a)
{
	enum kr_hyper_mig mig = a->vm.mig;
	bool waits = a->vm.run == KR_HYPER_IS_WAITING;

	a->incoming = waits || (kr_qmpvm_in_postcopy(mig) &&
				a->vm.run != KR_HYPER_IS_SWITCHING);
	a->torn = mig == KR_HYPER_MIG_TORN || mig == KR_HYPER_MIG_RECOVERING;
	a->torn_ns = kr_now_ns();	/* perhaps */
	a->holds = mig != KR_HYPER_MIG_NONE && !a->incoming;
	a->undoing = false;
	a->early = waits && kr_qmpvm_in_postcopy(mig);
	a->loaded_ns = waits && mig == KR_HYPER_MIG_COMPLETED ? kr_now_ns() : 0;
	if (a->early || a->loaded_ns)
		kr_timer_arm(a->loop, &a->look, KR_QMPAGENT_LOOK_MS);
	if (mig == KR_HYPER_MIG_COMPLETED || mig == KR_HYPER_MIG_FAILED)
		kr_qmpqueue_insert(a, KR_QMP_DROP);
}

/* What an answer holds for cmds[0]'s present step. */
void kr_qmpanswer_keep(struct kr_qmpagent *a, json_t *body)
{
	uint16_t type = a->cmds[0].type;
	unsigned int ask = type == KR_HYPER_OPEN ? KR_QMPSCRIPT_OPEN_ASKS : 0;
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	if (type == KR_HYPER_OPEN && !a->step) {
		kr_qmpvm_version(body, a->vm.version);
		a->oob = kr_qmpvm_oob(body);
	}
	if (type == KR_HYPER_OPEN && a->step == 2)
		a->vm.preempt = kr_qmpvm_has_preempt(body);
	if (type == KR_HYPER_CANCEL && !a->step && a->undoing)
		kr_qmpvm_stats(body, &a->status);
	if (type != KR_HYPER_OPEN && type != KR_HYPER_ASK)
		return;
	if (a->step == ask) {
		a->vm.run = run_of(body);
	} else if (a->step == ask + 1) {
		kr_qmpvm_stats(body, &a->status);
		a->status.run = a->vm.run;
		a->vm.mig = a->status.mig;
	} else if (a->step == ask + 2) {
		kr_qmpvm_dirty(body, &a->status);
	}
	if (a->step == ask + (a->sampling ? 2 : 1)) {
		if (type == KR_HYPER_ASK)
			kr_hyper_msg_put_status(&w, &a->status);
		else
			kr_hyper_msg_put_ready(&w, &a->vm);
		kr_qmptell(a, type == KR_HYPER_ASK ? KR_HYPER_STATUS :
							 KR_HYPER_READY, &w);
		a->answered = true;
	}
	if (type == KR_HYPER_OPEN && a->answered)
		side(a);
}

void kr_qmpanswer_broke(struct kr_qmpagent *a, json_t *body)
{
	const char *why = json_string_value(json_object_get(body,
							    "error-desc"));
	char text[KR_QMPVM_TEXT_BYTES];

	if (why)
		kr_qmpvm_text(why, text);
	kr_qmptell_broken(a, why ? text : NULL);
}

/*
 * QEMU has no event for a VM that can run before its memory is here, only a
 * change of its run state, a moment after MIGRATION. So we look. The same for
 * one that can run again, where it came from.
 */
void kr_qmpanswer_looked(struct kr_qmpagent *a, json_t *body)
{
	a->vm.run = run_of(body);
	if (a->vm.run == KR_HYPER_IS_WAITING ||
	    a->vm.run == KR_HYPER_IS_SWITCHING) {
		kr_timer_arm(a->loop, &a->look, KR_QMPAGENT_LOOK_MS);
		return;
	}
	if (a->undoing)
		kr_qmptell_broken(a, NULL);
	a->undoing = false;
	if (a->early)
		kr_qmptell_event(a, KR_HYPER_LOADED_EARLY, kr_now_ns(), 0, "");
	if (a->loaded_ns)
		kr_qmptell_event(a, KR_HYPER_LOADED, a->loaded_ns, 0, "");
	a->early = false;
	a->loaded_ns = 0;
}
