/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filerow.h - the files of this host's storages that VMs name, and whose they
 * are: what a VM wrote is of its class, also when it is no more.
 */
#ifndef KR_STORE_FILEROW_H
#define KR_STORE_FILEROW_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct kr_filerow {
	char	 path[PATH_MAX];	/* without links */
	uint64_t inode;			/* when it was put; 0: no file */
	char	 vm[KR_STORE_NAME_BYTES];
	char	 tenant[KR_STORE_NAME_BYTES];	/* the VM's */
	bool	 writes;		/* the VM may */
};

/** kr_filerow_put() - Insert, or replace what that VM has of that path. */
int kr_filerow_put(struct kr_store *s, const struct kr_filerow *f,
		   struct kr_err *e);

/**
 * kr_filerow_each() - Call @fn for each row of that path, or that inode
 * @inode: 0: of none
 * @fn:    must not change the table; another return than 0 ends the listing
 *	   and is passed up
 */
int kr_filerow_each(struct kr_store *s, const char *path, uint64_t inode,
		    int (*fn)(void *arg, const struct kr_filerow *f,
			      struct kr_err *e),
		    void *arg, struct kr_err *e);

/**
 * kr_filerow_del()	  - No row of that path and VM
 * kr_filerow_del_reads() - No row of a file that @vm only read
 * kr_filerow_count()	  - How many rows there are
 *
 * Rows that are not there are no error.
 */
int kr_filerow_del(struct kr_store *s, const char *path, const char *vm,
		   struct kr_err *e);
int kr_filerow_del_reads(struct kr_store *s, const char *vm,
			 struct kr_err *e);
int kr_filerow_count(struct kr_store *s, uint64_t *ret_n, struct kr_err *e);

#endif
