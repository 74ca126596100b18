/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventlog_made.h - the event log of a machine that booted, with what its TPM
 * said of the PCRs then, and logs made up by hand. Include after <cmocka.h>.
 */
#ifndef KR_TEST_EVENTLOG_MADE_H
#define KR_TEST_EVENTLOG_MADE_H

#include <stdlib.h>
#include <string.h>

#include "attest/eventlog.h"
#include "base/fd.h"

#define REAL_LOG	KR_SOURCE_ROOT "/fuzz/corpus/eventlog/ovmf-secureboot"
#define REAL_PCRS	0xbffu		/* 0 to 9, and 11 */

/* Read in that machine from /sys/class/tpm/tpm0/pcr-sha256. */
static const struct { unsigned int pcr; const char *hex; } real_sha256[] = {
	{ 0, "90040fdebcaef6fed8beec816d2a56ff"
	     "8d77f91516bd053e493374c25562f11c" },
	{ 1, "86a297bf5f89b24202ec2f7a1e2c7bf4"
	     "6b6f5060ff85cdb326c0a8f302027a62" },
	{ 2, "3d458cfe55cc03ea1f443f1562beec8d"
	     "f51c75e14a9fcf9a7234a13f198e7969" },
	{ 3, "3d458cfe55cc03ea1f443f1562beec8d"
	     "f51c75e14a9fcf9a7234a13f198e7969" },
	{ 4, "c96861ad1c25d5f914634825a947ee72"
	     "e001ce4813147c85b7e700d948a9889c" },
	{ 5, "a5ceb755d043f32431d63e39f5161464"
	     "620a3437280494b5850dc1b47cc074e0" },
	{ 6, "3d458cfe55cc03ea1f443f1562beec8d"
	     "f51c75e14a9fcf9a7234a13f198e7969" },
	{ 7, "02a4f904010ebddfb1ce765622af8d48"
	     "ac2408422e220ad4eed1e1856407f704" },
	{ 8, "00000000000000000000000000000000"
	     "00000000000000000000000000000000" },
	{ 9, "9c784af8e8f7673136a589800999aac2"
	     "6eeda14764cf8f6770466cab3cfef113" },
	{ 11, "d097a79ac99bfeae2df4039eeac5ca6a"
	      "772be1b9b4808178d3108a3ec6c18ed9" },
};

/* Its log; for free(). */
static inline uint8_t *real_log(size_t *ret_n)
{
	char *text = NULL;

	assert_int_equal(kr_read_file(REAL_LOG, KR_EVENTLOG_BYTES_MAX, &text,
				      ret_n), 0);
	return (uint8_t *)text;
}

/* ---- logs made by hand, with SHA-256 alone ------------------------------ */

struct made {
	uint8_t b[8192];
	size_t	n;
};

static inline void put(struct made *m, const void *data, size_t n)
{
	assert_true(n <= sizeof(m->b) - m->n);
	memcpy(m->b + m->n, data, n);
	m->n += n;
}

static inline void put_le(struct made *m, uint32_t v, size_t n)
{
	for (; n--; v >>= 8)
		put(m, &(uint8_t){ (uint8_t)v }, 1);
}

/* The first event, naming these algorithms. */
static inline struct made made_begin(const uint16_t (*algs)[2], uint32_t n)
{
	static const uint8_t zero[20];
	struct made m = { .n = 0 };

	put_le(&m, 0, 4);
	put_le(&m, KR_EV_NO_ACTION, 4);
	put(&m, zero, 20);
	put_le(&m, 16 + 4 + 4 + 4 + 4 * n + 1, 4);
	put(&m, "Spec ID Event03", 16);
	put_le(&m, 0, 4);
	put(&m, "\0\2\0\2", 4);
	put_le(&m, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		put_le(&m, algs[i][0], 2);
		put_le(&m, algs[i][1], 2);
	}
	put_le(&m, 0, 1);
	return m;
}

static inline struct made made_sha256(void)
{
	static const uint16_t algs[][2] = { { 0xb, 32 } };

	return made_begin(algs, 1);
}

/* An event whose digest is that of @data. */
static inline void made_event(struct made *m, uint32_t pcr, uint32_t type,
			      const void *data, size_t n)
{
	uint8_t d[32];

	EVP_Digest(data, n, d, NULL, EVP_sha256(), NULL);
	put_le(m, pcr, 4);
	put_le(m, type, 4);
	put_le(m, 1, 4);
	put_le(m, 0xb, 2);
	put(m, d, 32);
	put_le(m, (uint32_t)n, 4);
	put(m, data, n);
}

#endif
