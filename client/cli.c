/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.c - see cli.h. Runs in the korora command, which is one thread and
 * ends with its command, so nothing here is cleaned up before exit but what
 * tests would notice.
 */
#include "client/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/human.h"

#define MESSAGE_BYTES	1024u

void kr_cli_decref(json_t **j)
{
	json_decref(*j);
}

/* ---- what is shown ----------------------------------------------------- */

void kr_cli_result(const struct kr_cli *c, const json_t *result)
{
	if (!c->json)
		return;
	/* ASCII: it may be a terminal that reads it */
	json_dumpf(result, stdout,
		   JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
		   JSON_REAL_PRECISION(9));
	putchar('\n');
}

static const struct kr_code_row *code_of(const json_t *error)
{
	const char *code = json_string_value(json_object_get(error, "code"));
	uint64_t number;

	if (!code || strncmp(code, "KR-", 3) ||
	    !kr_human_number(code + 3, 9999, &number))
		return NULL;
	return kr_code_find((unsigned int)number);
}

void kr_cli_hint(json_t *error)
{
	const struct kr_code_row *row = code_of(error);

	if (row && !json_is_string(json_object_get(error, "hint")))
		json_object_set_new(error, "hint", json_string(row->hint));
}

int kr_cli_explain(const json_t *error)
{
	const struct kr_code_row *row = code_of(error);
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *msg = json_string_value(json_object_get(error, "message"));
	const char *hint = json_string_value(json_object_get(error, "hint"));
	const char *summary = row ? row->summary : "unknown error";
	char clean[MESSAGE_BYTES];

	fflush(stdout);
	fprintf(stderr, "korora: %s %s",
		kr_human_clean(code ? code : "KR-?", clean, sizeof(clean)),
		summary);
	if (msg && *msg && strcmp(msg, summary))
		fprintf(stderr, ": %s",
			kr_human_clean(msg, clean, sizeof(clean)));
	if (!hint && row)
		hint = row->hint;
	if (hint && *hint)
		fprintf(stderr, "\n  → %s",
			kr_human_clean(hint, clean, sizeof(clean)));
	fputc('\n', stderr);
	return row ? (int)row->exit : KR_EXIT_REFUSED;
}

int kr_cli_error(const struct kr_cli *c, const json_t *error)
{
	int r = kr_cli_explain(error);

	if (c->json) {
		KR_AUTO(kr_cli_decref) json_t *j =
			json_pack("{s:O}", "error", error);

		kr_cli_result(c, j);
	}
	return r;
}

static json_t *error_new(enum kr_code kr, const char *msg, const char *hint)
{
	const struct kr_code_row *row = kr_code_find((unsigned int)kr);
	char code[16], ascii[MESSAGE_BYTES];
	KR_AUTO(kr_cli_decref) json_t *text = json_string(msg);

	/* what was typed, or cut off, need not be UTF-8 */
	snprintf(ascii, sizeof(ascii), "%s", msg);
	for (char *s = ascii; !text && *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
	snprintf(code, sizeof(code), "KR-%04d", (int)kr);
	return json_pack("{s:s, s:s, s:s}", "code", code, "message",
			 text ? msg : ascii, "hint",
			 hint ? hint : row ? row->hint : "");
}

json_t *kr_cli_error_new(const struct kr_err *e)
{
	return error_new(e->kr, e->what, NULL);
}

int kr_cli_fail(const struct kr_cli *c, const struct kr_err *e)
{
	KR_AUTO(kr_cli_decref) json_t *j = kr_cli_error_new(e);

	return kr_cli_error(c, j);
}

int kr_cli_usage(const struct kr_cli *c, const char *fmt, ...)
{
	char msg[MESSAGE_BYTES], hint[MESSAGE_BYTES];
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (c->cmd)
		snprintf(hint, sizeof(hint), "usage: korora %s%s%s",
			 c->cmd->words, *c->cmd->args ? " " : "",
			 c->cmd->args);
	else
		snprintf(hint, sizeof(hint),
			 "korora help lists the commands");
	j = error_new(KR_E_USAGE, msg, hint);
	kr_cli_error(c, j);
	return KR_EXIT_USAGE;
}

int kr_cli_path(const struct kr_cli *c, const char *below,
		char out[PATH_MAX], struct kr_err *e)
{
	if (snprintf(out, PATH_MAX, "%s%s", c->root, below) >= PATH_MAX)
		return kr_fail(e, KR_E_LIMIT, "the path below --root is too "
					      "long");
	return 0;
}

/* ---- what was typed ---------------------------------------------------- */

static const struct kr_option *find_option(const struct kr_option *opts,
					   size_t n, const char *name,
					   size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(opts[i].name) == len &&
		    !strncmp(opts[i].name, name, len))
			return &opts[i];
	return NULL;
}

static int take_value(struct kr_cli *c, const struct kr_option *o,
		      const char *value)
{
	size_t n = 0;

	while (o->values[n])
		n++;
	if (n == o->max)
		return o->max == 1 ?
			       kr_cli_usage(c, "--%s is given twice", o->name) :
			       kr_cli_usage(c, "more than %zu times --%s",
					    o->max, o->name);
	if (!*value)
		return kr_cli_usage(c, "--%s is empty", o->name);
	o->values[n] = value;
	o->values[n + 1] = NULL;
	return 0;
}

