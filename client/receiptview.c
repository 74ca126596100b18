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

/* It ran before all of its memory was there. */
static void put_postcopy(json_t *j, const struct kr_terms *t)
{
	json_t *p = json_pack("{s:b, s:b, s:b, s:I, s:I, s:I, s:i, s:I}",
			      "lost", (int)t->postcopy.lost, "off",
			      (int)t->postcopy.off, "preempt",
			      (int)t->preempt, "owed_pages",
			      (json_int_t)t->postcopy.owed_pages,
			      "late_pages", (json_int_t)t->postcopy.late_pages,
			      "complete_ms",
			      (json_int_t)t->postcopy.complete_ms,
			      "recoveries", (int)t->postcopy.recoveries,
			      "stream_bytes",
			      (json_int_t)t->postcopy.stream_bytes);

	put_hex(p, "ram_root", t->postcopy.ram_root, 32);
	if (t->postcopy.covers[0])
		json_object_set_new(p, "covers",
				    json_string(t->postcopy.covers));
	json_object_set_new(j, "postcopy", p);
}

static void put_policy(json_t *j, const char *key, const struct kr_inforce *p)
{
	char hex[65];

	if (!p->name[0])
		return;
	kr_hex(p->digest, sizeof(p->digest), hex);
	json_object_set_new(j, key, json_pack("{s:s, s:I, s:s}", "name",
		p->name, "version", (json_int_t)p->version, "sha256", hex));
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
	put_policy(j, "from_policy", &t->from_policy);
	put_policy(j, "to_policy", &t->to_policy);
	if (t->approvals)
		put_number(j, "approvals", t->approvals);
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
	if (t->predicted.total_ms)
		json_object_set_new(j, "predicted", json_pack(
			"{s:s?, s:I, s:I, s:I}", "basis",
			t->predicted.basis[0] ? t->predicted.basis : NULL,
			"total_ms",
			(json_int_t)t->predicted.total_ms, "downtime_ms",
			(json_int_t)t->predicted.downtime_ms, "wire_bytes",
			(json_int_t)t->predicted.wire_bytes));
	else
		json_object_set_new(j, "predicted", json_null());
	if (t->postcopy.early)
		put_postcopy(j, t);
	if (t->throttle)
		json_object_set_new(j, "throttle", json_string("allowed"));
	json_object_set_new(j, "protection", protection(t));
	return j;
}

static void copy(json_t *to, const char *as, const json_t *from,
		 const char *key)
{
	json_object_set(to, as, json_object_get(from, key));
}

static void flatten_policy(json_t *flat, const char *as, const json_t *p)
{
	if (p)
		json_object_set_new(flat, as, json_sprintf(
			"%s, version %" JSON_INTEGER_FORMAT ", %s",
			json_string_value(json_object_get(p, "name")),
			json_integer_value(json_object_get(p, "version")),
			json_string_value(json_object_get(p, "sha256"))));
}

/* The same for people: a line only for what is known. */
static void flatten_postcopy(json_t *flat, const json_t *p)
{
	bool lost = json_is_true(json_object_get(p, "lost"));

	if (!p)
		return;
	json_object_set_new(flat, "early", json_string(lost ?
			    "yes, and never got all of its memory" :
			    json_is_true(json_object_get(p, "off")) ?
			    "yes, and was off before all of it was there" :
			    "yes, before all of its memory was there"));
	copy(flat, "owed_pages", p, "owed_pages");
	copy(flat, "late_pages", p, "late_pages");
	copy(flat, "recoveries", p, "recoveries");
	if (json_integer_value(json_object_get(p, "complete_ms")))
		copy(flat, "complete_ms", p, "complete_ms");
	if (!json_integer_value(json_object_get(p, "stream_bytes")))
		return;
	copy(flat, "last_root", p, "ram_root");
	copy(flat, "covers", p, "covers");
}

