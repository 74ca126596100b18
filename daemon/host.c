/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - a host instance's folders, identity, store and log. In kororad. */
#include "daemon/host.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "daemon/files.h"
#include "daemon/policy.h"
#include "evidence/fingerprint.h"
#include "evidence/ledgercheck.h"
#include "evidence/pubkey.h"
#include "hyper/hyper.h"
#include "store/trustrow.h"

#define PUBLISH_MS	1000u	/* the log's checkpoint file follows so */
#define KVM_BELIEVED_NS	300000000000ull	/* five minutes */
#define NO_KVM_BELIEVED_NS 2000000000ull	/* who mends it tries at once */

static int make_folders(struct kr_host *h, struct kr_err *e)
{
	static const struct {
		char	    base;	/* l: lib, r: run */
		const char *sub;
		unsigned    mode;
	} folders[] = {
		{ 'l', "", 0755 }, { 'l', "/console", 0750 },
		{ 'l', "/receipts", 0755 }, { 'l', "/peers", 0755 },
		{ 'l', "/cache", 0700 }, { 'l', "/vm", 0700 },
		{ 'r', "", 0755 },
		{ 'r', "/vm", 0700 }, { 'r', "/empty", 0555 },
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char path[PATH_MAX];
		int r;

		snprintf(path, sizeof(path), "%s%s",
			 folders[i].base == 'l' ? h->lib : h->run,
			 folders[i].sub);
		r = kr_mkdirs(path, 0755);
		if (!r && chmod(path, folders[i].mode))
			r = -errno;
		if (r)
			return kr_fail(e, KR_E_SYSTEM, "%s: %s", path,
				       strerror(-r));
	}
	return 0;
}

/* Two daemons on one root would be two hosts with one identity. */
static int lock_root(struct kr_host *h, struct kr_err *e)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/kororad.lock", h->run);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return kr_fail(e, KR_E_EXISTS, "a kororad runs on this root "
			       "already (%s)", path);
	return 0;	/* held until the process ends */
}

/* A log that was altered: say where, before refusing to add to it. */
static int open_ledger(struct kr_host *h, struct kr_err *e)
{
	struct kr_ledgercheck c;
	struct kr_err why = KR_ERR_NONE;
	int r = kr_ledger_open(h->store, h->identity, &h->ledger, &why);

	if (!r)
		return 0;
	r = why.kr != KR_E_LOG_BROKEN ? 0 :
	    kr_ledgercheck_run(h->store, kr_identity_pubkey(h->identity),
			       kr_identity_name(h->identity), &c, e);
	return r ? r : kr_fail(e, why.kr, "%s", why.what);
}

static void on_publish(void *arg)
{
	struct kr_host *h = arg;

	kr_ledger_publish(h->ledger);
	kr_timer_arm(h->loop, &h->publish, PUBLISH_MS);
}

int kr_host_open(struct kr_host *h, struct kr_err *e)
{
	char path[PATH_MAX];
	int r;

	snprintf(h->etc, sizeof(h->etc), "%.2000s/etc/korora", h->root);
	snprintf(h->lib, sizeof(h->lib), "%.2000s/var/lib/korora", h->root);
	snprintf(h->run, sizeof(h->run), "%.2000s/run/korora", h->root);
	snprintf(path, sizeof(path), "%s/korora.conf", h->etc);
	r = kr_config_load(path, &h->cfg, e);
	if (!r)
		r = kr_identity_load(h->etc, &h->identity, e);
	if (!r)
		r = make_folders(h, e);
	if (!r)
		r = lock_root(h, e);
	snprintf(path, sizeof(path), "%s/korora.db", h->lib);
	if (!r)
		r = kr_store_open(path, KR_STORE_WRITE, &h->store, e);
	if (!r)
		r = open_ledger(h, e);
	if (!r)
		r = kr_policy_open(h, e);
	if (!r)
		r = kr_files_recall(h, e);
	if (r)
		return r;
	kr_ledger_defer(h->ledger);
	h->publish = (struct kr_timer){ .fn = on_publish, .arg = h };
	kr_timer_arm(h->loop, &h->publish, PUBLISH_MS);
	return 0;
}

void kr_host_close(struct kr_host *h)
{
	kr_timer_off(&h->publish);
	kr_policy_close(h);
	kr_ledger_free(h->ledger);
	kr_store_free(h->store);
	kr_identity_free(h->identity);
}

int kr_host_record(struct kr_host *h, const char *event, json_t *detail,
		   struct kr_err *e)
{
	bool own = !kr_store_in_tx(h->store);
	int r = own ? kr_store_begin(h->store, e) : 0;

	if (r)
		return r;
	r = kr_ledger_append(h->ledger, event, NULL, detail, NULL, e);
	if (!own)
		return r;
	if (r)
		kr_store_rollback(h->store);
	return r ? r : kr_store_commit(h->store, e);
}

void kr_host_record_some(struct kr_host *h, const char *event,
			 json_t *detail)
{
	uint64_t now = kr_now_ns();

	if (now >= h->refusals_until_ns) {
		h->refusals_until_ns = now + 60000000000ull;
		h->n_refusals = 0;
	}
	if (++h->n_refusals > KR_HOST_REFUSALS_MAX) {
		h->n_untold++;
		return;
	}
	if (h->n_untold)
		json_object_set_new(detail, "untold_before",
				    json_integer(h->n_untold));
	h->n_untold = 0;
	kr_host_record(h, event, detail, NULL);
}

static int take_der(struct kr_der *d, const uint8_t *p, size_t n,
		    struct kr_err *e)
{
	if (n > sizeof(d->bytes))
		return kr_fail(e, KR_E_LIMIT, "a certificate of %zu bytes", n);
	memcpy(d->bytes, p, n);
	d->n_bytes = (uint16_t)n;
	return 0;
}

