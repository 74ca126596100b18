/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpm_stand.h - two emulated TPMs as their maker ships them, with endorsement
 * keys, certificates and the maker's CA, in a folder of their own. They are
 * ended by their pids, and with the test. Include after <cmocka.h>.
 */
#ifndef KR_TEST_TPM_STAND_H
#define KR_TEST_TPM_STAND_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/tpm.h"
#include "base/fd.h"
#include "need.h"

enum { GOOD, BAD, N_TPMS };	/* a host's, and an attacker's */

static struct {
	char  dir[64];
	pid_t pid[N_TPMS];	/* 0: does not run */
	char *ca;		/* PEM */
	size_t n_ca;
} stand;

static inline int shell(const char *fmt, ...)
{
	char cmd[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

static inline const char *tcti(unsigned int i)
{
	static char text[N_TPMS][128];

	snprintf(text[i], sizeof(text[i]), "swtpm:path=%s/sock%u", stand.dir,
		 i);
	return text[i];
}

static inline bool answers(unsigned int i)
{
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "%s/sock%u.ctrl", stand.dir, i);
	return !stat(path, &st) && S_ISSOCK(st.st_mode);
}

/* Power on. */
static inline void start(unsigned int i)
{
	char state[96], server[96], ctrl[96];

	snprintf(state, sizeof(state), "dir=%s/tpm%u", stand.dir, i);
	snprintf(server, sizeof(server), "type=unixio,path=%s/sock%u",
		 stand.dir, i);
	snprintf(ctrl, sizeof(ctrl), "type=unixio,path=%s/sock%u.ctrl",
		 stand.dir, i);
	stand.pid[i] = fork();
	if (!stand.pid[i]) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(open("/dev/null", O_RDWR), 2);
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate",
		       state, "--server", server, "--ctrl", ctrl, "--flags",
		       "not-need-init,startup-clear", (char *)NULL);
		_exit(127);
	}
	for (unsigned int n = 0; n < 1000 && !answers(i); n++)
		usleep(10000);
	assert_true(answers(i));
}

/* Power off. */
static inline void stop(unsigned int i)
{
	if (stand.pid[i] > 0) {
		kill(stand.pid[i], SIGTERM);
		waitpid(stand.pid[i], NULL, 0);
	}
	stand.pid[i] = 0;
	shell("rm -f %s/sock%u %s/sock%u.ctrl", stand.dir, i, stand.dir, i);
}

static inline void make_tpms(void)
{
	assert_int_equal(shell(
		"cd %s && mkdir ca tpm0 tpm1 && "
		"openssl genpkey -algorithm EC -pkeyopt "
		"ec_paramgen_curve:P-256 -out ca/key.pem 2>log && "
		"openssl req -x509 -new -key ca/key.pem -days 2 "
		"-subj '/CN=A maker of TPMs' "
		"-addext keyUsage=critical,keyCertSign -out ca/ca.pem && "
		"printf 'statedir=%%s\\nsigningkey=%%s\\nissuercert=%%s\\n"
		"certserial=%%s\\n' $PWD/ca $PWD/ca/key.pem $PWD/ca/ca.pem "
		"$PWD/ca/serial >ca.conf && : >options && "
		"printf 'create_certs_tool=/usr/bin/swtpm_localca\\n"
		"create_certs_tool_config=%%s\\n"
		"create_certs_tool_options=%%s\\n"
		"active_pcr_banks = sha1,sha256,sha384\\n' "
		"$PWD/ca.conf $PWD/options >setup.conf && "
		"for i in 0 1; do swtpm_setup --tpm2 --tpmstate "
		"dir://$PWD/tpm$i --create-ek-cert --config $PWD/setup.conf "
		"--vmid host$i --overwrite >>log 2>&1 || exit 1; done",
		stand.dir), 0);
}

static inline int stand_up(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char path[96];

	(void)state;
	need(!system("command -v swtpm swtpm_setup swtpm_localca openssl "
		     "tpm2_nvundefine >/dev/null"),
	     "swtpm, swtpm-tools, tpm2-tools and openssl");
	snprintf(stand.dir, sizeof(stand.dir), "%s/korora-tpm-XXXXXX",
		 tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(stand.dir));
	make_tpms();
	snprintf(path, sizeof(path), "%s/ca/ca.pem", stand.dir);
	assert_int_equal(kr_read_file(path, 65536, &stand.ca, &stand.n_ca), 0);
	for (unsigned int i = 0; i < N_TPMS; i++)
		start(i);
	return 0;
}

static inline int stand_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_TPMS; i++)
		stop(i);
	free(stand.ca);
	return shell("rm -rf %s", stand.dir);
}

/* Its socket, taken by the caller. */
static inline int way_to(unsigned int i)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/sock%u", stand.dir, i);
	fd = kr_unix_connect(path);
	assert_true(fd >= 0);
	return fd;
}

static inline struct kr_tpm *opened(unsigned int i)
{
	struct kr_tpm *t = NULL;
	struct kr_err e = KR_ERR_NONE;

	if (kr_tpm_open(way_to(i), &t, &e))
		fail_msg("%s", e.what);
	return t;
}

static inline struct kr_tpmkey ak_of(struct kr_tpm *t)
{
	struct kr_tpmbytes b;
	struct kr_tpmkey k;

	assert_int_equal(kr_tpm_ak(t, &b, NULL), 0);
	assert_int_equal(kr_tpmkey_parse(b.b, b.n, &k, NULL), 0);
	return k;
}

#endif
