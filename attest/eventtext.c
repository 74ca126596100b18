/* SPDX-License-Identifier: Apache-2.0 */
/* eventtext.c - see eventtext.h. Runs in the client; the data are anyone's. */
#include "attest/eventtext.h"

#include "base/cursor.h"

#define EV_EVENT_TAG		0x00000006u
#define EV_VARIABLE_CONFIG	0x80000001u
#define EV_VARIABLE_BOOT	0x80000002u
#define EV_VARIABLE_BOOT2	0x8000000cu
#define EV_VARIABLE_AUTHORITY	0x800000e0u

/* Characters of @width bytes; NULs at the end are none. */
static bool put(struct kr_rd r, size_t width, char *out)
{
	size_t n = 0;
	bool ended = false;

	while (kr_rd_left(&r)) {
		uint64_t c = kr_rd_le(&r, width);

		if (r.bad || (ended && c) || (c && (c < ' ' || c > '~')))
			break;
		ended = !c;
		if (c && n < KR_EVENTTEXT_BYTES - 1)
			out[n++] = (char)c;
	}
	out[n] = '\0';
	if (!r.bad && !kr_rd_left(&r) && n)
		return true;
	out[0] = '\0';
	return false;
}

/* UEFI_VARIABLE_DATA: its name */
static struct kr_rd variable(struct kr_rd r)
{
	uint64_t n_name, n_data;
	struct kr_rd name = { .bad = true };

	kr_rd_take(&r, 16);		/* whose it is */
	n_name = kr_rd_le(&r, 8);
	n_data = kr_rd_le(&r, 8);
	if (r.bad || n_name > kr_rd_left(&r) / 2 ||
	    n_data > kr_rd_left(&r) - 2 * n_name)
		return name;
	name.p = kr_rd_take(&r, 2 * n_name);
	name.end = r.p;
	name.bad = false;
	return name;
}

void kr_eventtext(const struct kr_logevent *v, char out[KR_EVENTTEXT_BYTES])
{
	struct kr_rd r = KR_RD(v->data, v->n_data);

	switch (v->type) {
	case EV_VARIABLE_CONFIG:
	case EV_VARIABLE_BOOT:
	case EV_VARIABLE_BOOT2:
	case EV_VARIABLE_AUTHORITY:
		put(variable(r), 2, out);
		return;
	case EV_EVENT_TAG:
		kr_rd_take(&r, 8);	/* what it is, and its length */
		break;
	}
	if (!put(r, 1, out))
		put(r, 2, out);
}
