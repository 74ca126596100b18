/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_multi.h - what tests of the data plane need for multifd: a lane for
 * each of the hypervisor's channels.
 */
#ifndef KR_TEST_PLANE_MULTI_H
#define KR_TEST_PLANE_MULTI_H

#include "plane_stand.h"

/* All lanes, over loopback. */
static inline void multi_lanes(void)
{
	for (uint8_t i = 0; i < stand_n_lanes; i++) {
		int tcp[2];

		stand_tcp(tcp);
		stand_lane(SRC, i, tcp[0], 7);
		stand_lane(DST, i, tcp[1], 7);
	}
}

#endif
