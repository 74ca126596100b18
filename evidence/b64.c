/* SPDX-License-Identifier: Apache-2.0 */
/* b64.c - base64. Used by evidence/ in kororad and the client. */
#include "evidence/b64.h"

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t kr_b64_put(const void *in, size_t n, char *out)
{
	const uint8_t *p = in;
	char *o = out;

	for (; n; p += 3, n -= n < 3 ? n : 3) {
		uint32_t v = (uint32_t)p[0] << 16 |
			     (n > 1 ? (uint32_t)p[1] << 8 : 0) |
			     (n > 2 ? p[2] : 0);

		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = '=';
		*o++ = '=';
		if (n > 1)
			o[-2] = digits[v >> 6 & 63];
		if (n > 2)
			o[-1] = digits[v & 63];
	}
	*o = '\0';
	return (size_t)(o - out);
}

static int value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

bool kr_b64_get(const char *in, size_t n, uint8_t *out, size_t size,
		size_t *ret_n)
{
	size_t n_pad = 0, len = 0;
	uint32_t v = 0;

	while (n_pad < n && n_pad < 2 && in[n - 1 - n_pad] == '=')
		n_pad++;
	if (n_pad && n % 4)
		return false;
	n -= n_pad;
	if (n % 4 == 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = value(in[i]);

		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
		if (i % 4 == 0)
			continue;
		if (len == size)
			return false;
		out[len++] = (uint8_t)(v >> (6 - 2 * (i % 4)));
	}
	/* Bits after the last whole byte carry nothing. */
	if ((n % 4 == 2 && (v & 15)) || (n % 4 == 3 && (v & 3)))
		return false;
	*ret_n = len;
	return true;
}
