/* SPDX-License-Identifier: Apache-2.0 */
/* reportview.h - a report in words, and on a terminal. */
#ifndef KR_CLIENT_REPORTVIEW_H
#define KR_CLIENT_REPORTVIEW_H

#include <stdbool.h>

#include <jansson.h>

#include "client/columns.h"

/** kr_reportview_word() - A result or an asked of JSON, as people say it. */
const char *kr_reportview_word(const char *key);

/** kr_reportview_head() - The verdict in some words. */
const char *kr_reportview_head(const json_t *report);

/**
 * kr_reportview_target() - The target, flat, for cards; for json_decref()
 * kr_reportview_cols() - Its rows
 */
json_t *kr_reportview_target(const json_t *report);
const struct kr_column *kr_reportview_cols(size_t *ret_n);

/** kr_reportview_signer() - A host's or user's name, of one who signed. */
const char *kr_reportview_signer(const json_t *by);

/** kr_reportview_signers() - "alpha, beta"; "-" if nobody signed. */
const char *kr_reportview_signers(const json_t *datum,
				  char out[KR_CELL_BYTES]);

/** kr_reportview_print() - All of it to standard output. */
void kr_reportview_print(const json_t *report);

#endif
