/* SPDX-License-Identifier: Apache-2.0 */
/* tcpaddr.c - see tcpaddr.h. Runs in kororad, for host.add. */
#include "daemon/tcpaddr.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS	"0123456789"
#define WORD	DIGITS "._-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool made_of(const char *s, const char *set)
{
	return *s && !s[strspn(s, set)];
}

/* With its zone, if there is one: a link-local address needs it. */
static bool is_ipv6(const char *host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;
	size_t n = strcspn(host, "%");

	if (n >= sizeof(text) || (host[n] && !made_of(host + n + 1, WORD)))
		return false;
	memcpy(text, host, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &a) == 1;
}

/* @text as far as it can be shown: it is here because it is wrong. */
static int refuse(const char *text, const char *why, struct kr_err *e)
{
	char shown[65];

	snprintf(shown, sizeof(shown), "%s", text);
	for (char *s = shown; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
	return kr_fail(e, KR_E_USAGE, "address \"%s\": %s", shown, why);
}

int kr_tcpaddr_full(const char *text, char out[KR_TCPADDR_BYTES],
		    struct kr_err *e)
{
	char host[KR_TCPADDR_HOST_MAX + 1];
	bool bracket = text[0] == '[';
	size_t n = strcspn(text + bracket, bracket ? "]" : ":");
	const char *rest = text + bracket + n;
	unsigned long port = KR_TCPADDR_PORT;

	if (bracket && !*rest++)
		return refuse(text, "] is missing", e);
	if (!bracket && *rest && strchr(rest + 1, ':')) {
		if (!is_ipv6(text))
			return refuse(text, "more than one colon, and no IPv6 "
				      "address; with a port it is written "
				      "[ADDRESS]:PORT", e);
		n = strlen(text);
		rest = text + n;
	}
	if (n > KR_TCPADDR_HOST_MAX)
		return refuse(text, "too long", e);
	memcpy(host, text + bracket, n);
	host[n] = '\0';
	if (!is_ipv6(host) && !made_of(host, WORD))
		return refuse(text, "neither a host's name nor an IP address",
			      e);
	if (*rest) {
		if (*rest++ != ':' || !made_of(rest, DIGITS) ||
		    strlen(rest) > 5 ||
		    (port = strtoul(rest, NULL, 10)) < 1 || port > 65535)
			return refuse(text, "a port is :1 to :65535", e);
	}
	snprintf(out, KR_TCPADDR_BYTES, strchr(host, ':') ? "[%s]:%lu" :
		 "%s:%lu", host, port);
	return 0;
}
