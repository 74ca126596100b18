/* SPDX-License-Identifier: Apache-2.0 */
/* human.c - see human.h. Called by every korora command; no state. */
#include "client/human.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const char *kr_human_size(double bytes, char out[KR_HUMAN_BYTES])
{
	static const char *const unit[] = { "B",   "KiB", "MiB",
					    "GiB", "TiB", "PiB" };
	size_t u = 0;
	double part;

	if (!(bytes >= 0 && bytes < 1e18))
		bytes = bytes >= 1e18 ? 1e18 : 0;
	/* 1023.96 would print as 1024.0 of the smaller unit */
	for (; bytes >= 1023.95 && u + 1 < sizeof(unit) / sizeof(*unit); u++)
		bytes /= 1024;
	part = bytes - (double)(uint64_t)bytes;
	snprintf(out, KR_HUMAN_BYTES, "%.*f %s",
		 u && part >= 0.05 && part < 0.95 ? 1 : 0, bytes, unit[u]);
	return out;
}

const char *kr_human_span(double ms, char out[KR_HUMAN_BYTES])
{
	unsigned long s;

	if (!(ms >= 0))
		ms = 0;
	s = ms < 1e15 ? (unsigned long)(ms / 1000) : 0;
	if (ms < 999.95)
		snprintf(out, KR_HUMAN_BYTES, "%.1f ms", ms);
	else if (ms < 59995)
		snprintf(out, KR_HUMAN_BYTES, "%.2f s", ms / 1000);
	else if (s < 3600)
		snprintf(out, KR_HUMAN_BYTES, "%lu min %02lu s", s / 60,
			 s % 60);
	else
		snprintf(out, KR_HUMAN_BYTES, "%lu h %02lu min", s / 3600,
			 s / 60 % 60);
	return out;
}

const char *kr_human_time(int64_t unix_ms, char out[KR_HUMAN_BYTES])
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;

	if (unix_ms <= 0 || !localtime_r(&t, &tm) ||
	    !strftime(out, KR_HUMAN_BYTES, "%Y-%m-%d %H:%M:%S %z", &tm))
		snprintf(out, KR_HUMAN_BYTES, "-");
	return out;
}

const char *kr_human_clean(const char *in, char *out, size_t size)
{
	size_t n = 0;

	for (; *in && n + 1 < size; in++) {
		unsigned char c = (unsigned char)*in;

		/* C1 controls are 0xC2 0x80..0x9F in UTF-8 */
		if (c == 0xc2 && (unsigned char)in[1] >= 0x80 &&
		    (unsigned char)in[1] < 0xa0) {
			in++;
			c = 0;
		}
		out[n++] = c < ' ' || c == 127 ? '?' : (char)c;
	}
	out[n] = '\0';
	return out;
}

size_t kr_human_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

bool kr_human_number(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long v;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *end || v > max)
		return false;
	*ret = v;
	return true;
}

bool kr_human_rate(const char *text, uint64_t *ret)
{
	static const struct {
		const char *name;
		bool	    any_case;
		double	    bytes;
	} unit[] = {
		{ "", false, 1 },	   { "B", false, 1 },
		{ "bit", true, 1 / 8.0 },  { "kbit", true, 1e3 / 8 },
		{ "mbit", true, 1e6 / 8 }, { "gbit", true, 1e9 / 8 },
		{ "kB", false, 1e3 },	   { "MB", false, 1e6 },
		{ "GB", false, 1e9 },	   { "KiB", false, 1024 },
		{ "MiB", false, 1048576 }, { "GiB", false, 1073741824 },
	};
	char name[8];
	size_t n;
	double v;
	char *end;

	if (!isdigit((unsigned char)*text) || strpbrk(text, "xXpPeE"))
		return false;
	v = strtod(text, &end);
	n = strlen(end);
	if (n >= 2 && !strcmp(end + n - 2, "/s"))
		n -= 2;
	if (n >= sizeof(name))
		return false;
	memcpy(name, end, n);
	name[n] = '\0';
	for (size_t i = 0; i < sizeof(unit) / sizeof(*unit); i++) {
		if (unit[i].any_case ? strcasecmp(name, unit[i].name)
				     : strcmp(name, unit[i].name))
			continue;
		v *= unit[i].bytes;
		if (!(v >= 1 && v < 1e15))
			return false;
		*ret = (uint64_t)v;
		return true;
	}
	return false;
}
