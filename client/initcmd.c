/* SPDX-License-Identifier: Apache-2.0 */
/*
 * initcmd.c - korora init: this host's key, certificate, folders, a first
 * korora.conf and a first policy. Works on files alone, before kororad first
 * starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/commands.h"
#include "evidence/fingerprint.h"
#include "evidence/identity.h"
#include "policy/bundle.h"

static const char conf_text[] =
	"# korora.conf - see korora.conf(5). What is commented out is the "
	"default.\n"
	"\n"
	"[host]\n"
	"# listen = 0.0.0.0:7300\n"
	"# address = 192.0.2.6:7300\n"
	"# agent_user = nobody\n"
	"# peer_timeout_s = 10\n"
	"# max_unproved = 32\n"
	"\n"
	"# NAME = DIR: where this host keeps the storage that VMs call NAME\n"
	"[storage]\n"
	"# images = /srv/images\n"
	"\n"
	"# NAME = BRIDGE: this host's bridge into the network NAME\n"
	"[network]\n"
	"# lan = br0\n"
	"\n"
	"# how migrations from here use memory and disk to send less\n"
	"[plane]\n"
	"# lanes = 4\n"
	"# memory_mb = 128\n"
	"# page_cache_mb = 0\n"
	"# padding = 0\n"
	"# postcopy = on\n"
	"\n"
	"[qemu]\n"
	"# binary = /usr/bin/qemu-system-x86_64\n";

struct init {
	const char *name, *request, *cert;
	char	    dir[PATH_MAX];	/* etc/korora */
	char	    crt[PATH_MAX];
	char	    policy[PATH_MAX];	/* etc/korora/policy.d */
	char	   *first_policy;	/* its text, if there is none yet */
	size_t	    first_policy_bytes;
};

#define POLICY_BYTES_MAX	65536u	/* of the one that is shipped */

static int make_dir(const struct kr_cli *c, const char *below,
		    unsigned int mode, char out[PATH_MAX], struct kr_err *e)
{
	int r = kr_cli_path(c, below, out, e);

	if (r)
		return r;
	r = kr_mkdirs(out, mode);
	if (r)
		return kr_fail(e, KR_E_SYSTEM, "cannot make %s: %s", out,
			       strerror(-r));
	return 0;
}

static int make_dirs(const struct kr_cli *c, struct init *in, struct kr_err *e)
{
	char state[PATH_MAX];
	int r = make_dir(c, "/etc/korora", 0755, in->dir, e);

	if (!r)
		r = make_dir(c, "/var/lib", 0755, state, e);
	if (!r)
		r = make_dir(c, "/var/lib/korora", 0700, state, e);
	return r ? r : make_dir(c, "/etc/korora/policy.d", 0755, in->policy,
				e);
}

static int make_conf(const struct kr_cli *c, struct kr_err *e)
{
	char path[PATH_MAX];
	int r = kr_cli_path(c, "/etc/korora/korora.conf", path, e);

	if (r || !access(path, F_OK))
		return r;
	r = kr_write_file(path, conf_text, sizeof(conf_text) - 1, 0644);
	if (r)
		return kr_fail(e, KR_E_SYSTEM, "cannot write %s: %s", path,
			       strerror(-r));
	return 0;
}

/* The shipped standard policy. */
static int read_policy(struct init *in, struct kr_err *e)
{
	const char *data = getenv("KORORA_DATA");
	char from[PATH_MAX];
	int r;

	if (snprintf(from, sizeof(from), "%s/policies/standard.policy",
		     data && data[0] ? data : KR_DATA) >= (int)sizeof(from))
		return kr_fail(e, KR_E_LIMIT, "KORORA_DATA is too long");
	r = kr_read_file(from, POLICY_BYTES_MAX, &in->first_policy,
			 &in->first_policy_bytes);
	if (r)
		return kr_fail(e, KR_E_SYSTEM, "cannot read %s: %s", from,
			       strerror(-r));
	return 0;
}

static int make_policy(const struct kr_cli *c, const struct init *in,
		       struct kr_err *e)
{
	char to[PATH_MAX];
	int r;

	if (!in->first_policy)
		return 0;
	r = kr_cli_path(c, "/etc/korora/policy.d/standard.policy", to, e);
	if (r)
		return r;
	r = kr_write_file(to, in->first_policy, in->first_policy_bytes, 0644);
	if (r)
		return kr_fail(e, KR_E_SYSTEM, "cannot write %s: %s", to,
			       strerror(-r));
	return 0;
}

static int load(const struct init *in, struct kr_identity **ret,
		struct kr_err *e)
{
	KR_AUTO(kr_identity_autofree) struct kr_identity *id = NULL;
	int r = kr_identity_load(in->dir, &id, e);

	if (r)
		return r;
	if (strcmp(kr_identity_name(id), in->name))
		return kr_fail(e, KR_E_EXISTS, "this host's identity is %s, "
			       "not %s", kr_identity_name(id), in->name);
	*ret = id;
	id = NULL;
	return 0;
}

