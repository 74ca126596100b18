/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acts.c - acts FILE SOURCES: "FOLDER/LIBRARY.p/FILE.c.o: U CALL" as `nm -A -u`
 * says, and the folder that the code was made from
 *
 * Prints each privileged operation of the code and the rule that admits it.
 * Exits 1, and says which, if one has no row (actsrow.c), a row has none, a
 * file names it more or less often than the row says, or a row's procedures do
 * not transform the data that a call of it changes.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/acts.h"
#include "model/actsites.h"
#include "model/harmless.h"

#define LINE_MAX_BYTES	1024u
#define SEEN_MAX	512u

#define LOG	(1u << KR_CDI_LOG)
#define HOSTS	(1u << KR_CDI_HOSTS)
#define RAM	(1u << KR_CDI_RAM)

/*
 * What is privileged, and not only unknown: without the ends that libc's headers put in its place
 * (open64, __open_2); "*": all that begin so, and the data that it changes.
 */
static const struct call {
	const char  *name;
	unsigned int changes;	/* 1 << enum kr_cdi, any of them */
} calls[] = {
	{ "fork", 0 }, { "vfork", 0 }, { "clone", 0 }, { "posix_spawn", 0 },
	{ "posix_spawnp", 0 }, { "execv", 0 }, { "execve", 0 },
	{ "execvp", 0 }, { "fexecve", 0 }, { "system", 0 }, { "popen", 0 },
	{ "kill", 0 }, { "tgkill", 0 }, { "pidfd_send_signal", 0 },
	{ "ptrace", 0 }, { "process_vm_readv", 0 }, { "process_vm_writev", 0 },
	{ "syscall", 0 }, { "ioctl", 0 }, { "dlopen", 0 },
	{ "setpriority", 0 },
	{ "chroot", 0 }, { "setns", 0 }, { "unshare", 0 }, { "mount", 0 },
	{ "umount2", 0 }, { "setuid", 0 }, { "setgid", 0 },
	{ "setresuid", 0 }, { "setresgid", 0 }, { "setgroups", 0 },
	{ "capset", 0 },
	{ "open", 0 }, { "openat", 0 }, { "creat", 0 }, { "fopen", 0 },
	{ "mkdir", 0 }, { "mkdirat", 0 }, { "rmdir", 0 }, { "unlink", 0 },
	{ "unlinkat", 0 }, { "remove", 0 }, { "rename", 0 },
	{ "renameat", 0 }, { "renameat2", 0 }, { "link", 0 },
	{ "linkat", 0 }, { "symlink", 0 }, { "symlinkat", 0 },
	{ "mknod", 0 }, { "truncate", 0 }, { "ftruncate", 0 },
	{ "chmod", 0 }, { "fchmod", 0 }, { "fchmodat", 0 }, { "chown", 0 },
	{ "fchown", 0 }, { "lchown", 0 }, { "fchownat", 0 },
	{ "bind", 0 }, { "listen", 0 }, { "connect", 0 },
	{ "mnl_socket_*", 0 }, { "nft_*", 0 }, { "Esys_*", 0 },
	{ "sqlite3_open*", 0 }, { "sqlite3_exec", 0 },
	{ "sqlite3_prepare*", 0 },
	{ "EVP_DigestSign", 0 }, { "X509_sign", 0 },
	/* of ours: what those are wrapped in */
	{ "kr_write_file", 0 }, { "kr_mkdirs", 0 }, { "kr_unix_*", 0 },
	{ "kr_chan_put*", 0 }, { "kr_chan_send*", 0 },
	{ "kr_spawn_agent", 0 }, { "kr_spawn_lasting", RAM },
	{ "kr_tap_open", RAM }, { "kr_tap_up", RAM },
	{ "kr_firewall_load", RAM }, { "kr_firewall_wake", RAM },
	{ "kr_firewall_unload", RAM }, { "nft_run_cmd*", RAM },
	{ "kr_qmp_send*", 0 },
	{ "kr_identity_sign", 0 }, { "kr_identity_issue*", 0 },
	{ "kr_dsse_sign", 0 },
	/* kororad's own acts, of which each order to a VM asks by itself */
	{ "kr_vm_kill", RAM }, { "kr_vm_clear", RAM },
	{ "kr_vm_spawn", RAM }, { "kr_vm_adopt", 0 },
	{ "kr_postcopy_give_up", RAM },
	{ "kr_vtpm_wipe", 1u << KR_CDI_DEFINITION },
	{ "kr_files_keep", 1u << KR_CDI_DEFINITION },
	{ "kr_files_leave", 1u << KR_CDI_DEFINITION },
	{ "kr_policy_reload", 1u << KR_CDI_POLICY },
	/* and the rows that data is kept in */
	{ "kr_ledger_append", LOG },
	{ "kr_hostrow_put", HOSTS }, { "kr_hostrow_del", HOSTS },
	{ "kr_trustrow_put", HOSTS }, { "kr_trustrow_del", HOSTS },
	{ "kr_userrow_put", 1u << KR_CDI_GRANTS },
	{ "kr_userrow_del", 1u << KR_CDI_GRANTS },
	{ "kr_userkeyrow_add", 1u << KR_CDI_KEYS },
	{ "kr_userkeyrow_del", 1u << KR_CDI_KEYS },
	{ "kr_akrow_put", 1u << KR_CDI_HOSTS },
	{ "kr_akrow_del", 1u << KR_CDI_HOSTS },
	{ "kr_referencerow_put", 1u << KR_CDI_REFERENCES },
	{ "kr_vmrow_put", 1u << KR_CDI_DEFINITION | RAM },
	{ "kr_vmrow_del", 1u << KR_CDI_DEFINITION },
	{ "kr_filerow_put", 1u << KR_CDI_DEFINITION },
	{ "kr_filerow_del*", 1u << KR_CDI_DEFINITION },
	{ "kr_policyrow_put", 1u << KR_CDI_POLICY },
	{ "kr_migrow_put", RAM }, { "kr_receiptrow_put", LOG },
	{ "kr_approvalrow_add", LOG }, { "kr_requestrow_add", LOG },
	{ "kr_requestrow_move", LOG }, { "kr_requestrow_expire", 0 },
	{ "kr_requestrow_make_way", 0 },
	{ "kr_cosignrow_put", LOG }, { "kr_witnessrow_put", LOG },
	{ "kr_witnessrow_del", HOSTS }, { "kr_logrow_add", LOG }, { "kr_logrow_put_note", LOG },
	{ "kr_noderow_add", LOG }, { "kr_noderow_clear", LOG },
};

