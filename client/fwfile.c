/* SPDX-License-Identifier: Apache-2.0 */
/* fwfile.c - see fwfile.h. Runs in korora. */
#include "client/fwfile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/ini.h"
#include "hyper/fwrules.h"

/* Where the line of @text that names a file begins; NULL if none does. */
static const char *named(const char *text, struct kr_ini *it)
{
	const char *p = text;
	int r;

	if (kr_ini_start(it, "", text, strlen(text), NULL))
		return NULL;
	while ((r = kr_ini_next(it, NULL)) > 0)
		if (r == KR_INI_KEY && !strcmp(it->section, "vm") &&
		    !strcmp(it->key, "firewall"))
			break;
	for (unsigned int n = 1; r > 0 && n < it->line; n++)
		p = strchr(p, '\n') + 1;
	return r > 0 ? p : NULL;
}

/* @path as it is, or in the folder that @file is in. */
static void beside(const char *file, const char *path, char out[PATH_MAX])
{
	const char *slash = strrchr(file, '/');

	if (path[0] == '/' || !slash)
		snprintf(out, PATH_MAX, "%s", path);
	else
		snprintf(out, PATH_MAX, "%.*s/%s", (int)(slash - file), file,
			 path);
}

static int take_line(struct kr_fwrules *f, const char *path, unsigned int n,
		     const char *line, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	size_t len = strlen(path);

	line += strspn(line, " \t\r");
	if (!line[0] || line[0] == '#')
		return 0;
	if (!kr_fwrules_add(f, line, &why))
		return 0;
	return kr_fail(e, why.kr, "%s%s:%u: %s", len > 80 ? "..." : "",
		       path + (len > 80 ? len - 77 : 0), n, why.what);
}

static int read_rules(const char *path, struct kr_fwrules *f, struct kr_err *e)
{
	KR_AUTOFREE char *text = NULL;
	unsigned int n_lines = 0;
	size_t n;
	int r = kr_read_file(path, KR_FWFILE_BYTES_MAX, &text, &n);

	if (r || strlen(text) != n)
		return kr_fail(e, KR_E_CONFIG, "%s: %s", path,
			       !r ? "not text" : r == -E2BIG ? "too long" :
			       strerror(-r));
	for (char *p = text, *line; !r && (line = strsep(&p, "\n"));)
		r = take_line(f, path, ++n_lines, line, e);
	return r;
}

int kr_fwfile_take(const char *file, const char *text, char **ret,
		   struct kr_err *e)
{
	KR_AUTOFREE struct kr_fwrules *f = calloc(1, sizeof(*f));
	KR_AUTOFREE struct kr_ini *it = malloc(sizeof(*it));
	char path[PATH_MAX];
	struct kr_fwrule rule;
	const char *at;
	char *out = NULL;
	size_t n;
	FILE *o;
	int r;

	*ret = NULL;
	if (!f || !it)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	at = named(text, it);
	if (!at)
		return 0;
	beside(file, it->value, path);
	r = read_rules(path, f, e);
	if (r)
		return r;
	o = open_memstream(&out, &n);
	if (!o)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	/* the line stays, as a comment */
	fprintf(o, "%.*s#%s\n[firewall]\n", (int)(at - text), text, at);
	for (uint32_t i = 0; kr_fwrules_next(f, &i, &rule);)
		fprintf(o, "rule = %s\n", rule.text);
	if (fclose(o)) {
		free(out);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	*ret = out;
	return 0;
}
