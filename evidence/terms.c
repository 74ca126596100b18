/* SPDX-License-Identifier: Apache-2.0 */
/* terms.c - the terms of a migration as bytes. Runs in kororad. */
#include "evidence/terms.h"

#include <string.h>

#include "evidence/predicate.h"

/* First byte of the coding: one that is even has what others have not, if any;
 * from 3 on both hosts' policies are named. */
#define VERSION		1u
#define VERSION_NAMED	3u
#define VERSION_MORE	1u	/* added to it */
#define VERSION_MAX	(VERSION_NAMED + VERSION_MORE)

#define FLAG_THROTTLE	1u
#define FLAG_PREEMPT	2u
#define FLAGS_BASIS(k)	((k) << 2)	/* the rest of the byte */

#define TEXT_OK(a)	kr_predicate_text_ok((a), sizeof(a))

/* In the coding, between whether it is lost and whether it is off. */
static const char *const covers[] = { "", KR_COVERS_ALL, KR_COVERS_RESUMED };
#define N_COVERS	(sizeof(covers) / sizeof(covers[0]))
#define END_LOST	1u
#define END_COVERS(k)	((k) << 1)
#define END_OFF		8u

static const char *const bases[] = {
	"", KR_BASIS_PLAN, KR_BASIS_HISTORY, KR_BASIS_SIZE,
};
#define N_BASES		(sizeof(bases) / sizeof(bases[0]))

/* Return: @n if it is none of them. */
static unsigned int word_of(const char *const words[], unsigned int n,
			    const char *word)
{
	unsigned int k = 0;

	while (k < n && strcmp(words[k], word))
		k++;
	return k;
}

static unsigned int covers_of(const struct kr_terms *t)
{
	return word_of(covers, N_COVERS, t->postcopy.covers);
}

static unsigned int basis_of(const struct kr_terms *t)
{
	return word_of(bases, N_BASES, t->predicted.basis);
}

int kr_terms_check(const struct kr_terms *t, struct kr_err *e)
{
	const uint64_t n[] = {
		t->epoch, t->stream.ram_bytes, t->stream.stream_bytes,
		t->times.requested_ms, t->times.paused_ms,
		t->times.released_ms, t->times.running_ms, t->total_ms,
		t->downtime_us, t->wire_bytes, t->from_log.size,
		t->to_log.size, t->predicted.total_ms,
		t->predicted.downtime_ms, t->predicted.wire_bytes,
		t->postcopy.owed_pages, t->postcopy.late_pages,
		t->postcopy.complete_ms, t->postcopy.stream_bytes,
	};

	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		if (n[i] > KR_TERMS_NUMBER_MAX)
			return kr_fail(e, KR_E_MALFORMED,
				       "a number in the terms is too large");
	if (!TEXT_OK(t->vm) || !TEXT_OK(t->from_name) ||
	    !TEXT_OK(t->to_name) || !TEXT_OK(t->requested_by) ||
	    !TEXT_OK(t->from_policy.name) || !TEXT_OK(t->to_policy.name) ||
	    !TEXT_OK(t->strategy) || !TEXT_OK(t->protection.control_tls) ||
	    !TEXT_OK(t->protection.control_suite) ||
	    !TEXT_OK(t->protection.lane_suite) ||
	    !TEXT_OK(t->protection.attestation) ||
	    !TEXT_OK(t->predicted.basis) || !TEXT_OK(t->postcopy.covers))
		return kr_fail(e, KR_E_MALFORMED,
			       "a text in the terms is not printable ASCII");
	if (basis_of(t) == N_BASES ||
	    (basis_of(t) && !t->predicted.total_ms))
		return kr_fail(e, KR_E_MALFORMED,
			       "a prediction by nothing, or none by something");
	if (covers_of(t) == N_COVERS ||
	    (covers_of(t) && !kr_terms_tells_last(t)))
		return kr_fail(e, KR_E_MALFORMED,
			       "a root that covers what none does");
	if (t->postcopy.off && (t->postcopy.lost || kr_terms_tells_last(t)))
		return kr_fail(e, KR_E_MALFORMED,
			       "a VM that was off, and had its memory or not");
	return 0;
}

static bool has_more(const struct kr_terms *t)
{
	return t->predicted.total_ms || t->throttle || t->preempt ||
	       t->postcopy.early;
}

static bool is_named(const struct kr_terms *t)
{
	return t->from_policy.name[0];
}

static void put_policy(struct kr_wr *w, const struct kr_inforce *p)
{
	kr_wr_str(w, p->name);
	kr_wr_u32(w, p->version);
	kr_wr_bytes(w, p->digest, 32);
}

static void put_policies(struct kr_wr *w, const struct kr_terms *t)
{
	if (!is_named(t)) {
		kr_wr_bytes(w, t->from_policy.digest, 32);
		return;
	}
	put_policy(w, &t->from_policy);
	put_policy(w, &t->to_policy);
	kr_wr_u8(w, t->approvals);
}

