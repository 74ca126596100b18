/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - korora.conf(5). Read once by kororad as it starts. */
#include "daemon/config.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/pcr.h"
#include "base/fd.h"
#include "base/ini.h"
#include "plane/plane_msg.h"

enum kind { TEXT, TPM_WAY, MS_FROM_S, NUMBER, ON_OFF, PCRS };

#define FIELD(f)	offsetof(struct kr_config, f), \
			sizeof(((struct kr_config *)0)->f)

static const struct {
	const char *section, *key;
	enum kind   kind;
	size_t	    at, size;
	unsigned long min, max;		/* of a number */
} keys[] = {
	{ "host", "listen",	    TEXT,      FIELD(listen), 0, 0 },
	{ "host", "address",	    TEXT,      FIELD(address), 0, 0 },
	{ "host", "agent_user",	    TEXT,      FIELD(agent_user), 0, 0 },
	{ "host", "peer_timeout_s", MS_FROM_S, FIELD(peer_timeout_ms),
	  1, 3600 },
	{ "host", "max_unproved",   NUMBER,    FIELD(max_unproved), 1, 3600 },
	{ "host", "tpm",	    TPM_WAY,   FIELD(tpm), 0, 0 },
	{ "host", "tpm_log",	    TEXT,      FIELD(tpm_log), 0, 0 },
	{ "host", "attest_peers",   ON_OFF,    FIELD(attest_peers), 0, 0 },
	{ "host", "tpm_roots",	    TEXT,      FIELD(tpm_roots), 0, 0 },
	{ "vtpm", "pcrs",	    PCRS,      FIELD(vtpm_pcrs), 0, 0 },
	{ "vtpm", "unsealed",	    ON_OFF,    FIELD(vtpm_unsealed), 0, 0 },
	{ "vtpm", "first_uid",	    NUMBER,    FIELD(vtpm_first_uid), 1000,
	  4000000000 },
	{ "plane", "lanes",	    NUMBER,    FIELD(n_lanes), 1,
	  KR_PLANE_LANES_MAX },
	{ "plane", "memory_mb",	    NUMBER,    FIELD(recall_mib), 0,
	  KR_PLANE_RECALL_MIB_MAX },
	{ "plane", "multifd",	    ON_OFF,    FIELD(multifd), 0, 0 },
	{ "plane", "postcopy",	    ON_OFF,    FIELD(postcopy), 0, 0 },
	{ "plane", "postcopy_preempt", ON_OFF, FIELD(postcopy_preempt), 0, 0 },
	{ "plane", "padding",	    NUMBER,    FIELD(padding_bytes), 0,
	  KR_PLANE_PADDING_MAX },
	{ "plane", "rekey_mb",	    NUMBER,    FIELD(rekey_mib), 1,
	  KR_PLANE_REKEY_MIB_MAX },
	{ "plane", "page_cache_mb", NUMBER,    FIELD(cache_mb), 0, 1048576 },
	{ "qemu", "binary",	    TEXT,      FIELD(qemu_binary), 0, 0 },
	{ "tls",  "control_suites", TEXT,      FIELD(control_suites), 0, 0 },
	{ "tls",  "lane_suite",    TEXT,      FIELD(lane_suite), 0, 0 },
};

static int add_map(struct kr_map *maps, unsigned int *n, struct kr_ini *it,
		   struct kr_err *e)
{
	struct kr_map *m;

	for (unsigned int i = 0; i < *n; i++)
		if (!strcmp(maps[i].name, it->key))
			return kr_ini_fail(it, e, "%s is mapped twice",
					   it->key);
	if (*n == KR_CONFIG_MAPS_MAX)
		return kr_ini_fail(it, e, "more than %u mappings",
				   KR_CONFIG_MAPS_MAX);
	m = &maps[*n];
	if (strlen(it->key) >= sizeof(m->name) || !it->value[0] ||
	    strlen(it->value) >= sizeof(m->value))
		return kr_ini_fail(it, e, "too long, or empty");
	strcpy(m->name, it->key);
	strcpy(m->value, it->value);
	(*n)++;
	return 0;
}

/* "0,2,7": a bit for each, at least one. */
static bool read_pcrs(const char *v, uint32_t *ret)
{
	uint32_t mask = 0;

	do {
		char *end;
		unsigned long n = strtoul(v, &end, 10);

		if (*v < '0' || *v > '9' || n >= KR_PCRS ||
		    (*end && *end != ','))
			return false;
		mask |= 1u << n;
		v = *end ? end + 1 : NULL;
	} while (v);
	*ret = mask;
	return true;
}

static int set(struct kr_config *c, struct kr_ini *it, size_t i,
	       struct kr_err *e)
{
	char *at = (char *)c + keys[i].at;
	unsigned long v;
	char *end;

