/* SPDX-License-Identifier: Apache-2.0 */
/*
 * korora.h - the one installed header: stable error codes, exit codes and
 * libkorora, the client side of kororad's local API (see kororad(8)).
 */
#ifndef KORORA_H
#define KORORA_H

#include <stdint.h>

/** Exit codes of every korora command. */
enum kr_exit {
	KR_EXIT_DONE	 = 0,	/* done */
	KR_EXIT_REFUSED	 = 1,	/* refused or failed; the VM runs where it was */
	KR_EXIT_USAGE	 = 2,	/* the command line or a file is wrong */
	KR_EXIT_OPERATOR = 3,	/* needs an operator: see korora recover */
};

/** Who must answer for an error; policy acts upon it. */
enum kr_blame { KR_SELF, KR_HOST, KR_GUEST, KR_PEER, KR_USER };

/*
 * Every error a user can meet: X(name, number, exit, errno, blame, summary,
 * what to do). Numbers are stable: never reused, never renumbered.
 * korora-errors(7) is printed from this table.
 */
#define KR_CODES(X) \
/* 1xxx: what a user asked, and the files a user wrote */ \
X(USAGE,	1001, KR_EXIT_USAGE, EINVAL, KR_USER, \
  "the request is malformed", \
  "see korora(1) for the command's arguments") \
X(CONFIG,	1002, KR_EXIT_USAGE, EINVAL, KR_USER, \
  "a configuration file is wrong", \
  "mend the named line; korora.conf(5), korora-vm(5) and korora-policy(5) " \
  "list every key") \
X(FORBIDDEN,	1003, KR_EXIT_REFUSED, EACCES, KR_USER, \
  "this user may not do that", \
  "korora policy explain tells what would have to be true; roles: korora " \
  "user grant USER ROLE") \
X(NO_VM,	1004, KR_EXIT_REFUSED, ENOENT, KR_USER, \
  "no such VM on this host", "korora vm list shows the VMs known here") \
X(NO_HOST,	1005, KR_EXIT_REFUSED, ENOENT, KR_USER, \
  "no such host is enrolled", \
  "enrol it: korora host add NAME ADDRESS --fingerprint FP") \
X(NO_MIGRATION,	1006, KR_EXIT_REFUSED, ENOENT, KR_USER, \
  "no such migration or receipt", \
  "korora status and korora receipt list show the known ones") \
X(EXISTS,	1007, KR_EXIT_REFUSED, EEXIST, KR_USER, \
  "it exists already", "remove the old one first, or choose another name") \
X(VM_STATE,	1008, KR_EXIT_REFUSED, EBUSY, KR_USER, \
  "the VM is not in a state that allows this", \
  "korora vm show NAME tells its state") \
X(NO_DAEMON,	1009, KR_EXIT_REFUSED, ECONNREFUSED, KR_HOST, \
  "kororad does not answer", \
  "start kororad, or point --root / KORORA_ROOT at its root") \
X(NOT_INIT,	1010, KR_EXIT_REFUSED, ENOKEY, KR_USER, \
  "this host has no identity yet", "run korora init --name NAME") \
X(LIMIT,	1011, KR_EXIT_REFUSED, E2BIG, KR_USER, \
  "a limit was exceeded", "send less, or fewer at a time") \
X(CANCELLED,	1012, KR_EXIT_REFUSED, ECANCELED, KR_USER, \
  "the migration was cancelled", "the VM runs where it was") \
X(TIMEOUT,	1013, KR_EXIT_REFUSED, ETIMEDOUT, KR_USER, \
  "the migration did not finish in the time given", \
  "raise --timeout or --max-downtime-ms, or give it more bandwidth") \
X(BUSY,		1014, KR_EXIT_REFUSED, EBUSY, KR_USER, \
  "another migration of this VM is under way", \
  "wait for it, or korora cancel ID") \
X(PROBED,	1019, KR_EXIT_REFUSED, ECANCELED, KR_USER, \
  "it was a probe, and was undone as asked", "the VM runs where it was") \
