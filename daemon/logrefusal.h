/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logrefusal.h - the entry of this host's log that tells of a peer's log which
 * was refused, with what the peer signed. Used in kororad.
 */
#ifndef KR_DAEMON_LOGREFUSAL_H
#define KR_DAEMON_LOGREFUSAL_H

#include "daemon/link.h"
#include "store/witnessrow.h"

/**
 * kr_logrefusal_record() - @h is refused for @why
 * @w:	  what was seen of that log; keeps the code that is on record
 * @note: the checkpoint that was shown, as signed
 *
 * For certain once until that log fits again, and once more for a log that was
 * cut or rewritten after one that only named a wrong policy; after that as
 * refusals are.
 */
void kr_logrefusal_record(struct kr_link *l, const struct kr_loghead *h,
			  struct kr_witnessrow *w, const char *note,
			  const struct kr_err *why);

#endif
