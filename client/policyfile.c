/* SPDX-License-Identifier: Apache-2.0 */
/* policyfile.c - see policyfile.h. */
#include "client/policyfile.h"

#include <stdio.h>
#include <string.h>

#define FLAT_BYTES	400u	/* of a list's text; well below a cell's */

int kr_policyfile_open(const struct kr_cli *c, const char *path,
		       struct kr_policyfile *ret_p, struct kr_err *e)
{
	KR_AUTO(kr_cli_decref) json_t *text = json_string(path ? path : "");
	uint8_t digest[32];
	int r = 0;

	if (!text)
		return kr_fail(e, KR_E_USAGE, "a path is not valid UTF-8");
	if (!path)
		r = kr_cli_path(c, "/etc/korora/policy.d", ret_p->path, e);
	else if (snprintf(ret_p->path, PATH_MAX, "%s", path) >= PATH_MAX)
		r = kr_fail(e, KR_E_LIMIT, "the policy's path is too long");
	if (!r)
		r = kr_book_load(ret_p->path, &ret_p->book, digest, e);
	if (!r)
		kr_hex(digest, sizeof(digest), ret_p->digest);
	return r;
}

void kr_policyfile_fini(struct kr_policyfile *p)
{
	kr_book_free(p->book);
	p->book = NULL;
}

json_t *kr_policyfile_head(const struct kr_policyfile *p)
{
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:i}",
			 "name", p->book->name,
			 "version", (json_int_t)p->book->version,
			 "about", p->book->about, "path", p->path,
			 "sha256", p->digest,
			 "triples", (int)p->book->n_triples);
}

json_t *kr_policyfile_words(const struct kr_words *w)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < w->n; i++)
		json_array_append_new(a, json_string(w->word[i]));
	return a;
}

json_t *kr_policyfile_triple(const struct kr_triple *t)
{
	if (!t)
		return json_null();
	return json_pack("{s:s, s:s, s:i, s:s}", "name", t->name, "file",
			 t->file, "line", (int)t->line, "certified_by",
			 t->certified_by);
}

json_t *kr_policyfile_demands(const struct kr_protection *p)
{
	return json_pack("{s:b, s:b, s:b, s:i, s:o, s:o}",
			 "attestation", p->attestation,
			 "no_postcopy", p->no_postcopy,
			 "memory_root", p->memory_root,
			 "scanners", (int)p->scanners,
			 "control_suites",
			 kr_policyfile_words(&p->control_suites),
			 "lane_suites", kr_policyfile_words(&p->lane_suites));
}

static json_t *flat(const json_t *list)
{
	size_t n = json_array_size(list), at = 0, i;
	char text[FLAT_BYTES] = "";
	json_t *word;

	json_array_foreach(list, i, word) {
		const char *s = json_string_value(word);

		if (at + strlen(s) + sizeof(", and 1000 more") > FLAT_BYTES) {
			snprintf(text + at, FLAT_BYTES - at, ", and %zu more",
				 n - i);
			break;
		}
		at += (size_t)snprintf(text + at, FLAT_BYTES - at, "%s%s",
				       at ? ", " : "", s);
	}
	return json_string(text);
}

void kr_policyfile_flat(json_t *row)
{
	const char *key;
	void *next;
	json_t *v;

	json_object_foreach_safe(row, next, key, v)
		if (json_is_array(v))
			json_object_set_new(row, key, flat(v));
}

void kr_policyfile_print(const char *what, const struct kr_policyfile *p)
{
	printf("%s %s, version %u, of %s\n%*s sha256 %s\n", what,
	       p->book->name, p->book->version, p->path, (int)strlen(what),
	       "", p->digest);
}
