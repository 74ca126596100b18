/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.c - the command table and what is read before a command is known:
 * --root, --json, --help and --version are taken wherever they stand.
 * Help, the usage of every error and shell completion come from this table.
 */
#include "client/commands.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int help(struct kr_cli *c, int argc, char **argv);

static const struct kr_command commands[] = {
	{ "init", "--name NAME [--ca-request FILE | --cert FILE]",
	  "Give this host its identity", kr_initcmd },
	{ "info", "", "Show this host: its name, fingerprint and address",
	  kr_doctorcmd_info },
	{ "host add", "NAME ADDRESS [--fingerprint FP]",
	  "Enrol another host", kr_hostcmd_add },
	{ "host list", "", "List the enrolled hosts", kr_hostcmd_list },
	{ "host show", "NAME", "Show one of them", kr_hostcmd_show },
	{ "host remove", "NAME", "Strike a host off", kr_hostcmd_remove },
	{ "trust add", "NAME FILE.pem", "Trust the hosts that a CA certifies",
	  kr_trustcmd_add },
	{ "trust list", "", "List the trusted CAs", kr_trustcmd_list },
	{ "trust remove", "NAME", "Trust a CA no longer", kr_trustcmd_remove },
	{ "user grant", "USER ROLE",
	  "Give a user a role of the policy: operate, approve, audit, admin, ...",
	  kr_usercmd_grant },
	{ "user revoke", "USER ROLE", "Take a role away", kr_usercmd_revoke },
	{ "user list", "", "List who may do what", kr_usercmd_list },
	{ "user key add", "USER FILE",
	  "Enrol a public key with which a user signs", kr_userkeycmd_add },
	{ "user key list", "", "List these keys", kr_userkeycmd_list },
	{ "user key remove", "FINGERPRINT", "Strike a key off",
	  kr_userkeycmd_remove },
	{ "policy check", "[FOLDER|FILE]...",
	  "Check a policy, see korora-policy(5)", kr_policycmd_check },
	{ "policy show", "[FOLDER|FILE]", "Show the policy of this host, or another",
	  kr_policycmd_show },
	{ "policy explain",
	  "VM [--to HOST] --as USER [--role ROLE]... [--procedure PROCEDURE] "
	  "[--approved-by USER[:ROLE,...]]... [--tenant TENANT] "
	  "[--policy FOLDER|FILE]",
	  "Tell who decides about a request, and how", kr_policyexplain },
	{ "policy diff", "OLD NEW",
	  "Tell what one policy decides differently from another",
	  kr_policydiff },
	{ "policy reload", "", "Put what policy.d holds in force",
	  kr_policycmd_reload },
	{ "policy test", "FILE [--policy FOLDER|FILE]",
	  "Hold a policy against a table of requests", kr_policytest },
	{ "vm define", "FILE", "Define a VM, see korora-vm(5)",
	  kr_vmcmd_define },
	{ "vm list", "", "List the VMs of this host", kr_vmcmd_list },
	{ "vm show", "NAME", "Show one VM and its definition",
	  kr_vmcmd_show },
	{ "vm start", "NAME", "Start a VM", kr_vmcmd_start },
	{ "vm stop", "NAME [--force]", "Shut a VM down, or switch it off",
	  kr_vmcmd_stop },
	{ "vm remove", "NAME", "Forget a stopped VM; its disks stay",
	  kr_vmcmd_remove },
	{ "migrate",
	  "VM --to HOST [--strategy precopy|hybrid|postcopy|offline|auto] "
	  "[--max-downtime-ms N] [--bandwidth RATE] [--timeout S] "
	  "[--throttle] [--allow-postcopy] [--dry-run]",
	  "Move a running VM to another host", kr_migratecmd },
	{ "plan",
	  "VM --to HOST [--max-downtime-ms N] [--bandwidth RATE] "
	  "[--throttle] [--seconds S]",
	  "Measure what a migration would take, by a short probe",
	  kr_plancmd },
	{ "status", "[ID] [--watch]", "Show migrations, or one of them",
	  kr_statuscmd },
	{ "cancel", "ID", "Stop a migration; its VM runs on here",
	  kr_statuscmd_cancel },
	{ "recover", "[ID]", "Finish or undo what a crash interrupted",
	  kr_statuscmd_recover },
	{ "request list", "", "List what waits for approval, or did",
	  kr_requestcmd_list },
	{ "request show", "ID", "Show what somebody asked for",
	  kr_requestcmd_show },
	{ "request withdraw", "ID", "Take back what you asked for",
	  kr_requestcmd_withdraw },
	{ "approve", "ID --key FILE|URI", "Approve a request, signed",
	  kr_approvecmd_approve },
	{ "deny", "ID [--key FILE|URI]", "Deny a request, signed, or close a question",
	  kr_approvecmd_deny },
	{ "receipt list", "", "List the receipts of past migrations",
	  kr_receiptcmd_list },
	{ "receipt show", "ID", "Show what was signed", kr_receiptcmd_show },
	{ "receipt verify", "FILE [--key FILE]...",
	  "Verify a receipt's signatures, offline", kr_receiptcmd_verify },
	{ "report", "ID [--html FILE]",
	  "Evaluate a migration by the evidence of it", kr_reportcmd },
	{ "log show", "[--limit N] [--before INDEX]",
	  "Show the evidence log", kr_logcmd_show },
	{ "log verify", "", "Verify that the log was not altered",
	  kr_logcmd_verify },
	{ "log prove",
	  "{INDEX | --migration ID | --from SIZE} [--out FILE]",
	  "Prove that an entry is in the log, or that the log only grew",
	  kr_proofcmd_prove },
	{ "log check", "FILE --key FILE... [--old FILE]",
	  "Verify such a proof, offline", kr_proofcmd_check },
	{ "attest log", "FILE [--bank sha256|sha384|sha512]",
	  "Show what an event log says was booted, and the PCRs it leads to",
	  kr_attestcmd_log },
	{ "attest show", "[HOST]",
	  "Show this host's attestation key, or a peer's, and its TPM",
	  kr_attestcmd_show },
	{ "attest enrol", "HOST",
	  "Have a host's TPM show that its attestation key is in it",
	  kr_attestcmd_enrol },
	{ "attest forget", "HOST", "Forget the attestation key of a host",
	  kr_attestcmd_forget },
	{ "attest reference check", "FILE [--key FILE]...",
	  "Check a document of reference values, and who signed it",
	  kr_referencecmd_check },
	{ "attest reference show", "NAME | --file FILE [--key FILE]...",
	  "Show the values that hosts are judged by, or a file's",
	  kr_referencecmd_show },
	{ "attest reference sign", "FILE --key FILE|URI --out FILE",
	  "Sign such a document", kr_referencecmd_sign },
	{ "attest reference add", "FILE",
	  "Have hosts judged by what is signed in it",
	  kr_keptreference_add },
	{ "attest reference list", "", "List what hosts are judged by",
	  kr_keptreference_list },
	{ "attest reference remove", "NAME",
	  "Revoke it: who was to be judged by it is refused",
	  kr_keptreference_remove },
	{ "context export", "FILE --zone N [--flag FILE]",
	  "Write a zone's connections to a file", kr_contextcmd_export },
	{ "context import", "FILE [--zone N] [--flag FILE] [--strict-after S]",
	  "Tell this kernel of the connections in it", kr_contextcmd_import },
	{ "context strict", "FILE [--zone N]",
	  "Judge those that are TCP by their windows again",
	  kr_contextcmd_strict },
	{ "context drop", "{FILE [--zone N] | --zone N}",
	  "End connections here", kr_contextcmd_drop },
	{ "context show", "{FILE | --zone N} [--flag FILE]", "Show connections",
	  kr_contextcmd_show },
	{ "context diff", "FILE FILE", "Show what two files differ in",
	  kr_contextcmd_diff },
	{ "context follow", "--zone N",
	  "Show a zone's connections, and what becomes of them",
	  kr_contextcmd_follow },
	{ "context send", "--zone N",
	  "Write what is there, and then what changes, until the input ends",
	  kr_contextlive_send },
	{ "context receive", "--zone N [--flag FILE] [--strict-after S]",
	  "Have the connections that are sent, as they change",
	  kr_contextlive_receive },
	{ "doctor", "[--to HOST]",
	  "Check this host, and whether it could migrate there",
	  kr_doctorcmd },
	{ "version", "", "Show the versions of korora and kororad",
	  kr_doctorcmd_version },
	{ "help", "[COMMAND]", "Show this list, or a command's usage", help },
};

