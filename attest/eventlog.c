/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventlog.c - reads and replays event logs (TCG PC Client Platform Firmware
 * Profile, 10.2: TCG_PCR_EVENT, TCG_PCR_EVENT2). Its integers are
 * little-endian. Runs in the client; pure.
 */
#include "attest/eventlog.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/fd.h"

#define SHA1_BYTES	20u
#define PCR_DYNAMIC	17u	/* to 22, of a dynamic launch */
#define PCR_APPLICATION	23u

#define AGILE		"Spec ID Event03"
#define LOCALITY	"StartupLocality"

struct alg {
	uint16_t     id, n_bytes;
	enum kr_bank bank;		/* KR_BANK_N: known by its size only */
};

struct kr_eventlog {
	struct alg	 algs[KR_EVENT_ALGS_MAX];
	uint32_t	 n_algs;
	bool		 has[KR_BANK_N];
	uint8_t		 locality;	/* that PCR 0 begins with */
	size_t		 n;
	struct kr_logevent *events;
};

static uint16_t le16(struct kr_rd *r) { return (uint16_t)kr_rd_le(r, 2); }
static uint32_t le32(struct kr_rd *r) { return (uint32_t)kr_rd_le(r, 4); }

/* ---- the first event ---------------------------------------------------- */

static bool is_text(const struct kr_logevent *v, const char *text)
{
	const size_t n = strlen(text) + 1;

	return v->n_data >= n && !memcmp(v->data, text, n);
}

/* TCG_PCR_EVENT, the only form there was before the TPM 2.0 */
static bool get_old(struct kr_rd *r, struct kr_logevent *v)
{
	*v = (struct kr_logevent){ 0 };
	v->pcr = le32(r);
	v->type = le32(r);
	kr_rd_take(r, SHA1_BYTES);
	v->n_data = le32(r);
	v->data = kr_rd_take(r, v->n_data);
	return !r->bad && v->pcr < KR_PCRS;
}

static bool get_alg(struct kr_eventlog *l, struct kr_rd *r)
{
	struct alg a;

	a.id = le16(r);
	a.n_bytes = le16(r);
	a.bank = kr_bank_of_alg(a.id);
	if (r->bad || !a.n_bytes || a.n_bytes > KR_PCR_BYTES_MAX)
		return false;
	for (uint32_t i = 0; i < l->n_algs; i++)
		if (l->algs[i].id == a.id)
			return false;
	if (a.bank < KR_BANK_N) {
		if (a.n_bytes != kr_bank_bytes(a.bank))
			return false;
		l->has[a.bank] = true;
	}
	l->algs[l->n_algs++] = a;
	return true;
}

/* TCG_EfiSpecIdEvent: which digests each event has, and how long they are */
static bool get_algs(struct kr_eventlog *l, const struct kr_logevent *v)
{
	struct kr_rd r = KR_RD(v->data, v->n_data);
	uint32_t n;

	kr_rd_take(&r, sizeof(AGILE));
	le32(&r);			/* platform class */
	kr_rd_take(&r, 4);		/* version, errata, size of UINTN */
	n = le32(&r);
	if (!n || n > KR_EVENT_ALGS_MAX)
		return false;
	while (n--)
		if (!get_alg(l, &r))
			return false;
	kr_rd_take(&r, kr_rd_u8(&r));	/* the vendor's */
	return kr_rd_done(&r);
}

static int get_first(struct kr_eventlog *l, struct kr_rd *r,
		     struct kr_logevent *ret_v, struct kr_err *e)
{
	if (!get_old(r, ret_v))
		return kr_fail(e, KR_E_EVENTLOG, "it has no first event");
	if (ret_v->type != KR_EV_NO_ACTION || !is_text(ret_v, AGILE))
		return kr_fail(e, KR_E_EVENTLOG_SHA1, "it does not begin with "
			       "the event that names its banks");
	if (ret_v->pcr || !get_algs(l, ret_v))
		return kr_fail(e, KR_E_EVENTLOG,
			       "the event that names its banks is malformed");
	for (enum kr_bank b = 0; b < KR_BANK_N; b++)
		if (l->has[b])
			return 0;
	return kr_fail(e, KR_E_EVENTLOG_SHA1,
		       "it has no bank of SHA-256, SHA-384 or SHA-512");
}

