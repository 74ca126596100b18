/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini.c - the reader of users' text files. Runs in kororad and in korora,
 * also over definitions that a peer sent: everything is bounded, nothing is
 * allocated.
 */
#include "base/ini.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct span { const char *p; size_t n; };

int kr_ini_fail_as(const struct kr_ini *it, struct kr_err *e, enum kr_code kr,
		   const char *fmt, ...)
{
	char what[KR_WHAT_BYTES];
	size_t n = strlen(it->file);
	bool cut = n > 80;	/* a long path must not crowd out the reason */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return kr_fail(e, kr, "%s%s:%u: %s", cut ? "..." : "",
		       it->file + (cut ? n - 77 : 0), it->line, what);
}

int kr_ini_unknown(const struct kr_ini *it, struct kr_err *e)
{
	if (!it->key[0])
		return kr_ini_fail(it, e, "unknown section [%s]", it->section);
	return kr_ini_fail(it, e, "unknown key '%s' in [%s]", it->key,
			   it->section);
}

/* Length of the UTF-8 sequence at @s, 0 if there is no valid one. */
static size_t utf8_len(const uint8_t *s, size_t n)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 :
		     s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF, C1 controls */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) ||
	    (s[0] == 0xc2 && s[1] < 0xa0))
		return 0;
	return len;
}

static bool printable(struct span s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	for (size_t i = 0; i < s.n;) {
		size_t len = utf8_len(p + i, s.n - i);

		if (!len || (p[i] < ' ' && p[i] != '\t') || p[i] == 127)
			return false;
		i += len;
	}
	return true;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span trim(const char *p, const char *end)
{
	while (p < end && blank(*p))
		p++;
	while (p < end && blank(end[-1]))
		end--;
	return (struct span){ p, (size_t)(end - p) };
}

/* Sections, names and keys are plain words. */
static bool word(struct span s, char out[KR_INI_WORD_MAX + 1])
{
	if (!s.n || s.n > KR_INI_WORD_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && !strchr("_-.", c))
			return false;
	}
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

int kr_ini_start(struct kr_ini *it, const char *file, const char *text,
		 size_t n_bytes, struct kr_err *e)
{
	*it = (struct kr_ini){ .file = file, .p = text, .end = text + n_bytes };
	if (n_bytes > KR_INI_BYTES_MAX)
		return kr_ini_fail(it, e, "longer than %u bytes",
				   KR_INI_BYTES_MAX);
	return 0;
}

static int take_section(struct kr_ini *it, struct span s, struct kr_err *e)
{
	struct span in, first, rest;
	size_t n = 0;

	it->section[0] = it->name[0] = it->key[0] = it->value[0] = '\0';
	if (s.n < 2 || s.p[s.n - 1] != ']')
		return kr_ini_fail(it, e, "a section must end in ']'");
	in = trim(s.p + 1, s.p + s.n - 1);
	while (n < in.n && !blank(in.p[n]))
		n++;
	first = (struct span){ in.p, n };
	rest = trim(in.p + n, in.p + in.n);
	if (!word(first, it->section) || (rest.n && !word(rest, it->name)))
		return kr_ini_fail(it, e, "malformed section name");
	return KR_INI_SECTION;
}

static int take_key(struct kr_ini *it, struct span s, struct kr_err *e)
{
	const char *eq = memchr(s.p, '=', s.n);
	struct span v;

	it->key[0] = it->value[0] = '\0';
	if (!eq)
		return kr_ini_fail(it, e, "expected 'key = value'");
	if (!word(trim(s.p, eq), it->key))
		return kr_ini_fail(it, e, "malformed key");
	if (!it->section[0])
		return kr_ini_fail(it, e, "key '%s' before any [section]",
				   it->key);
	v = trim(eq + 1, s.p + s.n);
	if (v.n > KR_INI_VALUE_MAX)
		return kr_ini_fail(it, e, "value of '%s' is longer than %u "
				   "bytes", it->key, KR_INI_VALUE_MAX);
	if (v.n)
		memcpy(it->value, v.p, v.n);
	it->value[v.n] = '\0';
	return KR_INI_KEY;
}

int kr_ini_next(struct kr_ini *it, struct kr_err *e)
{
	while (it->p < it->end) {
		const char *nl = memchr(it->p, '\n',
					(size_t)(it->end - it->p));
		const char *stop = nl ? nl : it->end;
		struct span s = trim(it->p, stop);

		it->p = nl ? nl + 1 : it->end;
		it->line++;
		if (!printable(s))
			return kr_ini_fail(it, e, "not printable UTF-8 text");
		if (!s.n || s.p[0] == '#' || s.p[0] == ';')
			continue;
		return s.p[0] == '[' ? take_section(it, s, e) :
				       take_key(it, s, e);
	}
	return KR_INI_END;
}
