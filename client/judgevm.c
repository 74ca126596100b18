/* SPDX-License-Identifier: Apache-2.0 */
/* judgevm.c - see judgevm.h. Used by korora report. */
#include "client/judgevm.h"

#include <string.h>

#include "client/casefile.h"
#include "client/human.h"
#include "evidence/terms.h"

#define LATE_PERCENT	125	/* of what was predicted is still as predicted */

/* ---- the VM ------------------------------------------------------------ */

void kr_judgevm_definition(const json_t *file, struct kr_judgement *j)
{
	const json_t *a, *b;
	const char *digest;

	if (!kr_judge_both(j, file, "offer", "acceptance", &a, &b))
		return;
	digest = kr_casefile_subject(a, 0);
	if (!*digest || strcmp(digest, kr_casefile_subject(b, 0)))
		kr_judge_differ(j, "the definition");
	else
		kr_judge_say(j, KR_RESULT_OBTAINED, "Both signed SHA-256 %s.",
			     digest);
}

/* What the last root is of, as was signed; formerly that was not said. */
static const char *covered(const json_t *d)
{
	const char *covers = json_string_value(
		kr_casefile_say(d, "postcopy.covers"));

	if (covers && !strcmp(covers, KR_COVERS_RESUMED))
		return "what came since QEMU was last resumed, and not of "
		       "what came before that";
	if (covers || !kr_judge_number(d, "postcopy.recoveries"))
		return "all memory";
	return "all memory, or of what came since QEMU was last resumed";
}

/* What came after the VM ran at the destination. */
static void late_memory(const json_t *file, struct kr_judgement *j)
{
	const json_t *d = kr_casefile_either(file, "complete");
	const json_t *receipt = kr_casefile_proved(file, "receipt");
	const char *root = kr_casefile_hex(d, "postcopy.ram_root");

	if (!d) {
		kr_judge_lacks(j, file, "complete", kr_casefile_to(file));
		return;
	}
	kr_judge_by(j, d);
	if (json_is_true(kr_casefile_say(d, "postcopy.lost"))) {
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
			     "The VM ran before its memory was there, and "
			     "never got all of it.");
		return;
	}
	kr_judge_also(j, " The VM ran then, before the rest was there: %llu "
			 "pages came later, each in a batch that both data "
			 "planes had sealed alike, and none replaced another. "
			 "That is what the software does, not a digest to "
			 "compare.",
		      kr_judge_number(d, "postcopy.late_pages"));
	if (json_is_true(kr_casefile_say(d, "postcopy.off"))) {
		kr_judge_also(j, " It powered itself off before all of them "
				 "had come, and needed no more: there is no "
				 "last root.");
		return;
	}
	if (!*root) {
		kr_judge_also(j, " A last root of all of it is not known.");
		return;
	}
	kr_judge_also(j, " In the end %s signed the root %.16s… of %s.",
		      kr_casefile_same(d, receipt, "postcopy.ram_root") ?
		      "both" : kr_casefile_to(file), root, covered(d));
	kr_judge_by(j, receipt);
}

void kr_judgevm_memory(const json_t *file, struct kr_judgement *j)
{
	const json_t *a, *b;
	bool early;

	if (!kr_judge_both(j, file, "manifest", "prepared", &a, &b))
		return;
	if (!kr_casefile_same_stream(a, b)) {
		kr_judge_differ(j, "the memory");
		return;
	}
	early = json_is_object(kr_casefile_say(a, "postcopy"));
	if (json_is_true(kr_casefile_say(a, "stream.opaque")))
		kr_judge_say(
			j, KR_RESULT_OBTAINED,
			"The hypervisor's stream was not understood and "
			"carried whole: both signed SHA-256 %s of all of it, "
			"before the first instruction. There is no evidence of "
			"single pages.",
			kr_casefile_hex(a, "stream.sha256"));
	else
		kr_judge_say(j, KR_RESULT_OBTAINED,
			     "Both signed the root %s over %s of %llu bytes of "
			     "memory, before the first instruction.",
			     kr_casefile_hex(a, "stream.ram_root"),
			     early ? "what had come by then" : "all",
			     kr_judge_number(a, "stream.ram_bytes"));
	if (early)
		late_memory(file, j);
}

