/* SPDX-License-Identifier: Apache-2.0 */
/* qmpvm.c - QEMU's words in the adapters' terms. Runs in korora-qmp. */
#include "hyper/qmpvm.h"

#include <stdio.h>
#include <string.h>

/* max_bandwidth 0: QEMU's default is a fraction of a modern link. */
#define UNLIMITED_BYTES_S	(1ull << 40)
#define DOWNTIME_MS_MAX		2000000u	/* QEMU's limit */

enum kr_hyper_run kr_qmpvm_run(const char *status)
{
	static const struct { const char *s; enum kr_hyper_run r; } t[] = {
		{ "running", KR_HYPER_IS_RUNNING },
		{ "prelaunch", KR_HYPER_IS_PAUSED },
		{ "paused", KR_HYPER_IS_PAUSED },
		{ "suspended", KR_HYPER_IS_PAUSED },
		{ "save-vm", KR_HYPER_IS_PAUSED },
		{ "restore-vm", KR_HYPER_IS_PAUSED },
		{ "debug", KR_HYPER_IS_PAUSED },
		{ "inmigrate", KR_HYPER_IS_WAITING },
		{ "finish-migrate", KR_HYPER_IS_SWITCHING },
		{ "postmigrate", KR_HYPER_IS_MIGRATED },
		{ "shutdown", KR_HYPER_IS_DOWN },
	};

	for (size_t i = 0; status && i < sizeof(t) / sizeof(t[0]); i++)
		if (!strcmp(t[i].s, status))
			return t[i].r;
	return KR_HYPER_IS_FAULTY;
}

enum kr_hyper_mig kr_qmpvm_mig(const char *status)
{
	static const struct { const char *s; enum kr_hyper_mig m; } t[] = {
		{ "none", KR_HYPER_MIG_NONE },
		{ "setup", KR_HYPER_MIG_SETUP },
		{ "pre-switchover", KR_HYPER_MIG_AT_SWITCH },
		{ "device", KR_HYPER_MIG_SWITCHING },
		{ "postcopy-active", KR_HYPER_MIG_POSTCOPY },
		{ "postcopy-paused", KR_HYPER_MIG_TORN },
		{ "postcopy-recover-setup", KR_HYPER_MIG_RECOVERING },
		{ "postcopy-recover", KR_HYPER_MIG_RECOVERING },
		{ "completed", KR_HYPER_MIG_COMPLETED },
		{ "cancelling", KR_HYPER_MIG_FAILED },
		{ "cancelled", KR_HYPER_MIG_FAILED },
		{ "failed", KR_HYPER_MIG_FAILED },
	};

	if (!status)
		return KR_HYPER_MIG_NONE;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (!strcmp(t[i].s, status))
			return t[i].m;
	return KR_HYPER_MIG_ACTIVE;	/* active, wait-unplug, … */
}

bool kr_qmpvm_in_postcopy(enum kr_hyper_mig mig)
{
	return mig == KR_HYPER_MIG_POSTCOPY || mig == KR_HYPER_MIG_TORN ||
	       mig == KR_HYPER_MIG_RECOVERING;
}

#define PREEMPT		"postcopy-preempt"	/* QEMU 7.1 and later */

json_t *kr_qmpvm_capabilities(const struct kr_hyper_setup *s, bool has_preempt)
{
	/*
	 * return-path: without it the source reports success though the
	 * destination failed to load. late-block-activate: the destination
	 * takes the disks on `cont`, not before. multifd and post-copy are
	 * said either way: a VM that came with them may go on without.
	 */
	json_t *o = json_pack("{s:[{s:s,s:b},{s:s,s:b},{s:s,s:b},{s:s,s:b},"
			 "{s:s,s:b},{s:s,s:b},{s:s,s:b}]}", "capabilities",
			 "capability", "events", "state", 1,
			 "capability", "pause-before-switchover", "state", 1,
			 "capability", "return-path", "state", 1,
			 "capability", "late-block-activate", "state",
			 (int)s->incoming,
			 "capability", "auto-converge", "state",
			 (int)s->throttle,
			 "capability", "multifd", "state",
			 s->multifd_channels > 0,
			 "capability", "postcopy-ram", "state",
			 (int)s->postcopy);

	if (has_preempt)
		json_array_append_new(json_object_get(o, "capabilities"),
				      json_pack("{s:s,s:b}", "capability",
						PREEMPT, "state",
						(int)s->preempt));
	return o;
}

bool kr_qmpvm_has_preempt(json_t *answer)
{
	for (size_t i = 0; i < json_array_size(answer); i++) {
		json_t *c = json_array_get(answer, i);
		const char *s = json_string_value(json_object_get(c,
							"capability"));

		if (s && !strcmp(s, PREEMPT))
			return true;
	}
	return false;
}

