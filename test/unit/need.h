/* SPDX-License-Identifier: Apache-2.0 */
/*
 * need.h - what a unit test cannot do without. Root on Debian 12 has all of
 * it after `./run setup`: there a lack is a failure, elsewhere a skip that
 * names its reason. Include after <cmocka.h>.
 */
#ifndef KR_TEST_NEED_H
#define KR_TEST_NEED_H

#include <stdbool.h>
#include <unistd.h>

/** need() - Go on only if it is @there. */
static inline void need(bool there, const char *what)
{
	if (there)
		return;
	if (!geteuid())
		fail_msg("it needs %s", what);
	print_message("skipped: it needs %s\n", what);
	skip();
}

#endif