	if (keys[i].kind == TPM_WAY && strncmp(it->value, "device:/", 8) &&
	    strncmp(it->value, "swtpm:/", 7))
		return kr_ini_fail(it, e, "%s is device:/PATH or swtpm:/PATH",
				   it->key);
	if (keys[i].kind == TEXT || keys[i].kind == TPM_WAY) {
		if (strlen(it->value) >= keys[i].size)
			return kr_ini_fail(it, e, "%s is too long", it->key);
		strcpy(at, it->value);
		return 0;
	}
	if (keys[i].kind == ON_OFF) {
		if (strcmp(it->value, "on") && strcmp(it->value, "off"))
			return kr_ini_fail(it, e, "%s is on or off", it->key);
		*(uint32_t *)(void *)at = !strcmp(it->value, "on");
		return 0;
	}
	if (keys[i].kind == PCRS)
		return read_pcrs(it->value, (uint32_t *)(void *)at) ? 0 :
		       kr_ini_fail(it, e, "%s are numbers from 0 to %u, with "
				   "commas between them", it->key,
				   KR_PCRS - 1);
	v = strtoul(it->value, &end, 10);
	if (it->value[0] < '0' || it->value[0] > '9' || *end ||
	    v < keys[i].min || v > keys[i].max)
		return kr_ini_fail(it, e, "%s is a number from %lu to %lu",
				   it->key, keys[i].min, keys[i].max);
	*(uint32_t *)(void *)at =
		(uint32_t)(keys[i].kind == MS_FROM_S ? v * 1000 : v);
	return 0;
}

static int take_key(struct kr_config *c, struct kr_ini *it, struct kr_err *e)
{
	if (!strcmp(it->section, "storage")) {
		if (it->value[0] != '/')
			return kr_ini_fail(it, e, "%s needs an absolute path",
					   it->key);
		return add_map(c->storages, &c->n_storages, it, e);
	}
	if (!strcmp(it->section, "network"))
		return add_map(c->networks, &c->n_networks, it, e);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].section, it->section) &&
		    !strcmp(keys[i].key, it->key))
			return set(c, it, i, e);
	return kr_ini_unknown(it, e);
}

static int resolve_user(struct kr_config *c, struct kr_err *e)
{
	struct passwd *pw = getpwnam(c->agent_user);

	if (!pw || !pw->pw_uid)
		return kr_fail(e, KR_E_CONFIG,
			       "agent_user = %s is not an ordinary user",
			       c->agent_user);
	c->agent_uid = pw->pw_uid;
	c->agent_gid = pw->pw_gid;
	return 0;
}

int kr_config_load(const char *path, struct kr_config *ret_c,
		   struct kr_err *e)
{
	struct kr_config c = {
		.listen = "0.0.0.0:7300", .agent_user = "nobody",
		.peer_timeout_ms = 10000, .max_unproved = 32,
		.recall_mib = 128, .postcopy = 1,
		.postcopy_preempt = 1, .vtpm_pcrs = 1u << 7,
		.vtpm_first_uid = 1900000000,
		.control_suites = "TLS_AES_256_GCM_SHA384:"
				  "TLS_CHACHA20_POLY1305_SHA256",
		.lane_suite = "TLS_AES_256_GCM_SHA384",
		.qemu_binary = "/usr/bin/qemu-system-x86_64",
	};
	KR_AUTOFREE char *text = NULL;
	struct kr_ini it;
	size_t n = 0;
	int r = kr_read_file(path, KR_INI_BYTES_MAX, &text, &n);

	if (r && r != -ENOENT)
		return kr_fail(e, KR_E_CONFIG, "%s: %s", path, strerror(-r));
	if (!r) {
		r = kr_ini_start(&it, path, text, n, e);
		if (r)
			return r;
		while ((r = kr_ini_next(&it, e)) > 0) {
			if (r == KR_INI_KEY && (r = take_key(&c, &it, e)))
				return r;
		}
		if (r < 0)
			return r;
	}
	if (c.multifd && c.n_lanes == 1)
		return kr_fail(e, KR_E_CONFIG, "%s: multifd = on needs lanes "
			       "= 2 or more: one for QEMU's main channel",
			       path);
	r = resolve_user(&c, e);
	if (!r)
		*ret_c = c;
	return r;
}

static const char *find(const struct kr_map *m, unsigned int n,
			const char *name)
{
	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(m[i].name, name))
			return m[i].value;
	return NULL;
}

const char *kr_config_network(const struct kr_config *c, const char *name)
{
	return find(c->networks, c->n_networks, name);
}

const char *kr_config_storage(const struct kr_config *c, const char *name)
{
	return find(c->storages, c->n_storages, name);
}
