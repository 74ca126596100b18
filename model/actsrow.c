/* SPDX-License-Identifier: Apache-2.0 */
/* actsrow.c - the rows of acts.h, by file. */
#include "model/acts.h"

#define P(name)	(UINT64_C(1) << KR_TP_##name)
#define RUNS_VM	(P(vm_start) | P(receive))
#define ENDS_VM	(P(vm_stop) | P(cancel) | P(recover) | P(migrate) | P(receive))
#define MOVES	(P(migrate) | P(plan) | P(receive))
#define ASKS	(P(migrate) | P(approve) | P(request_withdraw))

_Static_assert(KR_TP_N <= 64, "procedures are bits of 64");

const struct kr_act kr_acts[] = {
	/* what every process of ours has */
	{ "base/fault.c", "open", KR_ACT_STARTS, 0 },
	{ "base/fd.c", "open mkdir rename unlink fchmod chmod bind listen "
	  "connect", KR_ACT_WRAPS, 0 },
	{ "base/jail.c", "chroot setgroups setresgid setresuid syscall",
	  KR_ACT_LESSENS, 0 },

	/* kororad: who is heard */
	{ "daemon/api.c", "kr_unix_listen", KR_ACT_HEARS, 0 },
	{ "daemon/dial.c", "bind listen", KR_ACT_HEARS, 0 },
	{ "daemon/dial.c", "connect", KR_ACT_EXECUTED, MOVES | P(doctor) },

	/* its set-up */
	{ "daemon/host.c", "chmod kr_mkdirs open kr_identity_issue_link",
	  KR_ACT_STARTS, 0 },
	{ "daemon/host.c", "kr_ledger_append", KR_ACT_ALWAYS, 0 },

	/* its data: who may what, who is trusted, what is decided by */
	{ "daemon/apihost.c", "kr_hostrow_put", KR_ACT_EXECUTED,
	  P(host_add) },
	{ "daemon/apihost.c", "kr_hostrow_del kr_witnessrow_del",
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
	{ "daemon/apivm.c", "kr_vmrow_put", KR_ACT_EXECUTED,
	  P(vm_define) | RUNS_VM | P(vm_stop) },
	{ "daemon/apivm.c", "kr_vmrow_put", KR_ACT_SEES, 0 },
	{ "daemon/apivm.c", "kr_vmrow_del", KR_ACT_EXECUTED, P(vm_remove) },
	{ "daemon/policy.c", "kr_policyrow_put kr_ledger_append",
	  KR_ACT_EXECUTED, P(policy_reload) },

	/* requests and approvals are entries that others read: the log's */
	{ "daemon/apirequest.c", "kr_requestrow_expire", KR_ACT_EXECUTED,
	  P(request_list) },
	{ "daemon/consent.c", "kr_requestrow_expire kr_ledger_append",
	  KR_ACT_EXECUTED, ASKS },
	{ "daemon/questions.c", "kr_requestrow_add kr_requestrow_expire "
	  "kr_requestrow_make_way", KR_ACT_ALWAYS, 0 },
	{ "daemon/requests.c", "kr_requestrow_add kr_requestrow_expire "
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
	  MOVES | P(doctor) },
	{ "daemon/disks.c", "open", KR_ACT_EXECUTED, MOVES },
	{ "daemon/linkspeed.c", "fopen", KR_ACT_LOOKS, 0 },
	{ "daemon/touched.c", "fopen", KR_ACT_EXECUTED, MOVES },
	{ "daemon/vm.c", "kr_mkdirs open kr_tap_open kr_spawn_hyper",
	  KR_ACT_EXECUTED, RUNS_VM | P(plan) },
	{ "daemon/vm.c", "kill syscall rmdir unlinkat", KR_ACT_EXECUTED,
	  ENDS_VM | RUNS_VM | P(plan) },

	/* its agents */
	{ "daemon/main.c", "setpriority", KR_ACT_STARTS, 0 },
	{ "daemon/spawn.c", "fork execv open ftruncate syscall setpriority",
	  KR_ACT_ORDERS, 0 },
	{ "daemon/link.c", "kr_spawn_agent kr_chan_put kr_chan_put_fds",
	  KR_ACT_EXECUTED, MOVES | P(doctor) },
	{ "daemon/linktalk.c", "kr_chan_put", KR_ACT_EXECUTED,
	  MOVES | P(doctor) },
	{ "daemon/lookup.c", "kr_spawn_agent kr_chan_put", KR_ACT_EXECUTED,
	  MOVES | P(doctor) },
	{ "daemon/tpmasked.c", "kr_spawn_agent kr_unix_connect open "
	  "kr_chan_put_fds", KR_ACT_EXECUTED, P(doctor) },
	{ "daemon/appraised.c", "kr_spawn_agent kr_chan_put_fds",
	  KR_ACT_EXECUTED, P(doctor) },
	{ "daemon/planes.c", "kr_spawn_agent kr_unix_connect kr_unix_listen "
	  "unlink kr_chan_put_fds", KR_ACT_ORDERS, 0 },
	{ "daemon/tenantcache.c", "open openat unlinkat ftruncate kr_mkdirs "
	  "kr_write_file", KR_ACT_EXECUTED, MOVES },
	{ "daemon/vmtalk.c", "kr_spawn_agent kr_unix_connect kr_chan_put_fds",
	  KR_ACT_ORDERS, 0 },

	/* hypervisors: what one can do is asked of it once; taps; QMP */
	{ "hyper/ask.c", "posix_spawn kill syscall", KR_ACT_STARTS, 0 },
	{ "hyper/probe.c", "kr_write_file", KR_ACT_STARTS, 0 },
	{ "hyper/tap.c", "open ioctl", KR_ACT_EXECUTED, RUNS_VM },
	{ "hyper/qmpscript.c", "kr_qmp_send kr_qmp_send_fd kr_qmp_send_oob",
	  KR_ACT_ORDERED, 0 },

	/* agents' answers, on the channel that they were given */
	{ "hyper/qmptell.c", "kr_chan_put", KR_ACT_ORDERED, 0 },
	{ "plane/main.c", "kr_chan_put kr_chan_send", KR_ACT_ORDERED, 0 },
	{ "wire/linkmain.c", "kr_chan_put kr_chan_send", KR_ACT_ORDERED, 0 },
	{ "attest/appraisemain.c", "kr_chan_put", KR_ACT_ORDERED, 0 },
	{ "attest/tpmmain.c", "kr_chan_put", KR_ACT_ORDERED, 0 },
	{ "attest/tpm.c", "Esys_ActivateCredential Esys_CreatePrimary "
	  "Esys_Finalize Esys_Initialize Esys_PCR_Read Esys_Quote "
	  "Esys_ReadClock", KR_ACT_ORDERED, 0 },
	{ "attest/endorse.c", "Esys_CreatePrimary Esys_FlushContext "
	  "Esys_NV_Read Esys_NV_ReadPublic Esys_PolicySecret "
	  "Esys_ReadPublic Esys_StartAuthSession Esys_TR_Close "
	  "Esys_TR_FromTPMPublic", KR_ACT_ORDERED, 0 },
	{ "attest/esys.c", "Esys_FlushContext Esys_Free", KR_ACT_ORDERED, 0 },
	{ "wire/lookupmain.c", "kr_chan_put", KR_ACT_ORDERED, 0 },

	/* signatures, log and store */
	{ "evidence/certify.c", "X509_sign", KR_ACT_STARTS, 0 },
	{ "evidence/identity.c", "EVP_DigestSign kr_write_file",
	  KR_ACT_ALWAYS, 0 },
	{ "evidence/checkpoint.c", "kr_identity_sign", KR_ACT_ALWAYS, 0 },
	{ "evidence/signer.c", "EVP_DigestSign", KR_ACT_ELSEWHERE, 0 },
	{ "evidence/dsse.c", "kr_identity_sign", KR_ACT_STEP, 0 },
	{ "evidence/statement.c", "kr_dsse_sign", KR_ACT_STEP, 0 },
	{ "evidence/ledger.c", "kr_logrow_add kr_logrow_put_note "
	  "kr_noderow_add kr_noderow_clear "
	  "kr_write_file open rename", KR_ACT_ALWAYS, 0 },
	{ "store/query.c", "sqlite3_prepare_v2", KR_ACT_ALWAYS, 0 },
	{ "store/store.c", "sqlite3_open_v2 sqlite3_exec open fchmod",
	  KR_ACT_ALWAYS, 0 },
};

const unsigned int kr_acts_n = sizeof(kr_acts) / sizeof(kr_acts[0]);