static void get_policy(struct kr_rd *r, struct kr_inforce *p)
{
	kr_rd_str(r, p->name, sizeof(p->name));
	p->version = kr_rd_u32(r);
	kr_rd_bytes(r, p->digest, 32);
}

/* Return: it is what put_policies() writes in that version. */
static bool get_policies(struct kr_rd *r, struct kr_terms *t, bool named)
{
	if (!named) {
		kr_rd_bytes(r, t->from_policy.digest, 32);
		return true;
	}
	get_policy(r, &t->from_policy);
	get_policy(r, &t->to_policy);
	t->approvals = kr_rd_u8(r);
	return is_named(t);
}

static void put_postcopy(struct kr_wr *w, const struct kr_terms *t)
{
	kr_wr_u8(w, t->postcopy.early);
	if (!t->postcopy.early)
		return;
	kr_wr_u8(w, (uint8_t)((t->postcopy.lost ? END_LOST : 0) |
			      END_COVERS(covers_of(t)) |
			      (t->postcopy.off ? END_OFF : 0)));
	kr_wr_u64(w, t->postcopy.owed_pages);
	kr_wr_u64(w, t->postcopy.late_pages);
	kr_wr_u64(w, t->postcopy.complete_ms);
	kr_wr_u32(w, t->postcopy.recoveries);
	kr_wr_bytes(w, t->postcopy.ram_root, 32);
	kr_wr_u64(w, t->postcopy.stream_bytes);
}

static bool get_postcopy(struct kr_rd *r, struct kr_terms *t)
{
	uint8_t early = kr_rd_u8(r), end;

	t->postcopy.early = early;
	if (!early)
		return true;
	end = kr_rd_u8(r);
	t->postcopy.lost = end & END_LOST;
	t->postcopy.off = end & END_OFF;
	end &= (uint8_t)~END_OFF;
	t->postcopy.owed_pages = kr_rd_u64(r);
	t->postcopy.late_pages = kr_rd_u64(r);
	t->postcopy.complete_ms = kr_rd_u64(r);
	t->postcopy.recoveries = kr_rd_u32(r);
	kr_rd_bytes(r, t->postcopy.ram_root, 32);
	t->postcopy.stream_bytes = kr_rd_u64(r);
	if (early != 1 || end >= END_COVERS(N_COVERS))
		return false;
	strcpy(t->postcopy.covers, covers[end / END_COVERS(1u)]);
	return true;
}

static void put_more(struct kr_wr *w, const struct kr_terms *t)
{
	bool planned = t->predicted.total_ms;

	kr_wr_u64(w, t->predicted.total_ms);
	kr_wr_u64(w, planned ? t->predicted.downtime_ms : 0);
	kr_wr_u64(w, planned ? t->predicted.wire_bytes : 0);
	kr_wr_u8(w, (uint8_t)((t->throttle ? FLAG_THROTTLE : 0) |
			      (t->preempt ? FLAG_PREEMPT : 0) |
			      FLAGS_BASIS(basis_of(t))));
	put_postcopy(w, t);
}

/* Only what put_more() writes: one coding for each content. */
static bool get_more(struct kr_rd *r, struct kr_terms *t)
{
	uint8_t flags;

	t->predicted.total_ms = kr_rd_u64(r);
	t->predicted.downtime_ms = kr_rd_u64(r);
	t->predicted.wire_bytes = kr_rd_u64(r);
	flags = kr_rd_u8(r);
	t->throttle = flags & FLAG_THROTTLE;
	t->preempt = flags & FLAG_PREEMPT;
	if (flags >= FLAGS_BASIS(N_BASES))
		return false;
	strcpy(t->predicted.basis, bases[flags / FLAGS_BASIS(1u)]);
	return get_postcopy(r, t) && has_more(t) &&
	       (t->predicted.total_ms ||
		(!t->predicted.downtime_ms && !t->predicted.wire_bytes));
}