static const struct call *find_call(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (kr_like(calls[i].name, name))
			return &calls[i];
	return NULL;
}

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; (p = strstr(p, word)); p += n)
		if ((p == words || p[-1] == ' ') &&
		    (!p[n] || strchr(" *", p[n])))
			return true;
	return false;
}

/* ---- what the code calls ------------------------------------------------ */

struct seen {
	char file[64];
	char name[64];
};

static struct seen seen[SEEN_MAX];
static unsigned int n_seen;

/* "open64" and "__open64_2" are open(). */
static void plain(char *name)
{
	size_t n = strlen(name);

	if (n > 4 && !strncmp(name, "__", 2) && !strcmp(name + n - 2, "_2")) {
		n -= 4;
		memmove(name, name + 2, n);
		name[n] = 0;
	}
	if (n > 2 && !strcmp(name + n - 2, "64"))
		name[n - 2] = 0;
}

/* "hyper/libhyper.a.p/ask.c.o" and "daemon/x.p/.._hyper_qmpmain.c.o" */
static bool find_file(const char *object, char *out, size_t max)
{
	const char *base = strrchr(object, '/');
	int folder = (int)strcspn(object, "/"), n;
	char *slash;

	base = base ? base + 1 : object;
	n = (int)strlen(base) - 2;
	if (n < 3 || strcmp(base + n, ".o"))
		return false;
	if (strncmp(base, ".._", 3)) {
		snprintf(out, max, "%.*s/%.*s", folder, object, n, base);
		return true;
	}
	snprintf(out, max, "%.*s", n - 3, base + 3);
	slash = strchr(out, '_');
	if (slash)
		*slash = '/';
	return slash;
}

static bool read_line(char *line)
{
	char *name = strrchr(line, ' '), *end = strstr(line, ".o:");
	struct seen *s = &seen[n_seen];
	bool harmless;

	if (!name || !end)
		return true;	/* "FILE:" and nothing that it calls */
	end[2] = 0;
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%.*s",
		 (int)strcspn(name + 1, "@\n"), name + 1);
	harmless = kr_harmless(s->name);
	plain(s->name);
	if (!find_call(s->name) && (harmless || kr_harmless(s->name)))
		return true;
	if (!find_file(line, s->file, sizeof(s->file)))
		return false;
	for (unsigned int i = 0; i < n_seen; i++)
		if (!memcmp(&seen[i], s, sizeof(*s)))
			return true;
	return ++n_seen < SEEN_MAX;
}

