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
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/commands.h"
#include "client/human.h"
#include "evidence/approval.h"
#include "evidence/signer.h"
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
	assert_non_null(strstr(out, "copy       60%"));
	assert_null(strstr(strstr(out, "copy ") + 1, "copy "));
	assert_non_null(strstr(out, "seal       60%"));
	assert_non_null(strstr(out, "web moved from alpha to beta"));
	assert_non_null(strstr(out, "downtime    38.2 ms"));
	assert_non_null(strstr(asked(), "\"bandwidth_bytes_s\":125000000"));
	assert_non_null(strstr(asked(), "\"timeout_s\":9"));
	assert_null(strstr(asked(), "strategy"));
}

#define LATE(more)                                                         \
	"{\"id\":1,\"event\":{\"kind\":\"progress\",\"migration\":\"5f\"," \
	"\"phase\":\"post-copy\",\"ram_bytes\":8192,"                       \
	"\"remaining_bytes\":2048,\"rate_bytes_s\":1024,\"postcopy\":{"     \
	"\"owed_pages\":9," more "}}}\n"
#define OVER "{\"id\":1,\"result\":{\"status\":\"completed\"}}\n"

static void progress_tells_what_is_missing(void **state)
{
	(void)state;
	answered("migrate web --to beta",
		 EVENT("seal")
		 LATE("\"missing_pages\":7,\"flows\":true") OVER);
	assert_non_null(strstr(out, "post-copy  75%       1 KiB/s  left      "
				    "2 KiB  missing        7 pages  sent"));
	/* after a cut QEMU alone knows how much that is */
	answered("migrate web --to beta",
		 LATE("\"missing_pages\":0,\"recoveries\":2,"
		      "\"flows\":false") OVER);
	assert_non_null(strstr(out, "post-copy  75%  interrupted   left      "
				    "2 KiB  recoveries           2  sent"));
	assert_null(strstr(out, "missing"));
	/* it is over: nothing is missing */
	answered("migrate web --to beta", EVENT("receipt") OVER);
	assert_null(strstr(out, "missing"));
}

#define STATUS(phase, more)                                               \
	"{\"id\":1,\"result\":{\"host\":\"alpha\",\"migrations\":[{"       \
	"\"migration\":\"5f\",\"vm\":\"web\",\"phase\":\"" phase "\","     \
	"\"error\":null,\"postcopy\":" more "}]}}\n"

static void status_tells_what_is_missing(void **state)
{
	(void)state;
	answered("status 5f", STATUS("copy", "null"));
	assert_null(strstr(out, "early"));
	answered("status 5f",
		 STATUS("post-copy", "{\"owed_pages\":9,\"missing_pages\":7,"
			"\"late_pages\":2,\"preempt\":true,"
			"\"urgent_pages\":1,"
			"\"recoveries\":0,\"flows\":true,"
			"\"lost\":false}"));
	assert_non_null(strstr(out, "yes, its memory follows\n"));
	assert_non_null(strstr(out, "Missing pages:"));
	assert_non_null(strstr(out, "  urgent:"));
	answered("status 5f",
		 STATUS("post-copy", "{\"owed_pages\":9,\"missing_pages\":0,"
			"\"late_pages\":2,\"recoveries\":1,\"flows\":false,"
			"\"lost\":false}"));
	assert_non_null(strstr(out, "yes, its memory is interrupted\n"));
	assert_null(strstr(out, "Missing pages:"));
	answered("status 5f",
		 STATUS("done", "{\"owed_pages\":9,\"lost\":true}"));
	assert_non_null(strstr(out, "yes, and never got all of its memory\n"));
	/* for programs it is as kororad said it */
	answered("--json status 5f", STATUS("done", "{\"lost\":true}"));
	assert_null(strstr(out, "early"));
	assert_non_null(strstr(out, "\"postcopy\":{\"lost\":true}"));
}

