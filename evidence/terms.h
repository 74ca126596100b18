/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms.h - what the two hosts of a migration agree on, step by step: the
 * values every signed statement speaks about. Each host keeps one and fills it
 * as the migration goes on; a statement covers the values its step has fixed
 * (statement.h). Plain memory: copy it freely.
 */
#ifndef KR_EVIDENCE_TERMS_H
#define KR_EVIDENCE_TERMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"
#include "evidence/inforce.h"

#define KR_TERMS_BYTES_MAX	1536u	/* of the coding below */
/* Largest number: what JSON readers agree on (RFC 8259, 6). */
#define KR_TERMS_NUMBER_MAX	((UINT64_C(1) << 53) - 1)

struct kr_terms_log {
	uint64_t size;			/* leaves of the host's log */
	uint8_t	 root[32];
};

struct kr_terms {
	uint8_t	 migration[16];
	char	 vm[64];
	uint8_t	 definition[32];	/* SHA-256 of the VM's definition */
	uint64_t epoch;			/* the new one, from release on */
	char	 from_name[64], to_name[64];
	uint8_t	 from_keyid[32], to_keyid[32];
	uint8_t	 nonce_from[32], nonce_to[32];
	uint8_t	 binding[32];		/* tls-exporter, RFC 9266 */
	char	 requested_by[128];
	/* What each host decides by: the source by the offer, the destination
	 * by the acceptance. Terms of before that was named have the source's
	 * digest alone. */
	struct kr_inforce from_policy, to_policy;
	uint8_t	 approvals;		/* asked of others, by from_policy */
	char	 strategy[16];
	struct {
		char	control_tls[16], control_suite[40], lane_suite[40];
		uint8_t n_lanes;
		char	attestation[16];	/* "none" */
	} protection;
	struct {
		bool	 opaque;	/* not understood, carried whole */
		uint8_t	 ram_root[32];	/* not when opaque */
		uint8_t	 device_digest[32]; /* SHA-256 of the device state;
					       of the whole stream if opaque */
		uint64_t ram_bytes;	/* not when opaque */
		uint64_t stream_bytes;
	} stream;
	struct {			/* wall clock, Unix epoch */
		uint64_t requested_ms, paused_ms, released_ms, running_ms;
	} times;
	uint64_t total_ms, downtime_us;
	uint32_t rounds;
	uint64_t wire_bytes;
	struct kr_terms_log from_log, to_log;
	/* Said from the offer on, if there is something to say. */
	struct {			/* total_ms 0 = none */
		uint64_t total_ms, downtime_ms, wire_bytes;
		char	 basis[8];	/* KR_BASIS_…; "" if that is 0, or not
					 * said, as formerly: by a plan */
	} predicted;
	bool	 throttle;		/* the guest might be slowed down */
	/* From the acceptance on, of post-copy: pages that the VM waits for
	 * have a connection and a lane of their own. */
	bool	 preempt;
	/* Post-copy, from the manifest on: @stream is then what it takes to
	 * run, and the pages below came while it ran. */
	struct {
		bool	 early;		/* it runs before all memory is there */
		bool	 lost;		/* and never gets all of it */
		bool	 off;		/* it powered itself off before it had
					 * all of it; then nothing is lost */
		uint64_t owed_pages;	/* at the manifest */
		uint64_t late_pages;	/* came since then; zero pages count */
		uint64_t complete_ms;	/* wall clock; 0 if it never was */
		uint32_t recoveries;	/* times the lanes were set up anew */
		/* Of what @covers says; 0: not known any more. */
		uint8_t	 ram_root[32];
		uint64_t stream_bytes;
		char	 covers[16];	/* KR_COVERS_…; "" if that is 0, or
					 * not said, as formerly */
	} postcopy;
};

/* What was predicted by: a probe of a plan; what is known of migrations that
 * are over; the memory the VM has touched and the link, as nothing is. */
#define KR_BASIS_PLAN		"plan"
#define KR_BASIS_HISTORY	"history"
#define KR_BASIS_SIZE		"size"

/* What the last root of post-copy is of: all memory and the whole stream; or
 * the pages of the stream that QEMU was last resumed with, and that. */
#define KR_COVERS_ALL		"all memory"
#define KR_COVERS_RESUMED	"resumed stream"

/**
 * kr_terms_put() - Write all of @t, for the wire or the store
 *
 * Terms that kr_terms_check() refuses make the writer bad.
 */
void kr_terms_put(struct kr_wr *w, const struct kr_terms *t);

/**
 * kr_terms_get() - Read what kr_terms_put() wrote; more may follow in @r
 * @ret_t: untouched on failure
 *
 * Return: 0; KR_E_MALFORMED.
 */
int kr_terms_get(struct kr_rd *r, struct kr_terms *ret_t, struct kr_err *e);

/**
 * kr_terms_check() - Can it be said in a statement?
 *
 * Texts are printable ASCII and terminated, numbers at most
 * KR_TERMS_NUMBER_MAX. Return: 0; KR_E_MALFORMED.
 */
int kr_terms_check(const struct kr_terms *t, struct kr_err *e);

/**
 * kr_terms_tells_last() - Is the last manifest of a post-copy in it?
 * kr_terms_same_last() - Is it the same in both?
 * kr_terms_forget_last() - It is not known, or never will be
 */
bool kr_terms_tells_last(const struct kr_terms *t);
bool kr_terms_same_last(const struct kr_terms *t, const struct kr_terms *u);
void kr_terms_forget_last(struct kr_terms *t);

#endif
