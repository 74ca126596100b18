/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nextoffer.h - an offer of a VM whose last migration is over, but whose
 * process is still here: stopped, its memory being wiped. It has the VM's
 * disks locked and its port, so that the offer waits until it is gone: as long
 * as the peer does. Who came before has it in the way, and nobody to ask.
 */
#ifndef KR_DAEMON_NEXTOFFER_H
#define KR_DAEMON_NEXTOFFER_H

#include "daemon/migration.h"

/**
 * kr_nextoffer_hold() - T: keep it until @m, the last of its VM, is finished
 * @o: borrowed until return
 *
 * One at a time. kr_target_hear() follows, unless the session ends or the
 * offer is called off. Return: 0; KR_E_BUSY if another waits, KR_E_SYSTEM.
 */
int kr_nextoffer_hold(struct kr_mig *m, struct kr_link *l,
		      const struct kr_offer *o, struct kr_err *e);

/** kr_nextoffer_over() - @m is finished: what waits for that is heard soon. */
void kr_nextoffer_over(struct kr_mig *m);

/** kr_nextoffer_called_off() - The source says that nothing comes of it. */
void kr_nextoffer_called_off(struct kr_link *l, const uint8_t migration[16]);

/** kr_nextoffer_link_down() - What that session offered is forgotten. */
void kr_nextoffer_link_down(struct kr_link *l);

/** kr_nextoffer_drop() - As if nothing had waited for @m. */
void kr_nextoffer_drop(struct kr_mig *m);

#endif
