/* SPDX-License-Identifier: Apache-2.0 */
/*
 * initcmd.c - korora init: this host's key, certificate, folders and a first
 * korora.conf. Works on files alone, before kororad first starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/commands.h"
#include "evidence/fingerprint.h"
#include "evidence/identity.h"

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
	"\n"
	"[qemu]\n"
	"# binary = /usr/bin/qemu-system-x86_64\n";

struct init {
	const char *name, *request, *cert;
	char	    dir[PATH_MAX];	/* etc/korora */
	char	    crt[PATH_MAX];
};

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
		r = kr_cli_path(c, "/etc/korora/" KR_IDENTITY_CERT_FILE,
				in->crt, e);
	if (!r)
		r = make_dir(c, "/var/lib", 0755, state, e);
	return r ? r : make_dir(c, "/var/lib/korora", 0700, state, e);
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

/* The identity, made now unless this call is about one that exists. */
static int make_identity(struct init *in, struct kr_identity **ret_id,
			 struct kr_err *e)
{
	bool there = !access(in->crt, F_OK);
	int r = 0;

	if (!in->cert && !(in->request && there))
		r = kr_identity_create(in->dir, in->name, e);
	return r ? r : load(in, ret_id, e);
}

static int init(const struct kr_cli *c, struct init *in,
		struct kr_identity **ret_id, struct kr_err *e)
{
	int r = make_dirs(c, in, e);

	if (r || (r = make_identity(in, ret_id, e)) || (r = make_conf(c, e)))
		return r;
	if (in->request)
		return write_request(in, *ret_id, e);
	return in->cert ? install(in, *ret_id, e) : 0;
}

static void tell(const struct kr_cli *c, const struct init *in,
		 const struct kr_identity *id)
{
	char fp[KR_FINGERPRINT_BYTES];
	KR_AUTO(kr_cli_decref) json_t *j = NULL;

	kr_fingerprint_put(kr_identity_keyid(id), fp);
	j = json_pack("{s:s, s:s, s:s, s:s*}", "name", in->name, "fingerprint",
		      fp, "certificate", in->crt, "request", in->request);
	kr_cli_result(c, j);
	if (c->json)
		return;
	printf("this host is %s\nfingerprint  %s\ncertificate  %s\n", in->name,
	       fp, in->crt);
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
	if (init(c, &in, &id, &e))
		return kr_cli_fail(c, &e);
	tell(c, &in, id);
	return 0;
}
