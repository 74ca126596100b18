/* SPDX-License-Identifier: Apache-2.0 */
/* qmp.c - the QMP client's connection. Runs in korora-qmp. */
#include "hyper/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "hyper/qmpvm.h"

static void lose(struct kr_qmp *q, const struct kr_err *e)
{
	kr_qmp_close(q);
	q->lost(q->arg, e);
}

static void slow(void *arg)
{
	struct kr_qmp *q = arg;
	struct kr_err e = KR_ERR_NONE;

	kr_fail(&e, KR_E_HYPER_SLOW, "no answer within %u ms",
		KR_QMP_TIME_MS);
	if (!q->greeted) {
		lose(q, &e);
		return;
	}
	q->waiting = false;
	q->failed(q->arg, &e);
}

/* False if the message ends the connection. */
static bool dispatch(struct kr_qmp *q, const struct kr_qmpline_msg *m)
{
	struct kr_err e = KR_ERR_NONE;
	bool answer = m->kind == KR_QMPLINE_RETURN ||
		      m->kind == KR_QMPLINE_ERROR;
	char text[KR_QMPVM_TEXT_BYTES];

	if (m->kind == KR_QMPLINE_EVENT) {
		q->event(q->arg, m);
		return true;
	}
	/* one greeting, first of all; no answer to what was never asked */
	if (answer ? m->id > q->id || !q->greeted : q->greeted)
		return false;
	if (answer && (m->id < q->id || !q->waiting))
		return true;	/* too late: it was given up */
	kr_timer_off(&q->timer);
	q->waiting = false;
	q->greeted = true;
	if (m->kind != KR_QMPLINE_ERROR) {
		q->answer(q->arg, m->body);
		return true;
	}
	kr_qmpvm_text(m->text, text);
	kr_fail(&e, KR_E_QMP, "%s", text);
	q->failed(q->arg, &e);
	return true;
}

static void take_lines(struct kr_qmp *q)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_qmpline_msg m;
	int r = 0;

	while (q->io.loop && (r = kr_qmpline_next(&q->in, &m, &e)) > 0) {
		bool ok = dispatch(q, &m);

		json_decref(m.root);
		if (ok)
			continue;
		r = kr_fail(&e, KR_E_QMP_MALFORMED, "unexpected message");
		break;
	}
	if (q->io.loop && r < 0)
		lose(q, &e);
}

/* As much as the socket takes, and the descriptor with it. */
static ssize_t write_out(struct kr_qmp *q)
{
	union {
		struct cmsghdr align;
		char	       buf[CMSG_SPACE(sizeof(int))];
	} ctl = { .buf = { 0 } };
	struct iovec iov = { q->out, q->n_out };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (q->out_fd >= 0) {
		m.msg_control = ctl.buf;
		m.msg_controllen = sizeof(ctl.buf);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int)),
		};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &q->out_fd, sizeof(int));
	}
	n = sendmsg(q->io.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		kr_fd_close(&q->out_fd);
	return n;
}

/* Write what there is; -errno if the connection is gone. */
static int flush(struct kr_qmp *q)
{
	while (q->n_out) {
		ssize_t n = write_out(q);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return -errno;
		q->n_out -= (size_t)n;
		memmove(q->out, q->out + n, q->n_out);
	}
	kr_io_want(&q->io, q->n_out ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return 0;
}

static void ready(void *arg, uint32_t events)
{
	struct kr_qmp *q = arg;
	struct kr_err e = KR_ERR_NONE;
	size_t room;
	char *to;
	ssize_t n;

	if (events & EPOLLOUT && flush(q))
		events |= EPOLLIN;	/* reading tells why */
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	to = kr_qmpline_room(&q->in, &room);
	n = recv(q->io.fd, to, room, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		kr_fail(&e, KR_E_QMP_LOST, "%s", n ? strerror(errno) :
			"the hypervisor closed the connection");
		lose(q, &e);
		return;
	}
	kr_qmpline_added(&q->in, (size_t)n);
	take_lines(q);
}

int kr_qmp_open(struct kr_loop *l, struct kr_qmp *q, int fd, struct kr_err *e)
{
	int r = kr_qmpline_init(&q->in, e);

	q->io = (struct kr_io){ .fd = fd, .fn = ready, .arg = q };
	q->timer = (struct kr_timer){ .fn = slow, .arg = q };
	q->n_out = 0;
	q->out_fd = -1;
	q->id = 0;
	q->greeted = false;
	q->waiting = true;
	if (!r)
		r = kr_io_add(l, &q->io, EPOLLIN, e);
	if (r) {
		kr_qmpline_fini(&q->in);
		kr_fd_close(&q->io.fd);
		return r;
	}
	kr_timer_arm(l, &q->timer, KR_QMP_TIME_MS);
	return 0;
}

static int put(struct kr_qmp *q, const char *how, const char *command,
	       json_t *args, int fd, struct kr_err *e)
{
	json_t *o = json_pack("{s:s, s:I, s:o*}", how, command, "id",
			      (json_int_t)(q->id + 1), "arguments", args);
	size_t room = sizeof(q->out) - q->n_out;
	size_t n;
	int r;

	kr_fd_close(&q->out_fd);
	q->out_fd = fd;
	if (!o)
		return kr_fail(e, KR_E_SYSTEM, "cannot build '%s'", command);
	n = json_dumpb(o, q->out + q->n_out, room, JSON_COMPACT);
	json_decref(o);
	if (!n || n >= room)
		return kr_fail(e, KR_E_LIMIT, "'%s' is too long", command);
	q->out[q->n_out + n] = '\n';
	q->n_out += n + 1;
	q->id++;
	q->waiting = true;
	kr_timer_arm(q->io.loop, &q->timer, KR_QMP_TIME_MS);
	r = flush(q);
	if (r)
		return kr_fail(e, KR_E_QMP_LOST, "%s", strerror(-r));
	return 0;
}

int kr_qmp_send(struct kr_qmp *q, const char *command, json_t *args,
		struct kr_err *e)
{
	return put(q, "execute", command, args, -1, e);
}

int kr_qmp_send_fd(struct kr_qmp *q, const char *command, json_t *args, int fd,
		   struct kr_err *e)
{
	return put(q, "execute", command, args, fd, e);
}

int kr_qmp_send_oob(struct kr_qmp *q, const char *command, json_t *args,
		    struct kr_err *e)
{
	return put(q, "exec-oob", command, args, -1, e);
}

bool kr_qmp_is_open(const struct kr_qmp *q)
{
	return q->io.loop != NULL;
}

void kr_qmp_close(struct kr_qmp *q)
{
	if (!q->io.loop)
		return;
	kr_timer_off(&q->timer);
	kr_io_del(&q->io);
	kr_fd_close(&q->io.fd);
	kr_fd_close(&q->out_fd);
	kr_qmpline_fini(&q->in);
	q->waiting = false;
}
