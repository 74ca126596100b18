/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.c - the local API's socket, its clients and its table of methods.
 * Runs in kororad; a request is bounded before it is parsed.
 */
#include "daemon/api.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/authorise.h"
#include "daemon/consent.h"
#include "daemon/policy.h"

struct kr_client {
	struct kr_client *next;
	struct kr_host	 *host;
	struct kr_io	  io;
	struct kr_timer	  reap;
	uint64_t	  serial;
	json_int_t	  id;		/* of the request being answered */
	bool		  busy, dead;
	char		  user[64];
	uid_t		  uid;
	size_t		  n_in, n_out, size_out;
	char		 *out;
	char		  in[KR_API_LINE_MAX + 1];
};

static const struct {
	const char *name;
	kr_api_fn   fn;
	const char *keys;
	enum kr_tp  tp;		/* none without one */
	enum kr_api_item item;
} methods[] = {
#define X(name, fn, keys, item) \
	{ name, kr_api_##fn, keys, KR_TP_##fn, KR_API_##item },
	KR_API_METHODS(X)
#undef X
};

/* ---- a client's life --------------------------------------------------- */

static void on_reap(void *arg)
{
	struct kr_client *c = arg, **p = &c->host->clients;

	while (*p && *p != c)
		p = &(*p)->next;
	if (*p)
		*p = c->next;
	free(c->out);
	free(c);
}

static void end(struct kr_client *c)
{
	if (c->dead)
		return;
	c->dead = true;
	kr_io_del(&c->io);
	kr_fd_close(&c->io.fd);
	kr_timer_arm(c->host->loop, &c->reap, 0);
}

static struct kr_client *find(struct kr_host *h, uint64_t serial)
{
	for (struct kr_client *c = h->clients; c; c = c->next)
		if (c->serial == serial && !c->dead)
			return c;
	return NULL;
}

static void flush(struct kr_client *c)
{
	ssize_t n = c->n_out ? send(c->io.fd, c->out, c->n_out,
				    MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

	if (n < 0 && errno != EAGAIN) {
		end(c);
		return;
	}
	if (n > 0) {
		c->n_out -= (size_t)n;
		memmove(c->out, c->out + n, c->n_out);
	}
	kr_io_want(&c->io, EPOLLIN | (c->n_out ? EPOLLOUT : 0));
}

static void say(struct kr_client *c, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));
	size_t n = text ? strlen(text) : 0;

	json_decref(o);
	if (text && c->n_out + n + 1 > c->size_out) {
		size_t size = c->n_out + n + 4096;
		char *p = size <= KR_API_OUT_MAX ? realloc(c->out, size) :
						   NULL;

		if (!p) {	/* it does not read: it will not be missed */
			free(text);
			end(c);
			return;
		}
		c->out = p;
		c->size_out = size;
	}
	if (text) {
		memcpy(c->out + c->n_out, text, n);
		c->out[c->n_out + n] = '\n';
		c->n_out += n + 1;
	}
	free(text);
	flush(c);
}

void kr_api_answer(struct kr_host *h, uint64_t client, json_t *result,
		   const struct kr_err *e)
{
	struct kr_client *c = find(h, client);

	if (!c || !c->busy) {
		json_decref(result);
		return;
	}
	c->busy = false;
	if (e && e->code)
		say(c, json_pack("{s:I, s:o}", "id", c->id, "error",
				 kr_mig_error(e)));
	else
		say(c, json_pack("{s:I, s:o}", "id", c->id, "result",
				 result ? json_incref(result) :
					  json_object()));
	json_decref(result);
}

void kr_api_event(struct kr_host *h, uint64_t client, json_t *event)
{
	struct kr_client *c = find(h, client);

	if (c && c->busy)
		say(c, json_pack("{s:I, s:O}", "id", c->id, "event", event));
	json_decref(event);
}

/* ---- requests ---------------------------------------------------------- */