/* Do all words of the row equal what was typed? The first *ret_used do. */
static bool matches(const struct kr_command *row, int argc, char **argv,
		    int *ret_used)
{
	const char *word = row->words;

	for (*ret_used = 0; *word; ++*ret_used) {
		size_t n = strcspn(word, " ");

		if (*ret_used == argc || strlen(argv[*ret_used]) != n ||
		    strncmp(argv[*ret_used], word, n))
			return false;
		word += n + (word[n] == ' ');
	}
	return true;
}

/* The row, or NULL; *ret_used is then how many words are known. */
static const struct kr_command *find(int argc, char **argv, int *ret_used)
{
	int used, best = 0;

	for (size_t i = 0; i < KR_N(commands); i++) {
		if (matches(&commands[i], argc, argv, &used)) {
			*ret_used = used;
			return &commands[i];
		}
		best = used > best ? used : best;
	}
	*ret_used = best;
	return NULL;
}

static void print_all(FILE *f)
{
	fprintf(f, "usage: korora [--root DIR] [--json] COMMAND ...\n\n");
	for (size_t i = 0; i < KR_N(commands); i++)
		fprintf(f, "  %-15s %s\n", commands[i].words,
			commands[i].help);
	fprintf(f, "\nkorora help COMMAND shows its arguments; korora(1) "
		   "explains them all.\n");
}

