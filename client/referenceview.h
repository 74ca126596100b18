/* SPDX-License-Identifier: Apache-2.0 */
/* referenceview.h - reference values as the commands show them. */
#ifndef KR_CLIENT_REFERENCEVIEW_H
#define KR_CLIENT_REFERENCEVIEW_H

#include "attest/reference.h"
#include "client/cli.h"

/**
 * kr_referenceview_tell() - The command's result, and its text
 * @more:   what else the result has, or NULL; borrowed
 * @by:	    whose key signed it; NULL: nobody's
 * @values: the text has them, too
 */
void kr_referenceview_tell(struct kr_cli *c, const struct kr_reference *r,
			   json_t *more, const char *by, bool values);

#endif
