/* SPDX-License-Identifier: Apache-2.0 */
/* qmpline.c - from QMP's bytes to messages. Runs in korora-qmp. */
#include "hyper/qmpline.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int kr_qmpline_init(struct kr_qmpline *q, struct kr_err *e)
{
	*q = (struct kr_qmpline){ .buf = malloc(KR_QMPLINE_BYTES_MAX) };
	return q->buf ? 0 : kr_fail(e, KR_E_SYSTEM, "out of memory");
}

void kr_qmpline_fini(struct kr_qmpline *q)
{
	free(q->buf);
	q->buf = NULL;
}

char *kr_qmpline_room(struct kr_qmpline *q, size_t *ret_n)
{
	if (q->start) {
		memmove(q->buf, q->buf + q->start, q->end - q->start);
		q->end -= q->start;
		q->seen -= q->start;
		q->start = 0;
	}
	*ret_n = KR_QMPLINE_BYTES_MAX - q->end;
	return q->buf + q->end;
}

void kr_qmpline_added(struct kr_qmpline *q, size_t n)
{
	q->end += n;
}

/* jansson's own limit is 2048 levels; no QMP answer of ours needs ten. */
static bool too_deep(const char *p, size_t n)
{
	unsigned int depth = 0;
	bool in_str = false;

	for (size_t i = 0; i < n; i++) {
		if (in_str) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				in_str = false;
		} else if (p[i] == '"') {
			in_str = true;
		} else if (p[i] == '{' || p[i] == '[') {
			if (++depth > KR_QMPLINE_DEPTH_MAX)
				return true;
		} else if ((p[i] == '}' || p[i] == ']') && depth) {
			depth--;
		}
	}
	return false;
}

static bool sort_event(struct kr_qmpline_msg *m)
{
	json_t *t = json_object_get(m->root, "timestamp");
	json_int_t s = json_integer_value(json_object_get(t, "seconds"));
	json_int_t us = json_integer_value(json_object_get(t, "microseconds"));

	m->kind = KR_QMPLINE_EVENT;
	m->text = json_string_value(json_object_get(m->root, "event"));
	m->body = json_object_get(m->root, "data");
	/* QEMU writes -1 when it could not read the clock */
	if (s > 0 && s < (json_int_t)1 << 40 && us >= 0 && us < 1000000)
		m->wall_us = (uint64_t)s * 1000000u + (uint64_t)us;
	return m->text && (!m->body || json_is_object(m->body));
}

static bool sort_answer(struct kr_qmpline_msg *m)
{
	json_t *id = json_object_get(m->root, "id");
	json_t *error = json_object_get(m->root, "error");

	m->body = json_object_get(m->root, "return");
	if (!json_is_integer(id) || json_integer_value(id) <= 0 ||
	    !m->body == !error)
		return false;
	m->id = (uint64_t)json_integer_value(id);
	m->kind = error ? KR_QMPLINE_ERROR : KR_QMPLINE_RETURN;
	if (!error)
		return true;
	m->text = json_string_value(json_object_get(error, "desc"));
	return m->text != NULL;
}

static bool sort(struct kr_qmpline_msg *m)
{
	if (!json_is_object(m->root))
		return false;
	if (json_object_get(m->root, "event"))
		return sort_event(m);
	m->body = json_object_get(m->root, "QMP");
	if (!m->body)
		return sort_answer(m);
	m->kind = KR_QMPLINE_GREETING;
	return json_is_object(m->body);
}

int kr_qmpline_next(struct kr_qmpline *q, struct kr_qmpline_msg *ret_m,
		    struct kr_err *e)
{
	char *from = q->buf + q->seen;
	char *nl = memchr(from, '\n', q->end - q->seen);
	const char *line = q->buf + q->start;
	struct kr_qmpline_msg m = { 0 };
	size_t n;

	if (!nl) {
		q->seen = q->end;
		if (q->end - q->start >= KR_QMPLINE_BYTES_MAX)
			return kr_fail(e, KR_E_QMP_MALFORMED,
				       "line longer than %u bytes",
				       KR_QMPLINE_BYTES_MAX);
		return 0;
	}
	n = (size_t)(nl - line);
	q->start = q->seen = (size_t)(nl + 1 - q->buf);
	if (too_deep(line, n))
		return kr_fail(e, KR_E_QMP_MALFORMED,
			       "JSON nested deeper than %u",
			       KR_QMPLINE_DEPTH_MAX);
	m.root = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
	if (!m.root)
		return kr_fail(e, KR_E_QMP_MALFORMED, "not JSON");
	if (!sort(&m)) {
		json_decref(m.root);
		return kr_fail(e, KR_E_QMP_MALFORMED, "not a QMP message");
	}
	*ret_m = m;
	return 1;
}