/* One option at argv[*i]; leaves *i at its last word. */
static int take_option(struct kr_cli *c, int argc, char **argv, int *i,
		       const struct kr_option *opts, size_t n_opts)
{
	const char *name = argv[*i] + 2, *eq = strchr(name, '=');
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	const struct kr_option *o = find_option(opts, n_opts, name, len);

	if (argv[*i][1] != '-' || !o)
		return kr_cli_usage(c, "unknown option %s", argv[*i]);
	if (o->flag && eq)
		return kr_cli_usage(c, "--%s takes no value", o->name);
	if (o->flag) {
		*o->flag = true;
		return 0;
	}
	if (eq)
		return take_value(c, o, eq + 1);
	if (*i + 1 >= argc)
		return kr_cli_usage(c, "--%s needs a value", o->name);
	*i += 1;
	return take_value(c, o, argv[*i]);
}

int kr_cli_args(struct kr_cli *c, int argc, char **argv,
		const struct kr_option *opts, size_t n_opts, size_t n_min,
		size_t n_max, const char **ret_pos)
{
	bool only_operands = false;
	size_t n_pos = 0;
	int r;

	for (size_t i = 0; i < n_max; i++)
		ret_pos[i] = NULL;
	for (int i = 0; i < argc; i++) {
		if (!only_operands && !strcmp(argv[i], "--")) {
			only_operands = true;
		} else if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
			r = take_option(c, argc, argv, &i, opts, n_opts);
			if (r)
				return r;
		} else if (n_pos == n_max) {
			return kr_cli_usage(c, "one argument too many: %s",
					    argv[i]);
		} else if (!*argv[i]) {
			return kr_cli_usage(c, "an argument is empty");
		} else {
			ret_pos[n_pos++] = argv[i];
		}
	}
	if (n_pos < n_min)
		return kr_cli_usage(c, "an argument is missing");
	return 0;
}

/* ---- what is asked ----------------------------------------------------- */

static json_t *no_daemon(const struct kr_cli *c)
{
	char msg[MESSAGE_BYTES];

	if (errno == EACCES)
		snprintf(msg, sizeof(msg),
			 "you may not open %s/run/korora/api.sock", c->root);
	else
		snprintf(msg, sizeof(msg), "%s/run/korora/api.sock: %s",
			 c->root, strerror(errno));
	return error_new(KR_E_NO_DAEMON, msg, NULL);
}

static json_t *broken(const char *method)
{
	char msg[MESSAGE_BYTES];

	snprintf(msg, sizeof(msg), "%s: %s", method,
		 errno == ECONNRESET || errno == EPIPE ?
			 "it closed the connection before it answered" :
		 errno == EPROTO   ? "its answer makes no sense" :
		 errno == EMSGSIZE ? "its answer is too long" :
				     strerror(errno));
	return error_new(KR_E_NO_DAEMON, msg,
			 "see kororad's log; korora status tells what became "
			 "of the request");
}

int kr_cli_ask(struct kr_cli *c, const char *method, json_t *params,
	       void (*on_event)(const char *json, void *arg), void *arg,
	       json_t **ret, json_t **ret_error)
{
	KR_AUTO(kr_cli_decref) json_t *p = params, *j = NULL;
	KR_AUTOFREE char *text = NULL, *answer = NULL;

	*ret = *ret_error = NULL;
	if (!p) {
		*ret_error = error_new(KR_E_USAGE,
				       "an argument is not valid UTF-8", NULL);
		return -1;
	}
	if (!c->api)
		c->api = korora_open(c->root);
	if (!c->api) {
		*ret_error = no_daemon(c);
		return -1;
	}
	text = json_dumps(p, JSON_COMPACT);
	if (!text) {
		*ret_error = error_new(KR_E_SYSTEM, "out of memory", NULL);
		return -1;
	}
	answer = korora_call(c->api, method, text, on_event, arg);
	j = answer ? json_loads(answer, 0, NULL) : NULL;
	if (!j) {
		*ret_error = broken(method);
		korora_close(c->api);
		c->api = NULL;
		return -1;
	}
	*ret = json_incref(json_object_get(j, "result"));
	if (*ret)
		return 0;
	*ret_error = json_incref(json_object_get(j, "error"));
	kr_cli_hint(*ret_error);
	return -1;
}

int kr_cli_call(struct kr_cli *c, const char *method, json_t *params,
		void (*on_event)(const char *json, void *arg), void *arg,
		json_t **ret)
{
	KR_AUTO(kr_cli_decref) json_t *error = NULL;

	if (!kr_cli_ask(c, method, params, on_event, arg, ret, &error))
		return 0;
	return kr_cli_error(c, error);
}

int kr_cli_do(struct kr_cli *c, const char *method, json_t *params,
	      const char *fmt, ...)
{
	KR_AUTO(kr_cli_decref) json_t *result = NULL;
	int r = kr_cli_call(c, method, params, NULL, NULL, &result);
	va_list ap;

	if (r)
		return r;
	kr_cli_result(c, result);
	if (c->json)
		return 0;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return 0;
}
