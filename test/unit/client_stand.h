/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_stand.h - a root of their own for korora's commands, and a kororad
 * there that says what it is told. Include after cmocka.h.
 */
#ifndef KR_TEST_CLIENT_STAND_H
#define KR_TEST_CLIENT_STAND_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/commands.h"
#include "korora.h"

#define OUT_BYTES 65536

static char root[] = "/tmp/test_client.XXXXXX";
static char out[OUT_BYTES], err[OUT_BYTES];

static inline char *below(const char *path)
{
	static char buf[4][256];
	static unsigned int i;
	char *b = buf[i++ % 4];

	snprintf(b, sizeof(buf[0]), "%s%s", root, path);
	return b;
}

static inline void slurp(const char *path, char to[OUT_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, to, OUT_BYTES - 1);

	assert_true(fd >= 0 && n >= 0);
	to[n] = '\0';
	close(fd);
}

/* A process that runs one command line, words parted by blanks. */
static inline int korora(const char *line)
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
static inline pid_t serve(const char *const *answers)
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
static inline int answered_each(const char *line, const char *const *answers)
{
	pid_t pid = serve(answers);
	int r = korora(line), status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return r;
}

static inline int answered(const char *line, const char *answer)
{
	const char *const answers[] = { answer, NULL };

	return answered_each(line, answers);
}

static inline const char *asked(void)
{
	static char text[OUT_BYTES];

	slurp(below("/asked"), text);
	return text;
}

static inline int make_root(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(root) || setenv("KORORA_ROOT", root, 1) ||
	    setenv("KORORA_DATA", POLICIES "/..", 1))
		return -1;
	return kr_mkdirs(below("/run/korora"), 0700);
}

static inline int remove_root(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", root);
	return system(cmd);
}

#endif
