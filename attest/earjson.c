/* SPDX-License-Identifier: Apache-2.0 */
/*
 * earjson.c - an appraisal as an EAT attestation result (EAR): status,
 * trustworthiness vector and, under names of our own, each deviation.
 */
#include <stdio.h>

#include "attest/appraise.h"

#define PROFILE	"tag:github.com,2023:veraison/ear"

static const char *status_name(enum kr_tier t)
{
	switch (t) {
	case KR_TIER_AFFIRMING: return "affirming";
	case KR_TIER_WARNING: return "warning";
	case KR_TIER_CONTRAINDICATED: return "contraindicated";
	case KR_TIER_NONE: break;
	}
	return "none";
}

static json_t *deviations(const struct kr_appraisal *a)
{
	json_t *all = json_array();

	for (unsigned int i = 0; i < a->n; i++) {
		const struct kr_deviation *d = &a->deviations[i];
		const struct kr_code_row *row = kr_code_find(d->kr);
		char code[16];
		json_t *j;

		snprintf(code, sizeof(code), "KR-%u", (unsigned int)d->kr);
		j = json_pack("{s:s, s:s, s:s}", "code", code, "summary",
			      row->summary, "message", d->what);
		if (d->pcr < KR_PCRS)
			json_object_set_new(j, "pcr", json_integer(d->pcr));
		if (d->event != KR_DEVIATION_NO_EVENT)
			json_object_set_new(j, "event", json_integer(
						(json_int_t)d->event));
		json_array_append_new(all, j);
	}
	return all;
}

static json_t *vector(const struct kr_appraisal *a)
{
	json_t *v = json_object();

	if (a->identity)
		json_object_set_new(v, "instance-identity",
				    json_integer(a->identity));
	if (a->executables)
		json_object_set_new(v, "executables",
				    json_integer(a->executables));
	return v;
}

json_t *kr_appraise_json(const struct kr_appraisal *a, const char *host,
			 uint64_t now_ms)
{
	char policy[KR_REFERENCE_NAME_BYTES + 16];
	json_t *sub;

	snprintf(policy, sizeof(policy), "%s:%u", a->reference, a->version);
	sub = json_pack("{s:s, s:o, s:s, s:o, s:i}",
			"ear.status", status_name(a->status),
			"ear.trustworthiness-vector", vector(a),
			"ear.appraisal-policy-id", policy,
			"korora.deviations", deviations(a),
			"korora.deviations-more", (int)a->n_more);
	return json_pack("{s:s, s:I, s:{s:s, s:s}, s:{s:o}}", "eat_profile",
			 PROFILE, "iat", (json_int_t)(now_ms / 1000),
			 "ear.verifier-id", "developer", "korora", "build",
			 KR_VERSION, "submods", host, sub);
}
