/* SPDX-License-Identifier: Apache-2.0 */
/* fingerprint.c - key ids as text. Used in kororad and the client. */
#include "evidence/fingerprint.h"

#include <string.h>

#include "base/fd.h"
#include "evidence/b64.h"

#define PREFIX		"SHA256:"
#define N_PREFIX	(sizeof(PREFIX) - 1)

void kr_fingerprint_put(const uint8_t keyid[32],
			char out[KR_FINGERPRINT_BYTES])
{
	memcpy(out, PREFIX, N_PREFIX);
	kr_b64_put(keyid, 32, out + N_PREFIX);
	out[strcspn(out, "=")] = '\0';
}

bool kr_fingerprint_get(const char *text, uint8_t ret_keyid[32])
{
	size_t n = 0;

	return !strncmp(text, PREFIX, N_PREFIX) &&
	       kr_b64_get(text + N_PREFIX, strlen(text) - N_PREFIX, ret_keyid,
			  32, &n) &&
	       n == 32;
}

bool kr_fingerprint_is(const char *text, const uint8_t keyid[32])
{
	uint8_t k[32];

	return kr_fingerprint_get(text, k) && kr_eq_ct(k, keyid, 32);
}
