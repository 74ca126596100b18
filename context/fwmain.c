/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwmain.c - the agent of VMs' firewalls, korora-context: it alone has
 * CAP_NET_ADMIN and libnftables, and nothing else. It writes rules from
 * definitions' lines, which it parses itself, into tables that are VMs' own.
 */
#include <nftables/libnftables.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "context/ctload.h"
#include "context/fwtable.h"

static struct kr_loop *loop;
static struct kr_chan chan;
static struct nft_ctx *nft;

/* ---- nft --------------------------------------------------------------- */

/* What nft printed is in its buffer; the first line of why it would not. */
static int run(const char *text, struct kr_err *e)
{
	char why[120];

	alarm(KR_FWMSG_MS / 1000);
	if (!nft_run_cmd_from_buffer(nft, text))
		return 0;
	snprintf(why, sizeof(why), "%s", nft_ctx_get_error_buffer(nft));
	why[strcspn(why, "\n")] = '\0';
	for (char *p = why; *p; p++)	/* it has quotation marks of UTF-8 */
		*p = *p < ' ' || *p > '~' ? '\'' : *p;
	return kr_fail(e, KR_E_FW_LOAD, "nft: %s", why[0] ? why : "no reason");
}

/* What nft prints of one table; it finds no second one in the same run. */
static int list(const char *family, const char *vm, struct kr_err *e)
{
	char text[160];

	snprintf(text, sizeof(text), "list table %s " KR_FWTABLE_PREFIX "%s",
		 family, vm);
	return run(text, e);
}

/* The connections of a zone end: they are nobody else's. */
static int end_connections(uint16_t zone, struct kr_err *e)
{
	const struct kr_ctleft left = { 0 };
	struct kr_ctset s = { .zone = zone };
	int r = kr_ctdump(zone, &s, &left, e);

	if (!r)
		r = kr_ctload_delete(&s, &left, e);
	kr_ctset_fini(&s);
	return r;
}

static int unload(const char *vm, struct kr_err *e)
{
	char text[512];
	uint16_t zone;
	int r;

	zone = list("inet", vm, NULL) ? 0 :
	       kr_fwtable_zone(nft_ctx_get_output_buffer(nft));
	snprintf(text, sizeof(text),
		 "add table inet " KR_FWTABLE_PREFIX "%s\n"
		 "delete table inet " KR_FWTABLE_PREFIX "%s\n"
		 "add table bridge " KR_FWTABLE_PREFIX "%s\n"
		 "delete table bridge " KR_FWTABLE_PREFIX "%s", vm, vm, vm, vm);
	r = run(text, e);
	return r || !zone ? r : end_connections(zone, e);
}

/* ---- orders ------------------------------------------------------------ */

/* Done, or why not. */
static int answer(const struct kr_err *why, struct kr_err *e)
{
	uint8_t buf[2 + 2 + KR_WHAT_BYTES];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	if (!why->code)
		return kr_chan_put(&chan, KR_FWMSG_DONE, NULL, e);
	kr_wr_u16(&w, (uint16_t)why->kr);
	kr_wr_str(&w, why->what);
	return kr_chan_put(&chan, KR_FWMSG_FAIL, &w, e);
}

/* A zone's number may have been another VM's, whose connections are over. */
static int on_load(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	static struct kr_fwload l;
	struct kr_err why = KR_ERR_NONE;
	KR_AUTOFREE char *text = NULL;
	int rc = kr_fwload_parse(r, &l, e);

	(void)arg, (void)fds, (void)n_fds;
	if (rc)
		return rc;
	if (!end_connections(l.zone, &why) &&
	    !kr_fwtable_load(&l, &text, &why))
		run(text, &why);
	return answer(&why, e);
}

/* That the tables are there is seen first: nft would make empty ones. */
static int on_wake(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	char vm[KR_VMDEF_NAME_MAX + 1], text[512];
	int rc = kr_fwmsg_name(r, vm, e);

	(void)arg, (void)fds, (void)n_fds;
	if (rc || !kr_rd_done(r))
		return rc ? rc : kr_fail(e, KR_E_AGENT_SPOKE, "malformed wake");
	if (!list("inet", vm, &why) && !list("bridge", vm, &why)) {
		snprintf(text, sizeof(text), "add table inet "
			 KR_FWTABLE_PREFIX "%s\nadd table bridge "
			 KR_FWTABLE_PREFIX "%s", vm, vm);
		run(text, &why);
	}
	return answer(&why, e);
}

static int on_unload(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		     struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	char vm[KR_VMDEF_NAME_MAX + 1];
	int rc = kr_fwmsg_name(r, vm, e);

	(void)arg, (void)fds, (void)n_fds;
	if (rc || !kr_rd_done(r))
		return rc ? rc :
			    kr_fail(e, KR_E_AGENT_SPOKE, "malformed unload");
	unload(vm, &why);
	return answer(&why, e);
}

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg, (void)e;
	kr_loop_stop(loop, 0);
}

static const struct kr_grant grants[] = {
	{ KR_FWMSG_LOAD, KR_FWMSG_BODY_MAX, 0, "load", on_load },
	{ KR_FWMSG_WAKE, KR_FWMSG_BODY_MAX, 0, "wake", on_wake },
	{ KR_FWMSG_UNLOAD, KR_FWMSG_BODY_MAX, 0, "unload", on_unload },
};

/* Its socket is made, and files that it reads are read, before the jail. */
static int open_nft(struct kr_err *e)
{
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft || nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft))
		return kr_fail(e, KR_E_FW_LOAD, "libnftables does not start");
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_NUMERIC_ALL);
	return run("list tables", e);
}

int main(int argc, char **argv)
{
	static const int calls[] = {
	/* what libnftables and libmnl do with their netlink sockets */
	SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(bind),
	SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(sysinfo),
	SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(alarm),
	};
	static const struct kr_jail jail = {
		.calls = calls, .n_calls = sizeof(calls) / sizeof(calls[0]),
		.net_admin = true,
	};
	struct kr_err e = KR_ERR_NONE;

	chan = (struct kr_chan){ .grants = grants, .gone = gone,
				 .n_grants = sizeof(grants) /
					     sizeof(grants[0]) };
	signal(SIGALRM, SIG_DFL);
	if (kr_agent_init("korora-context", argc, argv, &loop, &e) ||
	    open_nft(&e) || kr_chan_open(loop, &chan, KR_AGENT_FD, &e) ||
	    kr_jail_enter(&jail, &e)) {
		kr_log_err(KR_LOG_ERROR, "start", &e);
		return 1;
	}
	kr_loop_run(loop);
	kr_chan_close(&chan);
	nft_ctx_free(nft);
	kr_loop_free(loop);
	return 0;
}
