/* SPDX-License-Identifier: Apache-2.0 */
/* reportproof.c - see reportproof.h. Used by korora report. */
#include "client/reportproof.h"

#include <string.h>

#include "base/fd.h"
#include "client/casefile.h"
#include "evidence/tlogproof.h"

/* The proof's entry, in a log that @own signed; NULL: see @e. */
static json_t *verify(const struct kr_tlogproof *p, const char *host,
		      const struct kr_pubkey *own, struct kr_checkpoint *c,
		      struct kr_err *e)
{
	json_t *entry = NULL;

	if (kr_checkpoint_verify(p->note, own, host, c, e) ||
	    kr_tlogproof_entry(p, &entry, e))
		return NULL;
	return entry;
}

static json_t *cosigners(const char *note, const char *host,
			 const struct kr_keyring *keys)
{
	json_t *by = json_array();

	for (size_t i = 0; i < keys->n; i++) {
		const char *name = kr_pubkey_name(keys->keys[i]);

		if (*name && strcmp(name, host) &&
		    !kr_checkpoint_cosigned(note, keys->keys[i], name, NULL))
			json_array_append_new(by, json_string(name));
	}
	return by;
}

static void put_leaf(json_t *d, const struct kr_tlogproof *p)
{
	uint8_t leaf[32];
	char hex[65];

	kr_merkle_leaf(p->record, p->n_record, leaf);
	kr_hex(leaf, sizeof(leaf), hex);
	json_object_set_new(d, "leaf", json_string(hex));
}

static json_t *refuse(json_t *d, const char *why)
{
	json_object_set_new(d, "proved", json_false());
	json_object_set_new(d, "unproved", json_string(why));
	return NULL;
}

static bool is_that(const json_t *proved, const json_t *entry,
		    const char *migration)
{
	return !strcmp(kr_casefile_text(proved, "migration"), migration) &&
	       json_equal(json_object_get(proved, "index"),
			  json_object_get(entry, "index"));
}

json_t *kr_reportproof_put(json_t *d, const json_t *answer,
			   const json_t *entry, const char *migration,
			   const char *host,
			   const struct kr_pubkey *own,
			   const struct kr_keyring *keys)
{
	KR_AUTO(kr_tlogproof_fini) struct kr_tlogproof p = { 0 };
	const char *text = json_string_value(json_object_get(answer, "proof"));
	struct kr_checkpoint c = { .size = 0 };
	struct kr_err e = KR_ERR_NONE;
	json_t *proved;

	if (!text || !own) {
		const char *why = kr_casefile_text(answer, "message");

		json_object_set_new(d, "unproved", json_string(!own ?
			"this host's own key is not at hand" :
			*why ? why : "kororad gave no proof"));
		return NULL;
	}
	if (kr_tlogproof_parse(text, &p, &e))
		return refuse(d, e.what);
	proved = verify(&p, host, own, &c, &e);
	if (!proved)
		return refuse(d, e.what);
	if (!is_that(proved, entry, migration)) {
		json_decref(proved);
		return refuse(d, "the proof is of another entry");
	}
	json_object_set_new(d, "proved", json_true());
	put_leaf(d, &p);
	json_object_set_new(d, "log_size", json_integer((json_int_t)c.size));
	json_object_set_new(d, "cosigned_by", cosigners(p.note, host, keys));
	json_object_set(proved, "at_ms", json_object_get(proved, "time_ms"));
	return proved;
}
