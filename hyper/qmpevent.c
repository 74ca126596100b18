/* SPDX-License-Identifier: Apache-2.0 */
/* qmpevent.c - see qmpevent.h. Runs in korora-qmp. */
#include "hyper/qmpevent.h"

#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "hyper/qmpqueue.h"
#include "hyper/qmptell.h"
#include "hyper/qmpvm.h"

static uint64_t when(const struct kr_qmpline_msg *m)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return kr_qmpvm_when(m->wall_us, kr_now_ns(),
			     (uint64_t)t.tv_sec * 1000000u +
			     (uint64_t)t.tv_nsec / 1000u);
}

void kr_qmpevent_look(void *arg)
{
	struct kr_qmpagent *a = arg;

	kr_qmpqueue_insert(a, KR_QMP_LOOK);
	kr_qmpqueue_next(a);
}

static void postcopy(struct kr_qmpagent *a, uint64_t at_ns)
{
	if (a->torn && !a->undoing)
		kr_qmptell_event(a, KR_HYPER_MENDED, at_ns, 0, "");
	a->torn = false;
	if (!a->incoming || a->vm.run != KR_HYPER_IS_WAITING)
		return;
	a->early = true;
	kr_qmpevent_look(a);
}

static void torn(struct kr_qmpagent *a, uint64_t at_ns)
{
	a->torn = true;
	a->torn_ns = kr_now_ns();
	if (a->undoing && !a->played) {
		kr_qmpqueue_insert(a, KR_QMP_PLAY);
		kr_qmpqueue_next(a);
		return;
	}
	a->undoing = false;
	kr_qmptell_event(a, KR_HYPER_TORN, at_ns, 0, "");
}

static void completed(struct kr_qmpagent *a, uint64_t at_ns)
{
	a->torn = false;
	if (a->undoing) {
		kr_qmpqueue_insert(a, KR_QMP_DROP);
		kr_qmpevent_look(a);
	} else if (!a->incoming) {
		a->vm.run = KR_HYPER_IS_MIGRATED;
		kr_qmptell_event(a, KR_HYPER_SENT, at_ns, 0, "");
		kr_qmpqueue_insert(a, KR_QMP_DROP);
		kr_qmpqueue_next(a);
	} else if (a->early) {
		a->loaded_ns = at_ns;
	} else {
		if (a->vm.run == KR_HYPER_IS_WAITING)
			a->vm.run = KR_HYPER_IS_PAUSED;
		kr_qmptell_event(a, KR_HYPER_LOADED, at_ns, 0, "");
	}
}

/* By its own will: a panic is the guest's doing, too, but no end to it. */
static bool went_off(const json_t *body, const char *why)
{
	return json_is_true(json_object_get(body, "guest")) &&
	       strcmp(why, "guest-panic");
}

static void migration(struct kr_qmpagent *a, const char *status, uint64_t at_ns)
{
	enum kr_hyper_mig mig = kr_qmpvm_mig(status);

	a->vm.mig = mig;
	if (strcmp(status, "postcopy-recover-setup"))
		a->resumed_ns = 0;
	switch (mig) {
	case KR_HYPER_MIG_AT_SWITCH:
		a->vm.run = KR_HYPER_IS_SWITCHING;
		kr_qmptell_event(a, KR_HYPER_AT_SWITCH,
				 a->stop_ns ? a->stop_ns : at_ns, 0, "");
		break;
	case KR_HYPER_MIG_COMPLETED:
		completed(a, at_ns);
		break;
	case KR_HYPER_MIG_POSTCOPY:
		postcopy(a, at_ns);
		break;
	case KR_HYPER_MIG_TORN:
		torn(a, at_ns);
		break;
	case KR_HYPER_MIG_RECOVERING:
		/* before that, QEMU 9.1 and later: it waits for them */
		if (a->incoming && !strcmp(status, "postcopy-recover"))
			kr_qmptell_event(a, KR_HYPER_TAKEN, at_ns, 0, "");
		break;
	case KR_HYPER_MIG_FAILED:
		/* a race makes QEMU report some cancelled ones as failed */
		a->cancelled |= status[0] == 'c';
		/* a RESUME tells if it runs on: it follows or came already */
		if (a->vm.run == KR_HYPER_IS_SWITCHING)
			a->vm.run = KR_HYPER_IS_PAUSED;
		if (!strcmp(status, "cancelling"))
			break;
		kr_timer_off(&a->look);
		a->early = a->torn = a->undoing = false;
		kr_qmpqueue_insert(a, KR_QMP_DROP);
		kr_qmpqueue_insert(a, KR_QMP_WHY);
		kr_qmpqueue_next(a);
		break;
	default:
		break;
	}
}

void kr_qmpevent(void *arg, const struct kr_qmpline_msg *m)
{
	struct kr_qmpagent *a = arg;
	const char *s = json_string_value(json_object_get(m->body, "status"));
	const char *why = json_string_value(json_object_get(m->body,
							    "reason"));
	uint64_t at_ns = when(m);
	char text[KR_QMPVM_TEXT_BYTES] = "";

	if (!strcmp(m->text, "STOP")) {
		a->vm.run = KR_HYPER_IS_PAUSED;
		a->stop_ns = at_ns;
		kr_qmptell_event(a, KR_HYPER_STOPPED, at_ns, 0, "");
	} else if (!strcmp(m->text, "RESUME")) {
		a->vm.run = KR_HYPER_IS_RUNNING;
		a->stop_ns = 0;
		kr_qmptell_event(a, KR_HYPER_RUNNING, at_ns, 0, "");
	} else if (!strcmp(m->text, "SHUTDOWN")) {
		a->vm.run = KR_HYPER_IS_DOWN;
		if (why)
			kr_qmpvm_text(why, text);
		kr_qmptell_event(a, KR_HYPER_SHUTDOWN, at_ns,
				 went_off(m->body, text) ? 0 : KR_E_HYPER_DIED,
				 text);
	} else if (!strcmp(m->text, "MIGRATION_PASS")) {
		kr_qmptell_event(a, KR_HYPER_PASS, at_ns, 0, "");
	} else if (!strcmp(m->text, "MIGRATION") && s) {
		migration(a, s, at_ns);
	}
}
