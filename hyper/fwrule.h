/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwrule.h - one line of a VM's firewall: what a user may say, in nft's words.
 *
 * An allow-list: a line is taken apart into words that are known here, and put
 * together anew from them. Nothing in it can reach beyond the VM: it names no
 * table, chain, interface, mark or zone, and no set, counter or quota but the
 * VM's own. A line parses to itself. Pure; in kororad, korora and the agent that
 * loads the rules.
 *
 *	address NIC ADDRESS
 *	set vm_NAME ipv4_addr|ipv6_addr|inet_service { VALUE, ... }
 *	counter vm_NAME
 *	quota vm_NAME over|until N bytes|kbytes|mbytes
 *	in|out MATCH... STATEMENT... VERDICT
 */
#ifndef KR_FWRULE_H
#define KR_FWRULE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KR_FWRULE_TEXT_MAX	255u	/* bytes of a line */
#define KR_FWRULE_NAME_MAX	31u	/* bytes of a name, vm_ included */
#define KR_FWRULE_USES_MAX	8u	/* names that a line refers to */
#define KR_FWRULE_VALUES_MAX	32u	/* between braces */

enum kr_fwrule_kind {
	KR_FWRULE_ADDRESS,		/* the VM's own, of a network card */
	KR_FWRULE_SET,
	KR_FWRULE_COUNTER,
	KR_FWRULE_QUOTA,
	KR_FWRULE_IN,			/* about what goes to the VM */
	KR_FWRULE_OUT,			/* about what comes from it */
	KR_FWRULE_KIND_N
};

enum kr_fwrule_type {
	KR_FWRULE_IPV4,
	KR_FWRULE_IPV6,
	KR_FWRULE_PORT,
	KR_FWRULE_PROTOCOL,
	KR_FWRULE_FAMILY,
	KR_FWRULE_ICMP,
	KR_FWRULE_ICMPV6,
	KR_FWRULE_STATE,
	KR_FWRULE_TYPE_N
};

struct kr_fwrule {
	enum kr_fwrule_kind kind;
	char		    text[KR_FWRULE_TEXT_MAX + 1];
	char		    name[KR_FWRULE_NAME_MAX + 1]; /* NIC, or its own */
	enum kr_fwrule_type type;	/* ADDRESS, SET */
	uint32_t	    rest;	/* in text: what follows kind and name */
	uint32_t	    n_uses;
	struct {
		enum kr_fwrule_kind kind;	/* SET, COUNTER or QUOTA */
		enum kr_fwrule_type type;	/* of a set */
		char		    name[KR_FWRULE_NAME_MAX + 1];
	} uses[KR_FWRULE_USES_MAX];
};

/**
 * kr_fwrule_parse() - Read a line
 *
 * Return: 0; < 0 with KR_E_FW_RULE, @ret untouched. Messages quote words of the
 *         line only if they are made of what words are made of.
 */
int kr_fwrule_parse(const char *line, struct kr_fwrule *ret, struct kr_err *e);

/** kr_fwrule_type_name() - nft's name of a set's type; NULL: no set has it. */
const char *kr_fwrule_type_name(enum kr_fwrule_type t);

#endif
