/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - asks a QEMU binary what it offers. Runs in kororad. The answers
 * are kept as text in a cache folder, under a name made of the binary's path,
 * size and time, and are parsed anew each time.
 */
#include "hyper/probe.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "hyper/ask.h"

/* The questions; each answer follows a line of its own in the cache. */
static const struct { const char *opt, *arg, *mark; } asks[] = {
	{ "-version", NULL, "\n--version--\n" },
	{ "-machine", "help", "\n--machine--\n" },
	{ "-cpu", "help", "\n--cpu--\n" },
	{ "-accel", "help", "\n--accel--\n" },
};

#define N_ASKS		(sizeof(asks) / sizeof(asks[0]))
#define TEXT_MAX	(N_ASKS * (KR_PROBE_OUTPUT_MAX + 32))

/* ---- parsing ----------------------------------------------------------- */

struct line { const char *p; size_t n; };

/* The next line of @text up to the next mark; false at the end. */
static bool next_line(const char **text, struct line *ret)
{
	const char *p = *text;
	size_t n = strcspn(p, "\n");

	if (!*p || !strncmp(p, "--", 2))
		return false;
	*ret = (struct line){ p, n };
	*text = p + n + (p[n] == '\n');
	return true;
}

/* The first word of a line; false if it does not fit or is odd. */
static bool word(struct line *l, char out[64])
{
	size_t n = 0;

	while (l->n && *l->p == ' ') {
		l->p++;
		l->n--;
	}
	while (n < l->n && l->p[n] != ' ' && l->p[n] != ')')
		n++;
	if (!n || n > 63)
		return false;
	for (size_t i = 0; i < n; i++)
		if (l->p[i] <= ' ' || l->p[i] > '~')
			return false;
	memcpy(out, l->p, n);
	out[n] = '\0';
	l->p += n;
	l->n -= n;
	return true;
}

static void parse_machines(const char *t, struct kr_probe *p)
{
	static const char alias[] = "(alias of ";
	struct line l;

	while (next_line(&t, &l) && p->n_machines < KR_PROBE_MACHINES_MAX) {
		struct kr_probe_machine *m = &p->machines[p->n_machines];
		const char *a;

		if (!l.n || l.p[l.n - 1] == ':' || !word(&l, m->name))
			continue;
		m->alias_of[0] = '\0';
		a = memmem(l.p, l.n, alias, sizeof(alias) - 1);
		if (a) {
			struct line rest = { a + sizeof(alias) - 1, 0 };

			rest.n = (size_t)(l.p + l.n - rest.p);
			if (!word(&rest, m->alias_of))
				continue;
		}
		p->n_machines++;
	}
}

/* "x86 NAME …", from release 9 on "  NAME …", up to an empty line. */
static void parse_cpus(const char *t, struct kr_probe *p)
{
	struct line l;

	while (next_line(&t, &l) && l.n && p->n_cpus < KR_PROBE_CPUS_MAX) {
		char *cpu = p->cpus[p->n_cpus];

		if (l.p[l.n - 1] == ':' || !word(&l, cpu))
			continue;
		if (!strcmp(cpu, "x86") && !word(&l, cpu))
			continue;
		p->n_cpus++;
	}
}

static void parse_accels(const char *t, struct kr_probe *p)
{
	struct line l;
	char w[64];

	while (next_line(&t, &l)) {
		if (!word(&l, w))
			continue;
		p->has_tcg |= !strcmp(w, "tcg");
		p->has_kvm |= !strcmp(w, "kvm");
	}
}

static int parse(const char *text, struct kr_probe *p)
{
	const char *at[N_ASKS];

	for (size_t i = 0; i < N_ASKS; i++) {
		at[i] = strstr(text, asks[i].mark);
		if (!at[i])
			return -EBADMSG;
		at[i] += strlen(asks[i].mark);
	}
	if (sscanf(at[0], "QEMU emulator version %5u.%5u.%5u", &p->major,
		   &p->minor, &p->micro) != 3)
		return -EBADMSG;
	parse_machines(at[1], p);
	parse_cpus(at[2], p);
	parse_accels(at[3], p);
	return p->n_machines && p->n_cpus ? 0 : -EBADMSG;
}

/* ---- asking and the cache ---------------------------------------------- */

static int cache_name(const char *binary, const char *dir, char out[PATH_MAX],
		      struct kr_err *e)
{
	char key[PATH_MAX + 64], hex[33];
	uint8_t md[32];
	struct stat st;
	int n;

