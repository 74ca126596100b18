/* SPDX-License-Identifier: Apache-2.0 */
/* actsrow.c - the rows of acts.h, by file. */
#include "model/acts.h"

#define P(name)	(UINT64_C(1) << KR_TP_##name)
#define RUNS_VM	(P(vm_start) | P(receive))
#define ENDS_VM	(P(vm_stop) | P(cancel) | P(recover) | P(migrate) | P(receive))
#define MOVES	(P(migrate) | P(plan) | P(receive))
#define MEETS	(P(doctor) | P(attest_enrol))
#define ASKS_TPM (P(doctor) | P(attest_show) | P(attest_enrol) | MOVES)
#define ASKS	(P(migrate) | P(approve) | P(request_withdraw))

_Static_assert(KR_TP_N <= 64, "procedures are bits of 64");

const struct kr_act kr_acts[] = {
	/* what every process of ours has */
	{ "base/fault.c", "open", KR_ACT_STARTS, 0 },
	{ "base/fd.c", "open*4 mkdir rename unlink*2 fchmod chmod bind listen "
	  "connect", KR_ACT_WRAPS, 0 },
	{ "base/jail.c", "chroot setgroups setresgid setresuid syscall*4",
	  KR_ACT_LESSENS, 0 },

	/* kororad: who is heard */
	{ "daemon/api.c", "kr_unix_listen", KR_ACT_HEARS, 0 },
	{ "daemon/dial.c", "bind listen", KR_ACT_HEARS, 0 },
	{ "daemon/dial.c", "connect", KR_ACT_EXECUTED, MOVES | MEETS },

	/* its set-up */
	{ "daemon/host.c", "chmod kr_mkdirs open kr_identity_issue_link",
	  KR_ACT_STARTS, 0 },
	{ "daemon/host.c", "kr_ledger_append", KR_ACT_ALWAYS, 0 },

	/* its data: who may what, who is trusted, what is decided by */
	{ "daemon/apihost.c", "kr_hostrow_put", KR_ACT_EXECUTED,
	  P(host_add) },
	{ "daemon/apihost.c", "kr_hostrow_del kr_witnessrow_del "
	  "kr_akrow_del",
	  KR_ACT_EXECUTED, P(host_remove) },
	{ "daemon/apihost.c", "kr_trustrow_put", KR_ACT_EXECUTED,
	  P(trust_add) },
	{ "daemon/apihost.c", "kr_trustrow_del", KR_ACT_EXECUTED,
	  P(trust_remove) },
	{ "daemon/apihost.c", "kr_userrow_put", KR_ACT_EXECUTED,
	  P(user_grant) },
	{ "daemon/apihost.c", "kr_userrow_del", KR_ACT_EXECUTED,
	  P(user_revoke) },
	{ "daemon/apiuserkey.c", "kr_userkeyrow_add", KR_ACT_EXECUTED,
	  P(user_key_add) },
	{ "daemon/apiuserkey.c", "kr_userkeyrow_del", KR_ACT_EXECUTED,
	  P(user_key_remove) },
	{ "daemon/apiattest.c", "kr_akrow_put", KR_ACT_EXECUTED,
	  P(attest_enrol) },
	{ "daemon/apiattest.c", "kr_akrow_del", KR_ACT_EXECUTED,
	  P(attest_forget) },
	{ "daemon/apireference.c", "kr_referencerow_put*2", KR_ACT_EXECUTED,
	  P(reference_add) | P(reference_remove) },
	{ "daemon/apivm.c", "kr_vmrow_put*2", KR_ACT_EXECUTED,
	  P(vm_define) | RUNS_VM | P(vm_stop) },
	{ "daemon/apivm.c", "kr_vmrow_put*2", KR_ACT_SEES, 0 },
	{ "daemon/apivm.c", "kr_vmrow_del kr_files_leave kr_vtpm_wipe",
	  KR_ACT_EXECUTED,
	  P(vm_remove) },
	{ "daemon/apivm.c", "kr_files_keep", KR_ACT_EXECUTED, P(vm_define) },
	{ "daemon/apivm.c", "kr_vm_spawn", KR_ACT_EXECUTED, P(vm_start) },
	{ "daemon/apivm.c", "kr_vm_kill*2", KR_ACT_EXECUTED,
	  P(vm_start) | P(vm_stop) },
	{ "daemon/apivm.c", "kr_postcopy_give_up", KR_ACT_EXECUTED,
	  P(vm_stop) },
	{ "daemon/apipolicy.c", "kr_policy_reload", KR_ACT_EXECUTED,
	  P(policy_reload) },
	{ "daemon/main.c", "kr_vm_adopt", KR_ACT_STARTS, 0 },
	{ "daemon/target.c", "kr_vm_spawn", KR_ACT_STEP, 0 },
	{ "daemon/migration.c", "kr_vm_adopt*2 kr_vm_clear", KR_ACT_STEP, 0 },
	{ "daemon/postcopy.c", "kr_vm_kill", KR_ACT_STEP, 0 },
	{ "daemon/record.c", "kr_files_keep", KR_ACT_STEP, 0 },
	{ "daemon/files.c", "kr_filerow_put kr_filerow_del "
	  "kr_filerow_del_reads*2", KR_ACT_EXECUTED,
	  P(vm_define) | P(vm_remove) | RUNS_VM },
	{ "daemon/policy.c", "kr_policyrow_put kr_ledger_append",
	  KR_ACT_EXECUTED, P(policy_reload) },

	/* requests and approvals are entries that others read: the log's */
	{ "daemon/apirequest.c", "kr_requestrow_expire*2", KR_ACT_EXECUTED,
	  P(request_list) },
	{ "daemon/consent.c", "kr_requestrow_expire kr_ledger_append",
	  KR_ACT_EXECUTED, ASKS },
	{ "daemon/questions.c", "kr_requestrow_add kr_requestrow_expire "
	  "kr_requestrow_make_way*2", KR_ACT_ALWAYS, 0 },
	{ "daemon/requests.c", "kr_requestrow_add kr_requestrow_expire*2 "
	  "kr_requestrow_move kr_approvalrow_add kr_ledger_append",
	  KR_ACT_EXECUTED, ASKS },
	{ "daemon/logrefusal.c", "kr_ledger_append kr_witnessrow_put",
	  KR_ACT_ALWAYS, 0 },
	{ "daemon/witness.c", "kr_witnessrow_put kr_cosignrow_put",
	  KR_ACT_EXECUTED, MOVES },

	/* migrations and VMs */
	{ "daemon/record.c", "kr_migrow_put kr_vmrow_put kr_receiptrow_put "
	  "kr_write_file kr_ledger_append", KR_ACT_STEP, 0 },
	{ "daemon/linktalk.c", "kr_write_file", KR_ACT_EXECUTED,
	  MOVES | MEETS },
	{ "daemon/disks.c", "open", KR_ACT_EXECUTED, MOVES },
	{ "daemon/linkspeed.c", "fopen", KR_ACT_LOOKS, 0 },
	{ "daemon/touched.c", "fopen*2", KR_ACT_EXECUTED, MOVES },
	{ "daemon/vmstart.c", "kill*2 syscall*3 kr_mkdirs kr_tap_open "
	  "kr_tap_up*2 kr_spawn_lasting kr_firewall_load", KR_ACT_EXECUTED,
	  RUNS_VM | P(plan) },
	{ "daemon/firewall.c", "kr_spawn_agent kr_chan_put kr_mkdirs "
	  "kr_write_file unlink", KR_ACT_EXECUTED,
	  ENDS_VM | RUNS_VM | P(plan) },
	{ "daemon/vmtalk.c", "kr_firewall_wake", KR_ACT_ORDERS, 0 },
	{ "daemon/vm.c", "kr_firewall_unload syscall*3 rmdir unlinkat", KR_ACT_EXECUTED,
	  ENDS_VM | RUNS_VM | P(plan) },
	{ "daemon/vtpmkey.c", "kr_mkdirs kr_write_file rename",
	  KR_ACT_EXECUTED, RUNS_VM },
	{ "daemon/vtpm.c", "fchown kr_mkdirs lstat open syscall*2 "
	  "kr_spawn_lasting", KR_ACT_EXECUTED, RUNS_VM },
	{ "daemon/vtpm.c", "openat rmdir unlinkat*2", KR_ACT_EXECUTED,
	  P(vm_remove) },
	{ "daemon/vtpm.c", "openat rmdir unlinkat*2", KR_ACT_STEP,
	  0 },
	{ "daemon/vtpm.c", "kr_unix_listen kr_unix_connect", KR_ACT_EXECUTED,
	  RUNS_VM },
	{ "daemon/vmstart.c", "kr_vtpm_wipe", KR_ACT_STEP, 0 },

	/* its agents */
	{ "daemon/main.c", "setpriority", KR_ACT_STARTS, 0 },
	{ "daemon/spawn.c", "fork*2 execv*2 open*5 ftruncate syscall*3 setpriority",
	  KR_ACT_ORDERS, 0 },
	{ "daemon/link.c", "kr_spawn_agent kr_chan_put*3 kr_chan_put_fds",
	  KR_ACT_EXECUTED, MOVES | MEETS },
	{ "daemon/linktalk.c", "kr_chan_put", KR_ACT_EXECUTED,
	  MOVES | MEETS },
	{ "daemon/lookup.c", "kr_spawn_agent kr_chan_put", KR_ACT_EXECUTED,
	  MOVES | MEETS },
	{ "daemon/wiped.c", "kr_spawn_agent kr_chan_put_fds open fopen",
	  KR_ACT_STEP, 0 },
	{ "daemon/tpmasked.c", "kr_spawn_agent kr_unix_connect open "
	  "kr_chan_put_fds", KR_ACT_EXECUTED, ASKS_TPM },
	{ "daemon/appraised.c", "kr_spawn_agent kr_chan_put_fds",
	  KR_ACT_EXECUTED, ASKS_TPM },
	{ "daemon/planes.c", "kr_spawn_agent kr_unix_connect kr_unix_listen "
	  "unlink kr_chan_put_fds", KR_ACT_ORDERS, 0 },
	{ "daemon/tenantcache.c", "open openat unlinkat*2 ftruncate kr_mkdirs "
	  "kr_write_file", KR_ACT_EXECUTED, MOVES },
	{ "daemon/vmtalk.c", "kr_spawn_agent kr_unix_connect kr_chan_put_fds*2",
	  KR_ACT_ORDERS, 0 },

	/* hypervisors: what one can do is asked of it once; taps; QMP */
	{ "hyper/ask.c", "posix_spawn kill*2 syscall*2", KR_ACT_STARTS, 0 },
	{ "hyper/probe.c", "kr_write_file", KR_ACT_STARTS, 0 },
	{ "hyper/tap.c", "open ioctl*7", KR_ACT_EXECUTED, RUNS_VM },
	{ "hyper/qmpscript.c", "kr_qmp_send kr_qmp_send_fd kr_qmp_send_oob",
	  KR_ACT_ORDERED, 0 },

	/* agents' answers, on the channel that they were given */
	{ "hyper/qmptell.c", "kr_chan_put", KR_ACT_ORDERED, 0 },
	{ "plane/main.c", "kr_chan_put kr_chan_send", KR_ACT_ORDERED, 0 },
	{ "wire/linkmain.c", "kr_chan_put*5 kr_chan_send", KR_ACT_ORDERED, 0 },
	{ "context/fwmain.c", "kr_chan_put*2 nft_ctx_buffer_error "
	  "nft_ctx_buffer_output nft_ctx_free nft_ctx_get_error_buffer "
	  "nft_ctx_get_output_buffer nft_ctx_new nft_ctx_output_set_flags "
	  "nft_run_cmd_from_buffer",
	  KR_ACT_ORDERED, 0 },
	{ "attest/appraisemain.c", "kr_chan_put*2", KR_ACT_ORDERED, 0 },
	{ "attest/tpmmain.c", "kr_chan_put*2", KR_ACT_ORDERED, 0 },
	{ "attest/tpm.c", "Esys_ActivateCredential Esys_CreatePrimary "
	  "Esys_Finalize Esys_Initialize Esys_PCR_Read Esys_Quote "
	  "Esys_ReadClock", KR_ACT_ORDERED, 0 },
	{ "attest/endorse.c", "Esys_CreatePrimary Esys_FlushContext "
	  "Esys_NV_Read Esys_NV_ReadPublic Esys_PolicySecret "
	  "Esys_ReadPublic Esys_StartAuthSession Esys_TR_Close*3 "
	  "Esys_TR_FromTPMPublic*2", KR_ACT_ORDERED, 0 },
	{ "attest/tpmseal.c", "Esys_Create Esys_CreatePrimary Esys_Load "
	  "Esys_PolicyGetDigest Esys_PolicyPCR Esys_StartAuthSession "
	  "Esys_TRSess_SetAttributes Esys_Unseal", KR_ACT_ORDERED, 0 },
	{ "attest/esys.c", "Esys_FlushContext Esys_Free", KR_ACT_ORDERED, 0 },
	{ "wire/lookupmain.c", "kr_chan_put*2", KR_ACT_ORDERED, 0 },
	{ "clear/wipemain.c", "kr_chan_put*2", KR_ACT_ORDERED, 0 },
	{ "vtpm/emulator.c", "fork execve fchdir getppid open setgroups setresgid setresuid "
	  "syscall*4", KR_ACT_LESSENS, 0 },

	/* signatures, log and store */
	{ "evidence/certify.c", "X509_sign*2", KR_ACT_STARTS, 0 },
	{ "evidence/identity.c", "EVP_DigestSign kr_write_file*2",
	  KR_ACT_ALWAYS, 0 },
	{ "evidence/checkpoint.c", "kr_identity_sign", KR_ACT_ALWAYS, 0 },
	{ "evidence/signer.c", "EVP_DigestSign", KR_ACT_ELSEWHERE, 0 },
	{ "evidence/dsse.c", "kr_identity_sign", KR_ACT_STEP, 0 },
	{ "evidence/statement.c", "kr_dsse_sign", KR_ACT_STEP, 0 },
	{ "evidence/ledger.c", "kr_logrow_add kr_logrow_put_note "
	  "kr_noderow_add kr_noderow_clear "
	  "kr_write_file*2 open rename", KR_ACT_ALWAYS, 0 },
	{ "store/query.c", "sqlite3_prepare_v2", KR_ACT_ALWAYS, 0 },
	{ "store/store.c", "sqlite3_open_v2 sqlite3_exec*3 open fchmod",
	  KR_ACT_ALWAYS, 0 },
};

const unsigned int kr_acts_n = sizeof(kr_acts) / sizeof(kr_acts[0]);
