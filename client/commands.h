/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h - every command of korora: what they are, and how one is found
 * and run.
 */
#ifndef KR_CLIENT_COMMANDS_H
#define KR_CLIENT_COMMANDS_H

#include "client/cli.h"

/** kr_commands_run() - All of korora: its command line in, its exit code out */
int kr_commands_run(int argc, char **argv);

/* The commands, one file per noun; argv starts behind the command's words. */
int kr_initcmd(struct kr_cli *c, int argc, char **argv);
int kr_hostcmd_add(struct kr_cli *c, int argc, char **argv);
int kr_hostcmd_list(struct kr_cli *c, int argc, char **argv);
int kr_hostcmd_show(struct kr_cli *c, int argc, char **argv);
int kr_hostcmd_remove(struct kr_cli *c, int argc, char **argv);
int kr_trustcmd_add(struct kr_cli *c, int argc, char **argv);
int kr_trustcmd_list(struct kr_cli *c, int argc, char **argv);
int kr_trustcmd_remove(struct kr_cli *c, int argc, char **argv);
int kr_usercmd_grant(struct kr_cli *c, int argc, char **argv);
int kr_usercmd_revoke(struct kr_cli *c, int argc, char **argv);
int kr_usercmd_list(struct kr_cli *c, int argc, char **argv);
int kr_userkeycmd_add(struct kr_cli *c, int argc, char **argv);
int kr_userkeycmd_list(struct kr_cli *c, int argc, char **argv);
int kr_userkeycmd_remove(struct kr_cli *c, int argc, char **argv);
int kr_vmcmd_define(struct kr_cli *c, int argc, char **argv);
int kr_vmcmd_list(struct kr_cli *c, int argc, char **argv);
int kr_vmcmd_show(struct kr_cli *c, int argc, char **argv);
int kr_vmcmd_start(struct kr_cli *c, int argc, char **argv);
int kr_vmcmd_stop(struct kr_cli *c, int argc, char **argv);
int kr_vmcmd_remove(struct kr_cli *c, int argc, char **argv);
int kr_migratecmd(struct kr_cli *c, int argc, char **argv);
/* Options that it shares with plan. */
#define KR_MIGRATECMD_DOWNTIME_MAX	3600000u	/* ms */
int kr_migratecmd_number(struct kr_cli *c, json_t *params, const char *key,
			 const char *option, const char *text, uint64_t max);
int kr_migratecmd_rate(struct kr_cli *c, json_t *params, const char *text);
int kr_plancmd(struct kr_cli *c, int argc, char **argv);
int kr_statuscmd(struct kr_cli *c, int argc, char **argv);
int kr_statuscmd_cancel(struct kr_cli *c, int argc, char **argv);
int kr_statuscmd_recover(struct kr_cli *c, int argc, char **argv);
int kr_requestcmd_list(struct kr_cli *c, int argc, char **argv);
int kr_requestcmd_show(struct kr_cli *c, int argc, char **argv);
int kr_requestcmd_withdraw(struct kr_cli *c, int argc, char **argv);
int kr_approvecmd_approve(struct kr_cli *c, int argc, char **argv);
int kr_approvecmd_deny(struct kr_cli *c, int argc, char **argv);
int kr_receiptcmd_list(struct kr_cli *c, int argc, char **argv);
int kr_receiptcmd_show(struct kr_cli *c, int argc, char **argv);
int kr_receiptcmd_verify(struct kr_cli *c, int argc, char **argv);
int kr_policycmd_check(struct kr_cli *c, int argc, char **argv);
int kr_policycmd_show(struct kr_cli *c, int argc, char **argv);
int kr_policycmd_reload(struct kr_cli *c, int argc, char **argv);
int kr_policyexplain(struct kr_cli *c, int argc, char **argv);
int kr_policydiff(struct kr_cli *c, int argc, char **argv);
int kr_policytest(struct kr_cli *c, int argc, char **argv);
int kr_reportcmd(struct kr_cli *c, int argc, char **argv);
int kr_logcmd_show(struct kr_cli *c, int argc, char **argv);
int kr_logcmd_verify(struct kr_cli *c, int argc, char **argv);
int kr_proofcmd_prove(struct kr_cli *c, int argc, char **argv);
int kr_proofcmd_check(struct kr_cli *c, int argc, char **argv);
int kr_keptreference_add(struct kr_cli *c, int argc, char **argv);
int kr_keptreference_list(struct kr_cli *c, int argc, char **argv);
int kr_keptreference_remove(struct kr_cli *c, int argc, char **argv);
int kr_attestcmd_show(struct kr_cli *c, int argc, char **argv);
int kr_attestcmd_enrol(struct kr_cli *c, int argc, char **argv);
int kr_attestcmd_forget(struct kr_cli *c, int argc, char **argv);
int kr_attestcmd_log(struct kr_cli *c, int argc, char **argv);
int kr_referencecmd_check(struct kr_cli *c, int argc, char **argv);
int kr_referencecmd_show(struct kr_cli *c, int argc, char **argv);
int kr_referencecmd_sign(struct kr_cli *c, int argc, char **argv);
int kr_contextcmd_export(struct kr_cli *c, int argc, char **argv);
int kr_contextcmd_import(struct kr_cli *c, int argc, char **argv);
int kr_contextcmd_strict(struct kr_cli *c, int argc, char **argv);
int kr_contextcmd_drop(struct kr_cli *c, int argc, char **argv);
int kr_contextcmd_show(struct kr_cli *c, int argc, char **argv);
int kr_contextcmd_diff(struct kr_cli *c, int argc, char **argv);
int kr_contextcmd_follow(struct kr_cli *c, int argc, char **argv);
int kr_contextlive_send(struct kr_cli *c, int argc, char **argv);
int kr_contextlive_receive(struct kr_cli *c, int argc, char **argv);
int kr_doctorcmd(struct kr_cli *c, int argc, char **argv);
/* One line of its checks, and of a dry run's. */
void kr_doctorcmd_print(const json_t *check);
int kr_doctorcmd_info(struct kr_cli *c, int argc, char **argv);
int kr_doctorcmd_version(struct kr_cli *c, int argc, char **argv);

#endif