static void a_vm_without_its_memory_is_exit_3(void **state)
{
	static const char answer[] =
		"{\"id\":1,\"result\":{\"migration\":\"5f\",\"vm\":\"web\","
		"\"to\":\"beta\",\"status\":\"lost\",\"error\":{\"code\":"
		"\"KR-7004\",\"message\":\"web\"}}}\n";

	(void)state;
	assert_int_equal(answered("migrate web --to beta", answer),
			 KR_EXIT_OPERATOR);
	assert_non_null(strstr(out, "web to beta: lost\n"));
	assert_null(strstr(out, "runs where it was"));
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

#define ID "11111111111111111111111111111111"
#define UNDONE "{\"id\":1,\"result\":{\"migrations\":[{\"migration\":\"" ID \
	"\",\"vm\":\"web\",\"role\":\"source\",\"peer\":\"beta\","      \
	"\"state\":\"cancelled\",\"receipt\":null}]}}\n"
#define DEMANDS	"{\"id\":3,\"result\":{\"name\":\"standard\",\"version\":1," \
		"\"sha256\":\"00\",\"demands\":\"attestation=none\\n\"}}\n"
#define INFO "{\"id\":2,\"result\":{\"host\":\"alpha\",\"policy\":\"\"}}\n"

/* Of a log that kororad may not, or cannot, vouch for there is one, too. */
static void a_report_is_made_of_five_answers(void **state)
{
	static const char *const refused[] = {
		UNDONE, INFO, DEMANDS,
		"{\"id\":4,\"result\":{\"entries\":[]}}\n",
		"{\"id\":5,\"error\":{\"code\":\"KR-1003\"}}\n", NULL,
	};
	static const char *const altered[] = {
		UNDONE, INFO, DEMANDS,
		"{\"id\":4,\"result\":{\"entries\":[]}}\n",
		"{\"id\":5,\"error\":{\"code\":\"KR-8002\",\"message\":"
		"\"entry 7\"}}\n", NULL,
	};
	char line[512], page[OUT_BYTES];

	(void)state;
	assert_int_equal(answered_each("report 1111", refused), 0);
	assert_memory_equal(out, "Did not move\n", 13);
	assert_non_null(strstr(out, "Single ownership: cannot be told\n"));
	assert_non_null(strstr(asked(), "\"migration\":\"" ID "\""));
	assert_non_null(strstr(asked(), "\"method\":\"log.verify\""));
	snprintf(line, sizeof(line), "--json report 11 --html %s",
		 below("/page"));
	assert_int_equal(answered_each(line, altered), KR_EXIT_REFUSED);
	assert_non_null(strstr(out, "\"verdict\":\"unreliable\""));
	slurp(below("/page"), page);
	assert_memory_equal(page, "<!DOCTYPE html>", 15);
	assert_non_null(strstr(page, "The evidence does not verify"));
	assert_non_null(strstr(page, "</html>"));
	assert_int_equal(access(below("/page.new"), F_OK), -1);
	/* no such migration, and nowhere to write */
	assert_int_equal(answered("report 2", "{\"id\":1,\"result\":{}}\n"),
			 KR_EXIT_REFUSED);
	snprintf(line, sizeof(line), "report 11 --html %s",
		 below("/none/page"));
	assert_int_equal(answered_each(line, refused), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-9001"));
}

static void init_makes_an_identity_once(void **state)
{
	char line[512];

	(void)state;
	assert_int_equal(korora("init --name ../x"), KR_EXIT_USAGE);
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
}

static void init_gives_a_first_policy(void **state)
{
	static char shipped[OUT_BYTES], there[OUT_BYTES];
	char file[256], line[512];
	int fd;

	(void)state;
	snprintf(file, sizeof(file), "%s",
		 below("/etc/korora/policy.d/standard.policy"));
	slurp(POLICIES "/standard.policy", shipped);
	slurp(file, there);
	assert_string_equal(there, shipped);
	/* one that is there, under whatever name, is left alone */
	unlink(file);
	fd = open(below("/etc/korora/policy.d/own.policy"),
		  O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(korora("init --name alpha"), KR_EXIT_REFUSED);
	assert_int_equal(access(file, F_OK), -1);
	unlink(below("/etc/korora/policy.d/own.policy"));
	/* a refused one changes nothing: another name, no certificate */
	assert_int_equal(korora("init --name beta --ca-request /tmp/x"),
			 KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "identity is alpha, not beta"));
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(korora("init --name alpha --cert /dev/null"),
			 KR_EXIT_REFUSED);
	assert_int_equal(access(file, F_OK), -1);
	snprintf(line, sizeof(line), "init --name alpha --ca-request %s",
		 below("/csr"));	/* which is there */
	assert_int_equal(korora(line), KR_EXIT_REFUSED);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(korora("init --name alpha"), 0);
	assert_int_equal(access(file, F_OK), 0);
	/* no identity is made where there is no policy to give */
	assert_int_equal(setenv("KORORA_DATA", "/nonexistent", 1), 0);
	snprintf(line, sizeof(line), "init --name beta --root %s",
		 below("/other"));
	assert_int_equal(korora(line), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "/nonexistent/policies/standard.policy"));
	assert_int_equal(access(below("/other/etc/korora/identity.key"), F_OK),
			 -1);
	assert_int_equal(setenv("KORORA_DATA", POLICIES "/..", 1), 0);
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

static struct kr_terms terms(void)
{
	return (struct kr_terms){
		.vm = "web", .from_name = "alpha", .to_name = "beta",
		.requested_by = "root", .strategy = "precopy", .epoch = 2,
		.protection = { .control_tls = "TLSv1.3", .control_suite = "C",
				.lane_suite = "L", .n_lanes = 1,
				.attestation = "none" },
		.downtime_us = 38210, .rounds = 3,
	};
}

static void write_receipt(const struct kr_identity *a,
			  const struct kr_identity *b, struct kr_terms t,
			  const char *path)
{
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
	write_receipt(a, b, terms(), below("/receipt"));
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

/* After the above, the keys are at hand. */
static void receipts_tell_that_it_ran_early(void **state)
{
	KR_AUTO(kr_identity_autofree) struct kr_identity *a =
		identity(below("/etc/korora"), "alpha");
	KR_AUTO(kr_identity_autofree) struct kr_identity *b =
		identity(below("/beta"), "beta");
	struct kr_terms t = terms();

	(void)state;
	write_receipt(a, b, t, below("/receipt"));
	assert_int_equal(verify(below("/receipt"), ""), 0);
	assert_null(strstr(out, "early"));
	assert_int_equal(verify(below("/receipt"), "--json"), 0);
	assert_null(strstr(out, "postcopy"));
	t.postcopy.early = true;
	t.postcopy.owed_pages = 700;
	t.postcopy.late_pages = 711;
	t.postcopy.complete_ms = 1700000000005;
	t.postcopy.recoveries = 2;
	t.postcopy.stream_bytes = 2900000;
	memset(t.postcopy.ram_root, 0xdd, 32);
	write_receipt(a, b, t, below("/receipt"));
	assert_int_equal(verify(below("/receipt"), ""), 0);
	assert_non_null(strstr(out, "Ran early:         yes, before all of its "
				    "memory was there\n"
				    "Owed pages:        700\n"
				    "Late pages:        711\n"
				    "Complete:          2023-11-1"));
	assert_non_null(strstr(out, "Recoveries:        2\n"));
	assert_non_null(strstr(out, "  in the end:      dddddd"));
	assert_int_equal(verify(below("/receipt"), "--json"), 0);
	assert_non_null(strstr(out, "\"postcopy\":{\"lost\":false,"
				    "\"off\":false,\"preempt\":false,"));
	t.postcopy.off = true;
	t.postcopy.stream_bytes = 0;
	memset(t.postcopy.ram_root, 0, 32);
	write_receipt(a, b, t, below("/receipt"));
	assert_int_equal(verify(below("/receipt"), ""), 0);
	assert_non_null(strstr(out, "was off before all of it was there\n"));
	t.postcopy.off = false;
	t.postcopy.lost = true;
	t.postcopy.complete_ms = t.postcopy.stream_bytes = 0;
	write_receipt(a, b, t, below("/receipt"));
	assert_int_equal(verify(below("/receipt"), ""), 0);
	assert_non_null(strstr(out, "yes, and never got all of its memory\n"));
	assert_null(strstr(out, "Complete:"));
	assert_null(strstr(out, "in the end"));
}

/* ---- approvals ---------------------------------------------------------- */

static void make_key(const char *path)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	FILE *f = fopen(path, "w");

	assert_true(k && f);
	assert_true(PEM_write_PKCS8PrivateKey(f, k, NULL, NULL, 0, NULL, NULL));
	assert_int_equal(fclose(f), 0);
	EVP_PKEY_free(k);
}

#define REQUEST "5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f"

/* kororad's answer to request.show: it shows these parameters, and wants
 * these to be signed. */
static char *shown(const char *params, const char *wanted)
{
	struct kr_approval a = { .vm = "web", .from_name = "alpha",
				 .to_name = "beta", .requester = "carl" };
	json_t *w = json_loads(wanted, 0, NULL), *j;
	char *text, *line = NULL;

	memset(a.request, 0x5f, sizeof(a.request));
	assert_int_equal(kr_approval_params(w, a.params, NULL), 0);
	j = json_pack("{s:i, s:{s:s, s:o, s:o, s:I}}", "id", 1, "result",
		      "you", "anna", "asked", kr_approval_asked(&a), "params",
		      json_loads(params, 0, NULL), "expires_ms",
		      (json_int_t)kr_wall_ms() + 60000);
	text = json_dumps(j, JSON_COMPACT);
	assert_true(text && asprintf(&line, "%s\n", text) > 0);
	free(text);
	json_decref(j);
	json_decref(w);
	return line;
}

static void what_is_shown_is_what_is_signed(void **state)
{
	static const char state_of[] =
		"{\"id\":2,\"result\":{\"state\":\"approved\"}}\n";
	char *same = shown("{\"x\":1}", "{\"x\":1}"), line[512], *text;
	const char *answers[] = { same, state_of, NULL };
	KR_AUTO(kr_signer_autofree) struct kr_signer *s = NULL;
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	const json_t *params;
	struct kr_approval a;

	(void)state;
	make_key(below("/anna.pem"));
	snprintf(line, sizeof(line), "deny 5f5f --key %s", below("/anna.pem"));
	assert_int_equal(answered_each(line, answers), 0);
	assert_non_null(strstr(out, "VM:          web\n"));
	assert_non_null(strstr(out, "beta, known by its CA\n"));
	assert_non_null(strstr(out, "{\"x\":1}\n"));
	assert_non_null(strstr(out, "it is approved now\n"));
	j = json_loads(strchr(asked(), '\n'), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(j, "method")),
			    "approve");
	params = json_object_get(j, "params");
	assert_string_equal(json_string_value(json_object_get(params, "id")),
			    REQUEST);
	text = json_dumps(json_object_get(params, "envelope"), 0);
	assert_int_equal(kr_signer_open(below("/anna.pem"), &s, NULL), 0);
	assert_int_equal(kr_approval_verify(text, strlen(text),
					    kr_signer_pubkey(s), &a, NULL), 0);
	assert_string_equal(a.decision, "deny");
	assert_string_equal(a.approver, "anna");
	assert_string_equal(a.vm, "web");
	assert_memory_equal(a.approver_keyid,
			    kr_pubkey_keyid(kr_signer_pubkey(s)), 32);
	assert_in_range(a.expires_ms - a.issued_ms, 1, 60000);
	free(text);
	free(same);
}

static void what_is_not_shown_is_not_signed(void **state)
{
	char *other = shown("{\"x\":1}", "{\"x\":2}"), line[512];

	(void)state;
	make_key(below("/anna.pem"));
	snprintf(line, sizeof(line), "approve 5f5f --key %s",
		 below("/anna.pem"));
	assert_int_equal(answered(line, other), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-1027"));
	assert_null(strstr(asked(), "envelope"));
	free(other);
	/* nor another request than the one that was typed */
	other = shown("{}", "{}");
	snprintf(line, sizeof(line), "approve 5f6 --key %s",
		 below("/anna.pem"));
	assert_int_equal(answered(line, other), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-1027"));
	assert_int_equal(answered("approve 5f5f", other), KR_EXIT_USAGE);
	free(other);
}

static void private_keys_are_not_sent(void **state)
{
	char line[512];

	(void)state;
	make_key(below("/anna.pem"));
	snprintf(line, sizeof(line), "user key add anna %s",
		 below("/anna.pem"));
	/* refused before anybody is asked: nobody is there */
	unlink(below("/run/korora/api.sock"));
	assert_int_equal(korora(line), KR_EXIT_REFUSED);
	assert_non_null(strstr(err, "KR-8005"));
	assert_int_equal(answered("user key list",
				  "{\"id\":1,\"result\":{\"keys\":[]}}\n"), 0);
	assert_non_null(strstr(asked(), "\"user.key.list\""));
	assert_int_equal(korora("user key"), KR_EXIT_USAGE);
	assert_int_equal(korora("user key grant"), KR_EXIT_USAGE);
}

static int make_root(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(root) || setenv("KORORA_ROOT", root, 1) ||
	    setenv("KORORA_DATA", POLICIES "/..", 1))
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
		cmocka_unit_test(progress_tells_what_is_missing),
		cmocka_unit_test(status_tells_what_is_missing),
		cmocka_unit_test(a_vm_without_its_memory_is_exit_3),
		cmocka_unit_test(an_unfinished_migration_is_a_result),
		cmocka_unit_test(
			only_a_begun_migration_says_where_the_vm_runs),
		cmocka_unit_test(a_lost_migration_is_exit_3),
		cmocka_unit_test(recover_waits_is_exit_3),
		cmocka_unit_test(watching_tells_what_changed),
		cmocka_unit_test(a_report_is_made_of_five_answers),
		cmocka_unit_test(init_makes_an_identity_once),
		cmocka_unit_test(init_gives_a_first_policy),
		cmocka_unit_test(receipts_are_verified_offline),
		cmocka_unit_test(receipts_tell_that_it_ran_early),
		cmocka_unit_test(what_is_shown_is_what_is_signed),
		cmocka_unit_test(what_is_not_shown_is_not_signed),
		cmocka_unit_test(private_keys_are_not_sent),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
