/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attested.h - no migration before the peer has said what it booted, if
 * korora.conf has attest_peers = on: at the source no offer is made, at the
 * destination none is heard. Each host asks for itself, by the key that it has
 * of the other (peerquote.h), and for each migration anew.
 */
#ifndef KR_DAEMON_ATTESTED_H
#define KR_DAEMON_ATTESTED_H

#include "daemon/migration.h"

#define KR_ATTESTED_HELD_MAX	8u	/* offers of one session */

/**
 * kr_attested_begin() - S: ask the peer
 *
 * In KR_S_OFFER kr_source_ready() follows, maybe from within this call, or the
 * migration fails.
 *
 * Return: 0; KR_E_NO_AK, KR_E_VERSION.
 */
int kr_attested_begin(struct kr_mig *m, struct kr_err *e);

/**
 * kr_attested_offer() - T: an offer came
 * @o: borrowed until return
 *
 * kr_target_offer() hears it, now or when its source has said what it booted;
 * else it is refused. Return: 0; < 0 for what ends the session.
 */
int kr_attested_offer(struct kr_link *l, const struct kr_offer *o,
		      struct kr_err *e);

/** kr_attested_called_off() - T: the source says that nothing comes of it. */
void kr_attested_called_off(struct kr_link *l, const uint8_t migration[16]);

/** kr_attested_link_down() - T: what was held of that session is forgotten. */
void kr_attested_link_down(struct kr_link *l);

#endif
