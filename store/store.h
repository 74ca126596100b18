/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the durable state of one host, behind one interface. Only kororad
 * writes it, from its one thread; others open it read-only. Each table has its
 * own file (vmrow.h, hostrow.h, …) with plain structs and typed functions.
 *
 * What one transaction changed is on the disk, all of it, when
 * kr_store_commit() has returned 0, and none of it if the machine stops
 * before. A function called outside a transaction is a transaction of its own.
 *
 * Every failure is KR_E_STORE unless a function says otherwise.
 */
#ifndef KR_STORE_STORE_H
#define KR_STORE_STORE_H

#include <stdbool.h>

#include "base/err.h"

#define KR_STORE_NAME_BYTES	64u	/* of a VM or host name, with its NUL */
#define KR_STORE_SCHEMA		10	/* written by this release */
#define KR_STORE_BUSY_MS	5000	/* wait for another process's lock */
#define KR_STORE_PATH_BYTES	4096u	/* of the database's path */

struct kr_store;

enum kr_store_mode { KR_STORE_WRITE, KR_STORE_READ };

/**
 * kr_store_open() - Open a store; KR_STORE_WRITE creates it or brings its
 * schema up to date
 * @path: the database file; its folder must exist. Created with mode 0600;
 *        its -wal and -shm companions get the same mode
 *
 * A schema newer than this release is refused, as is one that is not ours.
 */
int kr_store_open(const char *path, enum kr_store_mode mode,
		  struct kr_store **ret_s, struct kr_err *e);

/** kr_store_path() - As given to kr_store_open(). */
const char *kr_store_path(const struct kr_store *s);

/**
 * kr_store_begin() - Start a transaction; they do not nest. On a read-only
 * store it holds one state of the database while others go on writing
 * kr_store_commit() - Make it durable with one fsync; rolled back on failure
 * kr_store_rollback() - Forget it; a no-op when there is none
 */
int kr_store_begin(struct kr_store *s, struct kr_err *e);
int kr_store_commit(struct kr_store *s, struct kr_err *e);
void kr_store_rollback(struct kr_store *s);

/**
 * kr_store_in_doubt() - Did the last commit fail so that it may be there
 * after a crash all the same?
 *
 * Without room nothing complete was written, and it is not. If writing or
 * syncing failed otherwise, what was written may be read again; the next
 * commit that succeeds takes its place.
 */
bool kr_store_in_doubt(const struct kr_store *s);

/** kr_store_in_tx() - True between begin and commit or rollback. */
bool kr_store_in_tx(const struct kr_store *s);

/**
 * kr_store_on_end() - Call @fn after each transaction that was begun
 * @fn: told whether it was committed; one listener, NULL removes it
 */
void kr_store_on_end(struct kr_store *s, void (*fn)(void *arg, bool committed),
		     void *arg);

/** kr_store_free() - Roll back what is open and close; NULL is fine. */
void kr_store_free(struct kr_store *s);

static inline void kr_store_autofree(struct kr_store **s)
{
	kr_store_free(*s);
}

#endif