X(NO_WAY,	1020, KR_EXIT_REFUSED, EAGAIN, KR_USER, \
  "no strategy gets by with the downtime allowed", \
  "see korora plan; raise --max-downtime-ms, allow --throttle, or find more " \
  "bandwidth") \
X(NO_REQUEST,	1021, KR_EXIT_REFUSED, ENOENT, KR_USER, \
  "no such request waits on this host", \
  "korora request list shows those that are known") \
X(REQUEST_OVER,	1022, KR_EXIT_REFUSED, EALREADY, KR_USER, \
  "the request was used, denied, or is too old", \
  "ask for what it was about once more") \
X(NOT_APPROVED,	1023, KR_EXIT_REFUSED, EPERM, KR_USER, \
  "the request has not enough approvals", \
  "others than its requester approve it: korora approve ID --key KEY") \
X(APPROVAL_SELF, 1024, KR_EXIT_REFUSED, EPERM, KR_USER, \
  "nobody approves what he asked for himself", \
  "another person has to approve it") \
X(APPROVAL_TWICE, 1025, KR_EXIT_REFUSED, EEXIST, KR_USER, \
  "this approver's word is there already", \
  "each approver counts once; another person has to approve it") \
X(APPROVAL_KEY,	1026, KR_EXIT_REFUSED, EKEYREJECTED, KR_USER, \
  "not signed with a key that is enrolled for its approver", \
  "an administrator enrols a key: korora user key add USER FILE") \
X(APPROVAL_DIFFERS, 1027, KR_EXIT_REFUSED, EBADMSG, KR_USER, \
  "the approval is for something else than what is asked for", \
  "the message names what differs; approve the request anew") \
X(APPROVAL_TIME, 1028, KR_EXIT_REFUSED, ETIME, KR_USER, \
  "the approval is not valid at this time", \
  "approve the request anew, and see this host's clock") \
X(POLICY_VERSION, 1029, KR_EXIT_REFUSED, ESTALE, KR_USER, \
  "the policy's version is not higher than that of the one in force", \
  "give it a higher version, and read it once more; what is in force stays so") \
X(PROTECTION,	1030, KR_EXIT_REFUSED, EPERM, KR_USER, \
  "there would be less protection than the policy demands", \
  "korora policy show tells what is demanded; nothing less is agreed to") \
X(POLICY_CHANGED, 1031, KR_EXIT_REFUSED, EAGAIN, KR_USER, \
  "another policy came into force while the migration began", \
  "migrate once more: it is decided by the new one then") \
X(NO_POLICY,	1032, KR_EXIT_REFUSED, ENOENT, KR_USER, \
  "no such policy was ever in force on this host", \
  "korora log show tells of those that were: policy-in-force") \
X(QUESTION,	1033, KR_EXIT_REFUSED, EPERM, KR_USER, \
  "no rule deals with it, so nobody can approve it", \
  "the answer is a policy: korora policy explain VM --to HOST --as USER") \
X(STALE_REVISION, 1034, KR_EXIT_REFUSED, ESTALE, KR_USER, \
  "the definition was made from an older revision than the newest", \
  "korora vm show has the newest: make the change to that one") \
/* 2xxx: who the peer is */ \
X(UNREACHABLE,	2001, KR_EXIT_REFUSED, EHOSTUNREACH, KR_PEER, \
  "the peer cannot be reached", \
  "check the address, the link and that kororad runs there") \
X(PEER_UNKNOWN,	2002, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the peer's identity is not enrolled here", \
  "someone may stand in between; if not, compare fingerprints and enrol it") \
X(PEER_EXPIRED,	2003, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the peer's certificate has expired or is not yet valid", \
  "renew it on the peer, and compare both clocks") \
X(PEER_NAME,	2004, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the peer's certificate is for another host name", \
  "check the name it was enrolled under against the one it was issued for") \