void kr_judgevm_devices(const json_t *file, struct kr_judgement *j)
{
	const json_t *a, *b;

	if (!kr_judge_both(j, file, "manifest", "prepared", &a, &b))
		return;
	if (!kr_casefile_same_stream(a, b))
		kr_judge_differ(j, "the device state");
	else if (json_is_true(kr_casefile_say(a, "stream.opaque")))
		kr_judge_say(j, KR_RESULT_OBTAINED,
			     "It is part of the stream that both signed whole.");
	else
		kr_judge_say(j, KR_RESULT_OBTAINED,
			     "Both signed SHA-256 %s, before the first "
			     "instruction.",
			     kr_casefile_hex(a, "stream.device_sha256"));
}

/* ---- in the end -------------------------------------------------------- */

/* Could there be a release all the same? Only of all there is one can tell. */
static bool doubtful(const json_t *file)
{
	return !json_is_true(json_object_get(kr_casefile_id(file, "log"),
					     "whole")) ||
	       json_is_true(json_object_get(file, "cut")) ||
	       kr_casefile_hidden(file) ||
	       kr_casefile_altered(file, NULL) ||
	       kr_casefile_unread(file, "release") ||
	       kr_casefile_unread(file, "owner");
}

/* Nothing was released, as far as a log tells that has lost nothing. */
static void kept(const json_t *file, struct kr_judgement *j)
{
	const json_t *abort = kr_casefile_proved(file, "abort");

	kr_judge_by(j, kr_casefile_id(file, "log"));
	if (doubtful(file)) {
		kr_judge_say(j, KR_RESULT_UNKNOWN,
			     "No release verifies, but what is on record "
			     "cannot be relied on, or was not all seen.");
		return;
	}
	kr_judge_say(j, KR_RESULT_OBTAINED,
		     "The log has neither a release nor an owner statement: by "
		     "it the right to run the VM was %s's all the time.",
		     kr_casefile_from(file));
	if (!abort)
		return;
	kr_judge_also(j, " %s signed that it called the migration off.",
		      kr_casefile_from(file));
	kr_judge_by(j, abort);
}

void kr_judgevm_ownership(const json_t *file, struct kr_judgement *j)
{
	const json_t *release = kr_casefile_proved(file, "release");
	const json_t *owner = kr_casefile_proved(file, "owner");
	const json_t *disown = kr_casefile_proved(file, "disown");
	const json_t *receipt = kr_casefile_proved(file, "receipt");

	release = release ? release : receipt;
	owner = owner ? owner : receipt;
	kr_judge_by(j, release);
	kr_judge_by(j, owner);
	if (release && owner && !disown &&
	    kr_casefile_same(release, owner, "to.keyid") &&
	    json_equal(kr_casefile_say(release, "epoch"),
		       kr_casefile_say(owner, "epoch"))) {
		kr_judge_say(j, KR_RESULT_OBTAINED,
			     "%s signed its release and %s then that it owns "
			     "the VM, both of epoch %llu.",
			     kr_casefile_from(file), kr_casefile_to(file),
			     kr_judge_number(owner, "epoch"));
	} else if (release && disown && !owner) {
		kr_judge_by(j, disown);
		kr_judge_say(j, KR_RESULT_OBTAINED,
			     "%s signed its release, and %s that it gives the "
			     "VM back without having run it.",
			     kr_casefile_from(file), kr_casefile_to(file));
	} else if (owner && disown) {
		kr_judge_by(j, disown);
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
			     "%s signed both that it owns the VM and that it "
			     "gives it back.",
			     kr_casefile_to(file));
	} else if (release || owner) {
		kr_judge_lacks(j, file, release ? "owner" : "release",
			       release ? kr_casefile_to(file)
				       : kr_casefile_from(file));
	} else if (kr_casefile_over(file) && !kr_casefile_moved(file)) {
		kept(file, j);
	} else {
		kr_judge_lacks(j, file, "release", kr_casefile_from(file));
	}
}