void kr_receiptview_print(json_t *view)
{
	static const struct kr_column cols[] = {
		{ "VM", "vm", KR_CELL_TEXT },
		{ "From", "from", KR_CELL_TEXT },
		{ "", "from_fingerprint", KR_CELL_TEXT },
		{ "  by policy", "from_decided", KR_CELL_TEXT },
		{ "To", "to", KR_CELL_TEXT },
		{ "", "to_fingerprint", KR_CELL_TEXT },
		{ "  by policy", "to_decided", KR_CELL_TEXT },
		{ "Runs there since", "running_ms", KR_CELL_TIME },
		{ "Ran early", "early", KR_CELL_TEXT },
		{ "Owed pages", "owed_pages", KR_CELL_COUNT },
		{ "Late pages", "late_pages", KR_CELL_COUNT },
		{ "Complete", "complete_ms", KR_CELL_TIME },
		{ "Recoveries", "recoveries", KR_CELL_COUNT },
		{ "Requested", "requested_ms", KR_CELL_TIME },
		{ "Requested by", "requested_by", KR_CELL_TEXT },
		{ "Approvals", "approvals", KR_CELL_COUNT },
		{ "Migration", "migration", KR_CELL_TEXT },
		{ "Epoch", "epoch", KR_CELL_COUNT },
		{ "Definition", "definition", KR_CELL_TEXT },
		{ "RAM root", "ram_root", KR_CELL_TEXT },
		{ "  in the end", "last_root", KR_CELL_TEXT },
		{ "  which covers", "covers", KR_CELL_TEXT },
		{ "RAM", "ram_bytes", KR_CELL_SIZE },
		{ "Devices", "device_digest", KR_CELL_TEXT },
		{ "Stream", "stream_digest", KR_CELL_TEXT },
		{ "Sent", "wire_bytes", KR_CELL_SIZE },
		{ "  predicted", "predicted_wire", KR_CELL_SIZE },
		{ "Strategy", "strategy", KR_CELL_TEXT },
		{ "Rounds", "rounds", KR_CELL_COUNT },
		{ "Total time", "total_ms", KR_CELL_SPAN },
		{ "  predicted", "predicted_total", KR_CELL_SPAN },
		{ "Downtime", "downtime_ms", KR_CELL_SPAN },
		{ "  predicted", "predicted_downtime", KR_CELL_SPAN },
		{ "Predicted by", "predicted_by", KR_CELL_TEXT },
		{ "Predicted", "unpredicted", KR_CELL_TEXT },
		{ "Throttling", "throttle", KR_CELL_TEXT },
		{ "Protection", "tls", KR_CELL_TEXT },
		{ "Control suite", "control_suite", KR_CELL_TEXT },
		{ "Lanes' suite", "lane_suite", KR_CELL_TEXT },
		{ "Lanes", "lanes", KR_CELL_COUNT },
		{ "Attestation", "attestation", KR_CELL_TEXT },
		{ "Hypervisor data", "stream", KR_CELL_TEXT },
	};
	KR_AUTO(kr_cli_decref) json_t *flat = json_object();
	json_t *predicted = json_object_get(view, "predicted");

	json_object_update(flat, view);
	json_object_update(flat, json_object_get(view, "protection"));
	if (json_is_object(predicted)) {
		copy(flat, "predicted_total", predicted, "total_ms");
		copy(flat, "predicted_downtime", predicted, "downtime_ms");
		copy(flat, "predicted_wire", predicted, "wire_bytes");
		if (json_is_string(json_object_get(predicted, "basis")))
			copy(flat, "predicted_by", predicted, "basis");
	} else {
		json_object_set_new(flat, "unpredicted", json_string("no"));
	}
	flatten_policy(flat, "from_decided", json_object_get(view,
							     "from_policy"));
	flatten_policy(flat, "to_decided", json_object_get(view,
							   "to_policy"));
	flatten_postcopy(flat, json_object_get(view, "postcopy"));
	kr_columns_card(flat, cols, KR_N(cols));
}
