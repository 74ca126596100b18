/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookupmain.c - the look-up agent, korora-lookup: one process for one name
 * that kororad has to connect to. The resolver may block, and parses what
 * strangers answer, so neither happens where the host's key is.
 *
 * The resolver opens files, sockets and libraries as the system's
 * configuration has it, so there is no empty root and no allow-list of calls
 * for this agent; it has no privileges, may write and execute no file, and
 * cannot reach another process.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "wire/lookupmsg.h"

static struct kr_loop *loop;
static struct kr_chan chan;

static bool take(const struct addrinfo *a, struct kr_lookupfound *f)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	memset(f, 0, sizeof(*f));
	if (a->ai_family == AF_INET && a->ai_addrlen == sizeof(four)) {
		memcpy(&four, a->ai_addr, sizeof(four));
		f->n_bytes = 4;
		memcpy(f->bytes, &four.sin_addr, 4);
		return true;
	}
	if (a->ai_family == AF_INET6 && a->ai_addrlen == sizeof(six)) {
		memcpy(&six, a->ai_addr, sizeof(six));
		f->n_bytes = 16;
		memcpy(f->bytes, &six.sin6_addr, 16);
		f->scope = six.sin6_scope_id;
		return true;
	}
	return false;
}

static int on_ask(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		  struct kr_err *e)
{
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM }, *all = NULL;
	char name[KR_LOOKUP_NAME_MAX];
	uint8_t buf[KR_LOOKUP_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_lookupfound f;
	int err;

	(void)arg, (void)fds, (void)n_fds;
	kr_rd_str(r, name, sizeof(name));
	if (!kr_rd_done(r) || !name[0])
		return kr_fail(e, KR_E_MALFORMED, "malformed question");
	err = getaddrinfo(name, NULL, &hint, &all);
	kr_loop_stop(loop, 0);
	for (const struct addrinfo *a = all; a; a = a->ai_next) {
		if (!take(a, &f))
			continue;
		kr_lookupfound_put(&w, &f);
		return kr_chan_put(&chan, KR_LOOKUP_FOUND, &w, e);
	}
	kr_wr_str(&w, err ? gai_strerror(err) : "no address of a known kind");
	return kr_chan_put(&chan, KR_LOOKUP_FAIL, &w, e);
}

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg, (void)e;
	kr_loop_stop(loop, 0);
}

static const struct kr_grant grants[] = {
	{ KR_LOOKUP_ASK, KR_LOOKUP_BODY_MAX, 0, "ask", on_ask },
};

int main(int argc, char **argv)
{
	struct kr_err e = KR_ERR_NONE;

	chan = (struct kr_chan){ .grants = grants, .n_grants = 1,
				 .gone = gone };
	/* whoever asked has long given up: this process, too */
	signal(SIGALRM, SIG_DFL);
	alarm(KR_LOOKUP_MS / 1000);
	if (kr_agent_init("korora-lookup", argc, argv, &loop, &e) ||
	    kr_jail_unprivileged(&e) ||
	    kr_chan_open(loop, &chan, KR_AGENT_FD, &e)) {
		kr_log_err(KR_LOG_ERROR, "start", &e);
		return 1;
	}
	kr_loop_run(loop);
	kr_chan_close(&chan);
	kr_loop_free(loop);
	return 0;
}
