/* SPDX-License-Identifier: Apache-2.0 */
/* keyring.c - see keyring.h. Used by korora receipt and korora report. */
#include "client/keyring.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int kr_keyring_add(struct kr_keyring *g, const char *path, struct kr_err *e)
{
	struct kr_pubkey **more, *k = NULL;
	int r;

	if (g->n == KR_KEYRING_FILES_MAX)
		return kr_fail(e, KR_E_LIMIT, "more than %u certificates",
			       KR_KEYRING_FILES_MAX);
	r = kr_pubkey_load(path, &k, e);
	if (r)
		return r;
	more = realloc(g->keys, (g->n + 1) * sizeof(struct kr_pubkey *));
	if (!more) {
		kr_pubkey_free(k);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	g->keys = more;
	g->keys[g->n++] = k;
	return 0;
}

int kr_keyring_own(struct kr_keyring *g, const struct kr_cli *c,
		   struct kr_err *e)
{
	char path[PATH_MAX], peers[PATH_MAX];
	struct dirent *d;
	DIR *dir;
	int r = kr_cli_path(c, "/etc/korora/identity.crt", path, e);

	if (r || (r = kr_cli_path(c, "/var/lib/korora/peers", peers, e)))
		return r;
	kr_keyring_add(g, path, NULL);
	dir = opendir(peers);
	while (dir && (d = readdir(dir))) {
		const char *dot = strrchr(d->d_name, '.');

		if (dot && !strcmp(dot, ".crt") &&
		    snprintf(path, sizeof(path), "%s/%s", peers, d->d_name) <
			    (int)sizeof(path))
			kr_keyring_add(g, path, NULL);
	}
	if (dir)
		closedir(dir);
	return 0;
}

const struct kr_pubkey *kr_keyring_find(const struct kr_keyring *g,
					const uint8_t keyid[32])
{
	for (size_t i = 0; i < g->n; i++)
		if (kr_eq_ct(kr_pubkey_keyid(g->keys[i]), keyid, 32))
			return g->keys[i];
	return NULL;
}

void kr_keyring_fini(struct kr_keyring *g)
{
	for (size_t i = 0; i < g->n; i++)
		kr_pubkey_free(g->keys[i]);
	free(g->keys);
}
