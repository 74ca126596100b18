/* SPDX-License-Identifier: Apache-2.0 */
/* deviations.c - see deviations.h. Runs in kororad. */
#include "daemon/deviations.h"

#include <stdio.h>

static void add(struct kr_checks *c, const char *name, const struct kr_err *e,
		const char *message)
{
	struct kr_check *k = &c->c[c->n++];

	*k = (struct kr_check){ .ok = !e, .kr = e ? (uint16_t)e->kr : 0 };
	snprintf(k->name, sizeof(k->name), "%s", name);
	snprintf(k->message, sizeof(k->message), "%s", message);
}

void kr_deviations_fail(const struct kr_err *why, struct kr_checks *ret)
{
	ret->n = 0;
	add(ret, "TPM", why, why->what);
}

void kr_deviations_fine(const char *message, struct kr_checks *ret)
{
	ret->n = 0;
	add(ret, "TPM", NULL, message);
}

static void add_deviation(struct kr_checks *c, const struct kr_deviation *d)
{
	struct kr_err e = { .code = -1, .kr = d->kr };
	char name[sizeof(c->c[0].name)], *p = name;

	p += sprintf(p, "TPM");
	if (d->pcr < KR_PCRS)
		p += sprintf(p, " PCR %u", d->pcr);
	if (d->event != KR_DEVIATION_NO_EVENT)
		sprintf(p, " event %zu", d->event);
	add(c, name, &e, d->what);
}

void kr_deviations_tell(const struct kr_appraisal *a, struct kr_checks *ret)
{
	char text[KR_TEXT_BYTES_MAX];
	unsigned int told = 0;

	ret->n = 0;
	for (; told < a->n && ret->n < KR_CHECKS_MAX - 1; told++)
		add_deviation(ret, &a->deviations[told]);
	if (!a->n) {
		snprintf(text, sizeof(text), "as %s, version %u, has it",
			 a->reference, a->version);
		add(ret, "TPM", NULL, text);
	} else if (told < a->n + a->n_more) {
		struct kr_err more = { .code = -1,
				       .kr = a->deviations[0].kr };

		snprintf(text, sizeof(text), "%u more deviations",
			 a->n + a->n_more - told);
		add(ret, "TPM", &more, text);
	}
}