static void print_usage(FILE *f, const struct kr_command *row)
{
	fprintf(f, "korora %s%s%s\n    %s\n", row->words,
		*row->args ? " " : "", row->args, row->help);
}

/* The usage of every command that starts with the words typed. */
static int help_of(struct kr_cli *c, int argc, char **argv)
{
	bool any = false;

	for (size_t i = 0; i < KR_N(commands); i++) {
		int used;
		bool hit = matches(&commands[i], argc, argv, &used);

		if (!hit && used != argc)
			continue;
		print_usage(stdout, &commands[i]);
		any = true;
	}
	if (any)
		return 0;
	return kr_cli_usage(c, "no such command: %s%s%s", argv[0],
			    argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
}

static json_t *commands_json(void)
{
	json_t *a = json_array();

	for (size_t i = 0; i < KR_N(commands); i++)
		json_array_append_new(
			a, json_pack("{s:s, s:s, s:s}", "command",
				     commands[i].words, "arguments",
				     commands[i].args, "help",
				     commands[i].help));
	return json_pack("{s:o}", "commands", a);
}

static int help(struct kr_cli *c, int argc, char **argv)
{
	if (argc > 0) {
		c->cmd = NULL;
		return help_of(c, argc, argv);
	}
	if (c->json) {
		KR_AUTO(kr_cli_decref) json_t *j = commands_json();

		kr_cli_result(c, j);
		return 0;
	}
	print_all(stdout);
	return 0;
}

/* What stands anywhere; the rest is moved together in argv. */
struct globals {
	bool help, version, bad_root;
};

static int take_globals(struct kr_cli *c, int argc, char **argv,
			struct globals *g)
{
	int n = 0;

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (!strcmp(a, "--")) {
			while (i < argc)
				argv[n++] = argv[i++];
			break;
		}
		if (!strcmp(a, "--json"))
			c->json = true;
		else if (!strcmp(a, "--help") || !strcmp(a, "-h"))
			g->help = true;
		else if (!strcmp(a, "--version"))
			g->version = true;
		else if (!strncmp(a, "--root=", 7))
			c->root = a + 7;
		else if (strcmp(a, "--root"))
			argv[n++] = argv[i];
		else if (i + 1 < argc)
			c->root = argv[++i];
		else
			g->bad_root = true;
	}
	return n;
}

static int run(struct kr_cli *c, int argc, char **argv,
	       const struct globals *g)
{
	const struct kr_command *row;
	int used;

	if (g->bad_root)
		return kr_cli_usage(c, "--root needs a value");
	if (g->help)
		return help(c, argc, argv);
	if (g->version && !argc)
		return kr_doctorcmd_version(c, 0, NULL);
	if (!argc) {
		print_all(stderr);
		return c->json ? kr_cli_usage(c, "a command is missing")
			       : KR_EXIT_USAGE;
	}
	row = find(argc, argv, &used);
	if (!row && used)
		return kr_cli_usage(c, "%s %s; korora help %s lists what "
				       "there is",
				    argv[used - 1], argc > used ? argv[used] :
				    "needs another word", argv[0]);
	if (!row)
		return kr_cli_usage(c, "no such command: %s", argv[0]);
	c->cmd = row;
	return row->fn(c, argc - used, argv + used);
}

int kr_commands_run(int argc, char **argv)
{
	const char *root = getenv("KORORA_ROOT");
	struct kr_cli c = { .root = root ? root : "",
			    .tty = isatty(STDOUT_FILENO) };
	struct globals g = { 0 };
	size_t len;
	KR_AUTOFREE char *trimmed = NULL;
	int n, r;

	/* text in the user's encoding, numbers always with a point */
	setlocale(LC_CTYPE, "");
	setlocale(LC_TIME, "");
	n = take_globals(&c, argc, argv, &g);
	trimmed = strdup(c.root);
	for (len = trimmed ? strlen(trimmed) : 0;
	     len && trimmed[len - 1] == '/'; len--)
		trimmed[len - 1] = '\0';
	c.root = trimmed ? trimmed : c.root;
	r = run(&c, n, argv, &g);
	korora_close(c.api);
	if (fflush(stdout) || ferror(stdout)) {
		perror("korora: cannot write the output");
		r = r ? r : KR_EXIT_REFUSED;
	}
	return r;
}
