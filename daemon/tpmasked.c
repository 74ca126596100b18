/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpmasked.c - asks korora-tpm. Runs in kororad, which opens the TPM and does
 * not read a byte of it.
 */
#include "daemon/tpmasked.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/spawn.h"

static void end(struct kr_tpmasked *k, const struct kr_tpmquoted *q,
		const struct kr_err *e)
{
	kr_tpmasked_stop(k);
	k->done(k->arg, q, e);
}

static int on_quoted(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		     struct kr_err *e)
{
	struct kr_tpmquoted q;
	int rc = kr_tpmquoted_parse(r, &q, e);

	(void)fds, (void)n_fds;
	if (!rc)
		end(arg, &q, NULL);
	return rc;
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	char what[KR_TPMMSG_WHAT_MAX];
	struct kr_err why = KR_ERR_NONE;

	(void)fds, (void)n_fds;
	kr_rd_str(r, what, sizeof(what));
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed failure");
	kr_fail(&why, KR_E_TPM, "%s", what);
	end(arg, NULL, &why);
	return 0;
}

static void on_gone(void *arg, const struct kr_err *e)
{
	end(arg, NULL, e);
}

static const struct kr_grant grants[] = {
	{ KR_TPMMSG_QUOTED, KR_TPMMSG_BODY_MAX, 0, "quoted", on_quoted },
	{ KR_TPMMSG_FAIL, KR_TPMMSG_BODY_MAX, 0, "fail", on_fail },
};

bool kr_tpmasked_configured(const struct kr_host *h)
{
	return h->cfg.tpm[0];
}

/* "device:PATH" or "swtpm:PATH", as config.c took it. */
static int open_tpm(const char *tpm, int *ret_fd, struct kr_err *e)
{
	const char *path = strchr(tpm, ':') + 1;
	bool device = tpm[0] == 'd';
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	struct stat st;

	fd = device ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) :
		      kr_unix_connect(path);
	if (fd < 0)
		return kr_fail(e, KR_E_TPM, "%.64s: %s", path,
			       strerror(device ? errno : -fd));
	if (device && (fstat(fd, &st) || !S_ISCHR(st.st_mode)))
		return kr_fail(e, KR_E_TPM, "%.64s is no device", path);
	*ret_fd = kr_fd_take(&fd);
	return 0;
}

int kr_tpmasked_quote(struct kr_host *h, struct kr_tpmasked *k,
		      const struct kr_tpmask *a, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int r = open_tpm(h->cfg.tpm, &fd, e);

	if (r)
		return r;
	k->chan = (struct kr_chan){
		.io.fd = -1, .grants = grants, .gone = on_gone, .arg = k,
		.n_grants = sizeof(grants) / sizeof(grants[0]),
	};
	r = kr_spawn_agent(h, "korora-tpm", &k->chan, &k->pid, e);
	if (r)
		return r;
	kr_tpmask_put(&w, a);
	r = kr_chan_put_fds(&k->chan, KR_TPMMSG_QUOTE, &w, &fd, 1, e);
	if (r)
		kr_tpmasked_stop(k);
	return r;
}

void kr_tpmasked_stop(struct kr_tpmasked *k)
{
	kr_chan_close(&k->chan);
}
