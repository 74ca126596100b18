/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statuscmd.c - korora status, cancel and recover: migrations under way, past
 * and interrupted, as this host knows them.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/columns.h"
#include "client/commands.h"

#define WATCH_MS	1000u
#define CLEAR_SCREEN	"\033[H\033[2J"

static const struct kr_column list_cols[] = {
	{ "Migration", "migration", KR_CELL_ID },
	{ "VM", "vm", KR_CELL_TEXT },
	{ "Role", "role", KR_CELL_TEXT },
	{ "Peer", "peer", KR_CELL_TEXT },
	{ "State", "state", KR_CELL_TEXT },
	{ "Phase", "phase", KR_CELL_TEXT },
	{ "Left", "remaining_bytes", KR_CELL_SIZE },
	{ "Started", "started_ms", KR_CELL_TIME },
};

static const struct kr_column card_cols[] = {
	{ "Migration", "migration", KR_CELL_TEXT },
	{ "VM", "vm", KR_CELL_TEXT },
	{ "Role", "role", KR_CELL_TEXT },
	{ "Peer", "peer", KR_CELL_TEXT },
	{ "State", "state", KR_CELL_TEXT },
	{ "Phase", "phase", KR_CELL_TEXT },
	{ "Started", "started_ms", KR_CELL_TIME },
	{ "Elapsed", "elapsed_ms", KR_CELL_SPAN },
	{ "Rounds", "rounds", KR_CELL_COUNT },
	{ "RAM", "ram_bytes", KR_CELL_SIZE },
	{ "Remaining", "remaining_bytes", KR_CELL_SIZE },
	{ "Rate", "rate_bytes_s", KR_CELL_RATE },
	{ "Dirtied", "dirty_bytes_s", KR_CELL_RATE },
	{ "Sent", "wire_bytes", KR_CELL_SIZE },
	{ "Pages", "pages", KR_CELL_COUNT },
	{ "Zero pages", "zero_pages", KR_CELL_COUNT },
	{ "Ran early", "early", KR_CELL_TEXT },
	{ "Owed pages", "owed_pages", KR_CELL_COUNT },
	{ "Missing pages", "missing_pages", KR_CELL_COUNT },
	{ "Late pages", "late_pages", KR_CELL_COUNT },
	{ "  urgent", "urgent_pages", KR_CELL_COUNT },
	{ "Recoveries", "recoveries", KR_CELL_COUNT },
	{ "Downtime", "downtime_ms", KR_CELL_SPAN },
	{ "Receipt", "receipt", KR_CELL_TEXT },
};

static void print_error(const json_t *m)
{
	const json_t *error = json_object_get(m, "error");
	char code[KR_CELL_BYTES], msg[KR_CELL_BYTES], hint[KR_CELL_BYTES];

	if (!json_is_object(error))
		return;
	printf("%s %s\n", kr_columns_text(error, "code", code),
	       kr_columns_text(error, "message", msg));
	if (json_is_string(json_object_get(error, "hint")))
		printf("  → %s\n", kr_columns_text(error, "hint", hint));
}

/* What the VM that ran early waits for, or waited for in vain. */
static const char *early(const json_t *m, const json_t *p)
{
	const char *phase = json_string_value(json_object_get(m, "phase"));

	if (json_is_true(json_object_get(p, "lost")))
		return "yes, and never got all of its memory";
	if (json_is_true(json_object_get(p, "off")))
		return "yes, and powered itself off before all of its memory "
		       "was there";
	if (!phase || strcmp(phase, "post-copy"))
		return "yes";
	return json_is_true(json_object_get(p, "flows")) ?
	       "yes, its memory follows" :
	       "yes, its memory is interrupted";
}

/* One migration as its card shows it: no object within. */
static json_t *flat(const json_t *m)
{
	const json_t *p = json_object_get(m, "postcopy");
	json_t *o = json_copy((json_t *)(uintptr_t)m);

	if (json_is_object(p)) {
		json_object_update(o, (json_t *)(uintptr_t)p);
		json_object_set_new(o, "early", json_string(early(m, p)));
	}
	/* of a stream that was resumed it is not known */
	if (json_integer_value(json_object_get(p, "recoveries")))
		json_object_del(o, "missing_pages");
	return o;
}

static void print_card(const json_t *m)
{
	KR_AUTO(kr_cli_decref) json_t *o = flat(m);

	kr_columns_card(o, card_cols, KR_N(card_cols));
	print_error(m);
}

/* Would both of them look the same? */
static bool cards_alike(const json_t *a, const json_t *b)
{
	KR_AUTO(kr_cli_decref) json_t *was = json_array();
	KR_AUTO(kr_cli_decref) json_t *is = json_array();

	json_array_append_new(was, flat(a));
	json_array_append_new(is, flat(b));
	return kr_columns_alike(was, is, card_cols, KR_N(card_cols)) &&
	       json_equal(json_object_get(a, "error"),
			  json_object_get(b, "error"));
}

