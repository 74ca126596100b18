/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receipt.h - checking a migration's receipt with nothing but the two hosts'
 * public keys: no daemon, no network, no database. A receipt file is a plain
 * DSSE envelope; the keys come from the hosts' certificates or public keys.
 */
#ifndef KR_EVIDENCE_RECEIPT_H
#define KR_EVIDENCE_RECEIPT_H

#include "evidence/statement.h"

/**
 * kr_receipt_verify() - Did both hosts sign this receipt?
 * @text:  the envelope, from anyone; at most KR_DSSE_BYTES_MAX bytes
 * @a, @b: the two hosts, in either order
 * @ret_t: everything the receipt says, for printing
 *
 * Both keys must be different, each must have signed, and they must be the
 * two the receipt names as source and destination; a key that came with a
 * certificate must also carry that host's name.
 *
 * Return: 0; KR_E_RECEIPT_BAD, whatever is wrong with it.
 */
int kr_receipt_verify(const char *text, size_t n, const struct kr_pubkey *a,
		      const struct kr_pubkey *b, struct kr_terms *ret_t,
		      struct kr_err *e);

/**
 * kr_receipt_peek() - Read a receipt without believing it: to find out whose
 * keys are needed
 */
int kr_receipt_peek(const char *text, size_t n, struct kr_terms *ret_t,
		    struct kr_err *e);

#endif
