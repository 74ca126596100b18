/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attestcmd.c - korora attest show, enrol and forget: the keys that this host's
 * TPM, and those of peers, sign quotes with. korora attest log: what a host's firmware says that it booted, and the
 * PCR values that this leads to, from a file alone; it proves nothing before a
 * quote does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attest/eventtext.h"
#include "client/columns.h"
#include "client/commands.h"

static json_t *event_json(const struct kr_logevent *v, size_t i, enum kr_bank b)
{
	const char *type = kr_eventlog_type_name(v->type);
	char text[KR_EVENTTEXT_BYTES], hex[2 * KR_PCR_BYTES_MAX + 1];
	char number[16];
	json_t *j;

	snprintf(number, sizeof(number), "0x%08x", v->type);
	kr_eventtext(v, text);
	j = json_pack("{s:I, s:s, s:s, s:I}", "event", (json_int_t)i, "type",
		      type ? type : number, "text", text, "data_bytes",
		      (json_int_t)v->n_data);
	if (!kr_eventlog_extends(v))
		return j;
	kr_hex(v->digest[b], kr_bank_bytes(b), hex);
	json_object_set_new(j, "pcr", json_integer(v->pcr));
	json_object_set_new(j, "digest", json_string(hex));
	json_object_set_new(j, "proved",
			    json_boolean(kr_eventlog_proved(v, b)));
	return j;
}

static json_t *pcrs_json(const struct kr_pcrs *p)
{
	json_t *all = json_array();
	char hex[2 * KR_PCR_BYTES_MAX + 1];

	for (unsigned int i = 0; i < KR_PCRS; i++) {
		if (!(p->mask & 1u << i))
			continue;
		kr_hex(p->value[i], kr_bank_bytes(p->bank), hex);
		json_array_append_new(all, json_pack("{s:i, s:s}", "pcr",
						     (int)i, "value", hex));
	}
	return all;
}

static json_t *log_json(const struct kr_eventlog *l, const struct kr_pcrs *p)
{
	json_t *events = json_array();
	size_t n;
	const struct kr_logevent *v = kr_eventlog_events(l, &n);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(events, event_json(&v[i], i, p->bank));
	return json_pack("{s:s, s:o, s:o}", "bank", kr_bank_name(p->bank),
			 "events", events, "pcrs", pcrs_json(p));
}

static void tell(const json_t *j)
{
	static const struct kr_column events[] = {
		{ "Event", "event", KR_CELL_COUNT },
		{ "PCR", "pcr", KR_CELL_COUNT },
		{ "Digest", "digest", KR_CELL_ID },
		{ "Proved", "proved", KR_CELL_TEXT },
		{ "Type", "type", KR_CELL_TEXT },
		{ "Text", "text", KR_CELL_TEXT },
	};
	static const struct kr_column pcrs[] = {
		{ "PCR", "pcr", KR_CELL_COUNT },
		{ "Value", "value", KR_CELL_TEXT },
	};

	kr_columns_table(json_object_get(j, "events"), events, KR_N(events),
			 "no events");
	printf("\nthey lead to, in the bank %s:\n\n",
	       json_string_value(json_object_get(j, "bank")));
	kr_columns_table(json_object_get(j, "pcrs"), pcrs, KR_N(pcrs),
			 "no PCR is extended");
}

/* Where no bank is named: the first one that the log has. */
static enum kr_bank choose(const struct kr_eventlog *l, const char *name)
{
	enum kr_bank b = 0;

	if (name)
		return kr_bank_of_name(name);
	while (!kr_eventlog_has(l, b))
		b++;
	return b;
}

int kr_attestcmd_log(struct kr_cli *c, int argc, char **argv)
{
	const char *bank[2] = { NULL }, *file;
	const struct kr_option opts[] = {
		{ .name = "bank", .values = bank, .max = 1 },
	};
	KR_AUTO(kr_eventlog_autofree) struct kr_eventlog *l = NULL;
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	KR_AUTOFREE char *data = NULL;
	struct kr_err e = KR_ERR_NONE;
	struct kr_pcrs p;
	size_t n;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &file);

	if (r)
		return r;
	if (bank[0] && kr_bank_of_name(bank[0]) == KR_BANK_N)
		return kr_cli_usage(c, "--bank is sha256, sha384 or sha512");
	r = kr_read_file(file, KR_EVENTLOG_BYTES_MAX, &data, &n);
	if (r)
		kr_fail(&e, KR_E_EVENTLOG, "%s: %s", file,
			r == -E2BIG ? "too long" : strerror(-r));
	else
		r = kr_eventlog_parse((const uint8_t *)data, n, &l, &e);
	if (!r)
		r = kr_eventlog_replay(l, choose(l, bank[0]), &p, &e);
	if (r)
		return kr_cli_fail(c, &e);
	j = log_json(l, &p);
	kr_cli_result(c, j);
	if (!c->json)
		tell(j);
	return 0;
}

/* ---- keys ----------------------------------------------------------------- */

static const struct kr_column own[] = {
	{ "Attestation key", "key", KR_CELL_TEXT },
	{ "Lives in the TPM", "ek_subject", KR_CELL_TEXT },
	{ "As says", "ek_issuer", KR_CELL_TEXT },
	{ "Who is trusted", "ek_vouched", KR_CELL_TEXT },
	{ "Its clock, ms", "clock_ms", KR_CELL_COUNT },
	{ "Never said before", "clock_safe", KR_CELL_TEXT },
	{ "Boots", "resets", KR_CELL_COUNT },
	{ "Resumed since", "restarts", KR_CELL_COUNT },
};

static const struct kr_column peers[] = {
	{ "Host", "host", KR_CELL_TEXT },
	{ "Attestation key", "key", KR_CELL_TEXT },
	{ "Lives in the TPM", "ek_subject", KR_CELL_TEXT },
	{ "As said", "ek_issuer", KR_CELL_TEXT },
	{ "Who was trusted", "ek_vouched", KR_CELL_TEXT },
	{ "Enrolled", "enrolled_ms", KR_CELL_TIME },
	{ "By", "enrolled_by", KR_CELL_TEXT },
};

/* @name: NULL for this host's own. */
static int tell_key(struct kr_cli *c, const char *method, const char *name)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	int r = kr_cli_call(c, method, json_pack("{s:s*}", "name", name),
			    NULL, NULL, &j);

	if (r)
		return r;
	kr_cli_result(c, j);
	if (c->json)
		return 0;
	if (name)
		kr_columns_card(j, peers, KR_N(peers));
	else
		kr_columns_card(j, own, KR_N(own));
	return 0;
}

int kr_attestcmd_show(struct kr_cli *c, int argc, char **argv)
{
	const char *name = NULL;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 0, 1, &name);

	return r ? r : tell_key(c, "attest.show", name);
}

int kr_attestcmd_enrol(struct kr_cli *c, int argc, char **argv)
{
	const char *name;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &name);

	return r ? r : tell_key(c, "attest.enrol", name);
}

int kr_attestcmd_forget(struct kr_cli *c, int argc, char **argv)
{
	const char *name;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &name);

	return r ? r : kr_cli_do(c, "attest.forget",
				 json_pack("{s:s}", "name", name),
				 "the attestation key of %s is forgotten",
				 name);
}
