/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wipemsg.h - messages between kororad and the agent that wipes the memory of a
 * hypervisor (korora-wipe): one process for one of them.
 */
#ifndef KR_CLEAR_WIPEMSG_H
#define KR_CLEAR_WIPEMSG_H

#define KR_WIPEMSG_BODY_MAX	300u	/* bytes of any of these messages */
#define KR_WIPEMSG_FDS		3u	/* maps, pagemap, mem: wipe.h */
#define KR_WIPEMSG_WHAT_MAX	256u	/* bytes of a reason, with its NUL */

enum kr_wipemsg {
	/* kororad to agent */
	KR_WIPEMSG_WIPE	 = 1,	/* with the descriptors; once */
	/* agent to kororad, which then ends */
	KR_WIPEMSG_WIPED = 16,	/* u64 bytes overwritten, u64 bytes left */
	KR_WIPEMSG_FAIL	 = 17,	/* why not, or not all */
};

#endif
