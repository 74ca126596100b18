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

static void end(struct kr_tpmasked *k, const struct kr_tpmsaid *s,
		const struct kr_err *e)
{
	kr_tpmasked_stop(k);
	k->done(k->arg, s, e);
}

static int on_quoted(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		     struct kr_err *e)
{
	struct kr_tpmquoted q;
	int rc = kr_tpmquoted_parse(r, &q, e);

	(void)fds, (void)n_fds;
	if (!rc)
		end(arg, &(struct kr_tpmsaid){ .quoted = &q }, NULL);
	return rc;
}

static int on_enrolled(void *arg, struct kr_rd *r, int *fds,
		       unsigned int n_fds, struct kr_err *e)
{
	struct kr_tpmmaterial m;
	int rc = kr_tpmmaterial_parse(r, &m, e);

	(void)fds, (void)n_fds;
	if (!rc)
		end(arg, &(struct kr_tpmsaid){ .material = &m }, NULL);
	return rc;
}

static int on_activated(void *arg, struct kr_rd *r, int *fds,
			unsigned int n_fds, struct kr_err *e)
{
	struct kr_tpmsecret s;
	int rc = kr_tpmsecret_parse(r, &s, e);

	(void)fds, (void)n_fds;
	if (!rc)
		end(arg, &(struct kr_tpmsaid){ .secret = &s }, NULL);
	kr_wipe(&s, sizeof(s));
	return rc;
}

static int on_sealed(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		     struct kr_err *e)
{
	struct kr_tpmseal s;
	int rc = kr_tpmsealed_parse(r, &s, e);

	(void)fds, (void)n_fds;
	if (!rc)
		end(arg, &(struct kr_tpmsaid){ .sealed = &s }, NULL);
	return rc;
}

/* The bytes are the channel's, which wipes them. */
static int on_unsealed(void *arg, struct kr_rd *r, int *fds,
		       unsigned int n_fds, struct kr_err *e)
{
	uint8_t key[KR_TPMSEAL_KEY_BYTES];
	const uint8_t *b = kr_rd_take(r, sizeof(key));

	(void)fds, (void)n_fds;
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed key");
	memcpy(key, b, sizeof(key));
	end(arg, &(struct kr_tpmsaid){ .key = key }, NULL);
	kr_wipe(key, sizeof(key));
	return 0;
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	enum kr_code kr = kr_rd_u16(r);
	struct kr_err why = KR_ERR_NONE;
	char what[sizeof(why.what)];

	(void)fds, (void)n_fds;
	kr_rd_str(r, what, sizeof(what));
	if (!kr_rd_done(r) || !kr || !kr_code_find(kr))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed failure");
	kr_fail(&why, kr, "%s", what);
	end(arg, NULL, &why);
	return 0;
}

static void on_gone(void *arg, const struct kr_err *e)
{
	end(arg, NULL, e);
}

/* The answers to each question: what was asked for, or why not. */
#define ANSWERS(type, name, fn) { \
	{ type, KR_TPMMSG_BODY_MAX, 0, name, fn }, \
	{ KR_TPMMSG_FAIL, KR_TPMMSG_BODY_MAX, 0, "fail", on_fail } }
static const struct kr_grant answers[][2] = {
	[KR_TPMMSG_QUOTE] = ANSWERS(KR_TPMMSG_QUOTED, "quoted", on_quoted),
	[KR_TPMMSG_ENROL] = ANSWERS(KR_TPMMSG_ENROLLED, "enrolled",
				    on_enrolled),
	[KR_TPMMSG_ACTIVATE] = ANSWERS(KR_TPMMSG_ACTIVATED, "activated",
				       on_activated),
	[KR_TPMMSG_SEAL] = ANSWERS(KR_TPMMSG_SEALED, "sealed", on_sealed),
	[KR_TPMMSG_UNSEAL] = ANSWERS(KR_TPMMSG_UNSEALED, "unsealed",
				     on_unsealed),
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

static int ask(struct kr_host *h, struct kr_tpmasked *k, enum kr_tpmmsg what,
	       const struct kr_wr *w, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	int r = open_tpm(h->cfg.tpm, &fd, e);

	if (r)
		return r;
	k->chan = (struct kr_chan){
		.io.fd = -1, .grants = answers[what], .n_grants = 2,
		.gone = on_gone, .arg = k,
	};
	r = kr_spawn_agent(h, "korora-tpm", &k->chan, &k->pid, e);
	if (r)
		return r;
	r = kr_chan_put_fds(&k->chan, (uint16_t)what, w, &fd, 1, e);
	if (r)
		kr_tpmasked_stop(k);
	return r;
}

int kr_tpmasked_quote(struct kr_host *h, struct kr_tpmasked *k,
		      const struct kr_tpmask *a, struct kr_err *e)
{
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_tpmask_put(&w, a);
	return ask(h, k, KR_TPMMSG_QUOTE, &w, e);
}

int kr_tpmasked_enrol(struct kr_host *h, struct kr_tpmasked *k,
		      struct kr_err *e)
{
	uint8_t nothing[1];
	struct kr_wr w = KR_WR(nothing, 0);

	return ask(h, k, KR_TPMMSG_ENROL, &w, e);
}

int kr_tpmasked_activate(struct kr_host *h, struct kr_tpmasked *k,
			 const struct kr_tpmcredential *c, struct kr_err *e)
{
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_tpmcredential_put(&w, c);
	return ask(h, k, KR_TPMMSG_ACTIVATE, &w, e);
}

int kr_tpmasked_seal(struct kr_host *h, struct kr_tpmasked *k,
		     const struct kr_tpmkeep *what, struct kr_err *e)
{
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int r;

	kr_tpmkeep_put(&w, what);
	r = ask(h, k, KR_TPMMSG_SEAL, &w, e);
	kr_wipe(buf, sizeof(buf));
	return r;
}

int kr_tpmasked_unseal(struct kr_host *h, struct kr_tpmasked *k,
		       const struct kr_tpmseal *s, struct kr_err *e)
{
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_tpmseal_put(&w, s);
	return ask(h, k, KR_TPMMSG_UNSEAL, &w, e);
}

void kr_tpmasked_stop(struct kr_tpmasked *k)
{
	kr_chan_close(&k->chan);
}