X(PEER_ANON,	2005, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the peer presented no certificate", \
  "only enrolled korora hosts can connect") \
X(TLS_VERSION,	2006, KR_EXIT_REFUSED, EPROTONOSUPPORT, KR_PEER, \
  "the peer does not speak TLS 1.3", "nothing less is accepted") \
X(TLS_ALPN,	2007, KR_EXIT_REFUSED, EPROTONOSUPPORT, KR_PEER, \
  "the peer does not speak korora/1", "check the address and port") \
X(TLS_FORGED,	2008, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "a record was not authentic: changed on the way, or replayed", \
  "someone or something alters the traffic between the hosts") \
X(TLS_HANDSHAKE, 2009, KR_EXIT_REFUSED, EPROTO, KR_PEER, \
  "the TLS handshake failed", "see the message for the TLS library's reason") \
X(REPLAYED,	2010, KR_EXIT_REFUSED, EALREADY, KR_PEER, \
  "a recorded session was replayed", \
  "someone sent an old session again; nothing was accepted") \
X(PEER_CERT,	2011, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the peer's certificate is not valid", \
  "see the message for the reason; enrol the peer's present identity") \
X(REFUSED_US,	2012, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the peer refused this host's certificate", \
  "enrol this host there, or see the peer's log for its reason") \
X(PEER_SILENT,	2013, KR_EXIT_REFUSED, ETIMEDOUT, KR_PEER, \
  "the peer fell silent", "check the link and the peer") \
X(PEER_CLOSED,	2014, KR_EXIT_REFUSED, ECONNRESET, KR_PEER, \
  "the connection was closed", "check the link and the peer's log") \
X(PEER_TRUNCATED, 2015, KR_EXIT_REFUSED, ECONNRESET, KR_PEER, \
  "the connection was cut without a proper end", \
  "see the peer's log: it may have too many connections (KR-2016), or " \
  "someone cut it") \
X(TOO_MANY,	2016, KR_EXIT_REFUSED, EUSERS, KR_PEER, \
  "too many connections that have not proved who they are", \
  "retry; raise max_unproved in korora.conf if hosts are many") \
X(NO_ADDRESS,	2017, KR_EXIT_REFUSED, EHOSTUNREACH, KR_PEER, \
  "the peer's name cannot be looked up", \
  "check the name and this host's resolver, or enrol an address") \
/* 21xx: what a host booted, as its TPM tells */ \
X(TPM,		2101, KR_EXIT_REFUSED, EIO, KR_HOST, \
  "the TPM cannot be used", \
  "see the message for its reason; check the device, and who may open it") \
X(EVENTLOG,	2102, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "the event log is malformed", \
  "take it anew: /sys/kernel/security/tpm0/binary_bios_measurements") \
X(EVENTLOG_SHA1, 2103, KR_EXIT_REFUSED, ENOTSUP, KR_PEER, \
  "the event log knows SHA-1 alone", \
  "have the firmware use the TPM 2.0 and a SHA-256 bank") \
X(QUOTE,	2104, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "what the TPM is said to have signed is no quote", \
  "both hosts should run the same korora release") \
X(QUOTE_FORGED,	2105, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "the quote is not signed by the host's attestation key", \
  "if the host's TPM was replaced or cleared, enrol it anew") \
X(ATTEST_RELAYED, 2106, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the quote was made by or for another host", \
  "someone may pass on another host's quote; nothing was believed") \
X(ATTEST_NONCE,	2107, KR_EXIT_REFUSED, EALREADY, KR_PEER, \
  "the quote answers another challenge", \
  "an old quote was shown again; nothing was believed") \
X(ATTEST_CHANNEL, 2108, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the quote was made in another session", \
  "someone may stand in between; nothing was believed") \
