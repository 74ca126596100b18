/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwrules.h - the firewall of a VM: its lines (fwrule.h), in their order, and
 * whether they make sense together. Pure; where fwrule.h is.
 */
#ifndef KR_FWRULES_H
#define KR_FWRULES_H

#include <stdbool.h>

#include "hyper/fwrule.h"

#define KR_FWRULES_MAX		64u	/* lines */
#define KR_FWRULES_BYTES_MAX	6144u	/* of all, each with its '\n', and NUL */
#define KR_FWRULES_ADDRESSES_MAX 16u	/* of a VM */

struct kr_fwrules {
	uint32_t n;				/* lines */
	uint32_t n_bytes;			/* of text */
	char	 text[KR_FWRULES_BYTES_MAX];	/* as they are kept */
};

/**
 * kr_fwrules_add() - Append a line
 *
 * Return: 0; < 0 with KR_E_FW_RULE if it is refused, declares what another one
 *         declares, or is one too many; @f as it was then.
 */
int kr_fwrules_add(struct kr_fwrules *f, const char *line, struct kr_err *e);

/**
 * kr_fwrules_next() - One line after the other
 * @at: 0 at first
 *
 * Return: false behind the last.
 */
bool kr_fwrules_next(const struct kr_fwrules *f, uint32_t *at,
		     struct kr_fwrule *ret);

/**
 * kr_fwrules_check() - What concerns more than one line
 * @nics: their names, @n
 *
 * Each name is declared as what it is used for, each address is a nic's that
 * there is, and each nic has one: a firewall has to know whom it protects.
 *
 * Return: 0; < 0 with KR_E_FW_RULE.
 */
int kr_fwrules_check(const struct kr_fwrules *f, const char *const *nics,
		     unsigned int n, struct kr_err *e);

#endif
