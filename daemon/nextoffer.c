/* SPDX-License-Identifier: Apache-2.0 */
/* nextoffer.c - see nextoffer.h. Runs in kororad. */
#include "daemon/nextoffer.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct kr_nextoffer {
	struct kr_link *link;
	struct kr_timer heard;
	struct kr_offer offer;
};

static void on_heard(void *arg)
{
	struct kr_mig *m = arg;
	struct kr_nextoffer *n = m->next_offer;

	m->next_offer = NULL;	/* it is heard once, whatever that does */
	kr_target_hear(n->link, &n->offer);
	free(n);
}

int kr_nextoffer_hold(struct kr_mig *m, struct kr_link *l,
		      const struct kr_offer *o, struct kr_err *e)
{
	struct kr_nextoffer *n;

	if (m->next_offer)
		return kr_fail(e, KR_E_BUSY, "%s is offered already, and is "
			       "being wiped here", m->terms.vm);
	n = calloc(1, sizeof(*n));
	if (!n)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	n->link = l;
	n->offer = *o;
	n->heard = (struct kr_timer){ .fn = on_heard, .arg = m };
	m->next_offer = n;
	kr_log(KR_LOG_INFO, "%s: an offer of %s waits until the last copy is "
	       "wiped", m->terms.vm, l->peer);
	return 0;
}

void kr_nextoffer_over(struct kr_mig *m)
{
	if (m->next_offer)
		kr_timer_arm(m->host->loop, &m->next_offer->heard, 0);
}

void kr_nextoffer_drop(struct kr_mig *m)
{
	if (!m->next_offer)
		return;
	kr_timer_off(&m->next_offer->heard);
	free(m->next_offer);
	m->next_offer = NULL;
}

void kr_nextoffer_called_off(struct kr_link *l, const uint8_t migration[16])
{
	for (struct kr_mig *m = l->host->migs; m; m = m->next)
		if (m->next_offer && m->next_offer->link == l &&
		    !memcmp(m->next_offer->offer.terms.migration, migration,
			    16))
			kr_nextoffer_drop(m);
}

void kr_nextoffer_link_down(struct kr_link *l)
{
	for (struct kr_mig *m = l->host->migs; m; m = m->next)
		if (m->next_offer && m->next_offer->link == l)
			kr_nextoffer_drop(m);
}
