/* SPDX-License-Identifier: Apache-2.0 */
/* appraise.c - see appraise.h: judging. earjson.c tells the result. Pure. */
#include "attest/appraise.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attest/eventlog.h"
#include "base/fd.h"

/* Values of claims: recognized; not known; refused; not the instance that it
 * should be; a cryptographic check failed. */
enum { GOOD = 2, UNKNOWN = 33, REFUSED = 96, OTHER = 97, FORGED = 99 };

enum claim { NO_CLAIM, IDENTITY, EXECUTABLES };

/* What a deviation means. One that is not here means the worst. */
static const struct effect {
	enum kr_code kr;
	enum claim   claim;
	int	     value;
	enum kr_tier tier;
} effects[] = {
	{ KR_E_TPM_KEY, IDENTITY, OTHER, KR_TIER_CONTRAINDICATED },
	{ KR_E_QUOTE, IDENTITY, FORGED, KR_TIER_CONTRAINDICATED },
	{ KR_E_QUOTE_FORGED, IDENTITY, FORGED, KR_TIER_CONTRAINDICATED },
	{ KR_E_ATTEST_RELAYED, IDENTITY, OTHER, KR_TIER_CONTRAINDICATED },
	{ KR_E_ATTEST_NONCE, IDENTITY, FORGED, KR_TIER_CONTRAINDICATED },
	{ KR_E_ATTEST_CHANNEL, IDENTITY, FORGED, KR_TIER_CONTRAINDICATED },
	{ KR_E_ATTEST_CLAIMS, IDENTITY, FORGED, KR_TIER_CONTRAINDICATED },
	{ KR_E_TPM_CLOCK, IDENTITY, OTHER, KR_TIER_CONTRAINDICATED },
	{ KR_E_TPM_RESET, NO_CLAIM, 0, KR_TIER_WARNING },
	{ KR_E_PCR_VALUES, EXECUTABLES, FORGED, KR_TIER_CONTRAINDICATED },
	{ KR_E_LOG_REPLAY, EXECUTABLES, FORGED, KR_TIER_CONTRAINDICATED },
	{ KR_E_PCR_UNKNOWN, EXECUTABLES, UNKNOWN, KR_TIER_WARNING },
	{ KR_E_EVENT_UNKNOWN, EXECUTABLES, UNKNOWN, KR_TIER_WARNING },
	{ KR_E_REVOKED, EXECUTABLES, REFUSED, KR_TIER_CONTRAINDICATED },
};

/* ---- telling what deviates ----------------------------------------------- */

static void worse(int *claim, int value)
{
	if (value > *claim)
		*claim = value;
}

static void take_effect(struct kr_appraisal *a, enum kr_code kr)
{
	enum kr_tier tier = KR_TIER_CONTRAINDICATED;

	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
		const struct effect *x = &effects[i];

		if (x->kr != kr)
			continue;
		tier = x->tier;
		if (x->claim == IDENTITY)
			worse(&a->identity, x->value);
		else if (x->claim == EXECUTABLES)
			worse(&a->executables, x->value);
	}
	if (tier > a->status)
		a->status = tier;
}

__attribute__((format(printf, 5, 6)))
static void deviates(struct kr_appraisal *a, enum kr_code kr, unsigned int pcr,
		     size_t event, const char *fmt, ...)
{
	struct kr_deviation *d = &a->deviations[a->n];
	va_list ap;

	take_effect(a, kr);
	if (a->n == KR_DEVIATIONS_MAX) {
		a->n_more++;
		return;
	}
	*d = (struct kr_deviation){ .kr = kr, .pcr = pcr, .event = event };
	va_start(ap, fmt);
	vsnprintf(d->what, sizeof(d->what), fmt, ap);
	va_end(ap);
	a->n++;
}

#define OF_ALL	KR_PCRS, KR_DEVIATION_NO_EVENT

static void failed(struct kr_appraisal *a, const struct kr_err *why)
{
	deviates(a, why->kr, OF_ALL, "%.*s", (int)KR_DEVIATION_BYTES - 1,
		 why->what);
}

