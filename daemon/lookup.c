/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.c - asks korora-lookup for an address. Runs in kororad, for dial.c.
 * An agent that is stopped meanwhile ends by itself (KR_LOOKUP_MS).
 */
#include "daemon/lookup.h"

#include "daemon/spawn.h"

static void end(struct kr_lookup *k, const struct kr_lookupfound *f,
		const struct kr_err *e)
{
	kr_lookup_stop(k);
	k->done(k->arg, f, e);
}

static int on_found(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	struct kr_lookupfound f;
	int rc = kr_lookupfound_parse(r, &f, e);

	(void)fds;
	(void)n_fds;
	if (!rc)
		end(arg, &f, NULL);
	return rc;
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	char what[KR_LOOKUP_WHAT_MAX];
	struct kr_err why = KR_ERR_NONE;

	(void)fds;
	(void)n_fds;
	kr_rd_str(r, what, sizeof(what));
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed failure");
	kr_fail(&why, KR_E_NO_ADDRESS, "%s", what);
	end(arg, NULL, &why);
	return 0;
}

static void on_gone(void *arg, const struct kr_err *e)
{
	end(arg, NULL, e);
}

static const struct kr_grant grants[] = {
	{ KR_LOOKUP_FOUND, KR_LOOKUP_BODY_MAX, 0, "found", on_found },
	{ KR_LOOKUP_FAIL, KR_LOOKUP_BODY_MAX, 0, "fail", on_fail },
};

int kr_lookup_start(struct kr_host *h, struct kr_lookup *k, const char *name,
		    struct kr_err *e)
{
	uint8_t buf[KR_LOOKUP_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int r;

	k->chan = (struct kr_chan){
		.io.fd = -1, .grants = grants, .gone = on_gone, .arg = k,
		.n_grants = sizeof(grants) / sizeof(grants[0]),
	};
	r = kr_spawn_agent(h, "korora-lookup", &k->chan, &k->pid, e);
	if (r)
		return r;
	kr_wr_str(&w, name);
	r = kr_chan_put(&k->chan, KR_LOOKUP_ASK, &w, e);
	if (r)
		kr_lookup_stop(k);
	return r;
}

void kr_lookup_stop(struct kr_lookup *k)
{
	kr_chan_close(&k->chan);
}