X(ATTEST_ROLE,	2109, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the quote was made in the other role", \
  "a source's quote does not speak for a destination, nor the reverse") \
X(ATTEST_VM,	2110, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the quote was made for another VM", \
  "a quote is for one migration of one VM; nothing was believed") \
X(ATTEST_POLICY, 2111, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the quote was made under another policy", \
  "if another came into force just now, migrate once more") \
X(ATTEST_CLAIMS, 2112, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "the TPM signed something else than what is claimed", \
  "the quote is of another occasion; nothing was believed") \
X(PCR_BANK,	2113, KR_EXIT_REFUSED, ENOTSUP, KR_PEER, \
  "the quote is over another bank of PCRs than was asked for", \
  "activate the SHA-256 bank in the host's firmware; SHA-1 never counts") \
X(PCR_FEWER,	2114, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "the quote is over other PCRs than were asked for", \
  "the message names them; what is not quoted is not known") \
X(PCR_VALUES,	2115, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "the PCR values are not those that the TPM signed", \
  "nothing was believed; take them anew, together with the quote") \
X(LOG_REPLAY,	2116, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "the event log does not lead to the PCR values", \
  "events were changed, removed or added; do not rely on it") \
X(PCR_UNKNOWN,	2117, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "a PCR's value is none of the reference values", \
  "find out what the host booted; if it is right, sign new reference values") \
X(EVENT_UNKNOWN, 2118, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "an event is none of the reference values", \
  "find out what the host booted; if that is right, sign new values") \
X(REVOKED,	2119, KR_EXIT_REFUSED, EKEYREVOKED, KR_PEER, \
  "what the host booted, or what it was to be judged by, was revoked", \
  "update that host and boot it anew, or add newer reference values") \
X(TPM_RESET,	2120, KR_EXIT_REFUSED, ESTALE, KR_PEER, \
  "the host was booted or resumed since it was attested last", \
  "attest it anew before relying on what was said of it") \
X(TPM_CLOCK,	2121, KR_EXIT_REFUSED, ESTALE, KR_PEER, \
  "the TPM's clock is behind what it was", \
  "an old quote was shown, or the TPM was cleared; enrol it anew if so") \
X(EK_CERT,	2122, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the TPM's endorsement certificate is not trusted", \
  "see the message for the reason; trust its manufacturer's CA") \
X(AK_FOREIGN,	2123, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "the attestation key is not in the TPM that it is said to be in", \
  "nothing was believed; enrol the host from the host itself") \
X(TPM_KEY,	2124, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "a TPM's key is not of the kind that is needed", \
  "both hosts should run the same korora release") \
X(REFERENCE,	2125, KR_EXIT_USAGE, EINVAL, KR_USER, \
  "the document of reference values is wrong", \
  "the message names the place; korora(1) describes the document") \
X(REFERENCE_SIGNER, 2126, KR_EXIT_REFUSED, EKEYREJECTED, KR_USER, \
  "the reference values are not signed by a key that is trusted for that", \
  "have them signed, or give the signer's key") \
X(REFERENCE_OLD, 2127, KR_EXIT_REFUSED, ESTALE, KR_USER, \
  "the reference values are older than those that were in use", \
  "give them a higher version, and sign them anew") \
X(NO_REFERENCE,	2128, KR_EXIT_REFUSED, ENOENT, KR_USER, \
  "no such reference values on this host", \
  "korora attest reference list shows those that are known") \
X(TPMSEAL_STATE, 2129, KR_EXIT_REFUSED, EPERM, KR_HOST, \
  "the TPM holds a sealed key back: the host is not in the state it was in", \
  "boot what the key was sealed to; without that it cannot be opened") \
X(TPMSEAL_FOREIGN, 2130, KR_EXIT_REFUSED, EKEYREJECTED, KR_HOST, \
  "a sealed key is not of this host's TPM, or was changed", \
  "restore it; after the TPM was cleared it cannot be opened any more") \
X(VTPM_SPOKE,	2131, KR_EXIT_REFUSED, EPROTO, KR_HOST, \
  "a VM's hypervisor or its TPM's emulator said what it may not say", \
  "check their versions; if they fit the VM may have broken out of its own") \
X(VTPM_STATE,	2132, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "the state of a VM's TPM is not what was sealed for this migration", \
  "nothing of it was used; if it comes again, somebody changes the stream") \
