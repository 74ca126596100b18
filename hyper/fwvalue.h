/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwvalue.h - the values of firewall rules: addresses, ports, protocols and
 * what else a rule compares with. Internal to fwrule.c.
 */
#ifndef KR_FWVALUE_H
#define KR_FWVALUE_H

#include <stdbool.h>

#include "hyper/fwrule.h"

#define KR_FWVALUE_BYTES	96u	/* of a word, with NUL */

/**
 * kr_fwvalue_ok() - Is @word a value of that type?
 * @word: KR_FWVALUE_BYTES; becomes what is kept of it: addresses as
 *	  inet_ntop(3) has them, protocols as numbers, since the agent has no
 *	  file to look names up in
 */
bool kr_fwvalue_ok(enum kr_fwrule_type t, char *word);

/** kr_fwvalue_what() - What a value of that type is, for messages. */
const char *kr_fwvalue_what(enum kr_fwrule_type t);

/** kr_fwvalue_host() - The same, of the address of one host. */
bool kr_fwvalue_host(enum kr_fwrule_type t, char *word);

/** kr_fwvalue_number() - Up to @max, without leading zeroes. */
bool kr_fwvalue_number(const char *word, unsigned long max);

/** kr_fwvalue_rate() - N/second, N/minute, N/hour or N/day, N from 1 on. */
bool kr_fwvalue_rate(const char *word);

#endif
