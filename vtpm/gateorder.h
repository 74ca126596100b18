/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateorder.h - what kororad says to a VM's TPM (korora-vtpm): whether state
 * passes the gate from now on, which way, and sealed how. One order is one
 * connection to its socket; a later one takes the place of an earlier.
 */
#ifndef KR_VTPM_GATEORDER_H
#define KR_VTPM_GATEORDER_H

#include "vtpm/stateseal.h"

enum kr_gateway { KR_GATE_SHUT, KR_GATE_OUT, KR_GATE_IN, KR_GATE_WAYS };

/* u8, and what a kr_stateseal is made of, the name with its length. */
#define KR_GATEORDER_BYTES_MAX	(1u + KR_STATESEAL_KEY_BYTES + \
				 KR_STATESEAL_ID_BYTES + 8u + 2u + \
				 KR_STATESEAL_NAME_MAX)

struct kr_gateorder {
	enum kr_gateway	    way;
	struct kr_stateseal seal;	/* wipe it; all 0 if shut */
};

void kr_gateorder_put(struct kr_wr *w, const struct kr_gateorder *o);

/** kr_gateorder_parse() - Return: 0; KR_E_MALFORMED, @ret untouched. */
int kr_gateorder_parse(struct kr_rd *r, struct kr_gateorder *ret,
		       struct kr_err *e);

#endif
