/* SPDX-License-Identifier: Apache-2.0 */
/* reportview.c - see reportview.h. Used by korora report. */
#include "client/reportview.h"

#include <stdio.h>
#include <string.h>

#include "client/casefile.h"
#include "client/cli.h"
#include "client/human.h"
#include "client/report.h"

#define WIDTH		78u	/* of running text, in columns */

const char *kr_reportview_word(const char *key)
{
	static const struct { const char *key, *word; } words[] = {
		{ "obtained", "obtained" },
		{ "not_obtained", "not obtained" },
		{ "not_asked", "not asked for" },
		{ "unknown", "cannot be told" },
		{ "yes", "asked for" }, { "no", "not asked for" },
	};

	for (size_t i = 0; i < KR_N(words); i++)
		if (!strcmp(words[i].key, key))
			return words[i].word;
	return "cannot be told";
}

const char *kr_reportview_head(const json_t *report)
{
	static const char *const heads[KR_VERDICT_N] = {
		[KR_VERDICT_OBTAINED] = "Moved, with all that was asked for",
		[KR_VERDICT_PARTLY] = "Moved, with part of what was asked for",
		[KR_VERDICT_UNDONE] = "Did not move",
		[KR_VERDICT_LOST] = "Moved, and its memory was lost",
		[KR_VERDICT_UNDER_WAY] = "Not over",
		[KR_VERDICT_UNRELIABLE] = "The evidence does not verify",
	};

	return heads[kr_report_verdict(report)];
}

json_t *kr_reportview_target(const json_t *report)
{
	const json_t *t = json_object_get(report, "target");
	json_t *flat = json_copy((json_t *)(uintptr_t)t);
	json_t *late = json_object_get(t, "postcopy");
	json_t *error = json_object_get(t, "error");

	json_object_update(flat, late);
	if (json_is_object(error))
		json_object_set(flat, "code", json_object_get(error, "code"));
	return flat;
}

const struct kr_column *kr_reportview_cols(size_t *ret_n)
{
	static const struct kr_column cols[] = {
		{ "Migration", "migration", KR_CELL_TEXT },
		{ "VM", "vm", KR_CELL_TEXT },
		{ "From", "from", KR_CELL_TEXT },
		{ "", "from_fingerprint", KR_CELL_TEXT },
		{ "To", "to", KR_CELL_TEXT },
		{ "", "to_fingerprint", KR_CELL_TEXT },
		{ "Asked by", "requested_by", KR_CELL_TEXT },
		{ "Asked", "requested_ms", KR_CELL_TIME },
		{ "Released", "released_ms", KR_CELL_TIME },
		{ "Runs there since", "running_ms", KR_CELL_TIME },
		{ "Status", "state", KR_CELL_TEXT },
		{ "Error", "code", KR_CELL_TEXT },
		{ "Strategy", "strategy", KR_CELL_TEXT },
		{ "Epoch", "epoch", KR_CELL_COUNT },
		{ "Total time", "total_ms", KR_CELL_SPAN },
		{ "Downtime", "downtime_ms", KR_CELL_SPAN },
		{ "RAM", "ram_bytes", KR_CELL_SIZE },
		{ "Sent", "wire_bytes", KR_CELL_SIZE },
		{ "Owed pages", "owed_pages", KR_CELL_COUNT },
		{ "Late pages", "late_pages", KR_CELL_COUNT },
		{ "Recoveries", "recoveries", KR_CELL_COUNT },
		{ "Seen by", "seen_by", KR_CELL_TEXT },
	};

	*ret_n = KR_N(cols);
	return cols;
}

const char *kr_reportview_signer(const json_t *by)
{
	const char *host = kr_casefile_text(by, "host");

	return *host ? host : kr_casefile_text(by, "user");
}

const char *kr_reportview_signers(const json_t *datum,
				  char out[KR_CELL_BYTES])
{
	const json_t *by;
	size_t i, n = 0;

	snprintf(out, KR_CELL_BYTES, "-");
	json_array_foreach(json_object_get(datum, "signed_by"), i, by) {
		int w = snprintf(out + n, KR_CELL_BYTES - n, "%s%.63s",
				 i ? ", " : "", kr_reportview_signer(by));

		n += w > 0 && (size_t)w < KR_CELL_BYTES - n ? (size_t)w : 0;
	}
	return out;
}

/* Running text, broken between words. */
static void wrap(const char *text, const char *indent)
{
	char clean[2048], word[2048];
	size_t col = 0;

	kr_human_clean(text, clean, sizeof(clean));
	for (const char *s = clean + strspn(clean, " "); *s;
	     s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		snprintf(word, sizeof(word), "%.*s", (int)n, s);
		if (col && col + 1 + kr_human_width(word) > WIDTH) {
			putchar('\n');
			col = 0;
		}
		printf("%s%s", col ? " " : indent, word);
		col += (col ? 1 : strlen(indent)) + kr_human_width(word);
		s += n;
	}
	putchar('\n');
}

static void print_criterion(const json_t *c)
{
	const json_t *id;
	size_t i;

	printf("\n%s: %s%s\n", kr_casefile_text(c, "title"),
	       kr_reportview_word(kr_casefile_text(c, "result")),
	       strcmp(kr_casefile_text(c, "asked"), "no") ||
	       !strcmp(kr_casefile_text(c, "result"), "not_asked") ? "" :
	       ", nor asked for");
	wrap(kr_casefile_text(c, "because"), "    ");
	if (!json_array_size(json_object_get(c, "evidence")))
		return;
	printf("    evidence:");
	json_array_foreach(json_object_get(c, "evidence"), i, id)
		printf("%s %s", i ? "," : "", json_string_value(id));
	putchar('\n');
}

static json_t *data_rows(const json_t *report)
{
	json_t *rows = json_array();
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(report, "data"), i, d) {
		json_t *row = json_copy((json_t *)(uintptr_t)d);
		char by[KR_CELL_BYTES];

		json_object_set_new(row, "by", json_string(
				    kr_reportview_signers(d, by)));
		json_array_append_new(rows, row);
	}
	return rows;
}

void kr_reportview_print(const json_t *report)
{
	static const struct kr_column data_cols[] = {
		{ "Evidence", "id", KR_CELL_TEXT },
		{ "Time", "at_ms", KR_CELL_TIME },
		{ "Event", "event", KR_CELL_TEXT },
		{ "Statement", "statement", KR_CELL_TEXT },
		{ "Signed by", "by", KR_CELL_TEXT },
		{ "Verified", "verified", KR_CELL_TEXT },
		{ "Source", "source", KR_CELL_TEXT },
	};
	const json_t *s = json_object_get(report, "synthesis"), *c;
	KR_AUTO(kr_cli_decref) json_t *target = kr_reportview_target(report);
	KR_AUTO(kr_cli_decref) json_t *rows = data_rows(report);
	const struct kr_column *cols;
	size_t n, i;

	cols = kr_reportview_cols(&n);
	printf("%s\n", kr_reportview_head(report));
	wrap(kr_casefile_text(s, "sentence"), "");
	putchar('\n');
	kr_columns_card(target, cols, n);
	json_array_foreach(json_object_get(s, "criteria"), i, c)
		print_criterion(c);
	putchar('\n');
	kr_columns_table(rows, data_cols, KR_N(data_cols), "no evidence");
}
