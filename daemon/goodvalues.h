/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goodvalues.h - the reference values that hosts are judged by here, and who
 * is believed about them: a user whose key is enrolled, and to whom the policy
 * in force gives reference.add. That is a person's word, made where his key
 * is, and it ends with his key or his right: neither this host, which is
 * judged by it, nor an authority, which says who hosts are, can give it.
 */
#ifndef KR_DAEMON_GOODVALUES_H
#define KR_DAEMON_GOODVALUES_H

#include "attest/reference.h"
#include "store/referencerow.h"

#define KR_GOODVALUES_ALL	"hosts"	/* of those that have none by name */
#define KR_GOODVALUES_NONE	1

struct kr_host;

/**
 * kr_goodvalues_verify() - Read an envelope that anyone may have written
 * @name:	 the document has to have
 * @ret_ref:	 for kr_reference_fini() after success
 * @ret_by:	 whose key signed it
 *
 * Return: 0; KR_E_REFERENCE_SIGNER; KR_E_REFERENCE.
 */
int kr_goodvalues_verify(struct kr_host *h, const char *name,
			 const char *envelope, struct kr_reference *ret_ref,
			 char ret_by[KR_USERROW_NAME_BYTES], struct kr_err *e);

/**
 * kr_goodvalues_find() - What a host is judged by: the document of its name,
 * or else the one named "hosts"
 * @ret_doc: as kr_reference_parse() takes it
 *
 * It is verified once more. One that was removed is not passed over: whoever
 * it was about is refused until a newer one is there.
 * Return: 0; KR_GOODVALUES_NONE; KR_E_REVOKED; as kr_goodvalues_verify().
 */
int kr_goodvalues_find(struct kr_host *h, const char *host,
		       char ret_doc[KR_REFERENCE_BYTES_MAX + 1],
		       struct kr_err *e);

#endif
