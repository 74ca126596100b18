/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring.h - the public keys that are at hand to check signatures with: this
 * host's certificate and its peers', or the files that somebody names.
 */
#ifndef KR_CLIENT_KEYRING_H
#define KR_CLIENT_KEYRING_H

#include "client/cli.h"
#include "evidence/pubkey.h"

#define KR_KEYRING_FILES_MAX	4096u	/* certificates looked at */

struct kr_keyring {
	struct kr_pubkey **keys;	/* owned, kr_keyring_fini() */
	size_t		   n;
};

/**
 * kr_keyring_add() - Read a certificate or public key
 *
 * Return: 0; KR_E_KEY_FILE; KR_E_LIMIT.
 */
int kr_keyring_add(struct kr_keyring *g, const char *path, struct kr_err *e);

/**
 * kr_keyring_own() - This host's certificate and those of the peers it met
 *
 * A file that cannot be read, or is no certificate, proves nothing and is
 * passed by. Return: 0; KR_E_LIMIT.
 */
int kr_keyring_own(struct kr_keyring *g, const struct kr_cli *c,
		   struct kr_err *e);

/** kr_keyring_find() - The first key of that id, borrowed; NULL if none is. */
const struct kr_pubkey *kr_keyring_find(const struct kr_keyring *g,
					const uint8_t keyid[32]);

void kr_keyring_fini(struct kr_keyring *g);

#endif
