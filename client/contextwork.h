/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contextwork.h - what commands of korora context have in common: a file or a
 * zone, the connections of it, and those for which it could not be done.
 */
#ifndef KR_CLIENT_CONTEXTWORK_H
#define KR_CLIENT_CONTEXTWORK_H

#include "client/commands.h"
#include "context/ctdump.h"

struct kr_contextwork {
	struct kr_cli	*c;
	const char	*path;		/* or NULL */
	bool		 has_zone;
	uint16_t	 zone;
	bool		 may_flag;	/* --flag is an option */
	struct kr_ctwatch *watch;	/* NULL if it is not given */
	bool		 may_judge;	/* --strict-after is one as well */
	bool		 judges;	/* and is given: */
	unsigned int	 judge_after_s;
	struct kr_ctset	 set;
	json_t		*left;		/* errors, one a connection */
	struct kr_ctleft tell;		/* prints and keeps one */
};

/**
 * kr_contextwork_begin() - Read a command's arguments: files, --zone, --flag
 * and what is in its file, --strict-after
 * @w:     zeroed but for may_flag and may_judge; kr_contextwork_fini() in any
 *	   case
 * @n_min: of files, as @n_max, which is 1 at most
 * Return: 0, or the exit code of wrong usage, which was told.
 */
int kr_contextwork_begin(struct kr_contextwork *w, struct kr_cli *c, int argc,
			 char **argv, size_t n_min, size_t n_max);

/** kr_contextwork_read_file() - A file of exported connections. */
int kr_contextwork_read_file(const char *path, struct kr_ctset *set,
			     struct kr_err *e);

/**
 * kr_contextwork_load() - The file, told to be of --zone if that is given; or
 * else what is there
 */
int kr_contextwork_load(struct kr_contextwork *w, struct kr_err *e);

/**
 * kr_contextwork_end() - The last words of a command that did what it could
 * @did: "imported"
 * @e:   not KR_ERR_NONE: it could not
 * Return: the exit code.
 */
int kr_contextwork_end(struct kr_contextwork *w, const char *did,
		       const struct kr_err *e);

/**
 * kr_contextwork_flag() - Tell which of the set have an address of --flag's
 * list; as JSON, to be added to @result
 */
void kr_contextwork_flag(struct kr_contextwork *w, json_t *result);

/**
 * kr_contextwork_judge() - Have TCP of the set, sorted, judged by windows again
 *
 * After as many seconds as were said; then look whether it is, and print how
 * many are.
 *
 * Return: the exit code.
 */
int kr_contextwork_judge(struct kr_contextwork *w);

void kr_contextwork_fini(struct kr_contextwork *w);

#endif
