/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reportdata.h - what a migration's report rests on: kororad's answers, each
 * signature in them checked here, so that kororad is believed for no more
 * than what nobody signed. No I/O.
 */
#ifndef KR_CLIENT_REPORTDATA_H
#define KR_CLIENT_REPORTDATA_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "client/keyring.h"

/* What was asked for; all borrowed. */
struct kr_reportdata_raw {
	const json_t *info;		/* of this host */
	const json_t *policy;		/* of kr_keptpolicy_ask(), or … */
					/* … in force now, and its error */
	const json_t *status;		/* of this migration */
	const json_t *entries;		/* of the log, about it */
	const json_t *proofs;		/* log.prove's of each, or its error */
	bool	      cut;		/* there may have been more */
	json_int_t    hidden;		/* and so many were not shown */
	const json_t *request;		/* that was approved, NULL if none */
	const json_t *user_keys;	/* of those who approve; or NULL */
	const json_t *log;		/* log.verify's answer, or NULL and … */
	const json_t *log_error;	/* … why there is none */
	const char   *receipt;		/* the file's text, or NULL and … */
	const char   *receipt_why;	/* … why it cannot be read */
	const char   *receipt_path;	/* NULL if there is no receipt */
	uint64_t      now_ms;
};

/**
 * kr_reportdata_new() - All of it as one object, for json_decref()
 *
 * {made_ms, host, status, cut, hidden, data:[…]}: korora-report(5) has
 * the keys of a datum. One with a statement has "verified": every signature
 * in it is by a host that it names, and one of those that have to sign a
 * statement of its kind is among them; if not, "why".
 */
json_t *kr_reportdata_new(const struct kr_reportdata_raw *raw,
			  const struct kr_keyring *keys);

#endif
