/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - one line per event on standard error. Used in every process. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *who = "korora";
static int debug;

void kr_log_init(const char *process)
{
	who = process;
	debug = getenv("KORORA_DEBUG") != NULL;
}

void kr_log(enum kr_log level, const char *fmt, ...)
{
	/* sd-daemon(3) priorities, so that journald files them right */
	static const char *const prio[] = { "<3>", "<4>", "<6>", "<7>" };
	char text[600], line[800];
	struct timespec t;
	struct tm tm;
	va_list ap;
	int n;

	if (level == KR_LOG_DEBUG && !debug)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	n = snprintf(line, sizeof(line),
		     "%s%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s[%d] %s\n",
		     getenv("JOURNAL_STREAM") ? prio[level] : "",
		     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		     tm.tm_min, tm.tm_sec, t.tv_nsec / 1000000, who,
		     (int)getpid(), text);
	if (n > 0 && write(2, line, (size_t)n) < 0)
		return;	/* nowhere left to complain */
}

void kr_log_err(enum kr_log level, const char *context,
		const struct kr_err *e)
{
	kr_log(level, "%s: KR-%04d %s (%s)", context, (int)e->kr, e->what,
	       e->where ? e->where : "-");
}
