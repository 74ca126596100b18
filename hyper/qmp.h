/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp.h - a QMP client on one connected socket: one command at a time, each
 * with a time limit, answers matched by id, events as they come. Knows the
 * language, not what is said. Runs in korora-qmp.
 */
#ifndef KR_QMP_H
#define KR_QMP_H

#include "base/loop.h"
#include "hyper/qmpline.h"

#define KR_QMP_TIME_MS		10000u	/* for the greeting and each answer */
#define KR_QMP_OUT_MAX		8192u	/* bytes not yet written */

struct kr_qmp {
	/* set by the caller, before kr_qmp_open(); all may call any function
	 * here, kr_qmp_close() included */
	/** The answer to kr_qmp_send() or, the first time, the greeting. */
	void (*answer)(void *arg, json_t *body);	/* borrowed */
	/** It was an error (KR_E_QMP) or did not come (KR_E_HYPER_SLOW). */
	void (*failed)(void *arg, const struct kr_err *e);
	void (*event)(void *arg, const struct kr_qmpline_msg *m);
	/** Closed already: KR_E_QMP_LOST or KR_E_QMP_MALFORMED. */
	void (*lost)(void *arg, const struct kr_err *e);
	void  *arg;

	struct kr_io	  io;
	struct kr_timer	  timer;
	struct kr_qmpline in;
	char		  out[KR_QMP_OUT_MAX];
	size_t		  n_out;
	int		  out_fd;	/* goes with the next byte; -1 = none */
	uint64_t	  id;		/* of the last command; 0 = none yet */
	bool		  waiting;	/* for its answer, or the greeting */
	bool		  greeted;
};

/**
 * kr_qmp_open() - Start; the greeting is the first answer()
 * @fd: connected; owned from here on, also on failure
 */
int kr_qmp_open(struct kr_loop *l, struct kr_qmp *q, int fd, struct kr_err *e);

/**
 * kr_qmp_send() - Send a command
 * @args: stolen; NULL for none
 *
 * Only when no answer is awaited. An answer that comes after its time limit
 * is ignored.
 */
int kr_qmp_send(struct kr_qmp *q, const char *command, json_t *args,
		struct kr_err *e);

/**
 * kr_qmp_send_fd() - The same, with a descriptor for QEMU to take
 * @fd: owned from here on, also on failure; -1 = none
 */
int kr_qmp_send_fd(struct kr_qmp *q, const char *command, json_t *args, int fd,
		   struct kr_err *e);

/**
 * kr_qmp_send_oob() - The same, for one that QEMU takes out of band
 *
 * So it is answered though QEMU's main loop stands still, in a page fault that
 * only this command can end. Once the caller has enabled "oob".
 */
int kr_qmp_send_oob(struct kr_qmp *q, const char *command, json_t *args,
		    struct kr_err *e);

/** kr_qmp_is_open() */
bool kr_qmp_is_open(const struct kr_qmp *q);

/** kr_qmp_close() - Stop and close; a no-op when not open. */
void kr_qmp_close(struct kr_qmp *q);

#endif
