/* SPDX-License-Identifier: Apache-2.0 */
/* shown.c - what was shown for offers to come. Runs in kororad. */
#include "daemon/shown.h"

#include <stddef.h>
#include <string.h>

static struct kr_shown_for *find(struct kr_shown *s, const uint8_t id[16])
{
	for (unsigned int i = 0; i < KR_SHOWN_MAX; i++)
		if (s->of[i].there && !memcmp(s->of[i].migration, id, 16))
			return &s->of[i];
	return NULL;
}

void kr_shown_put(struct kr_shown *s, const uint8_t migration[16],
		  uint64_t policy_entry)
{
	struct kr_shown_for *f = find(s, migration);

	if (!f) {
		f = &s->of[s->next++ % KR_SHOWN_MAX];
		f->heard = false;
	}
	memcpy(f->migration, migration, sizeof(f->migration));
	f->policy_entry = policy_entry;
	f->there = true;
}

void kr_shown_heard(struct kr_shown *s, const uint8_t migration[16])
{
	struct kr_shown_for *f = find(s, migration);

	if (f)
		f->heard = true;
}

bool kr_shown_take(struct kr_shown *s, const uint8_t migration[16],
		   uint64_t *ret_policy_entry)
{
	struct kr_shown_for *f = find(s, migration);

	if (!f || !f->heard)
		return false;
	*ret_policy_entry = f->policy_entry;
	f->there = false;
	return true;
}
