/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appraise.h - a verifier's judgement of what a host says it booted (RFC 9334:
 * Evidence in, Attestation Result out). Every deviation is told, PCR by PCR and
 * event by event; the first one's code is the reason of a refusal. Pure.
 */
#ifndef KR_ATTEST_APPRAISE_H
#define KR_ATTEST_APPRAISE_H

#include <jansson.h>

#include "attest/binding.h"
#include "attest/quote.h"
#include "attest/reference.h"

#define KR_DEVIATIONS_MAX	64u	/* told one by one; more are counted */
#define KR_DEVIATION_BYTES	128u	/* of its text, with its NUL */
#define KR_DEVIATION_NO_EVENT	SIZE_MAX

/* What the verifier knows by itself; all borrowed. */
struct kr_appraise_want {
	const struct kr_tpmkey	  *ak;	/* enrolled for that host */
	const struct kr_binding	  *binding;
	const struct kr_reference *reference;
	uint32_t		   mask; /* of PCRs that were asked for */
	const struct kr_tpmclock  *last; /* when attested last, NULL: never */
};

/* What the attester says; borrowed, and anyone's. */
struct kr_appraise_said {
	const uint8_t	 *quote, *sig, *log;
	size_t		  n_quote, n_sig, n_log; /* no log: 0 */
	struct kr_pcrs	  pcrs;
	struct kr_binding binding;
};

/* Tiers of trust, as Attestation Results number them. */
enum kr_tier {
	KR_TIER_NONE = 0, KR_TIER_AFFIRMING = 2, KR_TIER_WARNING = 32,
	KR_TIER_CONTRAINDICATED = 96,
};

struct kr_deviation {
	enum kr_code kr;
	unsigned int pcr;		/* KR_PCRS: of none */
	size_t	     event;		/* in the log, KR_DEVIATION_NO_EVENT */
	char	     what[KR_DEVIATION_BYTES];
};

struct kr_appraisal {
	enum kr_tier	    status;	/* the worst of it */
	int		    identity;	/* of the trustworthiness vector: */
	int		    executables; /* claims, 0: nothing is said */
	struct kr_tpmclock  clock;	/* remember it if all is well */
	char		    reference[KR_REFERENCE_NAME_BYTES];
	uint32_t	    version;	/* of the reference values */
	unsigned int	    n, n_more;
	struct kr_deviation deviations[KR_DEVIATIONS_MAX];
};

/**
 * kr_appraise() - Judge a host
 * @ret: filled in any case
 *
 * The quote's signature comes first, then what it is bound to, then whether it
 * is over what was asked, then the values. Where nothing can be believed any
 * more it ends; otherwise all deviations are found.
 *
 * Return: 0 if all is affirmed; the first deviation's code.
 */
int kr_appraise(const struct kr_appraise_want *want,
		const struct kr_appraise_said *said, struct kr_appraisal *ret,
		struct kr_err *e);

/**
 * kr_appraise_json() - As an EAT attestation result, for json_decref()
 * @host: whose; @now_ms: wall clock
 */
json_t *kr_appraise_json(const struct kr_appraisal *a, const char *host,
			 uint64_t now_ms);

#endif
