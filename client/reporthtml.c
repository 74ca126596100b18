/* SPDX-License-Identifier: Apache-2.0 */
/* reporthtml.c - see reporthtml.h. Used by korora report. */
#include "client/reporthtml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/casefile.h"
#include "client/cli.h"
#include "client/human.h"
#include "client/report.h"
#include "client/reportstyle.h"
#include "client/reportview.h"

#define UNSEEN	"\xef\xbf\xbd"	/* U+FFFD */

/* ---- text -------------------------------------------------------------- */

/* Bytes of a character that nobody sees, or that turns text around; else 0 */
static size_t unseen(const unsigned char *s)
{
	if (*s < ' ' || *s == 0x7f)
		return 1;
	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0)
		return 2;	/* C1 controls */
	if (s[0] == 0xd8 && s[1] == 0x9c)
		return 2;	/* Arabic letter mark */
	if (s[0] == 0xe2 && s[1] == 0x80 &&
	    ((s[2] >= 0x8b && s[2] <= 0x8f) || (s[2] >= 0xa8 && s[2] <= 0xae)))
		return 3;	/* zero width, separators, directions */
	if (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa0 && s[2] <= 0xaf)
		return 3;	/* joiners, isolates */
	return s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf ? 3 : 0;
}

static void esc(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	for (; *s; s++) {
		n = *s == '\n' ? 0 : unseen(s);
		if (n) {
			fputs(UNSEEN, f);
			s += n - 1;
		} else if (*s == '<') {
			fputs("&lt;", f);
		} else if (*s == '>') {
			fputs("&gt;", f);
		} else if (*s == '&') {
			fputs("&amp;", f);
		} else if (*s == '"') {
			fputs("&quot;", f);
		} else if (*s == '\'') {
			fputs("&#39;", f);
		} else {
			putc(*s, f);
		}
	}
}

/* A whole element around escaped text; none at all around nothing. */
static void element(FILE *f, const char *open, const char *text,
		    const char *close)
{
	if (!*text)
		return;
	fputs(open, f);
	esc(f, text);
	fputs(close, f);
}

static void small(FILE *f, const char *head, const char *text)
{
	if (!*text)
		return;
	fprintf(f, "<span class=\"small\">%s", head);
	element(f, "<code>", text, "</code>");
	fputs("</span>", f);
}

static const char *when(const json_t *j, const char *key,
			char out[KR_CELL_BYTES])
{
	return kr_columns_cell(j, &(struct kr_column){ "", key, KR_CELL_TIME },
			       out);
}

/* How a result looks beside its words. */
struct look {
	const char *class, *mark;
};

static struct look result_look(const char *result)
{
	if (!strcmp(result, "obtained"))
		return (struct look){ "good", "✓" };
	if (!strcmp(result, "not_obtained"))
		return (struct look){ "bad", "✗" };
	if (!strcmp(result, "not_asked"))
		return (struct look){ "plain", "–" };
	return (struct look){ "mild", "?" };
}

/* What was not asked for is missed by nobody, nor what it did not come to. */
static struct look row_look(const json_t *report, const json_t *row)
{
	struct look l = result_look(kr_casefile_text(row, "result"));

	if (strcmp(l.class, "good") &&
	    (!strcmp(kr_casefile_text(row, "asked"), "no") ||
	     kr_report_verdict(report) == KR_VERDICT_UNDONE))
		l.class = "plain";
	return l;
}

static struct look verdict_look(const json_t *report)
{
	static const struct look looks[KR_VERDICT_N] = {
		[KR_VERDICT_OBTAINED] = { "good", "✓" },
		[KR_VERDICT_PARTLY] = { "mild", "!" },
		[KR_VERDICT_UNDONE] = { "plain", "↺" },
		[KR_VERDICT_LOST] = { "bad", "✗" },
		[KR_VERDICT_UNDER_WAY] = { "mild", "…" },
		[KR_VERDICT_UNRELIABLE] = { "bad", "✗" },
	};

	return looks[kr_report_verdict(report)];
}

/* ---- sections ---------------------------------------------------------- */

