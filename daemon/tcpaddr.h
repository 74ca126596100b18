/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcpaddr.h - a host's address as users write it. What is enrolled is kept in
 * one form, HOST:PORT or [IPV6]:PORT, which dial.c splits at its last colon;
 * so what cannot be an address is refused when it is enrolled, not when the
 * host is needed.
 */
#ifndef KR_DAEMON_TCPADDR_H
#define KR_DAEMON_TCPADDR_H

#include <stddef.h>

#include "base/err.h"

#define KR_TCPADDR_PORT		7300u	/* where none is given */
#define KR_TCPADDR_HOST_MAX	253u	/* characters, as in DNS */
/* [HOST]:65535 and its NUL */
#define KR_TCPADDR_BYTES	(KR_TCPADDR_HOST_MAX + 2 + 6 + 1)

/**
 * kr_tcpaddr_full() - Check an address and write it in full
 * @text: HOST, HOST:PORT, IPV6, [HOST] or [HOST]:PORT. HOST is a name or an
 *	  IPv4 address, of A-Z a-z 0-9 . _ -; in brackets also an IPv6
 *	  address, with %ZONE if it needs one. As with ssh, an IPv6 address
 *	  without brackets is all address: its last part is never the port.
 *	  PORT is 1..65535, in digits.
 * @out:  untouched on failure
 *
 * Nothing is looked up.
 *
 * Return: 0; KR_E_USAGE, naming @text.
 */
int kr_tcpaddr_full(const char *text, char out[KR_TCPADDR_BYTES],
		    struct kr_err *e);

#endif
