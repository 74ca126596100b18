/* SPDX-License-Identifier: Apache-2.0 */
/* vtpmkey.c - see vtpmkey.h. Runs in kororad. */
#include "daemon/vtpmkey.h"

#include <assert.h>
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define FILE_BYTES_MAX	(1u + KR_TPMSEAL_BYTES_MAX)

static_assert(KR_EMULATOR_KEY_BYTES == KR_TPMSEAL_KEY_BYTES,
	      "one is sealed as it is");

/* A key's file: how it is kept, a byte, and it. */
struct kept {
	enum kr_vtpmkept how;
	struct kr_tpmseal sealed;
	uint8_t		 key[KR_EMULATOR_KEY_BYTES];
};

static const char *const names[] = {
	[KR_VTPM_NOT_KEPT] = "none", [KR_VTPM_SEALED] = "sealed",
	[KR_VTPM_UNSEALED] = "unsealed",
};

const char *kr_vtpmkept_name(enum kr_vtpmkept k)
{
	return names[k];
}

void kr_vtpmkey_path(const struct kr_host *h, const char *vm,
		     const char *file, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/vtpm/%s/%s", h->lib, vm, file);
}

/* ---- the file ------------------------------------------------------------ */

/* @ret: how is KR_VTPM_NOT_KEPT if there is no such file. */
static int read_kept(const struct kr_host *h, const char *vm,
		     const char *file, struct kept *ret, struct kr_err *e)
{
	KR_AUTOFREE char *bytes = NULL;
	char path[PATH_MAX];
	struct kr_rd rd;
	size_t n;
	int r;

	memset(ret, 0, sizeof(*ret));
	kr_vtpmkey_path(h, vm, file, path);
	r = kr_read_file(path, FILE_BYTES_MAX, &bytes, &n);
	if (r == -ENOENT)
		return 0;
	if (r)
		return kr_fail(e, KR_E_VTPM_LOST, "%s: %s", path,
			       strerror(-r));
	rd = KR_RD((const uint8_t *)bytes, n);
	ret->how = kr_rd_u8(&rd);
	if (ret->how == KR_VTPM_SEALED)
		kr_tpmseal_get(&rd, &ret->sealed);
	else if (ret->how == KR_VTPM_UNSEALED)
		kr_rd_bytes(&rd, ret->key, sizeof(ret->key));
	else
		rd.bad = true;
	kr_wipe(bytes, n);
	return kr_rd_done(&rd) ? 0 :
	       kr_fail(e, KR_E_VTPM_LOST, "%s is not as it was written", path);
}

