/* SPDX-License-Identifier: Apache-2.0 */
/* report_judged.h - the report of what report_stand.h made, and what it says of
 * each criterion. Include after cmocka.h.
 */
#ifndef KR_TEST_REPORT_JUDGED_H
#define KR_TEST_REPORT_JUDGED_H

#include "client/criteria.h"
#include "client/report.h"
#include "report_stand.h"

static inline json_t *report_of(const struct stand *s)
{
	json_t *file = gathered(s), *r = kr_report_new(file);

	json_decref(file);
	assert_non_null(r);
	return r;
}

static inline const json_t *row(const json_t *r, unsigned int criterion)
{
	return json_array_get(json_object_get(json_object_get(r, "synthesis"),
					      "criteria"), criterion);
}

static inline const char *text(const json_t *j, const char *key)
{
	const char *t = json_string_value(json_object_get(j, key));

	return t ? t : "";
}

static inline const char *result(const json_t *r, unsigned int criterion)
{
	return text(row(r, criterion), "result");
}

static inline bool obtained(const json_t *r, unsigned int criterion)
{
	return !strcmp(result(r, criterion), "obtained");
}

static inline void is(const json_t *r, unsigned int criterion, const char *want)
{
	if (strcmp(result(r, criterion), want))
		fail_msg("%s is %s, not %s: %s", kr_criteria[criterion].key,
			 result(r, criterion), want,
			 text(row(r, criterion), "because"));
}

static inline const char *sentence(const json_t *r)
{
	return text(json_object_get(r, "synthesis"), "sentence");
}

/* A migration that went well. */
static inline void good(struct stand *s)
{
	stand_init(s, "completed");
	entries(s, 6);
	receipts(s);
}

/* The same, of a stream that was not understood. */
static inline void opaque(struct stand *s)
{
	stand_init(s, "completed");
	s->t.stream.opaque = true;
	memset(s->t.stream.ram_root, 0, 32);
	s->t.stream.ram_bytes = 0;
	entries(s, 6);
	receipts(s);
}

/* The VM ran early, and lanes broke twice. */
static inline void early(struct stand *s, bool lost, const char *covers)
{
	stand_init(s, lost ? "lost" : "completed");
	strcpy(s->t.strategy, "postcopy");
	s->t.postcopy.early = true;
	s->t.postcopy.owed_pages = 1000;
	entries(s, 6);
	s->t.postcopy.late_pages = lost ? 7 : 1001;
	s->t.postcopy.complete_ms = lost ? 0 : 1700000006000;
	s->t.postcopy.lost = lost;
	s->t.postcopy.recoveries = 2;
	if (!lost) {
		memset(s->t.postcopy.ram_root, 0xdd, 32);
		s->t.postcopy.stream_bytes = 4096;
		strcpy(s->t.postcopy.covers, covers);
	}
	signed_entry(s, "peer.complete", KR_STATEMENT_COMPLETE, BETA);
	receipts(s);
}

#endif