static void print_status(const struct kr_cli *c, const json_t *j,
			 const char *id)
{
	const json_t *all = json_object_get(j, "migrations");
	char host[KR_CELL_BYTES];

	if (c->json) {
		kr_cli_result(c, j);
	} else if (id && json_array_size(all) == 1) {
		print_card(json_array_get(all, 0));
	} else {
		printf("host %s\n", kr_columns_text(j, "host", host));
		if (json_is_true(json_object_get(j, "vtpm_unsealed")))
			printf("keys of VMs' TPMs lie in files, unprotected\n");
		kr_columns_table(all, list_cols, KR_N(list_cols),
				 "no migrations");
	}
	fflush(stdout);
}

static bool any_running(const json_t *j)
{
	const json_t *m;
	size_t i;

	json_array_foreach(json_object_get(j, "migrations"), i, m) {
		const char *s = json_string_value(json_object_get(m, "state"));

		if (s && !strcmp(s, "running"))
			return true;
	}
	return false;
}

static int ask_status(struct kr_cli *c, const char *id, json_t **ret)
{
	return kr_cli_call(c, "status", json_pack("{s:s*}", "id", id), NULL,
			   NULL, ret);
}

/* Time goes on by itself, and an average with it: that is no news. */
static json_t *news(const json_t *j)
{
	json_t *copy = json_deep_copy(j), *m;
	size_t i;

	json_array_foreach(json_object_get(copy, "migrations"), i, m) {
		json_object_del(m, "elapsed_ms");
		json_object_del(m, "rate_bytes_s");
	}
	return copy;
}

/* Would it print what was printed before, the clock apart? */
static bool nothing_new(const struct kr_cli *c, const char *id,
			const json_t *last, const json_t *j)
{
	KR_AUTO(kr_cli_decref) json_t *was = news(last), *is = news(j);
	const json_t *a = json_object_get(was, "migrations");
	const json_t *b = json_object_get(is, "migrations");

	if (c->json || !last)
		return json_equal(was, is);
	if (!id || json_array_size(b) != 1)
		return kr_columns_alike(a, b, list_cols, KR_N(list_cols));
	return json_array_size(a) == 1 &&
	       cards_alike(json_array_get(a, 0), json_array_get(b, 0));
}

/* Until the one asked for is over, or for good; a pipe gets what changed. */
static int watch(struct kr_cli *c, const char *id)
{
	const struct timespec pause = { .tv_sec = WATCH_MS / 1000,
					.tv_nsec = WATCH_MS % 1000 * 1000000 };
	KR_AUTO(kr_cli_decref) json_t *last = NULL;
	bool screen = c->tty && !c->json;

	for (;;) {
		json_t *j = NULL;
		int r = ask_status(c, id, &j);
		bool over;

		if (r)
			return r;
		if (screen)
			fputs(CLEAR_SCREEN, stdout);
		/* compared with what was printed: small changes add up */
		if (screen || !nothing_new(c, id, last, j)) {
			print_status(c, j, id);
			json_decref(last);
			last = json_incref(j);
		}
		over = id && !any_running(j);
		json_decref(j);
		if (over)
			return 0;
		if (ferror(stdout))
			return KR_EXIT_REFUSED;
		nanosleep(&pause, NULL);
	}
}

int kr_statuscmd(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	bool watching = false;
	const struct kr_option opts[] = {
		{ .name = "watch", .flag = &watching },
	};
	const char *id;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 0, 1, &id);

	if (r)
		return r;
	if (watching)
		return watch(c, id);
	r = ask_status(c, id, &j);
	if (!r)
		print_status(c, j, id);
	return r;
}

int kr_statuscmd_cancel(struct kr_cli *c, int argc, char **argv)
{
	const char *id;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &id);

	if (r)
		return r;
	return kr_cli_do(c, "cancel", json_pack("{s:s}", "id", id),
			 "migration %s is cancelled; the VM runs where it was",
			 id);
}

static bool is_waiting(const json_t *m)
{
	const char *s = json_string_value(json_object_get(m, "outcome"));

	return s && !strcmp(s, "waiting");
}

int kr_statuscmd_recover(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "Migration", "migration", KR_CELL_ID },
		{ "VM", "vm", KR_CELL_TEXT },
		{ "Role", "role", KR_CELL_TEXT },
		{ "State", "state", KR_CELL_TEXT },
		{ "Outcome", "outcome", KR_CELL_TEXT },
	};
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	const json_t *all, *m;
	const char *id;
	size_t i;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 0, 1, &id);

	if (!r)
		r = kr_cli_call(c, "recover", json_pack("{s:s*}", "id", id),
				NULL, NULL, &j);
	if (r)
		return r;
	all = json_object_get(j, "migrations");
	if (!c->json)
		kr_columns_table(all, cols, KR_N(cols), "nothing to recover");
	json_array_foreach(all, i, m) {
		if (is_waiting(m))
			r = KR_EXIT_OPERATOR;
		if (json_is_object(json_object_get(m, "error")))
			kr_cli_explain(json_object_get(m, "error"));
	}
	kr_cli_result(c, j);
	return r;
}