	if (stat(binary, &st))
		return kr_fail(e, KR_E_NO_QEMU, "%s: %s", binary,
			       strerror(errno));
	n = snprintf(key, sizeof(key), "%s %lld.%09ld %lld", binary,
		     (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		     (long long)st.st_size);
	if (n >= (int)sizeof(key) ||
	    !EVP_Digest(key, (size_t)n, md, NULL, EVP_sha256(), NULL))
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
	kr_hex(md, 16, hex);
	if (snprintf(out, PATH_MAX, "%s/probe-%s", dir, hex) >= PATH_MAX)
		return kr_fail(e, KR_E_CONFIG, "cache path is too long");
	return 0;
}

static int ask_all(const char *binary, char *text, struct kr_err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < N_ASKS; i++) {
		char *argv[] = { (char *)(uintptr_t)binary,
				 (char *)(uintptr_t)asks[i].opt,
				 (char *)(uintptr_t)asks[i].arg, NULL };
		int status, r;

		n += (size_t)sprintf(text + n, "%s", asks[i].mark);
		r = kr_ask_run(argv, -1, KR_PROBE_TIME_MS, text + n,
			       KR_PROBE_OUTPUT_MAX, &status, e);
		if (r)
			return r;
		if (status)
			return kr_fail(e, KR_E_NO_QEMU,
				       "%s %s ended with status %d", binary,
				       asks[i].opt, status);
		n += strlen(text + n);
	}
	return 0;
}

int kr_probe_qemu(const char *binary, const char *cache_dir,
		  struct kr_probe **ret_p, struct kr_err *e)
{
	KR_AUTOFREE struct kr_probe *p = calloc(1, sizeof(*p));
	KR_AUTOFREE char *text = NULL;
	char path[PATH_MAX];
	int r = cache_name(binary, cache_dir, path, e);

	if (r)
		return r;
	if (!p)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	if (kr_read_file(path, TEXT_MAX, &text, NULL) || parse(text, p)) {
		free(text);
		text = malloc(TEXT_MAX);
		if (!text)
			return kr_fail(e, KR_E_SYSTEM, "out of memory");
		if ((r = ask_all(binary, text, e)))
			return r;
		memset(p, 0, sizeof(*p));
		if (parse(text, p))
			return kr_fail(e, KR_E_NO_QEMU,
				       "%s does not answer like a QEMU",
				       binary);
		/* a cache that cannot be written only costs time */
		(void)kr_write_file(path, text, strlen(text), 0600);
	}
	*ret_p = p;
	p = NULL;
	return 0;
}

/* ---- questions to the answers ------------------------------------------ */

static const struct kr_probe_machine *machine(const struct kr_probe *p,
					      const char *name)
{
	for (unsigned int i = 0; i < p->n_machines; i++)
		if (!strcmp(p->machines[i].name, name))
			return &p->machines[i];
	return NULL;
}

int kr_probe_resolve(const struct kr_probe *p, struct kr_vmdef *d,
		     struct kr_err *e)
{
	const struct kr_probe_machine *m = machine(p, d->machine);

	if (!m)
		return kr_fail(e, KR_E_NO_MACHINE,
			       "QEMU %u.%u.%u has no machine '%s'", p->major,
			       p->minor, p->micro, d->machine);
	if (m->alias_of[0])
		strcpy(d->machine, m->alias_of);
	return 0;
}

int kr_probe_fits(const struct kr_probe *p, const struct kr_vmdef *d,
		  struct kr_err *e)
{
	size_t n = strcspn(d->cpu, ",");
	bool has_cpu = false;

	if (!machine(p, d->machine))
		return kr_fail(e, KR_E_NO_MACHINE,
			       "QEMU %u.%u.%u has no machine '%s'", p->major,
			       p->minor, p->micro, d->machine);
	/* features may follow the model's name */
	for (unsigned int i = 0; i < p->n_cpus; i++)
		has_cpu |= strlen(p->cpus[i]) == n &&
			   !strncmp(p->cpus[i], d->cpu, n);
	if (!has_cpu)
		return kr_fail(e, KR_E_NO_CPU, "QEMU %u.%u.%u has no CPU '%s'",
			       p->major, p->minor, p->micro, d->cpu);
	if (d->accel == KR_VMDEF_KVM ? !p->has_kvm : !p->has_tcg)
		return kr_fail(e, KR_E_NO_ACCEL, "this QEMU lacks %s",
			       kr_vmdef_accel_name(d->accel));
	return 0;
}

int kr_probe_version_cmp(const struct kr_probe *p, uint32_t major,
			 uint32_t minor)
{
	if (p->major != major)
		return p->major < major ? -1 : 1;
	return p->minor < minor ? -1 : p->minor > minor;
}
