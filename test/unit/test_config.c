/* SPDX-License-Identifier: Apache-2.0 */
/* test_config.c - korora.conf: defaults, every key, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/ini.h"
#include "daemon/config.h"

static char path[] = "/tmp/test_config.XXXXXX";
static struct kr_config c;

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static int load(const char *text, size_t n, struct kr_err *e)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	memset(&c, 0x5a, sizeof(c));
	return kr_config_load(path, &c, e);
}

static void ok(const char *text)
{
	struct kr_err e = KR_ERR_NONE;

	if (load(text, strlen(text), &e))
		print_message("%s\n", e.what);
	assert_int_equal(e.code, 0);
}

static void a_missing_file_means_defaults(void **state)
{
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(kr_config_load("/nonexistent/korora.conf", &c, &e),
			 0);
	assert_string_equal(c.listen, "0.0.0.0:7300");
	assert_string_equal(c.address, "");
	assert_string_equal(c.agent_user, "nobody");
	assert_true(c.agent_uid && c.agent_gid);
	assert_int_equal(c.peer_timeout_ms, 10000);
	assert_int_equal(c.max_unproved, 32);
	assert_int_equal(c.n_lanes, 0);
	assert_int_equal(c.recall_mib, 128);
	assert_int_equal(c.attest_peers, 0);
	assert_int_equal(c.postcopy, 1);
	assert_int_equal(c.postcopy_preempt, 1);
	assert_int_equal(c.cache_mb, 0);
	assert_int_equal(c.padding_bytes, 0);
	assert_int_equal(c.rekey_mib, 0);
	assert_string_equal(c.tpm, "");
	assert_int_equal(c.vtpm_pcrs, 1u << 7);
	assert_int_equal(c.vtpm_unsealed, 0);
	assert_int_equal(c.vtpm_first_uid, 1900000000);
	assert_int_equal(c.n_storages + c.n_networks, 0);
	assert_non_null(strstr(c.control_suites, "TLS_AES_256_GCM_SHA384"));
}

static void an_empty_file_too(void **state)
{
	(void)state;
	ok("");
	assert_string_equal(c.listen, "0.0.0.0:7300");
	ok("# nothing\n\n; at all\n");
	assert_string_equal(c.qemu_binary, "/usr/bin/qemu-system-x86_64");
}

static void multifd_needs_lanes(void **state)
{
	static const char *const refused[] = {
		"[plane]\nmultifd = yes\n", "[plane]\nmultifd =\n",
		"[plane]\nmultifd = on\nlanes = 1\n",
		"[plane]\nlanes = 1\nmultifd = on\n",
	};

	(void)state;
	ok("");
	assert_int_equal(c.multifd, 0);
	ok("[plane]\nlanes = 1\nmultifd = off\n");
	assert_int_equal(c.multifd, 0);
	ok("[plane]\nmultifd = on\nlanes = 2\n");
	assert_int_equal(c.multifd, 1);
	ok("[plane]\nmultifd = on\n");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct kr_err e = KR_ERR_NONE;

		assert_true(load(refused[i], strlen(refused[i]), &e) < 0);
		assert_int_equal(e.kr, KR_E_CONFIG);
	}
}

static void every_key(void **state)
{
	(void)state;
	ok("[host]\nlisten = [::]:1\naddress = a.example:7300\n"
	   "agent_user = daemon\npeer_timeout_s = 3600\nmax_unproved = 1\n"
	   "tpm = device:/dev/tpmrm0\ntpm_log = /log\ntpm_roots = /pem\n"
	   "[plane]\nlanes = 16\nmemory_mb = 0\npage_cache_mb = 1048576\n"
	   "padding = 16384\nrekey_mb = 1\n"
	   "[qemu]\nbinary = /opt/qemu\n"
	   "[vtpm]\npcrs = 0,2,23\nunsealed = on\nfirst_uid = 1000\n"
	   "[tls]\ncontrol_suites = TLS_AES_128_GCM_SHA256\n"
	   "lane_suite = TLS_CHACHA20_POLY1305_SHA256\n"
	   "[storage]\nimages = /srv/images\nfast = /nvme\n"
	   "[network]\nlan = br0\n");
	assert_string_equal(c.listen, "[::]:1");
	assert_string_equal(c.address, "a.example:7300");
	assert_string_equal(c.agent_user, "daemon");
	assert_int_equal(c.peer_timeout_ms, 3600000);
	assert_int_equal(c.max_unproved, 1);
	assert_string_equal(c.tpm, "device:/dev/tpmrm0");
	assert_string_equal(c.tpm_log, "/log");
	assert_string_equal(c.tpm_roots, "/pem");
	assert_int_equal(c.vtpm_pcrs, 1u << 0 | 1u << 2 | 1u << 23);
	assert_int_equal(c.vtpm_unsealed, 1);
	assert_int_equal(c.vtpm_first_uid, 1000);
	assert_int_equal(c.n_lanes, 16);
	assert_int_equal(c.recall_mib, 0);
	assert_int_equal(c.cache_mb, 1048576);
	assert_int_equal(c.padding_bytes, 16384);
	assert_int_equal(c.rekey_mib, 1);
	assert_string_equal(c.qemu_binary, "/opt/qemu");
	assert_string_equal(c.control_suites, "TLS_AES_128_GCM_SHA256");
	assert_string_equal(c.lane_suite, "TLS_CHACHA20_POLY1305_SHA256");
	assert_string_equal(kr_config_storage(&c, "images"), "/srv/images");
	assert_string_equal(kr_config_storage(&c, "fast"), "/nvme");
	assert_null(kr_config_storage(&c, "slow"));
	assert_string_equal(kr_config_network(&c, "lan"), "br0");
	assert_null(kr_config_network(&c, "images"));
}

/* line 0: the message names no line */
static const struct { const char *text; unsigned int line; } bad[] = {
	{ "[host]\nlissten = 1:1\n", 2 },
	{ "[hosts]\nlisten = 1:1\n", 2 },
	{ "listen = 1:1\n", 1 },
	{ "[host]\n\n# fine\npeer_timeout_s = 0\n", 4 },
	{ "[host]\npeer_timeout_s = 3601\n", 2 },
	{ "[host]\ntpm = /dev/tpmrm0\n", 2 },
	{ "[host]\ntpm = swtpm:sock\n", 2 },
	{ "[host]\ntpm =\n", 2 },
	{ "[vtpm]\npcrs =\n", 2 },
	{ "[vtpm]\npcrs = 7,\n", 2 },
	{ "[vtpm]\npcrs = 24\n", 2 },
	{ "[vtpm]\npcrs = 1-7\n", 2 },
	{ "[vtpm]\nunsealed = yes\n", 2 },
	{ "[vtpm]\nfirst_uid = 0\n", 2 },
	{ "[host]\npeer_timeout_s = -1\n", 2 },
	{ "[host]\npeer_timeout_s = 10s\n", 2 },
	{ "[host]\npeer_timeout_s = \n", 2 },
	{ "[host]\nmax_unproved = 99999999999999999999\n", 2 },
	{ "[host]\nmax_unproved = many\n", 2 },
	{ "[plane]\nlanes = 0\n", 2 },
	{ "[plane]\nlanes = 17\n", 2 },
	{ "[plane]\nmemory_mb = 65537\n", 2 },
	{ "[plane]\npage_cache_mb = -0\n", 2 },
	{ "[plane]\npadding = 16385\n", 2 },
	{ "[plane]\nrekey_mb = 0\n", 2 },
	{ "[host\nlisten = 1:1\n", 1 },
	{ "[host]\nlisten\n", 2 },
	{ "[host]\nlisten = a\001b\n", 2 },
	{ "[host]\nlisten = a\xff\n", 2 },
	{ "[storage]\nimages = srv/images\n", 2 },
	{ "[storage]\nimages =\n", 2 },
	{ "[storage]\nimages = /a\nimages = /b\n", 3 },
	{ "[storage]\na23456789012345678901234567890123 = /a\n", 2 },
	{ "[network]\nlan = \n", 2 },
	{ "[network]\nlan = br0\nlan = br1\n", 3 },
	{ "[host]\nagent_user = root\n", 0 },
	{ "[host]\nagent_user = no-such-user-here\n", 0 },
};

