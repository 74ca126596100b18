/* SPDX-License-Identifier: Apache-2.0 */
/* criteria.c - the table of criteria.h: texts alone, no code. */
#include "client/criteria.h"

#include <stddef.h>

const struct kr_criterion_row kr_criteria[KR_CRITERION_N] = {
	[KR_CRITERION_AUTHENTICATION] = { KR_DEMAND_ALWAYS, true,
		"authentication", "Mutual authentication",
		"Each host proves its identity to the other before anything "
		"of the VM is sent.",
		"The source signed an offer and the destination its "
		"acceptance, for the same session; each signature verifies "
		"with the key of the certificate known here for that name.",
		"offer, acceptance" },
	[KR_CRITERION_AUTHORISATION] = { KR_DEMAND_ALWAYS, true,
		"authorisation", "Authorised request",
		"Only a user to whom the policy allows it starts a migration "
		"of this VM to that destination.",
		"The source signed who asked, and where to. That its policy "
		"allowed him both is the source's word.",
		"offer" },
	[KR_CRITERION_DESTINATION] = { KR_DEMAND_POLICY, true,
		"destination", "Allowed destination",
		"The VM goes to no other host than those to which the source's "
		"policy lets who asked for it have it go.",
		"The policy is the one that the offer names, kept by its "
		"digest: the destinations of its triples for this VM and for "
		"who asked, by name or for a role; which roles he had then is "
		"not known. Held against the host that accepted, whose "
		"signature verifies with the key of the certificate known "
		"here for that name.",
		"offer, acceptance, the source's policy" },
	[KR_CRITERION_APPROVALS] = { KR_DEMAND_POLICY, true,
		"approvals", "Approval by others",
		"As many people as the source's policy asks for, none of them "
		"the one who asked, approve this migration and no other.",
		"The offer says how many were asked for. Each approval is "
		"signed, and verified here with the key that is enrolled at "
		"the source for who signed it; it counts if it is for this VM, "
		"definition, epoch, destination and policy, and was valid "
		"when it was used.",
		"offer, approval, migration.approved in the log" },
	[KR_CRITERION_POLICY] = { KR_DEMAND_ALWAYS, true,
		"policy", "Policies named",
		"Each host names the policy that it decided by, and the other "
		"can hold that against its log.",
		"Name, version and digest of the source's policy are in the "
		"offer, of the destination's in the acceptance, of both in all "
		"that followed; who names another than its log has is refused.",
		"offer, acceptance" },
	[KR_CRITERION_ATTESTATION] = { KR_DEMAND_POLICY, true,
		"attestation", "Attestation of the hosts",
		"Each host proves what it booted.",
		"The signed statements say what kind of attestation was made.",
		"manifest, prepared, receipt" },
	[KR_CRITERION_SCANNERS] = { KR_DEMAND_POLICY, true,
		"scanners", "Scanned before it runs",
		"As many scanners as the policy asks for looked into the VM "
		"and found nothing.",
		"There are no scanners yet, and no statement tells of any.",
		"none" },
	[KR_CRITERION_WHOLE] = { KR_DEMAND_POLICY, true,
		"whole", "Whole before it runs",
		"All of the VM's memory is there before its first instruction: "
		"no post-copy.",
		"Both hosts' statements say whether the VM was to run early.",
		"manifest, prepared, receipt" },
	[KR_CRITERION_ROOT] = { KR_DEMAND_POLICY, true,
		"memory_root", "Evidence of every page",
		"Both hosts sign, before the first instruction, a root over "
		"every page of memory.",
		"Both hosts' statements say whether the hypervisor's stream "
		"was understood, and whether all of it had come.",
		"manifest, prepared, receipt" },
	[KR_CRITERION_CONFIDENTIALITY] = { KR_DEMAND_ALWAYS, true,
		"confidentiality", "Confidentiality in flight",
		"TLS 1.3 in the session and in every lane, with suites that "
		"the policy allows.",
		"The signed statements name version, suites and number of "
		"lanes; the destination signed the source's word for them.",
		"manifest, prepared, receipt" },
	[KR_CRITERION_TAMPER] = { KR_DEMAND_ALWAYS, true,
		"tamper", "Tampering detected in flight",
		"Whatever is changed on the way is found before the VM runs "
		"on it.",
		"Every record is authenticated, and both hosts signed the same "
		"manifest of what went over; or a change was found and the "
		"migration undone.",
		"manifest, prepared, errors in the log" },
	[KR_CRITERION_REPLAY] = { KR_DEMAND_ALWAYS, true,
		"replay", "Protection against replay",
		"What was recorded of one migration is worth nothing in "
		"another.",
		"Every statement has both hosts' fresh nonces, the session's "
		"binding and the VM's epoch, and they are the same in all.",
		"offer, acceptance and all that follow" },
	[KR_CRITERION_DEFINITION] = { KR_DEMAND_ALWAYS, true,
		"definition", "Integrity of the VM's definition",
		"The destination runs the VM by the definition that the source "
		"had.",
		"The digest of the definition is the first subject of both "
		"hosts' statements, and the same.",
		"offer, acceptance" },
	[KR_CRITERION_MEMORY] = { KR_DEMAND_ALWAYS, true,
		"memory", "Integrity of the memory",
		"The VM goes on with the memory that it was stopped with.",
		"Both hosts made and signed the same Merkle root before the "
		"first instruction; in post-copy that covers what the VM "
		"started from, and each later page is verified before it is "
		"placed.",
		"manifest, prepared, complete, receipt" },
	[KR_CRITERION_DEVICES] = { KR_DEMAND_ALWAYS, true,
		"devices", "Integrity of the device state",
		"The devices go on in the state that they were stopped in.",
		"Both hosts made and signed the same digest of it before the "
		"first instruction.",
		"manifest, prepared" },
	[KR_CRITERION_OWNERSHIP] = { KR_DEMAND_ALWAYS, true,
		"ownership", "Single ownership",
		"At no instant two hosts have the right to run the VM; from the "
		"release to the owner record none has, and one always comes to.",
		"A release signed by the source and an owner statement signed "
		"by the destination, of the same epoch; or neither, in a whole "
		"log; or a release and the destination's disown.",
		"release, owner, disown, abort" },
	[KR_CRITERION_NONREPUDIATION] = { KR_DEMAND_ALWAYS, true,
		"nonrepudiation", "Non-repudiation",
		"The source cannot deny having sent, nor the destination "
		"having received.",
		"One receipt with the valid signatures of both hosts.",
		"receipt" },
	[KR_CRITERION_LOG] = { KR_DEMAND_ALWAYS, true,
		"log", "Evidence log",
		"What happened is in a log that nobody altered.",
		"Each entry about it has an inclusion proof, as korora log "
		"prove gives it: proof, the checkpoint's signature and the "
		"peer's cosignature are verified here. What is said of it is "
		"taken from the proved entry. Besides, kororad reads all of "
		"the log again.",
		"the log of this host, by proofs" },
	[KR_CRITERION_PREDICTION] = { KR_DEMAND_REQUEST, false,
		"prediction", "Time and downtime as predicted",
		"If it was predicted: neither total time nor downtime more "
		"than a quarter over that.",
		"What was predicted, and by what, is in the offer, what it "
		"took in the receipt; both are the source's figures. Asked "
		"for is what a plan predicted; without one it is told before "
		"it begins by what is known then.",
		"offer, receipt" },
};

const char *const kr_criteria_limits[] = {
	"Disks do not travel: they are on storage that both hosts see, and are "
	"not evaluated.",
	"Both hosts run this software unaltered and their roots are trusted: "
	"root on a host has its key.",
	"Durations, downtime, rounds, bytes, suites and who asked are the "
	"source's word, which the destination signed with "
	"it. When the VM ran is the destination's. Times are of each host's "
	"own clock.",
	"This is one host's view, by what is kept there. The other host has "
	"a log of its own.",
	NULL
};
