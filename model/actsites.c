/* SPDX-License-Identifier: Apache-2.0 */
/* actsites.c - words of C source. Pure but for reading the file. */
#include "model/actsites.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX_BYTES	(1u << 20)

/* Past a comment or literal that begins at @p; @p if none does. */
static const char *skip(const char *p)
{
	char quote = *p;

	if (p[0] == '/' && p[1] == '*') {
		p = strstr(p + 2, "*/");
		return p ? p + 2 : "";
	}
	if (p[0] == '/' && p[1] == '/')
		return p + strcspn(p, "\n");
	if (quote != '"' && quote != '\'')
		return p;
	for (p++; *p && *p != quote; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

static void strip(char *text)
{
	char *out = text;

	for (const char *p = text; *p;) {
		const char *q = skip(p);

		if (q == p)
			*out++ = *p++;
		else
			*out++ = ' ', p = q;
	}
	*out = '\0';
}

char *kr_actsites_read(const char *root, const char *file)
{
	char path[4096], *text = calloc(1, TEXT_MAX_BYTES + 1);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, file);
	f = fopen(path, "re");
	if (!text || !f || !fread(text, 1, TEXT_MAX_BYTES, f)) {
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	if (text)
		strip(text);
	return text;
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

unsigned int kr_actsites_count(const char *text, const char *name, size_t n)
{
	unsigned int count = 0;

	for (const char *p = text; *p; p++)
		if (!strncmp(p, name, n) && !in_word(p[n]) &&
		    (p == text || !in_word(p[-1])) &&
		    (p == text || (p[-1] != '.' && p[-1] != '>')))
			count++;
	return count;
}
