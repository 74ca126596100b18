/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmrow.h - the VMs this host knows: what defines each, which epoch of its
 * ownership this host saw last, and whether it may run here. A row of a VM
 * that moved away stays: its epoch is what refuses an old copy later.
 */
#ifndef KR_STORE_VMROW_H
#define KR_STORE_VMROW_H

#include <stdint.h>

#include "store/store.h"

#define KR_VMROW_DEFINITION_MAX	16384u	/* bytes of text, with its NUL */

/* Numbers are durable: append only. */
enum kr_vm_state {
	KR_VM_STOPPED,		/* owned here, not running */
	KR_VM_RUNNING,		/* owned here, has a hypervisor process */
	KR_VM_INCOMING,		/* being received, not owned */
	KR_VM_MOVED,		/* handed over to peer: never run here */
	KR_VM_LOST,		/* owned here, its process died */
	KR_VM_RELEASED,		/* to peer, who has not confirmed yet */
	KR_VM_STATE_N
};

struct kr_vmrow {
	char		 name[KR_STORE_NAME_BYTES];
	char		 definition[KR_VMROW_DEFINITION_MAX]; /* canonical */
	uint8_t		 digest[32];	/* SHA-256 of the definition */
	uint64_t	 epoch;		/* highest this host owned or released */
	enum kr_vm_state state;
	char		 peer[KR_STORE_NAME_BYTES]; /* other host, or "" */
	uint64_t	 updated_ms;	/* wall clock */
};

/** kr_vmrow_state_name() - "running"; "unknown" for another number. */
const char *kr_vmrow_state_name(enum kr_vm_state st);

/** kr_vmrow_put() - Insert, or replace the row of that name. */
int kr_vmrow_put(struct kr_store *s, const struct kr_vmrow *v,
		 struct kr_err *e);

/** kr_vmrow_get() - Return: 0; KR_E_NO_VM. */
int kr_vmrow_get(struct kr_store *s, const char *name, struct kr_vmrow *ret_v,
		 struct kr_err *e);

/**
 * kr_vmrow_each() - Call @fn for each row by name; it must not change the table
 * @fn: a negative return ends the listing and is passed up
 */
int kr_vmrow_each(struct kr_store *s,
		  int (*fn)(void *arg, const struct kr_vmrow *v,
			    struct kr_err *e),
		  void *arg, struct kr_err *e);

/** kr_vmrow_del() - Return: 0; KR_E_NO_VM. */
int kr_vmrow_del(struct kr_store *s, const char *name, struct kr_err *e);

#endif
