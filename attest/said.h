/* SPDX-License-Identifier: Apache-2.0 */
/*
 * said.h - what an attester says, as bytes: what it bound, the quote, the PCRs'
 * values and the event log. Pure. Whoever carries it need not read it.
 */
#ifndef KR_ATTEST_SAID_H
#define KR_ATTEST_SAID_H

#include "attest/appraise.h"
#include "base/cursor.h"

#define KR_SAID_LOG_MAX		524288u	/* bytes of the event log */
#define KR_SAID_BYTES_MAX	(KR_SAID_LOG_MAX + 8192u)

/** kr_said_put() - A bad writer if it does not fit. */
void kr_said_put(struct kr_wr *w, const struct kr_appraise_said *s);

/**
 * kr_said_parse() - Read all of @r
 * @ret: quote, sig and log lie in @r's bytes
 *
 * Return: 0; KR_E_QUOTE.
 */
int kr_said_parse(struct kr_rd *r, struct kr_appraise_said *ret,
		  struct kr_err *e);

#endif