X(VTPM_NO_TPM,	2133, KR_EXIT_REFUSED, ENOKEY, KR_HOST, \
  "this host has no TPM to keep the key of a VM's TPM", \
  "set tpm in korora.conf(5); unsealed = on does without: who has the disk has " \
  "the key") \
X(VTPM_LOST,	2134, KR_EXIT_REFUSED, ENODATA, KR_HOST, \
  "the state of a VM's TPM, or its key, is not where it was", \
  "restore both; for an empty TPM remove the VM and define it anew") \
X(VTPM_STAYS,	2135, KR_EXIT_REFUSED, EOPNOTSUPP, KR_USER, \
  "a VM with a TPM of its own does not go by post-copy", \
  "use --strategy precopy or offline") \
X(VTPM_NONE,	2136, KR_EXIT_REFUSED, ENOENT, KR_HOST, \
  "what a VM's TPM is made of is not installed, or there is no room for one", \
  "install swtpm on this host") \
X(AK_OTHER,	2137, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "another attestation key is enrolled for this host", \
  "find out why its TPM is another; then korora attest forget it, and enrol") \
X(AK_TAKEN,	2138, KR_EXIT_REFUSED, EPERM, KR_PEER, \
  "this attestation key is enrolled for another host", \
  "two hosts have no TPM in common; one of them is not what it says") \
X(NO_AK,	2139, KR_EXIT_REFUSED, ENOENT, KR_USER, \
  "no attestation key of this host is enrolled", "korora attest enrol HOST") \
/* 3xxx: what a peer says */ \
X(MALFORMED,	3001, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "a malformed message", "both hosts should run the same korora release") \
X(FRAME_SIZE,	3002, KR_EXIT_REFUSED, EMSGSIZE, KR_PEER, \
  "a message larger than the limit", \
  "both hosts should run the same korora release") \
X(UNEXPECTED,	3003, KR_EXIT_REFUSED, EPROTO, KR_PEER, \
  "a message that is not allowed now", \
  "both hosts should run the same korora release") \
X(VERSION,	3004, KR_EXIT_REFUSED, EPROTONOSUPPORT, KR_PEER, \
  "no protocol version in common", "upgrade the older host") \
X(SIGNATURE,	3005, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "the peer's signature does not verify", \
  "the hosts do not agree on what was migrated; see both logs") \
X(PEER_REFUSED,	3006, KR_EXIT_REFUSED, ECONNREFUSED, KR_PEER, \
  "the peer refused", "see the message for the peer's own reason") \
X(LANE_UNKNOWN,	3007, KR_EXIT_REFUSED, ENOENT, KR_PEER, \
  "a lane for a migration that is not expected", \
  "nothing was accepted from it") \
X(LANE_USED,	3008, KR_EXIT_REFUSED, EALREADY, KR_PEER, \
  "a lane was opened a second time", "someone replayed it; it was refused") \
X(PEER_LOG_CUT,	3009, KR_EXIT_REFUSED, ESTALE, KR_PEER, \
  "the peer's evidence log is shorter than it was: it was rolled back", \
  "find out why: both checkpoints are in korora log show; enrol it anew " \
  "to accept its log") \
X(PEER_LOG_OTHER, 3010, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "the peer's evidence log is not the one it was: it was rewritten", \
  "find out why: both checkpoints are in korora log show; enrol it anew " \
  "to accept its log") \
X(PEER_POLICY,	3011, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "the peer names a policy that its evidence log does not have in force", \
  "if another came into force there just now, migrate once more; else " \
  "find out why") \
/* 4xxx: preflight: could it work? */ \
X(NO_STORAGE,	4001, KR_EXIT_REFUSED, ENOENT, KR_HOST, \
  "a storage directory or disk is missing", \
  "map the storage in [storage] of korora.conf and put the file there") \