/* ---- the others --------------------------------------------------------- */

/* Every bank that was named, each once; their order is free. */
static bool get_digests(const struct kr_eventlog *l, struct kr_rd *r,
			struct kr_logevent *v)
{
	uint32_t seen = 0, n = le32(r);

	if (n != l->n_algs)
		return false;
	while (n--) {
		uint16_t id = le16(r);
		uint32_t i = 0;
		const uint8_t *d;

		while (i < l->n_algs && l->algs[i].id != id)
			i++;
		if (i == l->n_algs || seen & 1u << i)
			return false;
		seen |= 1u << i;
		d = kr_rd_take(r, l->algs[i].n_bytes);
		if (l->algs[i].bank < KR_BANK_N)
			v->digest[l->algs[i].bank] = d;
	}
	return !r->bad;
}

static bool pcr_fits(const struct kr_logevent *v)
{
	if (!kr_eventlog_extends(v))
		return v->pcr < KR_PCRS || v->pcr == KR_EVENT_PCR_NONE;
	return v->pcr < PCR_DYNAMIC || v->pcr == PCR_APPLICATION;
}

/* TCG_PCR_EVENT2 */
static bool get_event(const struct kr_eventlog *l, struct kr_rd *r,
		      struct kr_logevent *v)
{
	*v = (struct kr_logevent){ 0 };
	v->pcr = le32(r);
	v->type = le32(r);
	if (!pcr_fits(v) || !get_digests(l, r, v))
		return false;
	v->n_data = le32(r);
	v->data = kr_rd_take(r, v->n_data);
	return !r->bad;
}

static bool only_room(const struct kr_rd *r)
{
	for (const uint8_t *p = r->p; p < r->end; p++)
		if (*p)
			return false;
	return true;
}

/* The event, if it is one, says what PCR 0 begins with, before it is used. */
static bool take_locality(struct kr_eventlog *l, const struct kr_logevent *v,
			  bool used)
{
	uint8_t at;

	if (kr_eventlog_extends(v) || v->pcr || !is_text(v, LOCALITY))
		return true;
	if (used || v->n_data != sizeof(LOCALITY) + 1)
		return false;
	at = v->data[sizeof(LOCALITY)];
	l->locality = at;
	return at == 0 || at == 3 || at == 4;
}

/* @events NULL: only count. The second pass reads what the first one did. */
static int get_events(struct kr_eventlog *l, struct kr_rd r,
		      struct kr_logevent *events, size_t *ret_n,
		      struct kr_err *e)
{
	bool used = false;		/* PCR 0 */

	for (*ret_n = 1; !only_room(&r); ++*ret_n) {
		struct kr_logevent v;

		if (*ret_n == KR_EVENTS_MAX)
			return kr_fail(e, KR_E_EVENTLOG, "more than %u events",
				       KR_EVENTS_MAX);
		if (!get_event(l, &r, &v) || !take_locality(l, &v, used))
			return kr_fail(e, KR_E_EVENTLOG,
				       "event %zu is malformed", *ret_n);
		used = used || (!v.pcr && kr_eventlog_extends(&v));
		if (events)
			events[*ret_n] = v;
	}
	return 0;
}

int kr_eventlog_parse(const uint8_t *data, size_t n_bytes,
		      struct kr_eventlog **ret_l, struct kr_err *e)
{
	KR_AUTO(kr_eventlog_autofree) struct kr_eventlog *l = NULL;
	struct kr_rd r = KR_RD(data, n_bytes);
	struct kr_logevent first;
	int res;

	if (n_bytes > KR_EVENTLOG_BYTES_MAX)
		return kr_fail(e, KR_E_EVENTLOG, "larger than %u bytes",
			       KR_EVENTLOG_BYTES_MAX);
	l = calloc(1, sizeof(*l));
	if (!l)
		return kr_fail(e, KR_E_CRYPTO, "out of memory");
	res = get_first(l, &r, &first, e);
	if (!res)
		res = get_events(l, r, NULL, &l->n, e);
	if (res)
		return res;
	l->events = calloc(l->n, sizeof(*l->events));
	if (!l->events)
		return kr_fail(e, KR_E_CRYPTO, "out of memory");
	l->events[0] = first;
	res = get_events(l, r, l->events, &l->n, e);
	if (res)
		return res;
	*ret_l = l;
	l = NULL;
	return 0;
}