/* ---- against the rows --------------------------------------------------- */

static const char *const ways[KR_ACT_WAY_N] = {
#define X(name, text) [KR_ACT_##name] = text,
	KR_ACT_WAYS(X)
#undef X
};

/* Does any of the row's procedures change what that call changes? */
static bool transforms(const struct kr_act *a, unsigned int changes)
{
	for (unsigned int p = 0; p < KR_TP_N; p++)
		if (a->procedures & UINT64_C(1) << p &&
		    kr_procedure((enum kr_tp)p)->transforms & changes)
			return true;
	return false;
}

static bool tell(const struct seen *s, const struct kr_act *a)
{
	const struct call *c = find_call(s->name);
	unsigned int changes = c ? c->changes : 0;

	printf("%s: %s: %s", s->file, s->name, ways[a->way]);
	for (unsigned int p = 0; p < KR_TP_N; p++)
		if (a->procedures & UINT64_C(1) << p)
			printf(" %s", kr_procedure((enum kr_tp)p)->name);
	printf("\n");
	if (a->way != KR_ACT_EXECUTED || !changes || transforms(a, changes))
		return true;
	fprintf(stderr, "acts: %s: %s changes what none of its procedures "
		"does\n", s->file, s->name);
	return false;
}

static unsigned int each_seen(void)
{
	unsigned int bad = 0;

	for (unsigned int i = 0; i < n_seen; i++) {
		bool found = false;

		for (unsigned int j = 0; j < kr_acts_n; j++)
			if (!strcmp(kr_acts[j].file, seen[i].file) &&
			    has_word(kr_acts[j].calls, seen[i].name)) {
				found = true;
				bad += !tell(&seen[i], &kr_acts[j]);
			}
		if (found)
			continue;
		bad++;
		fprintf(stderr, "acts: %s calls %s, and no rule admits it: "
			"see "
			"model/actsrow.c, or harmless.c\n", seen[i].file,
			seen[i].name);
	}
	return bad;
}

static bool is_called(const char *file, const char *name, size_t n)
{
	for (unsigned int i = 0; i < n_seen; i++)
		if (!strcmp(seen[i].file, file) &&
		    !strncmp(seen[i].name, name, n) && !seen[i].name[n])
			return true;
	return false;
}

/* "kill*2": that often, and once if no number is said. */
static bool is_named_so(const struct kr_act *a, const char *text,
			const char *w, size_t n)
{
	unsigned int says = w[n] == '*' ? (unsigned int)atoi(w + n + 1) : 1;
	unsigned int is = kr_actsites_count(text, w, n);

	if (is != says)
		fprintf(stderr, "acts: %s names %.*s %u times, its row says "
			"%u: does its rule admit each?\n", a->file, (int)n, w,
			is, says);
	return is == says;
}

static unsigned int each_row(const char *sources)
{
	unsigned int bad = 0;

	for (unsigned int i = 0; i < kr_acts_n; i++) {
		const struct kr_act *a = &kr_acts[i];

		if ((a->way == KR_ACT_EXECUTED) != !!a->procedures) {
			bad++;
			fprintf(stderr, "acts: %s: %s: procedures\n", a->file,
				a->calls);
		}
		char *text = kr_actsites_read(sources, a->file);

		if (!text) {
			bad++;
			fprintf(stderr, "acts: %s is not there\n", a->file);
			continue;
		}
		for (const char *w = a->calls; *w; w += *w == ' ') {
			size_t n = strcspn(w, " *");

			if (!is_called(a->file, w, n)) {
				bad++;
				fprintf(stderr, "acts: %s does not call "
					"%.*s\n", a->file, (int)n, w);
			} else if (!is_named_so(a, text, w, n)) {
				bad++;
			}
			w += strcspn(w, " ");
		}
		free(text);
	}
	return bad;
}

int main(int argc, char **argv)
{
	FILE *f = argc == 3 ? fopen(argv[1], "re") : NULL;
	char line[LINE_MAX_BYTES];
	unsigned int bad;

	if (!f) {
		fprintf(stderr, "usage: acts FILE SOURCES, the file being what "
			"nm -A -u says\n");
		return 2;
	}
	while (fgets(line, sizeof(line), f))
		if (!read_line(line)) {
			fprintf(stderr, "acts: too many, or not a line of nm: "
				"%s\n", line);
			return 1;
		}
	fclose(f);
	bad = each_seen() + each_row(argv[2]);
	if (!n_seen)
		fprintf(stderr, "acts: nothing was read\n");
	return bad || !n_seen;
}
