/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventtext.h - what a person recognizes of an event's data: names of
 * variables, paths, the firmware's own words. Only to be shown; nothing is
 * decided by it. Pure.
 */
#ifndef KR_ATTEST_EVENTTEXT_H
#define KR_ATTEST_EVENTTEXT_H

#include "attest/eventlog.h"

#define KR_EVENTTEXT_BYTES	128u	/* with its NUL; more is cut */

/** kr_eventtext() - Printable ASCII; "" if there is none to be made of it. */
void kr_eventtext(const struct kr_logevent *v, char out[KR_EVENTTEXT_BYTES]);

#endif
