/* SPDX-License-Identifier: Apache-2.0 */
/* bookword.c - see bookword.h. Pure functions. */
#include "policy/bookword.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/suite.h"
#include "policy/procedure.h"

static bool plain(const char *word)
{
	for (; *word; word++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
			    "YZ0123456789_.:-*", *word))
			return false;
	return true;
}

static bool ends_in_star(const char *word)
{
	return word[0] && word[strlen(word) - 1] == '*';
}

static const char *who(const char *word)
{
	if (!strcmp(word, "*"))
		return NULL;
	if (ends_in_star(word))
		return "is no name, and only * is everyone";
	if (strchr(word, ':') && strncmp(word, "role:", 5) &&
	    strncmp(word, "host:", 5))
		return "is neither a name nor role:NAME nor host:NAME";
	return NULL;
}

static const char *item(const char *word)
{
	const char *colon = strchr(word, ':');

	if (!strcmp(word, "*"))
		return NULL;
	for (int k = KR_ITEM_NONE + 1; colon && k < KR_ITEM_KIND_N; k++) {
		const char *kind = kr_item_kind_name((enum kr_item_kind)k);

		if (strlen(kind) == (size_t)(colon - word) &&
		    !strncmp(kind, word, strlen(kind)))
			return colon[1] ? NULL : "has no name after ':'";
	}
	return "is no item: KIND:NAME, with vm, host, trust, user, policy, log, "
	       "storage, network or reference as its kind";
}

static const char *procedure(const char *word)
{
	return ends_in_star(word) || strchr(word, ':') ?
	       "is no procedure's name" : NULL;
}

static const char *host(const char *word)
{
	return strchr(word, ':') ? "is no host's name" : NULL;
}

/* Each at most once, so that a list of them is short. */
static const char *suite(const char *word)
{
	static char why[KR_SUITES * (KR_SUITE_BYTES_MAX + 2) + 16];
	size_t at;

	if (kr_suite_find(word))
		return NULL;
	at = (size_t)snprintf(why, sizeof(why), "is none of");
	for (size_t i = 0; i < KR_SUITES; i++)
		at += (size_t)snprintf(why + at, sizeof(why) - at, "%s %s",
				       i ? "," : "", kr_suites[i].name);
	return why;
}

static const char *category(const char *word)
{
	return ends_in_star(word) || strchr(word, ':') ? "is no category" :
							 NULL;
}

static const char *name(const char *word)
{
	return strpbrk(word, ":*") ? "is no name" : NULL;
}

const char *kr_bookword_wrong(enum kr_bookword kind, const char *word)
{
	static const char *(*const wrong[KR_BOOKWORD_N])(const char *) = {
		[KR_BOOKWORD_SUITE] = suite, [KR_BOOKWORD_WHO] = who,
		[KR_BOOKWORD_ITEM] = item, [KR_BOOKWORD_PROCEDURE] = procedure,
		[KR_BOOKWORD_HOST] = host, [KR_BOOKWORD_CATEGORY] = category,
		[KR_BOOKWORD_NAME] = name,
	};

	return plain(word) ? wrong[kind](word) : "has odd characters";
}