static int write_request(const struct init *in, const struct kr_identity *id,
			 struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = -1;
	KR_AUTOFREE char *pem = NULL;
	int r = kr_identity_csr(id, &pem, e);

	if (r)
		return r;
	/* O_EXCL: it may be any file, and init overwrites none */
	fd = open(in->request, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return kr_fail(e, KR_E_EXISTS, "%s", in->request);
	if (fd < 0 || write(fd, pem, strlen(pem)) != (ssize_t)strlen(pem))
		return kr_fail(e, KR_E_SYSTEM, "cannot write %s: %s",
			       in->request, strerror(errno));
	return 0;
}

static int install(const struct init *in, struct kr_identity *id,
		   struct kr_err *e)
{
	KR_AUTOFREE char *pem = NULL;
	int r = kr_read_file(in->cert, KR_PUBKEY_FILE_MAX, &pem, NULL);

	if (r)
		return kr_fail(e, KR_E_KEY_FILE, "%s: %s", in->cert,
			       r == -E2BIG ? "too long" : strerror(-r));
	return kr_identity_install_cert(id, in->dir, pem, e);
}

/* What is there, and all that can be refused before anything is made. A policy
 * of people's own making, under whatever name, is left alone.
 */
static int look(const struct kr_cli *c, struct init *in,
		struct kr_identity **ret_id, struct kr_err *e)
{
	int r = kr_cli_path(c, "/etc/korora", in->dir, e);

	if (!r)
		r = kr_cli_path(c, "/etc/korora/" KR_IDENTITY_CERT_FILE,
				in->crt, e);
	if (!r)
		r = kr_cli_path(c, "/etc/korora/policy.d", in->policy, e);
	if (!r && (in->cert || !access(in->crt, F_OK)))
		r = load(in, ret_id, e);
	if (!r && in->request && !access(in->request, F_OK))
		r = kr_fail(e, KR_E_EXISTS, "%s", in->request);
	if (!r && !kr_bundle_any(in->policy))
		r = read_policy(in, e);
	return r;
}

/*
 * The identity, made now unless this call is about one that exists: a request,
 * a certificate, or the policy of a host that had none yet.
 */
static int make_identity(struct init *in, struct kr_identity **io_id,
			 struct kr_err *e)
{
	int r;

	if (*io_id && (in->cert || in->request || in->first_policy))
		return 0;
	r = kr_identity_create(in->dir, in->name, e);
	return r ? r : load(in, io_id, e);
}

static int init(const struct kr_cli *c, struct init *in,
		struct kr_identity **ret_id, struct kr_err *e)
{
	int r = look(c, in, ret_id, e);

	if (r || (r = make_dirs(c, in, e)) ||
	    (r = make_identity(in, ret_id, e)))
		return r;
	if (in->request)
		r = write_request(in, *ret_id, e);
	else if (in->cert)
		r = install(in, *ret_id, e);
	if (!r)
		r = make_policy(c, in, e);
	return r ? r : make_conf(c, e);
}

static void tell(const struct kr_cli *c, const struct init *in,
		 const struct kr_identity *id)
{
	char fp[KR_FINGERPRINT_BYTES];
	KR_AUTO(kr_cli_decref) json_t *j = NULL;

	kr_fingerprint_put(kr_identity_keyid(id), fp);
	j = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "name", in->name,
		      "fingerprint", fp, "certificate", in->crt, "policy",
		      in->policy, "request", in->request);
	kr_cli_result(c, j);
	if (c->json)
		return;
	printf("this host is %s\nfingerprint  %s\ncertificate  %s\n"
	       "policy       %s\n", in->name, fp, in->crt, in->policy);
	if (in->request)
		printf("request      %s\n", in->request);
	if (in->cert)
		printf("restart kororad to use the new certificate\n");
	else
		printf("enrol it elsewhere: korora host add %s ADDRESS "
		       "--fingerprint %s\n", in->name, fp);
}

int kr_initcmd(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_identity_autofree) struct kr_identity *id = NULL;
	const char *name[2] = { NULL }, *request[2] = { NULL };
	const char *cert[2] = { NULL };
	const struct kr_option opts[] = {
		{ .name = "name", .values = name, .max = 1 },
		{ .name = "ca-request", .values = request, .max = 1 },
		{ .name = "cert", .values = cert, .max = 1 },
	};
	struct kr_err e = KR_ERR_NONE;
	struct init in;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 0, 0, NULL);

	if (r)
		return r;
	if (!name[0])
		return kr_cli_usage(c, "--name is missing");
	if (request[0] && cert[0])
		return kr_cli_usage(c, "either --ca-request or --cert");
	in = (struct init){ .name = name[0], .request = request[0],
			    .cert = cert[0] };
	r = init(c, &in, &id, &e);
	free(in.first_policy);
	if (r)
		return kr_cli_fail(c, &e);
	tell(c, &in, id);
	return 0;
}
