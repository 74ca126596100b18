/* SPDX-License-Identifier: Apache-2.0 */
/* receiptview.c - see receiptview.h. Used by korora receipt. */
#include "client/receiptview.h"

#include "base/fd.h"
#include "client/cli.h"
#include "client/columns.h"
#include "evidence/fingerprint.h"

static void put_hex(json_t *j, const char *key, const uint8_t *in, size_t n)
{
	char hex[65];

	kr_hex(in, n, hex);
	json_object_set_new(j, key, json_string(hex));
}

static void put_fingerprint(json_t *j, const char *key, const uint8_t *keyid)
{
	char fp[KR_FINGERPRINT_BYTES];

	kr_fingerprint_put(keyid, fp);
	json_object_set_new(j, key, json_string(fp));
}

static void put_number(json_t *j, const char *key, uint64_t v)
{
	json_object_set_new(j, key, json_integer((json_int_t)v));
}

static json_t *protection(const struct kr_terms *t)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s}", "tls",
			 t->protection.control_tls, "control_suite",
			 t->protection.control_suite, "lane_suite",
			 t->protection.lane_suite, "lanes",
			 (int)t->protection.n_lanes, "attestation",
			 t->protection.attestation, "stream",
			 t->stream.opaque ? "opaque" : "parsed");
}

json_t *kr_receiptview_json(const struct kr_terms *t)
{
	json_t *j = json_object();

	put_hex(j, "migration", t->migration, sizeof(t->migration));
	json_object_set_new(j, "vm", json_string(t->vm));
	put_number(j, "epoch", t->epoch);
	put_hex(j, "definition", t->definition, sizeof(t->definition));
	json_object_set_new(j, "from", json_string(t->from_name));
	put_fingerprint(j, "from_fingerprint", t->from_keyid);
	json_object_set_new(j, "to", json_string(t->to_name));
	put_fingerprint(j, "to_fingerprint", t->to_keyid);
	json_object_set_new(j, "requested_by", json_string(t->requested_by));
	json_object_set_new(j, "strategy", json_string(t->strategy));
	put_number(j, "requested_ms", t->times.requested_ms);
	put_number(j, "released_ms", t->times.released_ms);
	put_number(j, "running_ms", t->times.running_ms);
	put_number(j, "total_ms", t->total_ms);
	json_object_set_new(j, "downtime_ms",
			    json_real((double)t->downtime_us / 1000));
	put_number(j, "rounds", t->rounds);
	if (!t->stream.opaque) {
		put_number(j, "ram_bytes", t->stream.ram_bytes);
		put_hex(j, "ram_root", t->stream.ram_root, 32);
	}
	put_hex(j, t->stream.opaque ? "stream_digest" : "device_digest",
		t->stream.device_digest, 32);
	put_number(j, "stream_bytes", t->stream.stream_bytes);
	put_number(j, "wire_bytes", t->wire_bytes);
	json_object_set_new(j, "protection", protection(t));
	return j;
}

void kr_receiptview_print(json_t *view)
{
	static const struct kr_column cols[] = {
		{ "VM", "vm", KR_CELL_TEXT },
		{ "From", "from", KR_CELL_TEXT },
		{ "", "from_fingerprint", KR_CELL_TEXT },
		{ "To", "to", KR_CELL_TEXT },
		{ "", "to_fingerprint", KR_CELL_TEXT },
		{ "Runs there since", "running_ms", KR_CELL_TIME },
		{ "Requested", "requested_ms", KR_CELL_TIME },
		{ "Requested by", "requested_by", KR_CELL_TEXT },
		{ "Migration", "migration", KR_CELL_TEXT },
		{ "Epoch", "epoch", KR_CELL_COUNT },
		{ "Definition", "definition", KR_CELL_TEXT },
		{ "RAM root", "ram_root", KR_CELL_TEXT },
		{ "RAM", "ram_bytes", KR_CELL_SIZE },
		{ "Devices", "device_digest", KR_CELL_TEXT },
		{ "Stream", "stream_digest", KR_CELL_TEXT },
		{ "Sent", "wire_bytes", KR_CELL_SIZE },
		{ "Strategy", "strategy", KR_CELL_TEXT },
		{ "Rounds", "rounds", KR_CELL_COUNT },
		{ "Total time", "total_ms", KR_CELL_SPAN },
		{ "Downtime", "downtime_ms", KR_CELL_SPAN },
		{ "Protection", "tls", KR_CELL_TEXT },
		{ "Control suite", "control_suite", KR_CELL_TEXT },
		{ "Lanes' suite", "lane_suite", KR_CELL_TEXT },
		{ "Lanes", "lanes", KR_CELL_COUNT },
		{ "Attestation", "attestation", KR_CELL_TEXT },
		{ "Hypervisor data", "stream", KR_CELL_TEXT },
	};
	KR_AUTO(kr_cli_decref) json_t *flat = json_object();

	json_object_update(flat, view);
	json_object_update(flat, json_object_get(view, "protection"));
	kr_columns_card(flat, cols, KR_N(cols));
}
