/* SPDX-License-Identifier: Apache-2.0 */
/* fwvalue.c - see fwvalue.h. */
#include "hyper/fwvalue.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool kr_fwvalue_number(const char *word, unsigned long max)
{
	size_t n = strlen(word);

	return n && n <= 10 && strspn(word, "0123456789") == n &&
	       (n == 1 || word[0] != '0') && strtoul(word, NULL, 10) <= max;
}

/* Splits @word at @c; NULL if it is not in there. */
static char *cut(char *word, char c)
{
	char *p = strchr(word, c);

	if (p)
		*p++ = '\0';
	return p;
}

/* ---- addresses --------------------------------------------------------- */

static int family(enum kr_fwrule_type t)
{
	return t == KR_FWRULE_IPV4 ? AF_INET : AF_INET6;
}

/* An address, ADDRESS/PREFIX, or FROM-TO. */
static bool address(enum kr_fwrule_type t, char *word)
{
	int af = family(t);
	size_t n = af == AF_INET ? 4 : 16;
	uint8_t from[16], to[16];
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
	char *end = cut(word, '-'), *prefix = end ? NULL : cut(word, '/');

	if (inet_pton(af, word, from) != 1 || !inet_ntop(af, from, a, sizeof(a)))
		return false;
	if (end) {
		if (inet_pton(af, end, to) != 1 || memcmp(from, to, n) >= 0 ||
		    !inet_ntop(af, to, b, sizeof(b)))
			return false;
		snprintf(word, KR_FWVALUE_BYTES, "%s-%s", a, b);
		return true;
	}
	if (prefix && !kr_fwvalue_number(prefix, n * 8))
		return false;
	if (prefix)	/* behind @word still, and no longer than it was */
		snprintf(b, sizeof(b), "/%.3s", prefix);
	snprintf(word, KR_FWVALUE_BYTES, "%s%s", a, prefix ? b : "");
	return true;
}

bool kr_fwvalue_host(enum kr_fwrule_type t, char *word)
{
	uint8_t a[16];

	if (inet_pton(family(t), word, a) != 1)
		return false;
	if (t == KR_FWRULE_IPV4)
		return a[0] && a[0] != 127 && a[0] < 224 && address(t, word);
	/* neither ::, ::1, mapped ones, nor multicast, nor what all have */
	return a[0] && a[0] != 0xff && !(a[0] == 0xfe && (a[1] & 0xc0) == 0x80) &&
	       address(t, word);
}

/* ---- ports, protocols and words ---------------------------------------- */

/* A port, or FROM-TO. */
static bool port(char *word)
{
	char text[KR_FWVALUE_BYTES];
	char *end;

	strcpy(text, word);
	end = cut(text, '-');
	return kr_fwvalue_number(text, UINT16_MAX) &&
	       (!end || (kr_fwvalue_number(end, UINT16_MAX) &&
			 strtoul(text, NULL, 10) < strtoul(end, NULL, 10)));
}

static bool protocol(char *word)
{
	static const struct { const char *name; unsigned int number; } known[] = {
		{ "icmp", 1 }, { "tcp", 6 }, { "udp", 17 }, { "dccp", 33 },
		{ "gre", 47 }, { "esp", 50 }, { "ah", 51 }, { "icmpv6", 58 },
		{ "sctp", 132 }, { "udplite", 136 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(word, known[i].name))
			snprintf(word, KR_FWVALUE_BYTES, "%u", known[i].number);
	return kr_fwvalue_number(word, UINT8_MAX);
}

static const char *const families[] = { "ipv4", "ipv6", NULL };
static const char *const states[] = { "new", "established", "related", NULL };
static const char *const icmp[] = {
	"echo-request", "echo-reply", "destination-unreachable",
	"time-exceeded", "parameter-problem", "timestamp-request",
	"timestamp-reply", NULL,
};
static const char *const icmpv6[] = {
	"echo-request", "echo-reply", "destination-unreachable",
	"packet-too-big", "time-exceeded", "parameter-problem",
	"mld-listener-query", "mld-listener-report", "mld2-listener-report",
	NULL,
};

static const struct {
	const char	  *what;
	const char *const *words;	/* all there are; NULL: not words */
} types[] = {
	[KR_FWRULE_IPV4] = { "an IPv4 address, prefix or range", NULL },
	[KR_FWRULE_IPV6] = { "an IPv6 address, prefix or range", NULL },
	[KR_FWRULE_PORT] = { "a port's number or a range of them", NULL },
	[KR_FWRULE_PROTOCOL] = { "a protocol's number, or tcp, udp, icmp, "
				 "icmpv6, sctp, gre, esp, ah", NULL },
	[KR_FWRULE_FAMILY] = { "ipv4 or ipv6", families },
	[KR_FWRULE_ICMP] = { "a type of ICMP, such as echo-request", icmp },
	[KR_FWRULE_ICMPV6] = { "a type of ICMPv6, such as echo-request",
			       icmpv6 },
	[KR_FWRULE_STATE] = { "new, established or related", states },
};

static_assert(sizeof(types) / sizeof(types[0]) == KR_FWRULE_TYPE_N, "");

bool kr_fwvalue_ok(enum kr_fwrule_type t, char *word)
{
	if (t == KR_FWRULE_IPV4 || t == KR_FWRULE_IPV6)
		return address(t, word);
	if (t == KR_FWRULE_PORT)
		return port(word);
	if (t == KR_FWRULE_PROTOCOL)
		return protocol(word);
	for (const char *const *w = types[t].words; *w; w++)
		if (!strcmp(word, *w))
			return true;
	return false;
}

const char *kr_fwvalue_what(enum kr_fwrule_type t)
{
	return types[t].what;
}

bool kr_fwvalue_rate(const char *word)
{
	static const char *const units[] = { "second", "minute", "hour",
					     "day" };
	char text[KR_FWVALUE_BYTES];
	char *unit;

	strcpy(text, word);
	unit = cut(text, '/');
	if (!unit || !kr_fwvalue_number(text, UINT32_MAX) || text[0] == '0')
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(unit, units[i]))
			return true;
	return false;
}