X(NO_NETWORK,	4002, KR_EXIT_REFUSED, ENOENT, KR_HOST, \
  "a network is not mapped, or its bridge is missing", \
  "map it in [network] of korora.conf and create the bridge") \
X(NO_MACHINE,	4003, KR_EXIT_REFUSED, ENOTSUP, KR_HOST, \
  "the hypervisor does not offer this machine type", \
  "install a newer QEMU there, or define the VM with an older machine") \
X(NO_CPU,	4004, KR_EXIT_REFUSED, ENOTSUP, KR_HOST, \
  "the hypervisor does not offer this CPU model", \
  "choose a model that both hosts offer") \
X(NO_ACCEL,	4005, KR_EXIT_REFUSED, ENOTSUP, KR_HOST, \
  "the accelerator is not usable on this host", \
  "check /dev/kvm, or define the VM with accel = tcg") \
X(NO_MEMORY,	4006, KR_EXIT_REFUSED, ENOMEM, KR_HOST, \
  "not enough free memory for this VM", "free memory, or choose another host") \
X(VM_THERE,	4007, KR_EXIT_REFUSED, EEXIST, KR_PEER, \
  "the destination has a VM of this name", "rename or remove one of them") \
X(STALE_EPOCH,	4008, KR_EXIT_REFUSED, ESTALE, KR_PEER, \
  "the offered VM is older than what this host has owned already", \
  "an old copy of the VM is being brought back; it must not run") \
X(DISK_DIFFERS,	4009, KR_EXIT_REFUSED, EXDEV, KR_HOST, \
  "the destination sees another disk under this name", \
  "both hosts must see the same storage: check the mounts") \
X(SAME_HOST,	4010, KR_EXIT_REFUSED, EINVAL, KR_USER, \
  "source and destination are the same host", "name another host") \
X(NO_QEMU,	4011, KR_EXIT_REFUSED, ENOENT, KR_HOST, \
  "the hypervisor cannot be started", \
  "install qemu-system-x86, or set [qemu] binary in korora.conf") \
X(OLD_QEMU,	4012, KR_EXIT_REFUSED, ENOTSUP, KR_HOST, \
  "the hypervisor's version does not fit", \
  "upgrade QEMU on the destination") \
/* 5xxx: the data plane */ \
X(LANE_FORGED,	5001, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "data in flight was tampered with", \
  "someone or something alters the traffic between the hosts") \
X(LANE_LOST,	5002, KR_EXIT_REFUSED, ECONNRESET, KR_PEER, \
  "a lane was lost", "check the link between the hosts") \
X(LANE_STALLED,	5003, KR_EXIT_REFUSED, ETIMEDOUT, KR_PEER, \
  "a lane made no progress", "check the link between the hosts") \
X(LANE_MALFORMED, 5004, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "a malformed batch on a lane", \
  "both hosts should run the same korora release") \
X(ROOT_DIFFERS,	5005, KR_EXIT_REFUSED, EBADMSG, KR_PEER, \
  "source and destination do not agree on the VM's memory", \
  "the copy was dropped; see both logs") \
X(STREAM,	5006, KR_EXIT_REFUSED, EPIPE, KR_HOST, \
  "the hypervisor's migration stream broke", \
  "see the hypervisor's log of this VM") \
X(RAM_LIMIT,	5007, KR_EXIT_REFUSED, EFBIG, KR_PEER, \
  "the stream describes more memory than the VM has", \
  "the stream was refused") \
X(PAGE_CACHE,	5008, KR_EXIT_REFUSED, EIO, KR_HOST, \
  "a page cache on disk was damaged", \
  "try again: it has been emptied; see that host's disk") \
/* 6xxx: the hypervisor */ \
X(QMP,		6001, KR_EXIT_REFUSED, EREMOTEIO, KR_GUEST, \
  "the hypervisor refused a command", "see the message for its reason") \
X(QMP_LOST,	6002, KR_EXIT_REFUSED, EPIPE, KR_GUEST, \
  "the hypervisor's control connection was lost", \
  "see the hypervisor's log of this VM") \
