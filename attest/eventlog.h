/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventlog.h - what the firmware says it measured: the TCG PC Client event
 * log, crypto-agile form, as Linux has it in
 * /sys/kernel/security/tpm0/binary_bios_measurements, and the PCR values that
 * it leads to. Pure; the log is anyone's bytes.
 *
 * Only digests are bound to PCRs. An event's data is the firmware's word
 * unless its hash is its digest (kr_eventlog_proved()).
 */
#ifndef KR_ATTEST_EVENTLOG_H
#define KR_ATTEST_EVENTLOG_H

#include "attest/pcr.h"
#include "base/err.h"

#define KR_EVENTLOG_BYTES_MAX	1048576u	/* of a log */
#define KR_EVENTS_MAX		4096u		/* of a log */
#define KR_EVENT_ALGS_MAX	8u		/* digests of an event */
#define KR_EVENT_PCR_NONE	UINT32_MAX	/* of events that extend none */

#define KR_EV_NO_ACTION		3u		/* type: extends nothing */

struct kr_logevent {
	uint32_t       pcr, type;
	const uint8_t *digest[KR_BANK_N];	/* NULL: not in this bank */
	const uint8_t *data;			/* the log's, borrowed */
	uint32_t       n_data;
};

struct kr_eventlog;

/**
 * kr_eventlog_parse() - Read a log
 * @data: borrowed until kr_eventlog_free()
 *
 * Zeros behind the last event are room that the firmware left, no events.
 * Events of PCRs 17 to 22 are refused: a dynamic launch has a log of its own.
 *
 * Return: 0; KR_E_EVENTLOG; KR_E_EVENTLOG_SHA1 if it is of the old form, or
 *         none of its banks is known here.
 */
int kr_eventlog_parse(const uint8_t *data, size_t n_bytes,
		      struct kr_eventlog **ret_l, struct kr_err *e);

/** kr_eventlog_has() - Does each event have a digest of that bank? */
bool kr_eventlog_has(const struct kr_eventlog *l, enum kr_bank b);

/** kr_eventlog_events() - All of them, the one that names the banks first. */
const struct kr_logevent *kr_eventlog_events(const struct kr_eventlog *l,
					  size_t *ret_n);

/**
 * kr_eventlog_replay() - The values that the events lead to
 * @ret: the mask has the PCRs that an event extended
 *
 * PCR 0 begins with the locality that a StartupLocality event names.
 * Return: 0; KR_E_EVENTLOG if the log does not have that bank.
 */
int kr_eventlog_replay(const struct kr_eventlog *l, enum kr_bank b,
		       struct kr_pcrs *ret, struct kr_err *e);

/** kr_eventlog_type_name() - "EV_SEPARATOR"; NULL for one without a name */
const char *kr_eventlog_type_name(uint32_t type);

/** kr_eventlog_extends() - Does it extend its PCR? */
static inline bool kr_eventlog_extends(const struct kr_logevent *v)
{
	return v->type != KR_EV_NO_ACTION;
}

/** kr_eventlog_proved() - Is its digest the hash of its data? */
bool kr_eventlog_proved(const struct kr_logevent *v, enum kr_bank b);

void kr_eventlog_free(struct kr_eventlog *l);

static inline void kr_eventlog_autofree(struct kr_eventlog **l)
{
	kr_eventlog_free(*l);
}

#endif