static int write_kept(const struct kr_host *h, const char *vm,
		      const struct kept *k, struct kr_err *e)
{
	uint8_t buf[FILE_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	char path[PATH_MAX];
	int r;

	kr_wr_u8(&w, (uint8_t)k->how);
	if (k->how == KR_VTPM_SEALED)
		kr_tpmseal_put(&w, &k->sealed);
	else
		kr_wr_bytes(&w, k->key, sizeof(k->key));
	kr_vtpmkey_path(h, vm, "", path);
	r = -kr_mkdirs(path, 0700);
	kr_vtpmkey_path(h, vm, "key.new", path);
	if (!r)
		r = -kr_write_file(path, buf, kr_wr_len(&w), 0600);
	kr_wipe(buf, sizeof(buf));
	return r ? kr_fail(e, KR_E_SYSTEM, "%s: %s", path, strerror(r)) : 0;
}

/* The one that counts: a TPM began with it, or is about to. */
static int find(const struct kr_host *h, const char *vm, struct kept *ret,
		struct kr_err *e)
{
	char path[PATH_MAX];
	bool begun, has;
	int r = read_kept(h, vm, "key", ret, e);

	if (r)
		return r;
	begun = ret->how;
	kr_vtpmkey_path(h, vm, "state/" KR_EMULATOR_STATE, path);
	has = !access(path, F_OK);
	if (!begun)
		r = read_kept(h, vm, "key.new", ret, e);
	if (!r && begun && !has)
		r = kr_fail(e, KR_E_VTPM_LOST, "%s: its key is here, and its "
			    "state is not", vm);
	if (!r && !ret->how && has)
		r = kr_fail(e, KR_E_VTPM_LOST, "%s: its state is here, and its "
			    "key is not", vm);
	return r;
}

enum kr_vtpmkept kr_vtpmkey_kept(struct kr_host *h, const char *vm)
{
	struct kept k;
	int r = find(h, vm, &k, NULL);
	enum kr_vtpmkept how = r ? KR_VTPM_NOT_KEPT : k.how;

	kr_wipe(&k, sizeof(k));
	return how;
}

int kr_vtpmkey_began(struct kr_host *h, const char *vm, struct kr_err *e)
{
	char from[PATH_MAX], to[PATH_MAX];

	kr_vtpmkey_path(h, vm, "key.new", from);
	kr_vtpmkey_path(h, vm, "key", to);
	return !rename(from, to) || errno == ENOENT ? 0 :
	       kr_fail(e, KR_E_SYSTEM, "%s: %s", from, strerror(errno));
}

/* ---- asking -------------------------------------------------------------- */

static void end(struct kr_vtpmkey *k, const struct kr_err *e)
{
	k->done(k->arg, e);
}

static void soon(void *arg)
{
	end(arg, NULL);
}

static void sealed(void *arg, const struct kr_tpmsaid *s,
		   const struct kr_err *e)
{
	struct kr_vtpmkey *k = arg;
	struct kept kept = { .how = KR_VTPM_SEALED };
	struct kr_err why = KR_ERR_NONE;

	if (s) {
		kept.sealed = *s->sealed;
		if (write_kept(k->host, k->vm, &kept, &why))
			e = &why;
	}
	end(k, e);
}

static void unsealed(void *arg, const struct kr_tpmsaid *s,
		     const struct kr_err *e)
{
	struct kr_vtpmkey *k = arg;

	if (s)
		memcpy(k->key, s->key, sizeof(k->key));
	end(k, e);
}

static int no_tpm(const struct kr_vtpmkey *k, struct kr_err *e)
{
	return kr_fail(e, KR_E_VTPM_NO_TPM, "%s has a TPM, and %s has none to "
		       "keep its key", k->vm,
		       kr_identity_name(k->host->identity));
}

/* Kept by the host's TPM if it has one, never in a file beside it. */
static int make(struct kr_vtpmkey *k, struct kr_err *e)
{
	struct kr_config *c = &k->host->cfg;
	struct kr_tpmkeep what = { .bank = KR_BANK_SHA256,
				   .mask = c->vtpm_pcrs };
	struct kept kept = { .how = KR_VTPM_UNSEALED };
	int r;

	if (!kr_tpmasked_configured(k->host) && !c->vtpm_unsealed)
		return no_tpm(k, e);
	if (RAND_bytes(k->key, sizeof(k->key)) != 1)
		return kr_fail(e, KR_E_CRYPTO, "no random bytes");
	if (kr_tpmasked_configured(k->host)) {
		k->tpm.done = sealed;
		memcpy(what.key, k->key, sizeof(what.key));
		r = kr_tpmasked_seal(k->host, &k->tpm, &what, e);
		kr_wipe(&what, sizeof(what));
		return r;
	}
	memcpy(kept.key, k->key, sizeof(kept.key));
	r = write_kept(k->host, k->vm, &kept, e);
	kr_wipe(&kept, sizeof(kept));
	if (!r)
		kr_timer_arm(k->host->loop, &k->soon, 0);
	return r;
}

static int open_kept(struct kr_vtpmkey *k, const struct kept *kept,
		     struct kr_err *e)
{
	if (kept->how == KR_VTPM_NOT_KEPT)
		return make(k, e);
	if (kept->how == KR_VTPM_SEALED) {
		if (!kr_tpmasked_configured(k->host))
			return no_tpm(k, e);
		k->tpm.done = unsealed;
		return kr_tpmasked_unseal(k->host, &k->tpm, &kept->sealed, e);
	}
	if (!k->host->cfg.vtpm_unsealed)
		return kr_fail(e, KR_E_VTPM_NO_TPM, "the key of %s's TPM lies "
			       "in a file, and unsealed = off", k->vm);
	memcpy(k->key, kept->key, sizeof(k->key));
	kr_timer_arm(k->host->loop, &k->soon, 0);
	return 0;
}

int kr_vtpmkey_ask(struct kr_host *h, const char *vm, struct kr_vtpmkey *k,
		   struct kr_err *e)
{
	struct kept kept;
	int r;

	if (access(KR_EMULATOR_BINARY, X_OK))
		return kr_fail(e, KR_E_VTPM_NONE, "%s: %s",
			       KR_EMULATOR_BINARY, strerror(errno));
	k->host = h;
	snprintf(k->vm, sizeof(k->vm), "%s", vm);
	k->soon = (struct kr_timer){ .fn = soon, .arg = k };
	k->tpm.arg = k;
	r = find(h, vm, &kept, e);
	if (!r)
		r = open_kept(k, &kept, e);
	kr_wipe(&kept, sizeof(kept));
	if (r)
		kr_vtpmkey_stop(k);
	return r;
}

void kr_vtpmkey_stop(struct kr_vtpmkey *k)
{
	kr_timer_off(&k->soon);
	kr_tpmasked_stop(&k->tpm);
	kr_wipe(k->key, sizeof(k->key));
}