static void head(FILE *f, const json_t *report)
{
	const char *vm = kr_casefile_text(json_object_get(report, "target"),
					  "vm");

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\""
	      "default-src 'none'; style-src 'unsafe-inline'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<title>Evaluation of a migration of ", f);
	esc(f, vm);
	fprintf(f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n",
		kr_reportstyle);
}

static void title(FILE *f, const json_t *report)
{
	const json_t *t = json_object_get(report, "target");
	char h[KR_CELL_BYTES];

	fputs("<header>\n<p class=\"kicker\">Kororā · Evaluation of a "
	      "migration</p>\n<h1>", f);
	esc(f, kr_casefile_text(t, "vm"));
	fputs(" <span>", f);
	element(f, "", kr_casefile_text(t, "from"), " → ");
	esc(f, kr_casefile_text(t, "to"));
	fputs("</span></h1>\n<p class=\"meta\">Migration ", f);
	element(f, "<code>", kr_casefile_text(t, "migration"), "</code>");
	element(f, " · made ", when(report, "made_ms", h), "");
	element(f, " on ", kr_casefile_text(t, "seen_by"), "");
	fputs("</p>\n", f);
}

static void verdict(FILE *f, const json_t *report)
{
	const json_t *s = json_object_get(report, "synthesis"), *c;
	struct look l = verdict_look(report);
	size_t i;

	fprintf(f, "<div class=\"verdict %s\">\n<p class=\"head\"><span class="
		"\"mark\">%s</span>%s</p>\n", l.class, l.mark,
		kr_reportview_head(report));
	element(f, "<p>", kr_casefile_text(s, "sentence"), "</p>\n");
	fputs("</div>\n<ul class=\"score\">\n", f);
	json_array_foreach(json_object_get(s, "criteria"), i, c) {
		l = row_look(report, c);
		fprintf(f, "<li><span class=\"mark %s\" role=\"img\" aria-label="
			"\"%s\">%s</span>"
			"<a href=\"#s-%s\">%s</a></li>\n", l.class,
			kr_reportview_word(kr_casefile_text(c, "result")),
			l.mark, kr_casefile_text(c, "key"),
			kr_casefile_text(c, "title"));
	}
	fputs("</ul>\n</header>\n<nav aria-label=\"Sections\"><ol>"
	      "<li><a href=\"#target\">1 Target</a></li>"
	      "<li><a href=\"#criteria\">2 Criteria</a></li>"
	      "<li><a href=\"#yardstick\">3 Yardstick</a></li>"
	      "<li><a href=\"#data\">4 Data gathered</a></li>"
	      "<li><a href=\"#synthesis\">5 Synthesis</a></li>"
	      "<li><a href=\"#limits\">What it does not tell</a></li>"
	      "</ol></nav>\n", f);
}

static void section(FILE *f, const char *id, const char *number,
		    const char *name, const char *lead)
{
	fprintf(f, "<section id=\"%s\">\n<h2><span>%s</span>%s</h2>\n"
		"<p class=\"lead\">%s</p>\n", id, number, name, lead);
}

static void target(FILE *f, const json_t *report)
{
	KR_AUTO(kr_cli_decref) json_t *flat = kr_reportview_target(report);
	const struct kr_column *cols;
	char h[KR_CELL_BYTES];
	size_t n;

	section(f, "target", "1", "Target", "What is evaluated: one migration, "
		"and no other.");
	fputs("<table class=\"facts\">\n<tbody>\n", f);
	cols = kr_reportview_cols(&n);
	for (size_t i = 0; i < n; i++) {
		if (!json_object_get(flat, cols[i].key))
			continue;
		fprintf(f, "<tr><th scope=\"row\">%s</th><td>", *cols[i].head ?
			cols[i].head : "its key");
		esc(f, kr_columns_cell(flat, &cols[i], h));
		fputs("</td></tr>\n", f);
	}
	element(f, "<tr><th scope=\"row\">Definition</th><td><code>",
		kr_casefile_text(flat, "definition"), "</code></td></tr>\n");
	fputs("</tbody>\n</table>\n</section>\n", f);
}

