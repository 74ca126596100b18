/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shown.h - what was shown in a session for offers to come: by which policy
 * this host decided when it showed its log for a migration, and if the peer
 * showed its own. Of the newest KR_SHOWN_MAX migrations. Used in kororad.
 */
#ifndef KR_DAEMON_SHOWN_H
#define KR_DAEMON_SHOWN_H

#include <stdbool.h>
#include <stdint.h>

#define KR_SHOWN_MAX	1024u

struct kr_shown {
	struct kr_shown_for {
		uint8_t	 migration[16];
		uint64_t policy_entry;	/* of this host's log */
		bool	 there, heard;
	} of[KR_SHOWN_MAX];
	unsigned int next;
};

/** kr_shown_put() - This host showed its log, and that entry of it. */
void kr_shown_put(struct kr_shown *s, const uint8_t migration[16],
		  uint64_t policy_entry);

/** kr_shown_heard() - The peer showed its log, and it was cosigned. */
void kr_shown_heard(struct kr_shown *s, const uint8_t migration[16]);

/** kr_shown_take() - Did both? Once; then also what this host showed. */
bool kr_shown_take(struct kr_shown *s, const uint8_t migration[16],
		   uint64_t *ret_policy_entry);

#endif
