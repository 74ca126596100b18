/* SPDX-License-Identifier: Apache-2.0 */
/* receiptview.h - what a receipt says, for programs and for people. */
#ifndef KR_CLIENT_RECEIPTVIEW_H
#define KR_CLIENT_RECEIPTVIEW_H

#include <jansson.h>

#include "evidence/terms.h"

/** kr_receiptview_json() - The terms as one flat object, for json_decref(). */
json_t *kr_receiptview_json(const struct kr_terms *t);

/** kr_receiptview_print() - That object, as a card. */
void kr_receiptview_print(json_t *view);

#endif
