/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policyfile.h - the policy that a command is about: read from its files,
 * without kororad, and said in JSON and in words alike by all of them.
 */
#ifndef KR_CLIENT_POLICYFILE_H
#define KR_CLIENT_POLICYFILE_H

#include "client/cli.h"
#include "policy/book.h"

struct kr_policyfile {
	struct kr_book *book;
	char		path[PATH_MAX];	/* of the folder, or the file */
	char		digest[65];	/* hex */
};

/**
 * kr_policyfile_open() - Read a policy
 * @path:  folder or file; NULL: the one in force, below the root
 * @ret_p: for kr_policyfile_fini(), also after a failure if it was 0 before
 *
 * Return: 0; KR_E_CONFIG naming file and line.
 */
int kr_policyfile_open(const struct kr_cli *c, const char *path,
		       struct kr_policyfile *ret_p, struct kr_err *e);
void kr_policyfile_fini(struct kr_policyfile *p);

/** kr_policyfile_head() - {"name","version","about","path","sha256",…} */
json_t *kr_policyfile_head(const struct kr_policyfile *p);

/** kr_policyfile_words() - An array of them. */
json_t *kr_policyfile_words(const struct kr_words *w);

/** kr_policyfile_triple() - {"name","file","line","certified_by"}; or null. */
json_t *kr_policyfile_triple(const struct kr_triple *t);

/** kr_policyfile_demands() - {"attestation","no_postcopy","scanners",…} */
json_t *kr_policyfile_demands(const struct kr_protection *p);

/**
 * kr_policyfile_flat() - Make text of each array in an object, for people
 *
 * "a, b"; of long ones the first words and how many there are more.
 */
void kr_policyfile_flat(json_t *row);

/** kr_policyfile_print() - The head, on two lines. */
void kr_policyfile_print(const char *what, const struct kr_policyfile *p);

#endif
