/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errorsman.c - prints korora-errors(7) from the table of codes in korora.h.
 * Runs during the build, so the page cannot differ from the program.
 */
#include <stdio.h>

#include "base/err.h"

static const char *const groups[] = {
	[1] = "Requests and files",
	[2] = "Who the peer is",
	[3] = "What a peer says",
	[4] = "Preflight: could it work?",
	[5] = "The data plane",
	[6] = "The hypervisor",
	[7] = "The hand-over",
	[8] = "Evidence and durable state",
	[9] = "This program and its machine",
};

static const char *const blames[] = {
	[KR_SELF] = "Koror\\[u0101] itself", [KR_HOST] = "this host",
	[KR_GUEST] = "the VM or its hypervisor", [KR_PEER] = "the peer",
	[KR_USER] = "the user",
};

/* One line of running text: no macro at its start, no escapes. */
static void line(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
	}
}

static void head(void)
{
	puts(".\\\" SPDX-License-Identifier: Apache-2.0\n"
	     ".\\\" Printed by errorsman from korora.h: change the table "
	     "there.\n"
	     ".Dd $Mdocdate$\n"
	     ".Dt KORORA-ERRORS 7\n"
	     ".Os\n"
	     ".Sh NAME\n"
	     ".Nm korora-errors\n"
	     ".Nd error codes of korora and kororad\n"
	     ".Sh DESCRIPTION\n"
	     "Every error that\n"
	     ".Xr korora 1\n"
	     "and\n"
	     ".Xr kororad 8\n"
	     "show has a code that never changes its meaning, a summary, "
	     "mostly a message\n"
	     "with the particulars, and a hint at what to do:\n"
	     ".Bd -literal -offset indent\n"
	     "korora: KR-2001 the peer cannot be reached: beta at "
	     "192.0.2.7:7300\n"
	     "  \\(-> check the address, the link and that kororad runs "
	     "there\n"
	     ".Ed\n"
	     ".Pp\n"
	     "The exit code of a command that fails is its error's:\n"
	     ".Pp\n"
	     ".Bl -tag -width 3n -compact\n"
	     ".It 1\n"
	     "refused or failed; the VM runs where it was\n"
	     ".It 2\n"
	     "the command line or a file is wrong\n"
	     ".It 3\n"
	     "an operator is needed:\n"
	     ".Ql korora recover\n"
	     ".El\n"
	     ".Pp\n"
	     "Below, each code is followed by its name in\n"
	     ".In korora.h ,\n"
	     "where it begins with\n"
	     ".Dv KR_E_ .");
}

int main(void)
{
	unsigned int n, group = 0;
	const struct kr_code_row *row = kr_code_rows(&n);

	head();
	for (const struct kr_code_row *end = row + n; row < end; row++) {
		if ((unsigned int)row->kr / 1000 != group) {
			if (group)
				puts(".El");
			group = (unsigned int)row->kr / 1000;
			printf(".Ss %s\n.Bl -tag -width Ds\n", groups[group]);
		}
		printf(".It KR-%04d Pq Dv %s\n", (int)row->kr, row->name);
		line(row->summary);
		printf(".\n.br\nTo answer for: %s; exit code %d.\n.br\n",
		       blames[row->blame], (int)row->exit);
		fputs("What to do: ", stdout);
		line(row->hint);
		puts(".");
	}
	puts(".El\n"
	     ".Sh SEE ALSO\n"
	     ".Xr korora 1 ,\n"
	     ".Xr korora-policy 5 ,\n"
	     ".Xr korora-vm 5 ,\n"
	     ".Xr korora.conf 5 ,\n"
	     ".Xr kororad 8");
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
