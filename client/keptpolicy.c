/* SPDX-License-Identifier: Apache-2.0 */
/* keptpolicy.c - see keptpolicy.h. Used by korora report. */
#include "client/keptpolicy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/bundle.h"

/* ---- what it asked ----------------------------------------------------- */

static void put_suites(FILE *f, const char *key, const struct kr_words *w)
{
	if (!w->n)
		return;
	fprintf(f, "%s=", key);
	for (unsigned int i = 0; i < w->n; i++)
		fprintf(f, "%s%s", i ? ":" : "", w->word[i]);
	fputc('\n', f);
}

static int put_demands(const struct kr_book *b, const char *item, json_t *to,
		       struct kr_err *e)
{
	KR_AUTOFREE char *text = NULL;
	struct kr_protection p;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	bool bad;

	if (!f)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	kr_book_demands(b, item, &p);
	fprintf(f, "tls=1.3\nmutual=required\nattestation=%s\nscanners=%u\n"
		"postcopy=%s\nevidence=%s\n",
		p.attestation ? "required" : "none", p.scanners,
		p.no_postcopy ? "no" : "yes",
		p.memory_root ? "memory-root" : "any");
	put_suites(f, "control_suites", &p.control_suites);
	put_suites(f, "lane_suite", &p.lane_suites);
	bad = ferror(f);
	if (fclose(f) || bad)	/* a line that is cut off would allow more */
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	json_object_set_new(to, "demands", json_string(text));
	return 0;
}

/* Which roles he had then is nowhere on record: he may have had any. */
static bool for_him(const struct kr_words *who, const char *user)
{
	for (unsigned int i = 0; i < who->n; i++)
		if (!strncmp(who->word[i], "role:", 5))
			return true;
	return kr_words_have(who, user);
}

static bool goes_there(const struct kr_triple *t, const char *item,
		       const char *user)
{
	return kr_words_have(&t->may, "migrate") &&
	       kr_words_have(&t->on, item) && for_him(&t->who, user);
}

static void put_destinations(const struct kr_book *b, const char *item,
			     const char *user, json_t *to)
{
	json_t *set = json_object(), *a = json_array();
	const char *host;
	json_t *v;

	for (unsigned int i = 0; i < b->n_triples; i++) {
		const struct kr_triple *t = &b->triples[i];

		if (!goes_there(t, item, user))
			continue;
		if (!t->to.n)
			json_object_set_new(set, "*", json_true());
		for (unsigned int k = 0; k < t->to.n; k++)
			json_object_set_new(set, t->to.word[k], json_true());
	}
	json_object_foreach(set, host, v)
		json_array_append_new(a, json_string(host));
	json_decref(set);
	json_object_set_new(to, "destinations", a);
}

int kr_keptpolicy_tell(struct kr_bundle *kept, const char *sha256,
		       const char *vm, const char *user, json_t *to,
		       struct kr_err *e)
{
	char item[KR_ITEM_BYTES], hex[65];
	struct kr_book *b;
	int r = kr_bundle_sum(kept, e);

	if (r)
		return r;
	kr_hex(kept->digest, sizeof(kept->digest), hex);
	if (strcmp(hex, sha256))
		return kr_fail(e, KR_E_STORE, "the policy %.16s... is not what "
			       "it was", sha256);
	r = kr_bundle_book(kept, "", &b, e);
	if (r)
		return r;
	kr_item_put(KR_ITEM_VM, vm, item);
	r = put_demands(b, item, to, e);
	put_destinations(b, item, user, to);
	kr_book_free(b);
	return r;
}

/* ---- kororad's --------------------------------------------------------- */

/* Add the part that @j brings. Return: bytes of it, 0 at the end; < 0. */
static int add_part(struct kr_bundle *kept, const json_t *j, struct kr_err *e)
{
	const char *hex = json_string_value(json_object_get(j, "part"));
	size_t n = hex ? strlen(hex) / 2 : 0;
	uint8_t *p;

	if (n > KR_BUNDLE_BYTES_MAX - kept->n)
		return kr_fail(e, KR_E_LIMIT, "a policy of more than %u bytes",
			       KR_BUNDLE_BYTES_MAX);
	p = realloc(kept->bytes, kept->n + n + 1);
	if (!p)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	kept->bytes = p;
	if (!hex || !kr_unhex(hex, p + kept->n, n))
		return kr_fail(e, KR_E_MALFORMED, "kororad's answer has no "
			       "part of a policy");
	kept->n += n;
	return (int)n;
}

/* All parts; the last answer is what is said of it. */
static int gather(struct kr_cli *c, const char *sha256, struct kr_bundle *kept,
		  json_t **ret, json_t **ret_error, struct kr_err *e)
{
	int n;

	do {
		json_decref(*ret);
		*ret = NULL;
		if (kr_cli_ask(c, "policy.show", json_pack("{s:s, s:I}",
			       "sha256", sha256, "from", (json_int_t)kept->n),
			       NULL, NULL, ret, ret_error))
			return -1;
		n = add_part(kept, *ret, e);
	} while (n > 0 && (json_int_t)kept->n <
		 json_integer_value(json_object_get(*ret, "bytes")));
	return n < 0 ? n : 0;
}

int kr_keptpolicy_ask(struct kr_cli *c, const char *sha256, const char *vm,
		      const char *user, json_t **ret, json_t **ret_error)
{
	KR_AUTO(kr_bundle_fini) struct kr_bundle kept = { 0 };
	struct kr_err e = KR_ERR_NONE;
	json_t *j = NULL;
	int r = gather(c, sha256, &kept, &j, ret_error, &e);

	if (!r)
		r = kr_keptpolicy_tell(&kept, sha256, vm, user, j, &e);
	if (!r) {
		json_object_del(j, "part");
		*ret = j;
		return 0;
	}
	json_decref(j);
	if (e.code)
		*ret_error = kr_cli_error_new(&e);
	return -1;
}
