/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h - who this host is: an ECDSA P-256 key and its X.509 certificate,
 * self-signed or from a fleet authority. The private key stays in kororad. The
 * TLS process gets a link instead: a fresh key and a certificate for a day,
 * signed by the identity.
 *
 * Two files in the configuration folder: identity.key (PKCS#8 PEM, 0600) and
 * identity.crt (PEM, 0644; further certificates up to the authority may
 * follow the host's own).
 */
#ifndef KR_EVIDENCE_IDENTITY_H
#define KR_EVIDENCE_IDENTITY_H

#include "evidence/pubkey.h"

#define KR_IDENTITY_KEY_FILE	"identity.key"
#define KR_IDENTITY_CERT_FILE	"identity.crt"
#define KR_IDENTITY_NAME_BYTES	64u	/* with its NUL */

struct kr_identity;

/**
 * kr_identity_create() - Make the key and a self-signed certificate
 * @dir:  the folder, which must exist
 * @name: this host's name: [a-z0-9._-], 1..63, first a letter or digit
 *
 * A key without a certificate (left by a crash, or put there) is used.
 *
 * Return: 0; KR_E_EXISTS if there is a certificate; KR_E_USAGE for a name
 *         that is not one; KR_E_KEY_FILE.
 */
int kr_identity_create(const char *dir, const char *name, struct kr_err *e);

/**
 * kr_identity_load() - Read both files and check that they belong together
 *
 * Return: 0; KR_E_NOT_INIT if there is no identity; KR_E_KEY_FILE if the key
 *         may be read by others, or does not fit the certificate.
 */
int kr_identity_load(const char *dir, struct kr_identity **ret_id,
		     struct kr_err *e);

const char *kr_identity_name(const struct kr_identity *id);

/** kr_identity_keyid() - 32 bytes: SHA-256 of SubjectPublicKeyInfo in DER. */
const uint8_t *kr_identity_keyid(const struct kr_identity *id);

/** kr_identity_pubkey() - The public half; borrowed, lives with @id. */
const struct kr_pubkey *kr_identity_pubkey(const struct kr_identity *id);

/** kr_identity_cert_pem() - This host's own certificate; borrowed. */
const char *kr_identity_cert_pem(const struct kr_identity *id);

/**
 * kr_identity_sign() - ECDSA with SHA-256 over @data, DER
 * @ret_sig: KR_SIG_BYTES_MAX bytes
 */
int kr_identity_sign(const struct kr_identity *id, const void *data,
		     size_t n_bytes, uint8_t *ret_sig, size_t *ret_sig_bytes,
		     struct kr_err *e);

/* What the unprivileged TLS process needs to be this host for a day. */
struct kr_identity_link {
	uint8_t	 key[512];		/* PKCS#8 DER; wipe after use */
	size_t	 key_bytes;
	uint8_t	 cert[4096];		/* DER, of that key */
	size_t	 cert_bytes;
	uint8_t	 issuer[8192];		/* DER, the identity's certificate */
	size_t	 issuer_bytes;
};

/**
 * kr_identity_issue_link() - Make a fresh key and certificate
 * @ret_link: caller's; kr_wipe() it when it was handed over
 *
 * Valid from five minutes ago for a day: issue one for each TLS process.
 */
int kr_identity_issue_link(const struct kr_identity *id,
			   struct kr_identity_link *ret_link,
			   struct kr_err *e);

/** kr_identity_csr() - A PEM request for a fleet authority; for free(). */
int kr_identity_csr(const struct kr_identity *id, char **ret_pem,
		    struct kr_err *e);

/**
 * kr_identity_install_cert() - Replace the certificate, in the file and in @id
 * @pem: the authority's answer, possibly with its own certificates after it
 *
 * Return: 0; KR_E_KEY_FILE if it is for another key or name, is not allowed
 *         to sign links, or is not valid now. Then nothing was changed.
 */
int kr_identity_install_cert(struct kr_identity *id, const char *dir,
			     const char *pem, struct kr_err *e);

/** kr_identity_free() - Wipe and free; NULL is fine. */
void kr_identity_free(struct kr_identity *id);

static inline void kr_identity_autofree(struct kr_identity **id)
{
	kr_identity_free(*id);
}

#endif