static void criteria(FILE *f, const json_t *report)
{
	const json_t *c;
	size_t i;

	section(f, "criteria", "2", "Criteria", "By what it is evaluated, and "
		"how that is told. They are the same for every migration.");
	fputs("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\" "
	      "class=\"w3\">Criterion</th><th scope=\"col\">How it is judged"
	      "</th><th scope=\"col\" class=\"w3\">By what evidence</th></tr>"
	      "</thead>\n<tbody>\n", f);
	json_array_foreach(json_object_get(report, "criteria"), i, c) {
		element(f, "<tr><th scope=\"row\">",
			kr_casefile_text(c, "title"), "</th>");
		element(f, "<td>", kr_casefile_text(c, "judged"), "</td>");
		element(f, "<td>", kr_casefile_text(c, "evidence"),
			"</td></tr>\n");
	}
	fputs("</tbody>\n</table></div>\n</section>\n", f);
}

/* A row: whose it is, its name and version, its digest. */
static void policy_row(FILE *f, const char *host, const json_t *p)
{
	char version[32];

	if (!p)
		return;
	snprintf(version, sizeof(version), ", version %" JSON_INTEGER_FORMAT,
		 json_integer_value(json_object_get(p, "version")));
	fputs("<tr><th scope=\"row\">", f);
	esc(f, host);
	fputs("</th><td>", f);
	esc(f, kr_casefile_text(p, "name"));
	esc(f, version);
	small(f, "SHA-256 ", kr_casefile_text(p, "sha256"));
	fputs("</td></tr>\n", f);
}

/* The policies that both decided by, and as much as is known here. */
static void policy(FILE *f, const json_t *report)
{
	const json_t *t = json_object_get(report, "target");
	const json_t *p = json_object_get(json_object_get(report, "yardstick"),
					  "policy");
	const json_t *from = json_object_get(p, "from");
	const char *text = kr_casefile_text(p, "text");

	fputs("<h3>The policies it was decided by</h3>\n", f);
	if (!from)
		fputs("<p>No statement that verifies names one.</p>\n", f);
	fputs("<table class=\"facts\"><tbody>\n", f);
	policy_row(f, kr_casefile_text(t, "from"), from);
	policy_row(f, kr_casefile_text(t, "to"), json_object_get(p, "to"));
	fputs("</tbody></table>\n", f);
	if (from && !*text)
		fputs("<p>What this host's demanded is not known: another is "
		      "in force here now.</p>\n", f);
	if (*text)
		element(f, "<p>The policy of ", kr_casefile_text(t, "seen_by"),
			" demands of this VM:</p>\n");
	element(f, "<pre>", text, "</pre>\n");
}

static void yardstick(FILE *f, const json_t *report)
{
	static const struct kr_column cols[] = {
		{ "Asked by", "requested_by", KR_CELL_TEXT },
		{ "Asked", "requested_ms", KR_CELL_TIME },
		{ "Strategy", "strategy", KR_CELL_TEXT },
		{ "Throttling allowed", "throttle", KR_CELL_TEXT },
	};
	const json_t *y = json_object_get(report, "yardstick"), *row;
	const json_t *q = json_object_get(y, "request");
	char h[KR_CELL_BYTES];
	size_t i;

	section(f, "yardstick", "3", "Yardstick", "What it is measured "
		"against: what is asked of it, and by whom.");
	fputs("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\" "
	      "class=\"w3\">Criterion</th><th scope=\"col\">What has to be so"
	      "</th><th scope=\"col\" class=\"w2\">Demanded by</th><th scope="
	      "\"col\" class=\"w1\">Here</th></tr></thead>\n<tbody>\n", f);
	json_array_foreach(json_object_get(y, "asked"), i, row) {
		element(f, "<tr><th scope=\"row\">",
			kr_casefile_text(row, "title"), "</th>");
		element(f, "<td>", kr_casefile_text(row, "standard"), "</td>");
		element(f, "<td>", kr_casefile_text(row, "by"), "</td>");
		element(f, "<td>", kr_reportview_word(
			kr_casefile_text(row, "asked")), "</td></tr>\n");
	}
	fputs("</tbody>\n</table></div>\n", f);
	policy(f, report);
	fputs("<h3>The request</h3>\n<table class=\"facts\"><tbody>\n", f);
	for (i = 0; i < KR_N(cols); i++) {
		if (!json_object_get(q, cols[i].key))
			continue;
		fprintf(f, "<tr><th scope=\"row\">%s</th><td>", cols[i].head);
		esc(f, kr_columns_cell(q, &cols[i], h));
		fputs("</td></tr>\n", f);
	}
	fputs("</tbody></table>\n</section>\n", f);
}

