/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.c - see progress.h. Called by korora migrate for each event that
 * kororad sends, about four a second.
 */
#include "client/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/cli.h"
#include "client/columns.h"
#include "client/human.h"

#define N_FIELDS	7u
#define FIELD_BYTES	64u
#define BAR_MIN		10u
#define BAR_MAX		20u
#define WIDTH_DEFAULT	80u
#define ERASE_LINE	"\r\033[K"

void kr_progress_init(struct kr_progress *p, FILE *out)
{
	const char *term = getenv("TERM");

	*p = (struct kr_progress){ .out = out };
	p->redraw = out && isatty(fileno(out)) && term &&
		    strcmp(term, "dumb");
}

static double number(const json_t *ev, const char *key)
{
	double v = json_number_value(json_object_get(ev, key));

	return v >= 0 ? v : 0;
}

/* Of the RAM: what need not be sent any more. */
static unsigned int percent(const json_t *ev)
{
	double ram = number(ev, "ram_bytes");
	double left = number(ev, "remaining_bytes");

	if (ram <= 0 || left >= ram)
		return 0;
	return (unsigned int)(100 * (ram - left) / ram);
}

static unsigned int width(const struct kr_progress *p)
{
	struct winsize w = { 0 };

	if (ioctl(fileno(p->out), TIOCGWINSZ, &w) || w.ws_col < 20)
		return WIDTH_DEFAULT;
	return w.ws_col;
}

/* The VM runs there already, and its memory follows: how much is missing? */
static void late_figures(const json_t *ev, const json_t *late,
			 char out[N_FIELDS][FIELD_BYTES])
{
	char h[KR_HUMAN_BYTES];

	if (!json_is_true(json_object_get(late, "flows")))
		snprintf(out[1], FIELD_BYTES, "  interrupted ");
	snprintf(out[3], FIELD_BYTES, "  missing %8.0f pages",
		 number(late, "missing_pages"));
	if (number(late, "recoveries") > 0)	/* then it is not known */
		snprintf(out[3], FIELD_BYTES, "  recoveries %11.0f",
			 number(late, "recoveries"));
	snprintf(out[4], FIELD_BYTES, "  sent %s",
		 kr_human_size(number(ev, "wire_bytes"), h));
	*out[5] = *out[6] = '\0';
}

/*
 * What follows phase and bar, the less important the further down, so that a
 * narrow terminal loses the least. Widths are fixed, so that nothing jumps.
 */
static void figures(const json_t *ev, const char *phase,
		    char out[N_FIELDS][FIELD_BYTES])
{
	const json_t *late = json_object_get(ev, "postcopy");
	char h[KR_HUMAN_BYTES];

	snprintf(out[0], FIELD_BYTES, "%3u%%", percent(ev));
	snprintf(out[1], FIELD_BYTES, "  %10s/s",
		 kr_human_size(number(ev, "rate_bytes_s"), h));
	snprintf(out[2], FIELD_BYTES, "  left %10s",
		 kr_human_size(number(ev, "remaining_bytes"), h));
	snprintf(out[3], FIELD_BYTES, "  dirty %10s/s",
		 kr_human_size(number(ev, "dirty_bytes_s"), h));
	snprintf(out[4], FIELD_BYTES, "  round %2.0f", number(ev, "rounds"));
	snprintf(out[5], FIELD_BYTES, "  %8.0f pages", number(ev, "pages"));
	snprintf(out[6], FIELD_BYTES, "  sent %s",
		 kr_human_size(number(ev, "wire_bytes"), h));
	if (json_is_object(late) && !strcmp(phase, "post-copy"))
		late_figures(ev, late, out);
}

static void draw(struct kr_progress *p, const json_t *ev)
{
	char field[N_FIELDS][FIELD_BYTES], bar[BAR_MAX + 1];
	size_t room = width(p) - 1, n, full;

	n = room < WIDTH_DEFAULT - 1 ? BAR_MIN : BAR_MAX;
	full = n * percent(ev) / 100;
	memset(bar, '#', full);
	memset(bar + full, '.', n - full);
	bar[n] = '\0';
	fprintf(p->out, ERASE_LINE "%-9.9s [%s] ", p->phase, bar);
	room -= room > n + 13 ? n + 13 : room;
	figures(ev, p->phase, field);
	for (n = 0; n < N_FIELDS && strlen(field[n]) <= room; n++) {
		fputs(field[n], p->out);
		room -= strlen(field[n]);
	}
	p->drawn = true;
}

static void print_line(struct kr_progress *p, const json_t *ev)
{
	char field[N_FIELDS][FIELD_BYTES], at[KR_HUMAN_BYTES];

	figures(ev, p->phase, field);
	fprintf(p->out, "%11s  %-10s",
		kr_human_span(number(ev, "elapsed_ms"), at), p->phase);
	for (size_t i = 0; i < N_FIELDS; i++)
		fputs(field[i], p->out);
	fputc('\n', p->out);
}

static void tell_plan(struct kr_progress *p, const json_t *ev)
{
	char why[KR_CELL_BYTES];

	fprintf(p->out, "%s%s\n", p->drawn ? ERASE_LINE : "",
		kr_columns_text(ev, "why", why));
	p->drawn = false;
}

/* Once each time that it begins: it goes on, but what for is the user's. */
static void tell_converging(struct kr_progress *p, const json_t *ev)
{
	const char *now = json_string_value(json_object_get(ev,
							    "converging"));
	bool no = now && !strcmp(now, "no");
	char h[KR_HUMAN_BYTES];

	if (no && !p->told)
		fprintf(p->out, "%sdoes not converge: the VM would stand still "
			"for %s; allow that with --max-downtime-ms, or slow it "
			"down with --throttle\n", p->drawn ? ERASE_LINE : "",
			kr_human_span(number(ev, "needs_downtime_ms"), h));
	p->told = no;
}

void kr_progress_event(const char *json, void *arg)
{
	struct kr_progress *p = arg;
	KR_AUTO(kr_cli_decref) json_t *ev = json_loads(json, 0, NULL);
	const char *kind = json_string_value(json_object_get(ev, "kind"));
	char phase[KR_CELL_BYTES], id[KR_CELL_BYTES];
	uint64_t now = kr_now_ns();
	bool changed;

	if (kind && !strcmp(kind, "plan") && p->out)
		tell_plan(p, ev);
	if (!kind || strcmp(kind, "progress"))
		return;	/* of a newer kororad */
	if (json_object_get(ev, "migration"))
		snprintf(p->migration, sizeof(p->migration), "%.79s",
			 kr_columns_text(ev, "migration", id));
	if (!p->out)
		return;
	kr_columns_text(ev, "phase", phase);
	changed = strncmp(phase, p->phase, sizeof(p->phase) - 1) != 0;
	snprintf(p->phase, sizeof(p->phase), "%.15s", phase);
	tell_converging(p, ev);
	if (p->redraw) {
		draw(p, ev);
	} else if (changed || now >= p->next_ns) {
		print_line(p, ev);
		p->next_ns = now + KR_PROGRESS_LINE_MS * 1000000ull;
	}
	fflush(p->out);
}

void kr_progress_end(struct kr_progress *p)
{
	if (p->drawn)
		fputs(ERASE_LINE, p->out);
	p->drawn = false;
}
