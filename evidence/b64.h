/* SPDX-License-Identifier: Apache-2.0 */
/* b64.h - base64 (RFC 4648) as envelopes, notes and fingerprints use it. */
#ifndef KR_EVIDENCE_B64_H
#define KR_EVIDENCE_B64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters for n bytes, without the NUL. */
#define KR_B64_CHARS(n)	(((n) + 2) / 3 * 4)

/**
 * kr_b64_put() - Encode with the standard alphabet and padding
 * @out: KR_B64_CHARS(@n) + 1 bytes; NUL-terminated
 *
 * Return: characters written, without the NUL.
 */
size_t kr_b64_put(const void *in, size_t n, char *out);

/**
 * kr_b64_get() - Decode exactly @n characters, standard or URL-safe
 * @out: may be smaller than needed: that is refused
 *
 * Padding may be there or not. Other characters, wrong padding and stray
 * bits at the end are refused, so that one value has one spelling.
 *
 * Return: true; false leaves *@ret_n as it was.
 */
bool kr_b64_get(const char *in, size_t n, uint8_t *out, size_t size,
		size_t *ret_n);

#endif
