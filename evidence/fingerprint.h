/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fingerprint.h - a key id as people compare it: "SHA256:" and the base64 of
 * the 32 bytes without padding, as ssh prints its keys.
 */
#ifndef KR_EVIDENCE_FINGERPRINT_H
#define KR_EVIDENCE_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#define KR_FINGERPRINT_BYTES	52u	/* 50, room for a padding, NUL */

/** kr_fingerprint_put() - Write @keyid's text. */
void kr_fingerprint_put(const uint8_t keyid[32],
			char out[KR_FINGERPRINT_BYTES]);

/** kr_fingerprint_get() - Read a text; false if it is not a fingerprint. */
bool kr_fingerprint_get(const char *text, uint8_t ret_keyid[32]);

/** kr_fingerprint_is() - Is @text the fingerprint of @keyid? */
bool kr_fingerprint_is(const char *text, const uint8_t keyid[32]);

#endif