static void signers(FILE *f, const json_t *d)
{
	const json_t *v = json_object_get(d, "verified"), *by;
	size_t i;

	json_array_foreach(json_object_get(d, "signed_by"), i, by) {
		esc(f, kr_reportview_signer(by));
		small(f, "", kr_casefile_text(by, "fingerprint"));
	}
	if (json_is_true(v))
		fputs("<span class=\"small good\">✓ verified</span>", f);
	else if (json_is_true(json_object_get(d, "no_key")))
		fputs("<span class=\"small mild\">? not verified</span>", f);
	else if (json_is_false(v))
		fputs("<span class=\"small bad\">✗ does not verify</span>", f);
	else
		fputs("<span class=\"plain\">nobody</span>", f);
	element(f, "<span class=\"small\">", kr_casefile_text(d, "why"),
		"</span>");
}

/* In which log it is proved to be, and who cosigned that; or why not. */
static void proof(FILE *f, const json_t *d)
{
	const json_t *by;
	char size[64];
	size_t i;

	element(f, "<span class=\"small mild\">not proved: ",
		kr_casefile_text(d, "unproved"), "</span>");
	if (!json_is_true(json_object_get(d, "proved")))
		return;
	snprintf(size, sizeof(size), "✓ in the log of %" JSON_INTEGER_FORMAT
		 " entries", json_integer_value(json_object_get(d,
							"log_size")));
	element(f, "<span class=\"small good\">", size, "");
	json_array_foreach(json_object_get(d, "cosigned_by"), i, by) {
		fputs(i ? ", " : ", cosigned by ", f);
		esc(f, json_string_value(by) ? json_string_value(by) : "");
	}
	fputs("</span>", f);
}

static void datum(FILE *f, const json_t *d)
{
	const json_t *e = json_object_get(d, "error");
	const char *id = kr_casefile_text(d, "id");
	const char *name = kr_casefile_text(d, "statement");
	char h[KR_CELL_BYTES];

	fputs("<tr id=\"d-", f);
	esc(f, id);
	fputs("\"><th scope=\"row\">", f);
	esc(f, id);
	small(f, "", kr_casefile_text(d, "source"));
	fputs("</th><td>", f);
	name = *name ? name : kr_casefile_text(d, "event");
	element(f, "<strong>", name, "</strong>");
	element(f, *name ? " – " : "", kr_casefile_text(d, "what"), "");
	if (json_object_get(d, "at_ms"))
		element(f, "<span class=\"small\">", when(d, "at_ms", h),
			"</span>");
	element(f, "<span class=\"small\">state ",
		kr_casefile_text(d, "state"), "</span>");
	if (json_is_object(e)) {
		element(f, "<span class=\"small bad\">",
			kr_casefile_text(e, "code"), " ");
		esc(f, kr_casefile_text(e, "message"));
		fputs("</span>", f);
	}
	small(f, "payload ", kr_casefile_text(d, "payload_sha256"));
	small(f, "leaf ", kr_casefile_text(d, "leaf"));
	proof(f, d);
	small(f, "root ", kr_casefile_text(d, "root"));
	small(f, "SHA-256 ", kr_casefile_text(d, "sha256"));
	fputs("</td><td>", f);
	signers(f, d);
	fputs("</td></tr>\n", f);
}

