/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrow.h - the migrations this host took part in, as source or destination:
 * what recovery reads after a crash. The state's meaning belongs to policy/
 * and the document is opaque here; a row is unfinished until its writer says
 * otherwise.
 */
#ifndef KR_STORE_MIGROW_H
#define KR_STORE_MIGROW_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

#define KR_MIGROW_DOC_MAX	65536u	/* bytes */
#define KR_MIGROW_RESULT_MAX	65536u	/* bytes of text, without its NUL */

/* Numbers are durable: append only. */
enum kr_mig_role { KR_MIG_SOURCE, KR_MIG_TARGET, KR_MIG_ROLE_N };

struct kr_migrow {
	uint8_t		 id[16];
	enum kr_mig_role role;
	char		 vm[KR_STORE_NAME_BYTES];
	char		 peer[KR_STORE_NAME_BYTES];
	uint16_t	 state;		/* policy's number */
	bool		 finished;	/* nothing left to recover */
	uint64_t	 started_ms;	/* wall clock */
	uint64_t	 ended_ms;	/* 0 until it ended */
	char		 requested_by[128];
	uint32_t	 error;		/* KR_E_ number, 0 = none */
	char		 what[KR_WHAT_BYTES];
	const void	*doc;		/* NULL when doc_bytes is 0 */
	size_t		 doc_bytes;	/* at most KR_MIGROW_DOC_MAX */
	const char	*result;	/* JSON text; NULL means "" */
	void		*own;		/* what kr_migrow_fini() frees */
};

/** kr_migrow_put() - Insert, or replace the row of that id; borrows all. */
int kr_migrow_put(struct kr_store *s, const struct kr_migrow *m,
		  struct kr_err *e);

/**
 * kr_migrow_get() - Read one
 * @ret_m: kr_migrow_fini() it after success
 *
 * Return: 0; KR_E_NO_MIGRATION.
 */
int kr_migrow_get(struct kr_store *s, const uint8_t id[16],
		  struct kr_migrow *ret_m, struct kr_err *e);

/** kr_migrow_fini() - Free doc and result of a row that was got. */
void kr_migrow_fini(struct kr_migrow *m);

/**
 * kr_migrow_find() - By an id in hex, or the beginning of one
 * @ret_n: how many begin so, 2 for more; @id is of the only one
 */
int kr_migrow_find(struct kr_store *s, const char *prefix, uint8_t id[16],
		   unsigned int *ret_n, struct kr_err *e);

/**
 * kr_migrow_each() - The newest @limit, newest first
 * kr_migrow_unfinished() - All that are not finished, oldest first
 * @fn: as for kr_vmrow_each(); doc and result are borrowed during the call
 */
int kr_migrow_each(struct kr_store *s, unsigned int limit,
		   int (*fn)(void *arg, const struct kr_migrow *m,
			     struct kr_err *e),
		   void *arg, struct kr_err *e);
int kr_migrow_unfinished(struct kr_store *s,
			 int (*fn)(void *arg, const struct kr_migrow *m,
				   struct kr_err *e),
			 void *arg, struct kr_err *e);

/**
 * kr_migrow_of_vm() - The newest @limit that went well, newest first
 * kr_migrow_with_peer() - Likewise
 * @fn: as for kr_migrow_each()
 *
 * Finished and without an error; by an index, however many there are.
 */
int kr_migrow_of_vm(struct kr_store *s, const char *vm, unsigned int limit,
		    int (*fn)(void *arg, const struct kr_migrow *m,
			      struct kr_err *e),
		    void *arg, struct kr_err *e);
int kr_migrow_with_peer(struct kr_store *s, const char *peer,
			unsigned int limit,
			int (*fn)(void *arg, const struct kr_migrow *m,
				  struct kr_err *e),
			void *arg, struct kr_err *e);

#endif
