/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - what all korora commands share: the parsed command line, the call
 * to kororad, and the one way in which results and errors are shown.
 *
 * A command is a function that returns its exit code (enum kr_exit) and has
 * said everything itself, through the calls below.
 */
#ifndef KR_CLIENT_CLI_H
#define KR_CLIENT_CLI_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"
#include "base/fd.h"

#define KR_CLI_VALUES_MAX	16u	/* of one option that may repeat */
#define KR_N(a)			(sizeof(a) / sizeof(*(a)))

struct kr_cli;

/* One row of the command table in commands.c. */
struct kr_command {
	const char *words;	/* one or more, "vm start" */
	const char *args;	/* synopsis */
	const char *help;	/* one line */
	int (*fn)(struct kr_cli *, int argc, char **argv);
};

struct kr_cli {
	const char		*root;	/* "" = the system's directories */
	bool			 json;
	bool			 tty;	/* stdout is a terminal */
	const struct kr_command *cmd;	/* the one that runs, NULL = none yet */
	struct korora		*api;	/* opened by the first call */
};

/* One option of a command; exactly one of the two outputs is set. */
struct kr_option {
	const char  *name;	/* without dashes */
	bool	    *flag;	/* takes no value */
	const char **values;	/* takes one; NULL-terminated, caller's room: */
	size_t	     max;	/* for @max values and a NULL */
};

/**
 * kr_cli_args() - Sort a command's arguments into options and operands
 * @argv:    without the command's own words
 * @n_min:   operands that must be there
 * @n_max:   operands that may be there
 * @ret_pos: room for @n_max; those absent become NULL
 *
 * Return: 0; KR_EXIT_USAGE, already shown.
 */
int kr_cli_args(struct kr_cli *c, int argc, char **argv,
		const struct kr_option *opts, size_t n_opts, size_t n_min,
		size_t n_max, const char **ret_pos);

/**
 * kr_cli_call() - Ask kororad
 * @params: stolen; NULL, as json_pack() makes it of bad UTF-8, is an error
 * @on_event: see korora_call(), may be NULL
 * @ret:    the result, for json_decref()
 *
 * Return: 0; the error's exit code, already shown.
 */
int kr_cli_call(struct kr_cli *c, const char *method, json_t *params,
		void (*on_event)(const char *json, void *arg), void *arg,
		json_t **ret);

/** kr_cli_ask() - The same, but the error is the caller's to show. */
int kr_cli_ask(struct kr_cli *c, const char *method, json_t *params,
	       void (*on_event)(const char *json, void *arg), void *arg,
	       json_t **ret, json_t **ret_error);

/**
 * kr_cli_do() - Ask for something without an answer worth a table
 * @params: stolen
 * @fmt:    what to say once it is done; unless --json
 */
int kr_cli_do(struct kr_cli *c, const char *method, json_t *params,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/** kr_cli_result() - Print the result as the last line, if --json. */
void kr_cli_result(const struct kr_cli *c, const json_t *result);

/**
 * kr_cli_error() - Show an API error, {"code","message","hint"}
 * Return: the code's exit code.
 */
int kr_cli_error(const struct kr_cli *c, const json_t *error);

/** kr_cli_hint() - Add its code's own hint to an error that has none. */
void kr_cli_hint(json_t *error);

/** kr_cli_explain() - Only its lines on stderr; returns its exit code. */
int kr_cli_explain(const json_t *error);

/** kr_cli_error_new() - An error of our own, as kororad says its errors. */
json_t *kr_cli_error_new(const struct kr_err *e);

/** kr_cli_fail() - Show an error of our own; returns its exit code. */
int kr_cli_fail(const struct kr_cli *c, const struct kr_err *e);

/** kr_cli_usage() - Complain about the command line: KR_EXIT_USAGE. */
int kr_cli_usage(const struct kr_cli *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** kr_cli_path() - A path below the root; KR_E_LIMIT if it is too long. */
int kr_cli_path(const struct kr_cli *c, const char *below,
		char out[PATH_MAX], struct kr_err *e);

/** kr_cli_decref() - json_decref() for KR_AUTO. */
void kr_cli_decref(json_t **j);

#endif