/* Is @key one of the words of @keys? */
static bool allowed(const char *keys, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = keys; n && (p = strstr(p, key)); p += n)
		if ((p == keys || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

static int check_keys(json_t *params, const char *keys, struct kr_err *e)
{
	const char *key;
	json_t *v;

	json_object_foreach(params, key, v)
		if (!allowed(keys, key))
			return kr_fail(e, KR_E_USAGE, "no parameter %.40s",
				       key);
	return 0;
}

/* What is over at once: its changes and their entry in the log, or neither. */
static int at_once(struct kr_request *q, kr_api_fn fn, json_t **ret,
		   struct kr_err *e)
{
	struct kr_store *st = q->host->store;
	int r = kr_store_begin(st, e);

	if (r)
		return r;
	r = kr_consent_use(q, e);
	if (!r)
		r = fn(q, ret, e);
	if (r)
		kr_store_rollback(st);
	else
		r = kr_store_commit(st, e);
	if (r && q->procedure == kr_procedure(KR_TP_policy_reload))
		kr_policy_restore(q->host);
	return r;
}

static int call(struct kr_client *c, json_t *req, json_t **ret,
		struct kr_err *e)
{
	const char *method = json_string_value(json_object_get(req, "method"));
	json_t *params = json_object_get(req, "params");
	KR_AUTO(json_decrefp) json_t *none = json_object();
	struct kr_request q = { .host = c->host, .client = c->serial,
				.params = params ? params : none };
	int r;

	if (!method || !json_is_object(q.params))
		return kr_fail(e, KR_E_USAGE,
			       "a request has a method and an object params");
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, method))
			continue;
		snprintf(q.user, sizeof(q.user), "%s", c->user);
		q.uid = c->uid;
		r = kr_authorise(&q, methods[i].tp, methods[i].item, e);
		if (!r)
			r = check_keys(q.params, methods[i].keys, e);
		if (!r)
			r = kr_procedure_at_once(q.procedure) ?
			    at_once(&q, methods[i].fn, ret, e) :
			    methods[i].fn(&q, ret, e);
		free(q.request);
		return r;
	}
	return kr_fail(e, KR_E_USAGE, "no such method: %.40s", method);
}

static void request(struct kr_client *c, const char *line, size_t n)
{
	struct kr_err e = KR_ERR_NONE;
	json_t *result = NULL, *req;
	json_error_t je;
	int r;

	if (c->busy) {
		end(c);		/* one call at a time */
		return;
	}
	req = json_loadb(line, n, JSON_REJECT_DUPLICATES, &je);
	c->busy = true;
	c->id = json_integer_value(json_object_get(req, "id"));
	r = json_is_object(req) ? call(c, req, &result, &e) :
	    kr_fail(&e, KR_E_USAGE, "not a JSON object: %.80s", je.text);
	json_decref(req);
	if (r != KR_API_LATER)
		kr_api_answer(c->host, c->serial, result, r ? &e : NULL);
}

static void on_client(void *arg, uint32_t events)
{
	struct kr_client *c = arg;
	char *nl;
	ssize_t n;

	if (events & EPOLLOUT)
		flush(c);
	if (c->dead || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(c->io.fd, c->in + c->n_in, KR_API_LINE_MAX - c->n_in,
		 MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end(c);
		return;
	}
	c->n_in += (size_t)n;
	while (!c->dead && (nl = memchr(c->in, '\n', c->n_in))) {
		size_t used = (size_t)(nl - c->in) + 1;

		request(c, c->in, used - 1);
		c->n_in -= used;
		memmove(c->in, c->in + used, c->n_in);
	}
	if (!c->dead && c->n_in == KR_API_LINE_MAX) {
		struct kr_err e = KR_ERR_NONE;

		kr_fail(&e, KR_E_LIMIT, "a request is at most %u bytes",
			KR_API_LINE_MAX);
		c->busy = true;
		kr_api_answer(c->host, c->serial, NULL, &e);
		end(c);
	}
}

static void on_accept(void *arg, uint32_t events)
{
	struct kr_host *h = arg;
	struct ucred cred;
	socklen_t n = sizeof(cred);
	struct kr_client *c;
	unsigned int n_clients = 0, n_same = 0;
	struct passwd *pw;
	int fd = accept4(h->api.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n)) {
		close(fd);
		return;
	}
	for (c = h->clients; c; c = c->next) {
		n_clients++;
		n_same += c->uid == cred.uid;
	}
	c = n_clients < KR_API_CLIENTS_MAX &&
	    (!cred.uid || n_same < KR_API_CLIENTS_USER) ?
	    calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	pw = getpwuid(cred.uid);
	c->uid = cred.uid;
	if (pw)
		snprintf(c->user, sizeof(c->user), "%s", pw->pw_name);
	else
		snprintf(c->user, sizeof(c->user), "%u",
			 (unsigned int)cred.uid);
	c->host = h;
	c->serial = ++h->next_client;
	c->io = (struct kr_io){ .fd = fd, .fn = on_client, .arg = c };
	c->reap = (struct kr_timer){ .fn = on_reap, .arg = c };
	c->next = h->clients;
	h->clients = c;
	if (kr_io_add(h->loop, &c->io, EPOLLIN, NULL))
		end(c);
}

int kr_api_listen(struct kr_host *h, struct kr_err *e)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/api.sock", h->run);
	fd = kr_unix_listen(path, 0666);	/* roles decide, not modes */
	if (fd < 0)
		return kr_fail(e, KR_E_SYSTEM, "%s: %s", path, strerror(-fd));
	h->api = (struct kr_io){ .fd = fd, .fn = on_accept, .arg = h };
	return kr_io_add(h->loop, &h->api, EPOLLIN, e);
}

void kr_api_fini(struct kr_host *h)
{
	while (h->clients) {
		struct kr_client *c = h->clients;

		end(c);
		kr_timer_off(&c->reap);
		on_reap(c);
	}
	kr_io_del(&h->api);
	kr_fd_close(&h->api.fd);
}
