/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_eventlog.c - event logs from anyone. What parses lies within its bytes,
 * extends PCRs that there are, and replays in just the banks that it has.
 */
#include <stdlib.h>

#include "attest/eventtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void event(const struct kr_eventlog *l, const struct kr_logevent *v,
		  const uint8_t *data, size_t n)
{
	char text[KR_EVENTTEXT_BYTES];

	if (v->data < data || v->n_data > n ||
	    (size_t)(v->data - data) > n - v->n_data)
		abort();
	kr_eventlog_type_name(v->type);
	kr_eventtext(v, text);
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
	if (!kr_eventlog_extends(v))
		return;
	for (enum kr_bank b = 0; b < KR_BANK_N; b++) {
		if (!v->digest[b] == kr_eventlog_has(l, b))
			abort();
		if (kr_eventlog_proved(v, b) && !v->digest[b])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_eventlog *l = NULL;
	const struct kr_logevent *v;
	size_t n_events;

	if (kr_eventlog_parse(data, n, &l, NULL))
		return 0;
	v = kr_eventlog_events(l, &n_events);
	if (!n_events || n_events > KR_EVENTS_MAX)
		abort();
	for (size_t i = 0; i < n_events; i++)
		event(l, &v[i], data, n);
	for (enum kr_bank b = 0; b < KR_BANK_N; b++) {
		struct kr_pcrs p;

		if (!kr_eventlog_replay(l, b, &p, NULL) !=
		    kr_eventlog_has(l, b))
			abort();
	}
	kr_eventlog_free(l);
	return 0;
}
