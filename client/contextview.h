/* SPDX-License-Identifier: Apache-2.0 */
/* contextview.h - a connection of a zone as JSON, and many as a table. */
#ifndef KR_CLIENT_CONTEXTVIEW_H
#define KR_CLIENT_CONTEXTVIEW_H

#include <jansson.h>

#include "context/ctset.h"

/** kr_contextview_json() - One, for json_decref(). */
json_t *kr_contextview_json(const struct kr_ctentry *c);

/** kr_contextview_expect() - What is expected, for json_decref(). */
json_t *kr_contextview_expect(const struct kr_ctexpect *x);

/** kr_contextview_set() - A set: zone, digest of its state, connections, and
 * what is expected. */
json_t *kr_contextview_set(const struct kr_ctset *s, struct kr_err *e);

/** kr_contextview_table() - Print what kr_contextview_set() said. */
void kr_contextview_table(const json_t *set);

#endif