void kr_judgevm_nonrepudiation(const json_t *file, struct kr_judgement *j)
{
	const json_t *d = kr_casefile_proved(file, "receipt");

	if (!d || kr_casefile_bad(file, "receipt")) {
		kr_judge_lacks(j, file, "receipt", "both hosts");
		kr_judge_by(j, d);
		if (d)
			kr_judge_also(
				j,
				" Another copy of it on record does verify.");
		return;
	}
	kr_judge_by(j, d);
	kr_judge_say(j, KR_RESULT_OBTAINED,
		     "%s and %s signed one receipt, SHA-256 %s.",
		     kr_casefile_from(file), kr_casefile_to(file),
		     kr_casefile_text(d, "payload_sha256"));
}

/* The entries about this migration, and what is proved of them. */
struct proofs {
	unsigned int n, n_proved, n_cosigned;	/* by whom it moved to or from */
	json_int_t   size;		/* of the largest log that was proved */
	const json_t *bad;		/* the first that is not proved */
};

static bool cosigned(const json_t *d, const char *peer)
{
	const json_t *by;
	size_t i;

	json_array_foreach(json_object_get(d, "cosigned_by"), i, by)
		if (!strcmp(json_string_value(by) ? json_string_value(by) :
						    "", peer))
			return true;
	return false;
}

static struct proofs count_proofs(const json_t *file, const char *peer)
{
	struct proofs p = { .n = 0 };
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(file, "data"), i, d) {
		json_int_t size = json_integer_value(json_object_get(d,
							"log_size"));

		if (!json_object_get(d, "index"))
			continue;
		p.n++;
		p.n_cosigned += cosigned(d, peer);
		if (json_is_true(json_object_get(d, "proved")))
			p.n_proved++;
		else if (!p.bad || json_is_false(json_object_get(d, "proved")))
			p.bad = p.bad && json_is_false(json_object_get(p.bad,
						       "proved")) ? p.bad : d;
		p.size = size > p.size ? size : p.size;
	}
	return p;
}

/* What kororad says of all of it, beside what is proved of these. */
static void say_whole(const json_t *whole, struct kr_judgement *j)
{
	kr_judge_by(j, whole);
	if (json_is_true(json_object_get(whole, "whole")))
		kr_judge_also(j, " kororad read all %" JSON_INTEGER_FORMAT
			      " entries again and found them whole.",
			      json_integer_value(json_object_get(whole,
								 "entries")));
	else
		kr_judge_also(j, " Of the rest of it kororad says nothing: "
			      "%.200s.", kr_casefile_text(whole, "why"));
}

void kr_judgevm_log(const json_t *file, struct kr_judgement *j)
{
	const json_t *whole = kr_casefile_id(file, "log");
	const char *host = kr_casefile_text(file, "host");
	const char *peer = strcmp(kr_casefile_side(file), "from") ?
		kr_casefile_from(file) : kr_casefile_to(file);
	struct proofs p = count_proofs(file, peer);

	kr_judge_by(j, p.bad);
	if (kr_casefile_altered(file, whole)) {
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
			     "It does not verify: %.200s.",
			     kr_casefile_text(whole, "why"));
		kr_judge_by(j, whole);
	} else if (!p.n && kr_casefile_hidden(file)) {
		kr_judge_say(j, KR_RESULT_UNKNOWN,
			     "It shows nothing of this migration.");
		kr_judge_by(j, whole);
	} else if (!p.n) {
		kr_judge_say(j, KR_RESULT_NOT_OBTAINED,
			     "It has nothing of this migration.");
		kr_judge_by(j, whole);
	} else if (p.bad) {
		kr_judge_say(j, json_is_false(json_object_get(p.bad,
				"proved")) ? KR_RESULT_NOT_OBTAINED :
				KR_RESULT_UNKNOWN,
			     "%u of the %u entries about it are proved to be "
			     "in the log of %s; of one: %.200s.", p.n_proved,
			     p.n, host, kr_casefile_text(p.bad, "unproved"));
	} else {
		kr_judge_say(j, KR_RESULT_OBTAINED,
			     "Each of the %u entries about it is proved to be "
			     "in the log of %s, of %" JSON_INTEGER_FORMAT
			     " entries, whose checkpoint has its valid "
			     "signature; %u of them in one that %s cosigned.",
			     p.n, host, p.size, p.n_cosigned, peer);
		say_whole(whole, j);
	}
}

