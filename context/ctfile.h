/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctfile.h - a zone's state as a file. All numbers big-endian:
 *
 *	u32 "KRCT", u16 version 2, u16 zone, u32 n, u32 n_expects
 *	n times: u16 length, an entry as kr_ctentry_put() writes it,
 *		 each behind the one before in kr_ctentry_order()
 *	n_expects times: u16 length, what kr_ctexpect_put() writes, likewise
 *	32 bytes: SHA-256 of all before
 *
 * One state has one file. The digest tells damage, not forgery: whoever can
 * write to the file decides what passes the firewall it is imported behind.
 */
#ifndef KR_CONTEXT_CTFILE_H
#define KR_CONTEXT_CTFILE_H

#include "context/ctset.h"

#define KR_CTFILE_VERSION	2u
#define KR_CTFILE_BYTES_MAX	(256u << 20)

/**
 * kr_ctfile_put() - Write a sorted set
 * @ret: for free()
 */
int kr_ctfile_put(const struct kr_ctset *s, uint8_t **ret, size_t *ret_n_bytes,
		  struct kr_err *e);

/**
 * kr_ctfile_get() - Read a whole file
 * @ret_s: empty; on success sorted, for kr_ctset_fini()
 * Return: 0; KR_E_CT_FILE if kr_ctfile_put() would not have written that.
 */
int kr_ctfile_get(const void *p, size_t n_bytes, struct kr_ctset *ret_s,
		  struct kr_err *e);

#endif