/* ---- who says it, and to whom -------------------------------------------- */

/* False: nothing that is said can be believed. */
static bool check_quote(const struct kr_appraise_want *want,
			const struct kr_appraise_said *said,
			struct kr_quote *q, struct kr_appraisal *a)
{
	struct kr_err why = KR_ERR_NONE;

	if (!kr_tpmkey_attests(want->ak))
		kr_fail(&why, KR_E_TPM_KEY, "it is no attestation key");
	if (why.kr ||
	    kr_quote_verify(want->ak, said->quote, said->n_quote, said->sig,
			    said->n_sig, q, &why) ||
	    kr_binding_check(&said->binding, want->binding, q->extra,
			     q->n_extra, &why)) {
		failed(a, &why);
		return false;
	}
	a->identity = GOOD;
	a->clock = q->clock;
	return true;
}

/* A TPM that lost its power without being told begins where it saved its clock
 * last, and says so: that alone is no step back. */
static bool went_back(const struct kr_tpmclock *last,
		      const struct kr_tpmclock *now)
{
	if (now->resets != last->resets)
		return now->resets < last->resets ||
		       (now->safe && now->clock_ms < last->clock_ms);
	return now->restarts < last->restarts ||
	       now->clock_ms < last->clock_ms;
}

static void check_clock(const struct kr_tpmclock *last,
			const struct kr_tpmclock *now, struct kr_appraisal *a)
{
	if (!last)
		return;
	if (went_back(last, now))
		deviates(a, KR_E_TPM_CLOCK, OF_ALL, "boots %u, resumptions %u, "
			 "clock %llu ms; they were %u, %u, %llu", now->resets,
			 now->restarts, (unsigned long long)now->clock_ms,
			 last->resets, last->restarts,
			 (unsigned long long)last->clock_ms);
	else if (now->resets != last->resets || now->restarts != last->restarts)
		deviates(a, KR_E_TPM_RESET, OF_ALL, "boots %u, resumptions %u; "
			 "they were %u and %u", now->resets, now->restarts,
			 last->resets, last->restarts);
}

/* ---- over what, and which values ----------------------------------------- */

static bool check_selection(const struct kr_appraise_want *want,
			    const struct kr_appraise_said *said,
			    const struct kr_quote *q, struct kr_appraisal *a)
{
	const struct kr_reference *ref = want->reference;
	const uint32_t needed = want->mask | ref->by_value | ref->by_event;

	if (q->alg != kr_bank_alg(ref->bank))
		deviates(a, KR_E_PCR_BANK, OF_ALL, q->alg == KR_PCR_ALG_SHA1 ?
			 "it is over SHA-1, which proves nothing" :
			 "it is over another bank than %s",
			 kr_bank_name(ref->bank));
	for (unsigned int i = 0; i < KR_PCRS; i++)
		if (needed & ~q->mask & 1u << i)
			deviates(a, KR_E_PCR_FEWER, i, KR_DEVIATION_NO_EVENT,
				 "PCR %u is not quoted", i);
	if (a->n)
		return false;
	if (!kr_quote_has(q, &said->pcrs))
		deviates(a, KR_E_PCR_VALUES, OF_ALL, "their digest is not the "
			 "quote's");
	return !a->n;
}

static void check_value(const struct kr_reference *ref, unsigned int pcr,
			const uint8_t *value, struct kr_appraisal *a)
{
	char hex[2 * KR_PCR_BYTES_MAX + 1];

	kr_hex(value, kr_bank_bytes(ref->bank), hex);
	if (kr_reference_has(ref, KR_REFERENCE_REVOKED, 0, value))
		deviates(a, KR_E_REVOKED, pcr, KR_DEVIATION_NO_EVENT,
			 "PCR %u is %.64s", pcr, hex);
	else if (ref->by_value & 1u << pcr &&
		 !kr_reference_has(ref, KR_REFERENCE_PCR, pcr, value))
		deviates(a, KR_E_PCR_UNKNOWN, pcr, KR_DEVIATION_NO_EVENT,
			 "PCR %u is %.64s", pcr, hex);
}