X(QMP_MALFORMED, 6003, KR_EXIT_REFUSED, EBADMSG, KR_GUEST, \
  "the hypervisor sent malformed control data", \
  "check that [qemu] binary is a real QEMU") \
X(HYPER_FAILED,	6004, KR_EXIT_REFUSED, EIO, KR_GUEST, \
  "the hypervisor failed the migration", "see the message for its reason") \
X(HYPER_DIED,	6005, KR_EXIT_REFUSED, ECHILD, KR_GUEST, \
  "the VM's hypervisor process died", "see the hypervisor's log of this VM") \
X(HYPER_SLOW,	6006, KR_EXIT_REFUSED, ETIMEDOUT, KR_GUEST, \
  "the hypervisor did not answer in time", \
  "see the hypervisor's log of this VM") \
X(NOT_WIPED,	6007, KR_EXIT_REFUSED, EIO, KR_HOST, \
  "the memory of a VM that has left was not overwritten", \
  "it has been given back as it was; the kernel clears it for who gets it") \
/* 7xxx: the hand-over */ \
X(NO_EDGE,	7001, KR_EXIT_REFUSED, EPROTO, KR_SELF, \
  "an event the hand-over does not allow in this state", \
  "report it, with korora log show") \
X(TOO_LATE,	7002, KR_EXIT_OPERATOR, EINPROGRESS, KR_USER, \
  "ownership was released already: it cannot be cancelled", \
  "it is driven forward; korora status shows how far") \
X(IN_DOUBT,	7003, KR_EXIT_OPERATOR, EINPROGRESS, KR_PEER, \
  "released, and the peer has not confirmed yet", \
  "bring the peer back; korora recover finishes the hand-over") \
X(VM_LOST,	7004, KR_EXIT_OPERATOR, EOWNERDEAD, KR_GUEST, \
  "the VM's process or memory was lost after ownership was taken", \
  "start it again here: korora vm start NAME") \
X(DISOWNED,	7005, KR_EXIT_REFUSED, ECONNABORTED, KR_PEER, \
  "the destination gave the VM back before running it", \
  "the VM runs where it was; see the destination's log") \
X(MOVED,	7006, KR_EXIT_REFUSED, EXDEV, KR_USER, \
  "this VM was handed over to another host", "operate it there") \
X(CRASHED,	7007, KR_EXIT_REFUSED, ECONNABORTED, KR_SELF, \
  "kororad was restarted during the migration", \
  "it was undone; the VM runs where it was") \
/* 8xxx: evidence and durable state */ \
X(STORE,	8001, KR_EXIT_REFUSED, EIO, KR_HOST, \
  "durable state could not be read or written", \
  "check the disk under the root's var/lib/korora") \
X(LOG_BROKEN,	8002, KR_EXIT_REFUSED, EBADMSG, KR_HOST, \
  "the evidence log was altered", \
  "the message names the first entry that does not fit; keep a copy") \
X(RECEIPT_BAD,	8003, KR_EXIT_REFUSED, EBADMSG, KR_USER, \
  "the receipt does not verify", "do not rely on it") \
X(CRYPTO,	8004, KR_EXIT_REFUSED, EIO, KR_SELF, \
  "a cryptographic operation failed", "see the message for the reason") \
X(KEY_FILE,	8005, KR_EXIT_REFUSED, EACCES, KR_HOST, \
  "a key or certificate file is missing or unreadable", \
  "check the file; korora init makes a host's identity") \
X(PROOF_BAD,	8006, KR_EXIT_REFUSED, EBADMSG, KR_USER, \
  "the log's proof does not verify", "do not rely on it") \
/* 9xxx: this program and its machine */ \
X(SYSTEM,	9001, KR_EXIT_REFUSED, EIO, KR_HOST, \
  "the operating system refused", "see the message for its reason") \
X(AGENT_DIED,	9002, KR_EXIT_REFUSED, EPIPE, KR_SELF, \
  "an agent process ended unexpectedly", "see the log for its last words") \
