/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client.c - korora's commands against a kororad that says what it is
 * told, and its offline commands against real files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/commands.h"
#include "client/human.h"
#include "evidence/statement.h"
#include "korora.h"

#define OUT_BYTES 65536

static char root[] = "/tmp/test_client.XXXXXX";
static char out[OUT_BYTES], err[OUT_BYTES];

static char *below(const char *path)
{
	static char buf[4][256];
	static unsigned int i;
	char *b = buf[i++ % 4];

	snprintf(b, sizeof(buf[0]), "%s%s", root, path);
	return b;
}

static void slurp(const char *path, char to[OUT_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, to, OUT_BYTES - 1);

	assert_true(fd >= 0 && n >= 0);
	to[n] = '\0';
	close(fd);
}

/* A process that runs one command line, words parted by blanks. */
static int korora(const char *line)
{
	char words[1024], *argv[32] = { NULL }, *save = NULL;
	int argc = 0, status;
	pid_t pid;

	snprintf(words, sizeof(words), "korora %s", line);
	for (char *w = strtok_r(words, " ", &save); w && argc < 31;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (!freopen(below("/out"), "w", stdout) ||
		    !freopen(below("/err"), "w", stderr))
			_exit(99);
		status = kr_commands_run(argc, argv);
		fflush(NULL);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	slurp(below("/out"), out);
	slurp(below("/err"), err);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/*
 * A kororad that takes one connection, says one of @answers to each request
 * and hangs up after the last. What it was asked is left in root/asked.
 */
static pid_t serve(const char *const *answers)
{
	int l = kr_unix_listen(below("/run/korora/api.sock"), 0600);
	pid_t pid;

	assert_true(l >= 0);
	pid = fork();
	if (!pid) {
		char asked[OUT_BYTES];
		int fd, o = open(below("/asked"), O_WRONLY | O_CREAT | O_TRUNC,
				 0600);

		fcntl(l, F_SETFL, 0);
		fd = accept(l, NULL, NULL);
		for (; *answers; answers++) {
			ssize_t n = 0, r = 1;

			while (r > 0 && !memchr(asked, '\n', (size_t)n)) {
				r = read(fd, asked + n,
					 sizeof(asked) - (size_t)n);
				n += r > 0 ? r : 0;
			}
			if (write(o, asked, (size_t)n) != n ||
			    send(fd, *answers, strlen(*answers),
				 MSG_NOSIGNAL) < 0)
				_exit(1);
		}
		_exit(0);
	}
	close(l);
	return pid;
}

/* One command against one answer to each of its requests. */
static int answered_each(const char *line, const char *const *answers)
{
	pid_t pid = serve(answers);
	int r = korora(line), status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return r;
}

static int answered(const char *line, const char *answer)
{
	const char *const answers[] = { answer, NULL };

	return answered_each(line, answers);
}

static const char *asked(void)
{
	static char text[OUT_BYTES];

	slurp(below("/asked"), text);
	return text;
}

static void rates_are_read(void **state)
{
	static const struct { const char *text; uint64_t bytes; } good[] = {
		{ "100mbit", 12500000 },     { "1gbit", 125000000 },
		{ "2.5Gbit/s", 312500000 },  { "50MB", 50000000 },
		{ "64MiB", 67108864 },	     { "1000000", 1000000 },
		{ "8bit", 1 },
	};
	static const char *const bad[] = { "50mb", "", "-1", "1e9", "fast",
					   "10 MB", "nan", "0", "1bit", "0x10",
					   "99999999GB", "10MBx", "1gbit/" };
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < KR_N(good); i++) {
		assert_true(kr_human_rate(good[i].text, &v));
		assert_int_equal(v, good[i].bytes);
	}
	for (size_t i = 0; i < KR_N(bad); i++)
		assert_false(kr_human_rate(bad[i], &v));
}

static void sizes_and_spans_are_written(void **state)
{
	char h[KR_HUMAN_BYTES];

	(void)state;
	assert_string_equal(kr_human_size(0, h), "0 B");
	assert_string_equal(kr_human_size(1023, h), "1023 B");
	assert_string_equal(kr_human_size(1048575, h), "1 MiB");
	assert_string_equal(kr_human_size(1.5 * 1073741824, h), "1.5 GiB");
	assert_string_equal(kr_human_span(38.21, h), "38.2 ms");
	assert_string_equal(kr_human_span(4213, h), "4.21 s");
	assert_string_equal(kr_human_span(125000, h), "2 min 05 s");
	assert_string_equal(kr_human_span(7500000, h), "2 h 05 min");
	assert_string_equal(kr_human_time(0, h), "-");
	assert_string_equal(kr_human_clean("a\033[2J\302\233b", h, sizeof(h)),
			    "a?[2J?b");
}

static void usage_is_exit_2(void **state)
{
	(void)state;
	assert_int_equal(korora("bogus"), KR_EXIT_USAGE);
	assert_non_null(strstr(err, "korora: KR-1001 "));
	assert_int_equal(korora("vm start"), KR_EXIT_USAGE);
	assert_non_null(strstr(err, "usage: korora vm start NAME"));
	assert_int_equal(korora("migrate a --to b --to c"), KR_EXIT_USAGE);
	assert_int_equal(korora("migrate a --to b --bandwidth 5mb"),
			 KR_EXIT_USAGE);
	assert_int_equal(korora("migrate \377 --to b"), KR_EXIT_USAGE);
	assert_non_null(strstr(err, "not valid UTF-8"));
	assert_int_equal(korora("vm list --froce"), KR_EXIT_USAGE);
	assert_int_equal(korora("status --root"), KR_EXIT_USAGE);
	assert_int_equal(korora("help migrate"), 0);
	assert_non_null(strstr(out, "--max-downtime-ms N"));
}

static void no_daemon_is_said(void **state)
{
	(void)state;
	unlink(below("/run/korora/api.sock"));
	assert_int_equal(korora("vm list --json"), KR_EXIT_REFUSED);
	assert_non_null(strstr(out, "{\"error\":{\"code\":\"KR-1009\""));
	assert_non_null(strstr(err, "  → start kororad"));
	assert_int_equal(korora("doctor"), KR_EXIT_REFUSED);
	assert_non_null(strstr(out, "FAIL  kororad"));
	assert_int_equal(korora("version --json"), 0);
	assert_non_null(strstr(out, "\"kororad\":null"));
}

static void broken_answers_are_survived(void **state)
{
	static const char *const bad[] = {
		"", "\n", "[]\n", "{\"id\":2,\"result\":{}}\n", "{\"id\":1}\n",
		"{\"id\":1,\"result\":{},\"error\":{}}\n",
		"{\"id\":1,\"error\":7}\n", "{\"id\":1,\"result\":{}}",
		"{\"id\":1,\"id\":1,\"result\":{}}\n", "\xff\n",
	};

	(void)state;
	for (size_t i = 0; i < KR_N(bad); i++) {
		assert_int_equal(answered("vm list", bad[i]),
				 KR_EXIT_REFUSED);
		assert_non_null(strstr(err, "KR-1009"));
	}
	/* a result without what it should hold is shown as nothing */
	assert_int_equal(answered("vm list", "{\"id\":1,\"result\":{}}\n"), 0);
	assert_int_equal(answered("vm show x", "{\"id\":1,\"result\":[]}\n"),
			 0);
	assert_int_equal(answered("status", "{\"id\":1,\"result\":7}\n"), 0);
}

static void lists_are_aligned_and_clean(void **state)
{
	(void)state;
	assert_int_equal(
		answered("vm list",
			 "{\"id\":1,\"result\":{\"vms\":[{\"name\":\"web\","
			 "\"state\":\"run\\u001b[m\",\"memory_mb\":2048,"
			 "\"vcpus\":2,\"epoch\":1,\"peer\":null}]}}\n"),
		0);
	assert_string_equal(out, "NAME  STATE   MEMORY  VCPUS  EPOCH  PEER\n"
				 "web   run?[m   2 GiB      2      1  -\n");
	assert_string_equal(asked(), "{\"id\":1,\"method\":\"vm.list\","
				     "\"params\":{}}\n");
}

static void an_error_has_its_exit_code(void **state)
{
	(void)state;
	assert_int_equal(answered("cancel 5f",
				  "{\"id\":1,\"error\":{\"code\":\"KR-7002\","
				  "\"message\":\"5f3a\"}}\n"),
			 KR_EXIT_OPERATOR);
	assert_string_equal(out, "");
	assert_non_null(strstr(err, "korora: KR-7002 ownership was released "
				    "already: it cannot be cancelled: 5f3a\n"
				    "  → it is driven forward"));
	assert_int_equal(answered("vm list",
				  "{\"id\":1,\"error\":{\"code\":\"KR-9999\"}}"
				  "\n"),
			 KR_EXIT_REFUSED);
}

#define EVENT(ph)                                                          \
	"{\"id\":1,\"event\":{\"kind\":\"progress\",\"migration\":\"5f\"," \
	"\"phase\":\"" ph "\",\"ram_bytes\":100,\"remaining_bytes\":40}}\n"

static void migrate_tells_progress_and_end(void **state)
{
	(void)state;
	assert_int_equal(
		answered("migrate web --to beta --bandwidth 1gbit --timeout 9",
			 EVENT("copy") EVENT("copy") EVENT("seal")
			 "{\"id\":1,\"result\":{\"migration\":\"5f\",\"vm\":"
			 "\"web\",\"from\":\"alpha\",\"to\":\"beta\","
			 "\"status\":\"completed\",\"error\":null,"
			 "\"downtime_ms\":38.21,\"total_ms\":4213}}\n"),
		0);
	assert_non_null(strstr(out, "copy     60%"));
	assert_null(strstr(strstr(out, "copy ") + 1, "copy "));
	assert_non_null(strstr(out, "seal     60%"));
	assert_non_null(strstr(out, "web moved from alpha to beta"));
	assert_non_null(strstr(out, "downtime    38.2 ms"));
	assert_non_null(strstr(asked(), "\"bandwidth_bytes_s\":125000000"));
	assert_non_null(strstr(asked(), "\"timeout_s\":9"));
	assert_null(strstr(asked(), "strategy"));
}

static void an_unfinished_migration_is_a_result(void **state)
{
	static const char answer[] =
		EVENT("release")
		"{\"id\":1,\"result\":{\"vm\":\"web\",\"status\":\"failed\","
		"\"error\":{\"code\":\"KR-7003\",\"message\":\"beta\"}}}\n";

	(void)state;
	assert_int_equal(answered("--json migrate web --to beta", answer),
			 KR_EXIT_OPERATOR);
	assert_memory_equal(out, "{\"vm\":\"web\"", 10);
	assert_non_null(strstr(out, "\"hint\":\"bring the peer back"));
	assert_int_equal(answered("migrate web --to beta", answer),
			 KR_EXIT_OPERATOR);
	assert_null(strstr(out, "runs where it was"));
}

static void only_a_begun_migration_says_where_the_vm_runs(void **state)
{
	static const char refused[] =
		"{\"id\":1,\"error\":{\"code\":\"KR-1004\",\"message\":"
		"\"nothing\"}}\n";
	static const char undone[] =
		"{\"id\":1,\"result\":{\"migration\":\"5f\",\"vm\":\"web\","
		"\"to\":\"beta\",\"status\":\"failed\",\"error\":{\"code\":"
		"\"KR-5002\",\"message\":\"lane 0\"}}}\n";

	(void)state;
	assert_int_equal(answered("migrate web --to beta", refused),
			 KR_EXIT_REFUSED);
	assert_string_equal(out, "web to beta: refused\n");
	unlink(below("/run/korora/api.sock"));
	assert_int_equal(korora("migrate web --to beta"), KR_EXIT_REFUSED);
	assert_string_equal(out, "web to beta: refused\n");
	assert_int_equal(answered("migrate web --to beta", undone),
			 KR_EXIT_REFUSED);
	assert_non_null(strstr(out, "failed; the VM runs where it was"));
}

static void a_lost_migration_is_exit_3(void **state)
{
	(void)state;
	assert_int_equal(answered("migrate web --to beta", EVENT("release")),
			 KR_EXIT_OPERATOR);
	assert_non_null(strstr(err, "KR-1009"));
	assert_non_null(strstr(out, "to beta: how it ended is not known\n"
				    "  migration   5f\n"));
	assert_int_equal(answered("--json migrate web --to beta",
				  EVENT("release")),
			 KR_EXIT_OPERATOR);
	assert_non_null(strstr(err, "KR-1009"));
	assert_memory_equal(out, "{\"migration\":\"5f\",\"vm\":\"web\",", 29);
	assert_non_null(strstr(out, "\"status\":\"failed\",\"error\":{\"code\":"
				    "\"KR-1009\""));
	assert_int_equal(answered("--json migrate web --to beta", ""),
			 KR_EXIT_REFUSED);
	assert_memory_equal(out, "{\"migration\":null,\"vm\":\"web\",", 29);
	assert_non_null(strstr(out, "\"status\":\"refused\""));
}

static void recover_waits_is_exit_3(void **state)
{
	(void)state;
	assert_int_equal(answered("recover",
				  "{\"id\":1,\"result\":{\"migrations\":[{"
				  "\"migration\":\"5f\",\"outcome\":"
				  "\"waiting\",\"error\":null}]}}\n"),
			 KR_EXIT_OPERATOR);
}

#define MIG(state, left, ms)                                                \
	"\"result\":{\"host\":\"alpha\",\"migrations\":[{\"migration\":"     \
	"\"5f\",\"vm\":\"web\",\"state\":\"" state "\",\"remaining_bytes\":" \
	#left ",\"error\":null,\"elapsed_ms\":" #ms ",\"rate_bytes_s\":" #ms "}]}}\n"

static unsigned int count(const char *what)
{
	unsigned int n = 0;

	for (const char *p = out; (p = strstr(p, what)); p++)
		n++;
	return n;
}

/* Three answers, of which the second tells only how late it is. */
static void watching_tells_what_changed(void **state)
{
	static const char *const answers[] = {
		"{\"id\":1," MIG("running", 4096, 10),
		"{\"id\":2," MIG("running", 4096, 1010),
		"{\"id\":3," MIG("completed", 0, 2010), NULL,
	};

	(void)state;
	assert_int_equal(answered_each("status 5f --watch", answers), 0);
	assert_int_equal(count("State:"), 2);
	assert_int_equal(count("running"), 1);
	assert_int_equal(count("completed"), 1);
	assert_int_equal(answered_each("--json status 5f --watch", answers),
			 0);
	assert_int_equal(count("\n"), 2);
}

static void init_makes_an_identity_once(void **state)
{
	char line[512];

	(void)state;
	assert_int_equal(korora("init --name alpha --json"), 0);
	assert_non_null(strstr(out, "\"fingerprint\":\"SHA256:"));
	assert_int_equal(access(below("/etc/korora/korora.conf"), F_OK), 0);
	assert_int_equal(korora("init --name alpha"), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-1007"));
	snprintf(line, sizeof(line), "init --name alpha --ca-request %s",
		 below("/csr"));
	/* a request is about the identity that exists */
	assert_int_equal(korora(line), 0);
	slurp(below("/csr"), out);
	assert_non_null(strstr(out, "BEGIN CERTIFICATE REQUEST"));
	assert_int_equal(korora(line), KR_EXIT_REFUSED);
	assert_int_equal(korora("init --name beta --cert /dev/null"),
			 KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "identity is alpha, not beta"));
	assert_int_equal(korora("init --name ../x"), KR_EXIT_USAGE);
}

/* ---- receipts ---------------------------------------------------------- */

static struct kr_identity *identity(const char *dir, const char *name)
{
	struct kr_err e = KR_ERR_NONE;
	struct kr_identity *id = NULL;

	assert_int_equal(kr_mkdirs(dir, 0700), 0);
	kr_identity_create(dir, name, &e);
	e = KR_ERR_NONE;
	assert_int_equal(kr_identity_load(dir, &id, &e), 0);
	return id;
}

static void write_receipt(const struct kr_identity *a,
			  const struct kr_identity *b, const char *path)
{
	struct kr_terms t = {
		.vm = "web", .from_name = "alpha", .to_name = "beta",
		.requested_by = "root", .strategy = "precopy", .epoch = 2,
		.protection = { .control_tls = "TLSv1.3", .control_suite = "C",
				.lane_suite = "L", .n_lanes = 1,
				.attestation = "none" },
		.downtime_us = 38210, .rounds = 3,
	};
	struct kr_dsse_sig sigs[2];
	struct kr_err e = KR_ERR_NONE;
	KR_AUTOFREE char *text = NULL;

	memcpy(t.from_keyid, kr_identity_keyid(a), 32);
	memcpy(t.to_keyid, kr_identity_keyid(b), 32);
	assert_int_equal(kr_statement_sign(KR_STATEMENT_RECEIPT, &t, a,
					   &sigs[0], &e), 0);
	assert_int_equal(kr_statement_sign(KR_STATEMENT_RECEIPT, &t, b,
					   &sigs[1], &e), 0);
	assert_int_equal(kr_statement_envelope(KR_STATEMENT_RECEIPT, &t, sigs,
					       2, &text, &e), 0);
	assert_int_equal(kr_write_file(path, text, strlen(text), 0644), 0);
}

static int verify(const char *file, const char *keys)
{
	char line[1024];

	snprintf(line, sizeof(line), "receipt verify %s %s", file, keys);
	return korora(line);
}

static void receipts_are_verified_offline(void **state)
{
	KR_AUTO(kr_identity_autofree) struct kr_identity *a =
		identity(below("/etc/korora"), "alpha");
	KR_AUTO(kr_identity_autofree) struct kr_identity *b =
		identity(below("/beta"), "beta");
	const char *pem = kr_identity_cert_pem(b);
	char keys[600], *sig;

	(void)state;
	write_receipt(a, b, below("/receipt"));
	/* beta's certificate is not at hand */
	assert_int_equal(verify(below("/receipt"), ""), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-8003"));
	assert_non_null(strstr(err, "beta"));
	/* met as a peer */
	assert_int_equal(kr_mkdirs(below("/var/lib/korora/peers"), 0700), 0);
	kr_write_file(below("/var/lib/korora/peers/beta.crt"), pem,
		      strlen(pem), 0644);
	assert_int_equal(verify(below("/receipt"), ""), 0);
	assert_non_null(strstr(out, "both signatures verify"));
	assert_int_equal(verify(below("/receipt"), "--json"), 0);
	assert_non_null(strstr(out, "\"downtime_ms\":38.21"));
	/* keys given replace those at hand */
	snprintf(keys, sizeof(keys), "--key %s --key=%s",
		 below("/etc/korora/identity.crt"),
		 below("/beta/identity.crt"));
	assert_int_equal(verify(below("/receipt"), keys), 0);
	snprintf(keys, sizeof(keys), "--key %s",
		 below("/etc/korora/identity.crt"));
	assert_int_equal(verify(below("/receipt"), keys), KR_EXIT_REFUSED);
	/* one character of a signature */
	slurp(below("/receipt"), out);
	sig = strstr(out, "\"sig\":\"");
	assert_non_null(sig);
	sig[20] = sig[20] == 'A' ? 'B' : 'A';
	kr_write_file(below("/forged"), out, strlen(out), 0644);
	assert_int_equal(verify(below("/forged"), ""), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-8003"));
	assert_int_equal(verify("/dev/null", ""), KR_EXIT_REFUSED);
	assert_int_equal(verify("/nonexistent", ""), KR_EXIT_REFUSED);
}

static int make_root(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(root) || setenv("KORORA_ROOT", root, 1))
		return -1;
	return kr_mkdirs(below("/run/korora"), 0700);
}

static int remove_root(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", root);
	return system(cmd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_read),
		cmocka_unit_test(sizes_and_spans_are_written),
		cmocka_unit_test(usage_is_exit_2),
		cmocka_unit_test(no_daemon_is_said),
		cmocka_unit_test(broken_answers_are_survived),
		cmocka_unit_test(lists_are_aligned_and_clean),
		cmocka_unit_test(an_error_has_its_exit_code),
		cmocka_unit_test(migrate_tells_progress_and_end),
		cmocka_unit_test(an_unfinished_migration_is_a_result),
		cmocka_unit_test(
			only_a_begun_migration_says_where_the_vm_runs),
		cmocka_unit_test(a_lost_migration_is_exit_3),
		cmocka_unit_test(recover_waits_is_exit_3),
		cmocka_unit_test(watching_tells_what_changed),
		cmocka_unit_test(init_makes_an_identity_once),
		cmocka_unit_test(receipts_are_verified_offline),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