static void bad_files_are_refused_with_their_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kr_err e = KR_ERR_NONE;
		int r = load(bad[i].text, strlen(bad[i].text), &e);
		char want[64];

		snprintf(want, sizeof(want), "%s:%u:", path, bad[i].line);
		if (!r || (bad[i].line && strncmp(e.what, want,
						  strlen(want))))
			print_message("%s-> %s\n", bad[i].text, e.what);
		assert_true(r < 0);
		assert_int_equal(e.kr, KR_E_CONFIG);
		if (bad[i].line)
			assert_memory_equal(e.what, want, strlen(want));
		assert_int_equal(c.max_unproved, 0x5a5a5a5a); /* untouched */
	}
}

static void long_values_are_refused(void **state)
{
	static const char *const heads[] = {
		"[host]\nlisten = ", "[host]\naddress = ",
		"[tls]\ncontrol_suites = ", "[tls]\nlane_suite = ",
		"[qemu]\nbinary = /", "[storage]\nimages = /",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct kr_err e = KR_ERR_NONE;
		char text[2048] = "";

		strcpy(text, heads[i]);
		memset(text + strlen(text), 'x', 1500);
		assert_true(load(text, strlen(text), &e) < 0);
		assert_int_equal(e.kr, KR_E_CONFIG);
	}
}

static void maps_are_bounded(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	char text[4096] = "[network]\n";
	char want[64];

	(void)state;
	for (unsigned int i = 0; i <= KR_CONFIG_MAPS_MAX; i++) {
		if (i == KR_CONFIG_MAPS_MAX)
			ok(text);
		sprintf(text + strlen(text), "n%u = br%u\n", i, i);
	}
	assert_int_equal(c.n_networks, KR_CONFIG_MAPS_MAX);
	assert_true(load(text, strlen(text), &e) < 0);
	snprintf(want, sizeof(want), "%s:%u:", path, KR_CONFIG_MAPS_MAX + 2);
	assert_memory_equal(e.what, want, strlen(want));
}

static void files_are_bounded(void **state)
{
	struct kr_err e = KR_ERR_NONE;
	char *text = malloc(KR_INI_BYTES_MAX + 1);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', KR_INI_BYTES_MAX + 1);
	assert_int_equal(load(text, KR_INI_BYTES_MAX, &e), 0);
	assert_true(load(text, KR_INI_BYTES_MAX + 1, &e) < 0);
	assert_int_equal(e.kr, KR_E_CONFIG);
	free(text);
	e = KR_ERR_NONE;
	assert_true(kr_config_load("/", &c, &e) < 0);	/* a folder */
	assert_int_equal(e.kr, KR_E_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_file_means_defaults),
		cmocka_unit_test(an_empty_file_too),
		cmocka_unit_test(every_key),
		cmocka_unit_test(multifd_needs_lanes),
		cmocka_unit_test(bad_files_are_refused_with_their_line),
		cmocka_unit_test(long_values_are_refused),
		cmocka_unit_test(maps_are_bounded),
		cmocka_unit_test(files_are_bounded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
