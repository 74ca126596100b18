/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libkorora.c - the client side of kororad's local API: one JSON object per
 * line over a unix socket (kororad(8) describes it). Built as the installed
 * shared library, where only korora_* is visible, and into the korora
 * command.
 *
 * What arrives is bounded by LINE_BYTES_MAX and parsed by jansson alone.
 */
#include "korora.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/fd.h"

#define LINE_BYTES_MAX	(16u << 20)	/* of one answer or event */
#define LINE_BYTES_MIN	65536u		/* read at a time */

struct korora {
	int	  fd;
	json_int_t id;			/* of the latest request */
	char	 *buf;			/* received, not yet used up */
	size_t	  n, size;
};

static void autojson(json_t **j)
{
	json_decref(*j);
}

struct korora *korora_open(const char *root)
{
	char path[PATH_MAX];
	struct korora *k;
	int fd;

	if (snprintf(path, sizeof(path), "%s/run/korora/api.sock",
		     root ? root : "") >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = kr_unix_connect(path);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	k = calloc(1, sizeof(*k));
	if (!k) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	k->fd = fd;
	return k;
}

void korora_close(struct korora *k)
{
	if (!k)
		return;
	kr_fd_close(&k->fd);
	free(k->buf);
	free(k);
}

static int send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Make room for LINE_BYTES_MIN more. */
static int grow(struct korora *k)
{
	size_t size = k->size ? 2 * k->size : 2 * LINE_BYTES_MIN;
	char *p;

	if (k->size - k->n >= LINE_BYTES_MIN)
		return 0;
	if (k->n > LINE_BYTES_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	p = realloc(k->buf, size);
	if (!p)
		return -1;
	k->buf = p;
	k->size = size;
	return 0;
}

/* The length of the first whole line in the buffer, its newline included. */
static ssize_t read_line(struct korora *k)
{
	size_t seen = 0;

	for (;;) {
		const char *nl;
		ssize_t r;

		nl = k->n > seen ? memchr(k->buf + seen, '\n', k->n - seen)
				 : NULL;
		if (nl)
			return nl - k->buf + 1;
		seen = k->n;
		if (grow(k))
			return -1;
		r = recv(k->fd, k->buf + k->n, k->size - k->n, 0);
		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			errno = ECONNRESET;
		if (r <= 0)
			return -1;
		k->n += (size_t)r;
	}
}

/* Receive one object that answers the request under way. */
static json_t *receive(struct korora *k)
{
	ssize_t n = read_line(k);
	json_t *j;

	if (n < 0)
		return NULL;
	j = json_loadb(k->buf, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	k->n -= (size_t)n;
	memmove(k->buf, k->buf + n, k->n);
	if (!json_is_object(j) ||
	    json_integer_value(json_object_get(j, "id")) != k->id) {
		json_decref(j);
		errno = EPROTO;
		return NULL;
	}
	return j;
}

static int request(struct korora *k, const char *method, const char *params)
{
	KR_AUTO(autojson) json_t *p = params ? json_loads(params, 0, NULL)
					     : json_object();
	KR_AUTO(autojson) json_t *req = NULL;
	KR_AUTOFREE char *text = NULL;
	size_t n;

	if (!json_is_object(p)) {
		errno = EINVAL;
		return -1;
	}
	req = json_pack("{s:I, s:s, s:O}", "id", ++k->id, "method", method,
			"params", p);
	text = req ? json_dumps(req, JSON_COMPACT) : NULL;
	if (!text) {
		errno = EINVAL;
		return -1;
	}
	n = strlen(text);
	text[n] = '\n';	/* the NUL's place: the line leaves in one piece */
	return send_all(k->fd, text, n + 1);
}

static void tell(json_t *event, void (*fn)(const char *, void *), void *arg)
{
	KR_AUTOFREE char *text = json_dumps(event, JSON_COMPACT |
							 JSON_ENCODE_ANY);

	if (text)
		fn(text, arg);
}

char *korora_call(struct korora *k, const char *method, const char *params,
		  void (*on_event)(const char *json, void *arg), void *arg)
{
	if (request(k, method, params))
		return NULL;
	for (;;) {
		KR_AUTO(autojson) json_t *j = receive(k);
		json_t *event;
		char *text;

		if (!j)
			return NULL;
		event = json_object_get(j, "event");
		if (event) {
			if (on_event)
				tell(event, on_event, arg);
			continue;
		}
		if (!json_object_get(j, "result") ==
		    !json_is_object(json_object_get(j, "error"))) {
			errno = EPROTO;
			return NULL;
		}
		json_object_del(j, "id");
		text = json_dumps(j, JSON_COMPACT);
		if (!text)
			errno = ENOMEM;
		return text;
	}
}