void kr_terms_put(struct kr_wr *w, const struct kr_terms *t)
{
	if (kr_terms_check(t, NULL)) {
		w->bad = true;
		return;
	}
	kr_wr_u8(w, (uint8_t)((is_named(t) ? VERSION_NAMED : VERSION) +
			      (has_more(t) ? VERSION_MORE : 0)));
	kr_wr_bytes(w, t->migration, sizeof(t->migration));
	kr_wr_str(w, t->vm);
	kr_wr_bytes(w, t->definition, 32);
	kr_wr_u64(w, t->epoch);
	kr_wr_str(w, t->from_name);
	kr_wr_bytes(w, t->from_keyid, 32);
	kr_wr_bytes(w, t->nonce_from, 32);
	kr_wr_str(w, t->to_name);
	kr_wr_bytes(w, t->to_keyid, 32);
	kr_wr_bytes(w, t->nonce_to, 32);
	kr_wr_bytes(w, t->binding, 32);
	kr_wr_str(w, t->requested_by);
	put_policies(w, t);
	kr_wr_str(w, t->strategy);
	kr_wr_str(w, t->protection.control_tls);
	kr_wr_str(w, t->protection.control_suite);
	kr_wr_str(w, t->protection.lane_suite);
	kr_wr_u8(w, t->protection.n_lanes);
	kr_wr_str(w, t->protection.attestation);
	kr_wr_u8(w, t->stream.opaque);
	kr_wr_bytes(w, t->stream.ram_root, 32);
	kr_wr_bytes(w, t->stream.device_digest, 32);
	kr_wr_u64(w, t->stream.ram_bytes);
	kr_wr_u64(w, t->stream.stream_bytes);
	kr_wr_u64(w, t->times.requested_ms);
	kr_wr_u64(w, t->times.paused_ms);
	kr_wr_u64(w, t->times.released_ms);
	kr_wr_u64(w, t->times.running_ms);
	kr_wr_u64(w, t->total_ms);
	kr_wr_u64(w, t->downtime_us);
	kr_wr_u32(w, t->rounds);
	kr_wr_u64(w, t->wire_bytes);
	kr_wr_u64(w, t->from_log.size);
	kr_wr_bytes(w, t->from_log.root, 32);
	kr_wr_u64(w, t->to_log.size);
	kr_wr_bytes(w, t->to_log.root, 32);
	if (has_more(t))
		put_more(w, t);
}

static void get_times(struct kr_rd *r, struct kr_terms *t)
{
	t->times.requested_ms = kr_rd_u64(r);
	t->times.paused_ms = kr_rd_u64(r);
	t->times.released_ms = kr_rd_u64(r);
	t->times.running_ms = kr_rd_u64(r);
	t->total_ms = kr_rd_u64(r);
	t->downtime_us = kr_rd_u64(r);
	t->rounds = kr_rd_u32(r);
	t->wire_bytes = kr_rd_u64(r);
}

#define STR(a)	kr_rd_str(r, (a), sizeof(a))

int kr_terms_get(struct kr_rd *r, struct kr_terms *ret_t, struct kr_err *e)
{
	struct kr_terms t = { 0 };
	uint8_t version = kr_rd_u8(r), opaque;
	bool more = version % 2 == 0, good;
	int bad;

	kr_rd_bytes(r, t.migration, sizeof(t.migration));
	STR(t.vm);
	kr_rd_bytes(r, t.definition, 32);
	t.epoch = kr_rd_u64(r);
	STR(t.from_name);
	kr_rd_bytes(r, t.from_keyid, 32);
	kr_rd_bytes(r, t.nonce_from, 32);
	STR(t.to_name);
	kr_rd_bytes(r, t.to_keyid, 32);
	kr_rd_bytes(r, t.nonce_to, 32);
	kr_rd_bytes(r, t.binding, 32);
	STR(t.requested_by);
	good = get_policies(r, &t, version >= VERSION_NAMED);
	STR(t.strategy);
	STR(t.protection.control_tls);
	STR(t.protection.control_suite);
	STR(t.protection.lane_suite);
	t.protection.n_lanes = kr_rd_u8(r);
	STR(t.protection.attestation);
	opaque = kr_rd_u8(r);
	t.stream.opaque = opaque;
	kr_rd_bytes(r, t.stream.ram_root, 32);
	kr_rd_bytes(r, t.stream.device_digest, 32);
	t.stream.ram_bytes = kr_rd_u64(r);
	t.stream.stream_bytes = kr_rd_u64(r);
	get_times(r, &t);
	t.from_log.size = kr_rd_u64(r);
	kr_rd_bytes(r, t.from_log.root, 32);
	t.to_log.size = kr_rd_u64(r);
	kr_rd_bytes(r, t.to_log.root, 32);
	if (more)
		good &= get_more(r, &t);
	if (r->bad || version < VERSION || version > VERSION_MAX || !good ||
	    opaque > 1)
		return kr_fail(e, KR_E_MALFORMED, "malformed terms");
	bad = kr_terms_check(&t, e);
	if (!bad)
		*ret_t = t;
	return bad;
}

bool kr_terms_same_last(const struct kr_terms *t, const struct kr_terms *u)
{
	return !memcmp(t->postcopy.ram_root, u->postcopy.ram_root, 32) &&
	       t->postcopy.stream_bytes == u->postcopy.stream_bytes &&
	       !strcmp(t->postcopy.covers, u->postcopy.covers);
}

bool kr_terms_tells_last(const struct kr_terms *t)
{
	static const uint8_t nothing[32];

	return memcmp(t->postcopy.ram_root, nothing, 32) ||
	       t->postcopy.stream_bytes;
}

void kr_terms_forget_last(struct kr_terms *t)
{
	memset(t->postcopy.ram_root, 0, sizeof(t->postcopy.ram_root));
	t->postcopy.stream_bytes = 0;
	t->postcopy.covers[0] = '\0';
}
