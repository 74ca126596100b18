/* SPDX-License-Identifier: Apache-2.0 */
/*
 * criteria.h - what a migration is evaluated by: one row a criterion, the
 * same for every migration. How each is judged in code is in judge.c.
 */
#ifndef KR_CLIENT_CRITERIA_H
#define KR_CLIENT_CRITERIA_H

#include <stdbool.h>

enum kr_criterion {
	KR_CRITERION_AUTHENTICATION,
	KR_CRITERION_AUTHORISATION,
	KR_CRITERION_DESTINATION,
	KR_CRITERION_APPROVALS,
	KR_CRITERION_POLICY,
	KR_CRITERION_ATTESTATION,
	KR_CRITERION_SCANNERS,
	KR_CRITERION_WHOLE,
	KR_CRITERION_ROOT,
	KR_CRITERION_CONFIDENTIALITY,
	KR_CRITERION_TAMPER,
	KR_CRITERION_REPLAY,
	KR_CRITERION_DEFINITION,
	KR_CRITERION_MEMORY,
	KR_CRITERION_DEVICES,
	KR_CRITERION_OWNERSHIP,
	KR_CRITERION_NONREPUDIATION,
	KR_CRITERION_LOG,
	KR_CRITERION_PREDICTION,
	KR_CRITERION_N
};

/* Who asks for it. */
enum kr_demand {
	KR_DEMAND_ALWAYS,	/* there is no migration without */
	KR_DEMAND_POLICY,	/* the policy decided by, if it does */
	KR_DEMAND_REQUEST,	/* the one who asked for the migration */
};

struct kr_criterion_row {
	enum kr_demand demand;
	bool	       protects;	/* the verdict is about these */
	const char    *key;		/* in JSON; never changes */
	const char    *title;
	const char    *standard;	/* the yardstick: what has to be so */
	const char    *judged;		/* how that is told */
	const char    *evidence;	/* by what */
};

extern const struct kr_criterion_row kr_criteria[KR_CRITERION_N];

/* What no report tells; NULL ends it. */
extern const char *const kr_criteria_limits[];

#endif