static void check_event(const struct kr_reference *ref,
			const struct kr_logevent *v, size_t i,
			struct kr_appraisal *a)
{
	const uint8_t *d = v->digest[ref->bank];
	const char *type = kr_eventlog_type_name(v->type);
	enum kr_code kr = KR_OK;
	char hex[2 * KR_PCR_BYTES_MAX + 1];

	if (kr_reference_has(ref, KR_REFERENCE_REVOKED, 0, d))
		kr = KR_E_REVOKED;
	else if (ref->by_event & 1u << v->pcr &&
		 !kr_reference_has(ref, KR_REFERENCE_EVENT, v->pcr, d))
		kr = KR_E_EVENT_UNKNOWN;
	if (!kr)
		return;
	kr_hex(d, kr_bank_bytes(ref->bank), hex);
	deviates(a, kr, v->pcr, i, "%s %.64s", type ? type : "an event", hex);
}

/* ---- how it came to these values ----------------------------------------- */

/* The PCRs of which the log tells the truth. */
static uint32_t check_replay(const struct kr_eventlog *l,
			     const struct kr_reference *ref,
			     const struct kr_appraise_said *said,
			     struct kr_appraisal *a)
{
	struct kr_err why = KR_ERR_NONE;
	struct kr_pcrs replayed;
	uint32_t good = 0, about;

	if (kr_eventlog_replay(l, ref->bank, &replayed, &why)) {
		failed(a, &why);
		return 0;
	}
	about = said->pcrs.mask & (replayed.mask | ref->by_event);
	for (unsigned int i = 0; i < KR_PCRS; i++) {
		if (!(about & 1u << i))
			continue;
		if (memcmp(replayed.value[i], said->pcrs.value[i],
			   kr_bank_bytes(ref->bank)))
			deviates(a, KR_E_LOG_REPLAY, i, KR_DEVIATION_NO_EVENT,
				 "the events of PCR %u lead elsewhere", i);
		else
			good |= 1u << i;
	}
	return good;
}

static void check_log(const struct kr_reference *ref,
		      const struct kr_appraise_said *said,
		      struct kr_appraisal *a)
{
	KR_AUTO(kr_eventlog_autofree) struct kr_eventlog *l = NULL;
	struct kr_err why = KR_ERR_NONE;
	const struct kr_logevent *events;
	uint32_t good;
	size_t n;

	if (!said->n_log && !ref->by_event)
		return;
	if (kr_eventlog_parse(said->log, said->n_log, &l, &why)) {
		failed(a, &why);
		return;
	}
	good = check_replay(l, ref, said, a);
	events = kr_eventlog_events(l, &n);
	for (size_t i = 0; i < n; i++)
		if (kr_eventlog_extends(&events[i]) &&
		    good & 1u << events[i].pcr)
			check_event(ref, &events[i], i, a);
}

int kr_appraise(const struct kr_appraise_want *want,
		const struct kr_appraise_said *said, struct kr_appraisal *ret,
		struct kr_err *e)
{
	const struct kr_reference *ref = want->reference;
	struct kr_appraisal *a = ret;
	struct kr_quote q;

	*a = (struct kr_appraisal){ .status = KR_TIER_AFFIRMING,
				    .version = ref->version };
	memcpy(a->reference, ref->name, sizeof(a->reference));
	if (check_quote(want, said, &q, a) &&
	    check_selection(want, said, &q, a)) {
		check_clock(want->last, &q.clock, a);
		a->executables = GOOD;
		for (unsigned int i = 0; i < KR_PCRS; i++)
			if (said->pcrs.mask & 1u << i)
				check_value(ref, i, said->pcrs.value[i], a);
		check_log(ref, said, a);
	}
	return a->n ? kr_fail(e, a->deviations[0].kr, "%s",
			      a->deviations[0].what) : 0;
}