int kr_host_credentials(struct kr_host *h, struct kr_linkstart *s,
			struct kr_err *e)
{
	static struct kr_identity_link k;
	int r = kr_identity_issue_link(h->identity, &k, e);

	if (!r)
		r = take_der(&s->key, k.key, k.key_bytes, e);
	if (!r)
		r = take_der(&s->leaf, k.cert, k.cert_bytes, e);
	if (!r)
		r = take_der(&s->identity, k.issuer, k.issuer_bytes, e);
	kr_wipe(&k, sizeof(k));
	return r;
}

/* ---- the hypervisor ---------------------------------------------------- */

int kr_host_probe(struct kr_host *h, struct kr_probe **ret_p,
		  struct kr_err *e)
{
	const struct kr_hyper *hy;
	char cache[PATH_MAX];
	int r = kr_hyper_find("qemu", &hy, e);

	snprintf(cache, sizeof(cache), "%s/cache", h->lib);
	return r ? r : hy->probe(h->cfg.qemu_binary, cache, ret_p, e);
}

int kr_host_kvm_works(struct kr_host *h, struct kr_err *e)
{
	const struct kr_hyper *hy;
	uint64_t now = kr_now_ns();
	int r = kr_hyper_find("qemu", &hy, e);

	if (r)
		return r;
	if (now >= h->kvm_until_ns) {	/* it takes seconds: not for each */
		h->kvm_error = KR_ERR_NONE;
		hy->kvm_works(h->cfg.qemu_binary, &h->kvm_error);
		h->kvm_until_ns = kr_now_ns() + (h->kvm_error.code ?
				  NO_KVM_BELIEVED_NS : KVM_BELIEVED_NS);
	}
	return h->kvm_error.code ? kr_fail(e, h->kvm_error.kr, "%s",
					   h->kvm_error.what) : 0;
}

int kr_host_hyper_version(struct kr_host *h, uint32_t *ret, struct kr_err *e)
{
	KR_AUTOFREE struct kr_probe *p = NULL;
	int r = kr_host_probe(h, &p, e);

	if (!r)
		*ret = p->major << 16 | (p->minor & 255) << 8 |
		       (p->micro & 255);
	return r;
}

/* ---- certificates ------------------------------------------------------ */

static X509 *read_pem(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	X509 *c = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;

	BIO_free(b);
	return c;
}

int kr_host_pem(const uint8_t *der, size_t n, char **ret_pem,
		struct kr_err *e)
{
	X509 *c = d2i_X509(NULL, &der, (long)n);
	BIO *b = BIO_new(BIO_s_mem());
	char *p = NULL;
	long len = 0;

	if (c && b && PEM_write_bio_X509(b, c))
		len = BIO_get_mem_data(b, &p);
	*ret_pem = len > 0 ? strndup(p, (size_t)len) : NULL;
	BIO_free(b);
	X509_free(c);
	return *ret_pem ? 0 : kr_fail(e, KR_E_PEER_CERT,
				      "the certificate cannot be kept");
}

int kr_host_der(const char *pem, uint8_t *out, size_t *n, struct kr_err *e)
{
	X509 *c = read_pem(pem);
	int len = c ? i2d_X509(c, NULL) : -1;

	if (len > 0 && (size_t)len <= *n)
		*n = (size_t)i2d_X509(c, &out);
	else
		len = -1;
	X509_free(c);
	return len > 0 ? 0 : kr_fail(e, KR_E_KEY_FILE,
				     "not a certificate, or too large");
}

static int trust(void *arg, const struct kr_trustrow *t, struct kr_err *e)
{
	X509 *c = read_pem(t->pem);

	(void)e;
	if (c)
		X509_STORE_add_cert(arg, c);
	X509_free(c);
	return 0;
}

bool kr_host_vouched(struct kr_host *h, const uint8_t *der, size_t n)
{
	X509 *c = d2i_X509(NULL, &der, (long)n);
	X509_STORE *st = X509_STORE_new();
	X509_STORE_CTX *x = X509_STORE_CTX_new();
	bool ok = false;

	if (c && st && x && !kr_trustrow_each(h->store, trust, st, NULL)) {
		X509_STORE_set_flags(st, X509_V_FLAG_PARTIAL_CHAIN);
		ok = X509_STORE_CTX_init(x, st, c, NULL) == 1 &&
		     X509_verify_cert(x) == 1;
	}
	X509_STORE_CTX_free(x);
	X509_STORE_free(st);
	X509_free(c);
	return ok;
}

json_t *kr_host_describe_ca(const char *pem)
{
	X509 *c = read_pem(pem);
	json_t *o = json_object();
	char subject[256], until[32], fp[KR_FINGERPRINT_BYTES];
	unsigned char *der = NULL;
	uint8_t keyid[32];
	struct tm tm;
	int n;

	if (!c || X509_check_ca(c) != 1)
		goto out;
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c), &der);
	if (n <= 0 || !EVP_Digest(der, (size_t)n, keyid, NULL, EVP_sha256(),
				  NULL) ||
	    !ASN1_TIME_to_tm(X509_get0_notAfter(c), &tm))
		goto out;
	X509_NAME_oneline(X509_get_subject_name(c), subject, sizeof(subject));
	kr_fingerprint_put(keyid, fp);
	strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(o, "subject", json_string(subject));
	json_object_set_new(o, "fingerprint", json_string(fp));
	json_object_set_new(o, "not_after", json_string(until));
out:
	OPENSSL_free(der);
	X509_free(c);
	return o;
}
