/* SPDX-License-Identifier: Apache-2.0 */
/* qmpqueue.c - see qmpqueue.h. Runs in korora-qmp. */
#include "hyper/qmpqueue.h"

#include <string.h>

#include "base/fd.h"
#include "hyper/qmpanswer.h"
#include "hyper/qmpscript.h"
#include "hyper/qmptell.h"

/* cmds[0] is over: go on to the next. */
static void finish(struct kr_qmpagent *a)
{
	kr_timer_off(&a->calm);
	a->n_cmds--;
	memmove(&a->cmds[0], &a->cmds[1], a->n_cmds * sizeof(a->cmds[0]));
	a->busy = a->answered = false;
	a->step = 0;
}

bool kr_qmpqueue_own(const struct kr_qmpcommand *c)
{
	return c->type >= KR_HYPER_COMMAND_END_;
}

static void done(struct kr_qmpagent *a)
{
	if (!a->answered && !kr_qmpqueue_own(&a->cmds[0]))
		kr_qmptell_done(a);
	finish(a);
}

static void fail(struct kr_qmpagent *a, const struct kr_err *e)
{
	if (a->cmds[0].type == KR_QMP_WHY)
		kr_qmptell_broken(a, NULL);
	else if (a->cmds[0].type == KR_QMP_LOOK)
		kr_timer_arm(a->loop, &a->look, KR_QMPAGENT_LOOK_MS);
	else if (a->cmds[0].type == KR_QMP_PLAY && a->undoing)
		kr_qmptell_event(a, KR_HYPER_TORN, kr_now_ns(), 0, e->what);
	else if (!a->answered && !kr_qmpqueue_own(&a->cmds[0]))
		kr_qmptell_fail(a, &a->cmds[0], e);
	if (a->cmds[0].type == KR_QMP_PLAY ||
	    a->cmds[0].type == KR_HYPER_CANCEL)
		a->undoing = false;
	kr_fd_close(&a->cmds[0].fd);
	finish(a);
}

/* The connection is gone; so is every command. */
void kr_qmpqueue_lost(void *arg, const struct kr_err *e)
{
	struct kr_qmpagent *a = arg;

	if (a->n_cmds && a->busy && a->cmds[0].type == KR_HYPER_END &&
	    e->kr == KR_E_QMP_LOST)
		done(a);
	a->undoing = false;
	while (a->n_cmds)
		fail(a, e);
	kr_timer_off(&a->look);
	kr_undo_end(&a->undo);
	kr_qmptell_event(a, KR_HYPER_GONE, kr_now_ns(), (uint16_t)e->kr,
			 e->what);
}

/* Before whatever waits, once. */
void kr_qmpqueue_insert(struct kr_qmpagent *a, uint16_t type)
{
	unsigned int at = a->n_cmds && a->busy ? 1 : 0;

	for (unsigned int i = 0; i < a->n_cmds; i++)
		if (a->cmds[i].type == type)
			return;
	memmove(&a->cmds[at + 1], &a->cmds[at],
		(a->n_cmds - at) * sizeof(a->cmds[0]));
	a->cmds[at] = (struct kr_qmpcommand){ .type = type, .fd = -1 };
	a->n_cmds++;
}

/* Start on the queue, as far as it goes without an answer. */
void kr_qmpqueue_next(struct kr_qmpagent *a)
{
	while (a->n_cmds && !a->busy) {
		struct kr_err e = KR_ERR_NONE;
		int r;

		a->busy = true;
		r = kr_qmpscript_step(a, &e);
		if (!r)
			return;
		if (r > 0)
			done(a);
		else
			fail(a, &e);	/* all is lost: lost() is next */
	}
}

static int play(struct kr_qmpagent *a, json_t *body, struct kr_err *e)
{
	const char *blocks = json_string_value(json_object_get(body,
						"human-readable-text"));

	return kr_undo_start(a->loop, &a->undo, blocks ? blocks : "",
			     kr_fd_take(&a->undo_fd), e);
}

void kr_qmpqueue_answer(void *arg, json_t *body)
{
	struct kr_qmpagent *a = arg;
	struct kr_qmpcommand *c = &a->cmds[0];
	struct kr_err e = KR_ERR_NONE;
	int r = 0;

	if (!a->n_cmds || !a->busy)
		return;
	kr_qmpanswer_keep(a, body);
	if (c->type == KR_QMP_WHY)
		kr_qmpanswer_broke(a, body);
	else if (c->type == KR_QMP_LOOK)
		kr_qmpanswer_looked(a, body);
	else if (c->type == KR_QMP_PLAY && !a->step)
		r = play(a, body, &e);
	a->step++;
	if (!r)
		r = kr_qmpscript_step(a, &e);
	if (r > 0)
		done(a);
	else if (r < 0)
		fail(a, &e);
	kr_qmpqueue_next(a);
}

void kr_qmpqueue_failed(void *arg, const struct kr_err *e)
{
	struct kr_qmpagent *a = arg;
	uint16_t type;

	if (!a->n_cmds || !a->busy)
		return;
	type = a->cmds[0].type;
	if (type == KR_HYPER_OPEN)
		kr_qmp_close(&a->qmp);
	if ((type == KR_HYPER_LETGO || type == KR_QMP_DROP) &&
	    e->kr == KR_E_QMP) {
		a->holds = false;	/* there was nothing */
		done(a);
	} else if (!kr_qmpscript_tear(a)) {
		fail(a, e);
	}
	kr_qmpqueue_next(a);
}

/* What cmds[0] waited for, before its first step. */
void kr_qmpqueue_calm(void *arg)
{
	struct kr_qmpagent *a = arg;

	a->busy = false;
	kr_qmpqueue_next(a);
}

/* RECOVER, and all before it, which may never be answered without it. */
void kr_qmpqueue_urge(void *arg)
{
	struct kr_qmpagent *a = arg;
	struct kr_err e = KR_ERR_NONE;

	for (unsigned int i = 0; i < a->n_cmds; i++)
		if (a->cmds[i].type == KR_HYPER_RECOVER)
			goto found;
	return;
found:
	kr_fail(&e, KR_E_HYPER_SLOW, "given up for a recovery");
	while (a->cmds[0].type != KR_HYPER_RECOVER)
		fail(a, &e);
	a->urgent = a->busy = true;
	a->step = 0;
	if (kr_qmpscript_step(a, &e) < 0)
		fail(a, &e);
	kr_qmpqueue_next(a);
}