static bool over(unsigned long long real, unsigned long long planned)
{
	return real > planned * LATE_PERCENT / 100;
}

/* What it was predicted by, as was signed; formerly by plans alone. */
static const struct basis { const char *word, *because; } bases[] = {
	{ KR_BASIS_PLAN, "a plan that was made for it" },
	{ KR_BASIS_HISTORY, "what migrations before it had taken" },
	{ KR_BASIS_SIZE, "its memory and the link alone" },
};

static const struct basis *basis_of(const json_t *offer)
{
	const char *word = json_string_value(kr_casefile_say(
						offer, "predicted.basis"));

	for (size_t i = 0; word && i < sizeof(bases) / sizeof(*bases); i++)
		if (!strcmp(bases[i].word, word))
			return &bases[i];
	return &bases[0];
}

/* By how much it was more, in percent; against nothing, nothing. */
static double deviation(double real, double planned)
{
	return planned > 0 ? (real - planned) / planned * 100 : 0;
}

/* It can be judged whoever made it; only a plan was asked for. */
void kr_judgevm_prediction(const json_t *file, struct kr_judgement *j)
{
	const json_t *offer = kr_casefile_either(file, "offer");
	const json_t *d = kr_casefile_proved(file, "receipt");
	unsigned long long ms, us, wire, all, still, sent;
	char h[6][KR_HUMAN_BYTES];
	const struct basis *by;

	if (!offer) {
		j->asked = KR_ASKED_UNKNOWN;
		kr_judge_lacks(j, file, "offer", kr_casefile_from(file));
		return;
	}
	kr_judge_by(j, offer);
	if (!json_is_object(kr_casefile_say(offer, "predicted"))) {
		j->asked = KR_ASKED_NO;
		kr_judge_say(j, KR_RESULT_NOT_ASKED,
			     "It was not predicted.");
		return;
	}
	by = basis_of(offer);
	j->asked = by == bases ? KR_ASKED_YES : KR_ASKED_NO;
	if (!d) {
		kr_judge_lacks(j, file, "receipt", "both hosts");
		return;
	}
	kr_judge_by(j, d);
	all = kr_judge_number(offer, "predicted.total_ms");
	still = kr_judge_number(offer, "predicted.downtime_ms");
	sent = kr_judge_number(offer, "predicted.wire_bytes");
	ms = kr_judge_number(d, "total_ms");
	us = kr_judge_number(d, "downtime_us");
	wire = kr_judge_number(d, "wire_bytes");
	kr_judge_say(j,
		     over(ms, all) || over(us, still * 1000)
			     ? KR_RESULT_NOT_OBTAINED
			     : KR_RESULT_OBTAINED,
		     "It took %s where %s was predicted (%+.0f %%), the VM "
		     "stood still for %s where that was %s (%+.0f %%), and %s "
		     "was sent where that was %s (%+.0f %%). It was predicted "
		     "by %s.",
		     kr_human_span((double)ms, h[0]),
		     kr_human_span((double)all, h[1]),
		     deviation((double)ms, (double)all),
		     kr_human_span((double)us / 1000, h[2]),
		     kr_human_span((double)still, h[3]),
		     deviation((double)us / 1000, (double)still),
		     kr_human_size((double)wire, h[4]),
		     kr_human_size((double)sent, h[5]),
		     deviation((double)wire, (double)sent), by->because);
}