json_int_t kr_qmpvm_downtime(uint32_t ms)
{
	return ms > DOWNTIME_MS_MAX ? DOWNTIME_MS_MAX : ms;
}

json_t *kr_qmpvm_parameters(const struct kr_hyper_setup *s)
{
	uint64_t bytes_s = s->max_bandwidth_bytes_s;

	if (!bytes_s || bytes_s > UNLIMITED_BYTES_S)
		bytes_s = UNLIMITED_BYTES_S;
	return json_pack("{s:I,s:I,s:I,s:i,s:i,s:i,s:i}",
			 "max-bandwidth", (json_int_t)bytes_s,
			 "max-postcopy-bandwidth", (json_int_t)bytes_s,
			 "downtime-limit",
			 kr_qmpvm_downtime(s->downtime_limit_ms),
			 "cpu-throttle-initial",
			 (int)KR_HYPER_THROTTLE_FIRST,
			 "cpu-throttle-increment",
			 (int)KR_HYPER_THROTTLE_MORE,
			 "max-cpu-throttle",
			 (int)KR_HYPER_THROTTLE_MOST,
			 "multifd-channels",
			 s->multifd_channels ? s->multifd_channels : 2);
}

static uint64_t num(json_t *o, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(o, key));

	return v > 0 ? (uint64_t)v : 0;
}

static uint32_t num32(json_t *o, const char *key)
{
	uint64_t v = num(o, key);

	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

void kr_qmpvm_stats(json_t *answer, struct kr_hyper_status *ret_s)
{
	json_t *ram = json_object_get(answer, "ram");
	double mbit_s = json_number_value(json_object_get(ram, "mbps"));
	uint64_t pages_s = num(ram, "dirty-pages-rate");
	uint64_t page = num(ram, "page-size");
	const char *s = json_string_value(json_object_get(answer, "status"));

	ret_s->mig = kr_qmpvm_mig(s);
	ret_s->sent_bytes = num(ram, "transferred");
	ret_s->left_bytes = num(ram, "remaining");
	ret_s->total_bytes = num(ram, "total");
	if (!page || page > 1u << 20)
		page = 4096;
	ret_s->dirty_bytes_s = pages_s > UINT64_MAX / page ? UINT64_MAX :
							     pages_s * page;
	/* not a number and the absurd fail both comparisons or the second */
	ret_s->sent_bytes_s = mbit_s > 0 && mbit_s < 1e12 ?
		(uint64_t)(mbit_s * 125000.0) : 0;
	ret_s->rounds = num32(ram, "dirty-sync-count");
	ret_s->expected_downtime_ms = num32(answer, "expected-downtime");
	ret_s->throttle_percent = num32(answer, "cpu-throttle-percentage");
}

void kr_qmpvm_dirty(json_t *answer, struct kr_hyper_status *ret_s)
{
	const char *s = json_string_value(json_object_get(answer, "status"));
	uint64_t mib_s = num(answer, "dirty-rate");

	ret_s->sampled_bytes_s = 0;
	ret_s->sampled_s = num32(answer, "calc-time");
	if (!s || strcmp(s, "measured") || mib_s > UINT64_MAX >> 20)
		return;
	/* whole MiB, rounded down: less than one is half of one */
	ret_s->sampled_bytes_s = mib_s ? mib_s << 20 : 1u << 19;
}

bool kr_qmpvm_oob(json_t *greeting)
{
	json_t *c = json_object_get(greeting, "capabilities");

	for (size_t i = 0; i < json_array_size(c); i++) {
		const char *s = json_string_value(json_array_get(c, i));

		if (s && !strcmp(s, "oob"))
			return true;
	}
	return false;
}

void kr_qmpvm_version(json_t *greeting, char out[64])
{
	json_t *v = json_object_get(json_object_get(greeting, "version"),
				    "qemu");
	json_t *major = json_object_get(v, "major");

	if (json_is_integer(major))
		snprintf(out, 64, "%u.%u.%u", num32(v, "major"),
			 num32(v, "minor"), num32(v, "micro"));
	else
		snprintf(out, 64, "?");
}

uint64_t kr_qmpvm_when(uint64_t wall_us, uint64_t now_ns, uint64_t now_wall_us)
{
	uint64_t ago_ns;

	if (!wall_us || wall_us > now_wall_us ||
	    now_wall_us - wall_us > 1000000u)
		return now_ns;
	ago_ns = (now_wall_us - wall_us) * 1000u;
	return ago_ns < now_ns ? now_ns - ago_ns : now_ns;
}

void kr_qmpvm_text(const char *in, char out[KR_QMPVM_TEXT_BYTES])
{
	size_t n = 0;

	for (; *in && n < KR_QMPVM_TEXT_BYTES - 1; in++)
		out[n++] = *in >= ' ' && *in <= '~' ? *in : '?';
	out[n] = '\0';
}
