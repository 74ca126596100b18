/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpverb.h - every command that QEMU is ever given, and on which order of
 * kororad's: the rule that admitted the order (hyper_msg.h) admits the command.
 * The agent gives QEMU none that is not here, or on another order.
 */
#ifndef KR_QMPVERB_H
#define KR_QMPVERB_H

#include <stdbool.h>
#include <stdint.h>

#include "hyper/qmpagent.h"

#define KR_QMPVERB_BIT(type)	(1u << ((type) - KR_HYPER_COMMANDS_ - 1))
#define KR_QMPVERB_ON(order)	KR_QMPVERB_BIT(KR_HYPER_##order)
#define KR_QMPVERB_OWN(own)	KR_QMPVERB_BIT(KR_QMP_##own)

/* X(identifier, QMP's name, on which orders and commands of our own) */
#define KR_QMPVERBS(X) \
	X(ADVERTISE, "qmp_capabilities", KR_QMPVERB_ON(OPEN)) \
	X(ASK_ABLE, "query-migrate-capabilities", KR_QMPVERB_ON(OPEN)) \
	X(ASK_STATUS, "query-status", KR_QMPVERB_ON(OPEN) | \
	  KR_QMPVERB_ON(ASK) | KR_QMPVERB_OWN(LOOK)) \
	X(ASK_MIGRATION, "query-migrate", KR_QMPVERB_ON(OPEN) | \
	  KR_QMPVERB_ON(ASK) | KR_QMPVERB_ON(CANCEL) | \
	  KR_QMPVERB_ON(RESUME) | KR_QMPVERB_OWN(WHY)) \
	X(ASK_DIRTIED, "query-dirty-rate", KR_QMPVERB_ON(OPEN) | \
	  KR_QMPVERB_ON(ASK)) \
	X(ASK_BLOCKS, "x-query-ramblock", KR_QMPVERB_OWN(PLAY)) \
	X(ABLE, "migrate-set-capabilities", KR_QMPVERB_ON(SETUP)) \
	X(SET, "migrate-set-parameters", KR_QMPVERB_ON(SETUP) | \
	  KR_QMPVERB_ON(LIMIT)) \
	X(SAMPLE, "calc-dirty-rate", KR_QMPVERB_ON(SAMPLE)) \
	X(MIGRATE, "migrate", KR_QMPVERB_ON(SEND) | KR_QMPVERB_ON(RESUME) | \
	  KR_QMPVERB_OWN(PLAY)) \
	X(INCOMING, "migrate-incoming", KR_QMPVERB_ON(RECEIVE)) \
	X(SWITCH, "migrate-continue", KR_QMPVERB_ON(SWITCH)) \
	X(START_POSTCOPY, "migrate-start-postcopy", \
	  KR_QMPVERB_ON(POSTCOPY)) \
	X(RECOVER, "migrate-recover", KR_QMPVERB_ON(RECOVER)) \
	X(TEAR, "migrate-pause", KR_QMPVERB_ON(CANCEL)) \
	X(CANCEL, "migrate_cancel", KR_QMPVERB_ON(CANCEL)) \
	X(RUN, "cont", KR_QMPVERB_ON(RUN)) \
	X(ANNOUNCE, "announce-self", KR_QMPVERB_ON(RUN)) \
	X(STOP, "stop", KR_QMPVERB_ON(PAUSE) | KR_QMPVERB_ON(POSTCOPY)) \
	X(QUIT, "quit", KR_QMPVERB_ON(END)) \
	X(HOLD, "getfd", KR_QMPVERB_ON(HOLD)) \
	X(LETGO, "closefd", KR_QMPVERB_ON(LETGO) | KR_QMPVERB_OWN(DROP))

enum kr_qmpverb {
#define X(id, name, orders) KR_QMPVERB_##id,
	KR_QMPVERBS(X)
#undef X
	KR_QMPVERB_N
};

/** kr_qmpverb_name() - "migrate-set-capabilities" */
const char *kr_qmpverb_name(enum kr_qmpverb v);

/** kr_qmpverb_orders() - KR_QMPVERB_BIT() of each that may give it. */
uint32_t kr_qmpverb_orders(enum kr_qmpverb v);

/** kr_qmpverb_may() - Is it given on a command of that type? */
bool kr_qmpverb_may(enum kr_qmpverb v, uint16_t type);

#endif