X(AGENT_SPOKE,	9003, KR_EXIT_REFUSED, EPROTO, KR_SELF, \
  "an agent sent what it may not send", "report it: it may be under attack") \
X(JAIL,		9004, KR_EXIT_REFUSED, EPERM, KR_HOST, \
  "an agent could not be jailed", "kororad must run as root, on a kernel with seccomp") \
/* 91xx: a VM's connection tracking */ \
X(CT_KERNEL,	9101, KR_EXIT_REFUSED, EIO, KR_HOST, \
  "the kernel's connection tracking cannot be used", \
  "it needs CAP_NET_ADMIN in the network namespace, and the kernel's module " \
  "nf_conntrack_netlink") \
X(CT_LEFT,	9102, KR_EXIT_REFUSED, ENOTSUP, KR_HOST, \
  "a connection cannot be carried", \
  "all others were; the message says what it has that no kernel can be told") \
X(CT_INSERT,	9103, KR_EXIT_REFUSED, EREMOTEIO, KR_HOST, \
  "the kernel refused a connection", \
  "all others were taken; the message says why this one was not") \
X(CT_OTHER,	9104, KR_EXIT_REFUSED, EUCLEAN, KR_HOST, \
  "a connection is not in the kernel as it was exported", \
  "load the VM's rules before its connections, and keep its zone to itself") \
X(CT_FILE,	9105, KR_EXIT_REFUSED, EBADMSG, KR_USER, \
  "it is not a file of exported connections, or is damaged", \
  "export them anew: korora context export") \
X(CT_EVENTS,	9106, KR_EXIT_REFUSED, ENODATA, KR_HOST, \
  "the kernel does not tell what becomes of all connections", \
  "set it before they begin: sysctl net.netfilter.nf_conntrack_events=1") \
X(CT_LIST,	9107, KR_EXIT_REFUSED, EBADMSG, KR_USER, \
  "it is not a list of addresses", \
  "one address or prefix a line; the message names the line") \
X(FW_RULE,	9108, KR_EXIT_USAGE, EINVAL, KR_USER, \
  "a line of a VM's firewall is refused", \
  "korora-vm(5) has what such a line may say; the message names the line") \
X(FW_LOAD,	9109, KR_EXIT_REFUSED, EIO, KR_HOST, \
  "the kernel did not take a VM's firewall", \
  "the message says why; without its firewall the VM is not started here") \
X(FW_HOST,	9110, KR_EXIT_REFUSED, EOPNOTSUPP, KR_HOST, \
  "this host cannot filter what passes its bridges", \
  "modprobe br_netfilter; sysctl net.bridge.bridge-nf-call-iptables=1, " \
  "-ip6tables=1; see korora doctor")

enum kr_code {
	KR_OK = 0,
#define KR_X(name, number, exit, err, blame, summary, hint) \
	KR_E_##name = number,
	KR_CODES(KR_X)
#undef KR_X
};

/* ---- libkorora: one call, one answer ----------------------------------- */

struct korora;

/**
 * korora_open() - Connect to kororad
 * @root: the host instance's root, NULL or "" for the system's directories
 *
 * Return: a handle for korora_close(), or NULL with errno set.
 */
struct korora *korora_open(const char *root);

/**
 * korora_call() - Send one request and wait for its answer
 * @k:      handle; one call at a time, not thread-safe
 * @method: for example "vm.list"; kororad(8) lists them
 * @params: a JSON object as text, NULL for none; borrowed
 * @on_event: called with each event's JSON text until the answer, may be NULL
 * @arg:    passed to @on_event
 *
 * Return: the answer, {"result": …} or {"error": {…}}, as JSON text for
 *         free(); NULL with errno set if the connection broke.
 */
char *korora_call(struct korora *k, const char *method, const char *params,
		  void (*on_event)(const char *json, void *arg), void *arg);

/** korora_close() - Free a handle; NULL is fine. */
void korora_close(struct korora *k);

#endif