static void data(FILE *f, const json_t *report)
{
	const json_t *d;
	size_t i;

	section(f, "data", "4", "Data gathered", "Each datum with where it is "
		"from and who signed it. Signatures were verified for this "
		"report, with the certificates known here.");
	fputs("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\" "
	      "class=\"w2\">Evidence</th><th scope=\"col\">What it is</th>"
	      "<th scope=\"col\" class=\"w3\">Signed by</th></tr></thead>\n"
	      "<tbody>\n", f);
	json_array_foreach(json_object_get(report, "data"), i, d)
		datum(f, d);
	fputs("</tbody>\n</table></div>\n</section>\n", f);
}

static void judged(FILE *f, const json_t *report, const json_t *c)
{
	struct look l = row_look(report, c);
	const json_t *id;
	size_t i;

	fprintf(f, "<tr id=\"s-%s\"><th scope=\"row\">%s</th>",
		kr_casefile_text(c, "key"), kr_casefile_text(c, "title"));
	fprintf(f, "<td><span class=\"result %s\">%s %s</span>", l.class,
		l.mark, kr_reportview_word(kr_casefile_text(c, "result")));
	if (strcmp(kr_casefile_text(c, "asked"), "yes") &&
	    strcmp(kr_casefile_text(c, "result"), "not_asked"))
		fprintf(f, "<span class=\"small\">%s</span>",
			strcmp(kr_casefile_text(c, "asked"), "no") ?
			"asked for? cannot be told" : "not asked for");
	element(f, "</td><td>", kr_casefile_text(c, "because"), "</td><td>");
	json_array_foreach(json_object_get(c, "evidence"), i, id) {
		fputs(i ? ", <a href=\"#d-" : "<a href=\"#d-", f);
		esc(f, json_string_value(id));
		element(f, "\">", json_string_value(id), "</a>");
	}
	fputs("</td></tr>\n", f);
}

static void synthesis(FILE *f, const json_t *report)
{
	const json_t *s = json_object_get(report, "synthesis"), *c;
	const json_t *n = json_object_get(s, "counts");
	size_t i;

	section(f, "synthesis", "5", "Synthesis", "Each criterion held against "
		"the yardstick, by the evidence alone.");
	fputs("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\" "
	      "class=\"w2\">Criterion</th><th scope=\"col\" class=\"w2\">"
	      "Result</th><th scope=\"col\">Because</th><th scope=\"col\" "
	      "class=\"w1\">Evidence</th></tr></thead>\n<tbody>\n", f);
	json_array_foreach(json_object_get(s, "criteria"), i, c)
		judged(f, report, c);
	fprintf(f, "</tbody>\n</table></div>\n<p>Obtained: %" JSON_INTEGER_FORMAT
		". Not obtained: %" JSON_INTEGER_FORMAT ". Not asked for: %"
		JSON_INTEGER_FORMAT ". Cannot be told: %" JSON_INTEGER_FORMAT
		".</p>\n", json_integer_value(json_object_get(n, "obtained")),
		json_integer_value(json_object_get(n, "not_obtained")),
		json_integer_value(json_object_get(n, "not_asked")),
		json_integer_value(json_object_get(n, "unknown")));
	element(f, "<p><strong>", kr_casefile_text(s, "sentence"),
		"</strong></p>\n</section>\n");
}

static void limits(FILE *f, const json_t *report)
{
	const json_t *l;
	size_t i;

	fputs("<section id=\"limits\">\n<h2>What it does not tell</h2>\n"
	      "<ul class=\"limits\">\n", f);
	json_array_foreach(json_object_get(report, "limits"), i, l)
		element(f, "<li>", json_string_value(l), "</li>\n");
	fputs("</ul>\n</section>\n<footer>Made by <code>korora report</code>. "
	      "The receipt can be verified anywhere with both hosts' "
	      "certificates, by <code>korora receipt verify</code> or with "
	      "openssl alone.</footer>\n</main>\n</body>\n</html>\n", f);
}

char *kr_reporthtml_new(const json_t *report)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return NULL;
	head(f, report);
	title(f, report);
	verdict(f, report);
	target(f, report);
	criteria(f, report);
	yardstick(f, report);
	data(f, report);
	synthesis(f, report);
	limits(f, report);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