/* ---- what follows from it ------------------------------------------------ */

bool kr_eventlog_has(const struct kr_eventlog *l, enum kr_bank b)
{
	return l->has[b];
}

const struct kr_logevent *kr_eventlog_events(const struct kr_eventlog *l,
					  size_t *ret_n)
{
	*ret_n = l->n;
	return l->events;
}

int kr_eventlog_replay(const struct kr_eventlog *l, enum kr_bank b,
		       struct kr_pcrs *ret, struct kr_err *e)
{
	if (!l->has[b])
		return kr_fail(e, KR_E_EVENTLOG, "it has no bank %s",
			       kr_bank_name(b));
	*ret = (struct kr_pcrs){ .bank = b };
	ret->value[0][kr_bank_bytes(b) - 1] = l->locality;
	for (size_t i = 0; i < l->n; i++) {
		const struct kr_logevent *v = &l->events[i];

		if (!kr_eventlog_extends(v))
			continue;
		if (!kr_pcrs_extend(ret, v->pcr, v->digest[b]))
			return kr_fail(e, KR_E_CRYPTO, "cannot hash");
		ret->mask |= 1u << v->pcr;
	}
	return 0;
}

bool kr_eventlog_proved(const struct kr_logevent *v, enum kr_bank b)
{
	uint8_t d[KR_PCR_BYTES_MAX];

	return v->digest[b] &&
	       EVP_Digest(v->data, v->n_data, d, NULL, kr_bank_md(b),
			  NULL) == 1 &&
	       !memcmp(d, v->digest[b], kr_bank_bytes(b));
}

const char *kr_eventlog_type_name(uint32_t type)
{
	static const struct { uint32_t type; const char *name; } names[] = {
		{ 0x00000000, "EV_PREBOOT_CERT" },
		{ 0x00000001, "EV_POST_CODE" },
		{ KR_EV_NO_ACTION, "EV_NO_ACTION" },
		{ 0x00000004, "EV_SEPARATOR" },
		{ 0x00000005, "EV_ACTION" },
		{ 0x00000006, "EV_EVENT_TAG" },
		{ 0x00000007, "EV_S_CRTM_CONTENTS" },
		{ 0x00000008, "EV_S_CRTM_VERSION" },
		{ 0x00000009, "EV_CPU_MICROCODE" },
		{ 0x0000000a, "EV_PLATFORM_CONFIG_FLAGS" },
		{ 0x0000000b, "EV_TABLE_OF_DEVICES" },
		{ 0x0000000c, "EV_COMPACT_HASH" },
		{ 0x0000000d, "EV_IPL" },
		{ 0x0000000e, "EV_IPL_PARTITION_DATA" },
		{ 0x0000000f, "EV_NONHOST_CODE" },
		{ 0x00000010, "EV_NONHOST_CONFIG" },
		{ 0x00000011, "EV_NONHOST_INFO" },
		{ 0x00000012, "EV_OMIT_BOOT_DEVICE_EVENTS" },
		{ 0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG" },
		{ 0x80000002, "EV_EFI_VARIABLE_BOOT" },
		{ 0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION" },
		{ 0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER" },
		{ 0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER" },
		{ 0x80000006, "EV_EFI_GPT_EVENT" },
		{ 0x80000007, "EV_EFI_ACTION" },
		{ 0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB" },
		{ 0x80000009, "EV_EFI_HANDOFF_TABLES" },
		{ 0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2" },
		{ 0x8000000b, "EV_EFI_HANDOFF_TABLES2" },
		{ 0x8000000c, "EV_EFI_VARIABLE_BOOT2" },
		{ 0x8000000d, "EV_EFI_GPT_EVENT2" },
		{ 0x80000010, "EV_EFI_HCRTM_EVENT" },
		{ 0x800000e0, "EV_EFI_VARIABLE_AUTHORITY" },
		{ 0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB" },
		{ 0x800000e2, "EV_EFI_SPDM_FIRMWARE_CONFIG" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return NULL;
}

void kr_eventlog_free(struct kr_eventlog *l)
{
	if (!l)
		return;
	free(l->events);
	free(l);
}
