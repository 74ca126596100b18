/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmdef.c - VM definitions read, checked as a whole and printed, by the table
 * of their keys (vmdefkey.c). Runs in kororad and korora; texts from a peer
 * pass through the same parser.
 */
#include "hyper/vmdef.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ini.h"
#include "hyper/vmdefkey.h"

static const char *const switches[] = { "off", "on" };

static_assert(KR_VMDEFKEYS <= 32, "seen is a bit per key");

/* A parse under way. */
struct parse {
	struct kr_ini	 it;
	struct kr_vmdef	 d;
	void		*at;		/* struct of the present section */
	uint32_t	 seen;		/* keys, of the present section */
	unsigned int	 section_line;
	bool		 in_vm, in_boot;
};

/* A section is over: what it must have is blamed on its first line. */
static int ended(struct parse *p, const char *section, struct kr_err *e)
{
	for (size_t i = 0; i < KR_VMDEFKEYS; i++)
		if (kr_vmdefkeys[i].needed && !strcmp(kr_vmdefkeys[i].section, section) &&
		    !(p->seen & 1u << i)) {
			p->it.line = p->section_line;
			return kr_ini_fail(&p->it, e, "[%s] lacks '%s'",
					   section, kr_vmdefkeys[i].key);
		}
	return 0;
}

static int read_num(struct parse *p, const struct kr_vmdefkey *k, struct kr_err *e)
{
	const char *v = p->it.value;
	size_t n = strlen(v);
	uint64_t x = 0;

	for (size_t i = 0; i < n && i < 8; i++)
		x = x * 10 + (uint64_t)(v[i] - '0');
	if (!n || n > 7 || strspn(v, "0123456789") != n || (n > 1 && v[0] == '0') ||
	    x < k->min || x > k->max)
		return kr_ini_fail(&p->it, e,
				   "'%s' must be a number from %u to %u",
				   k->key, k->min, k->max);
	*(uint32_t *)((char *)p->at + k->offset) = (uint32_t)x;
	return 0;
}

static int read_enum(struct parse *p, const struct kr_vmdefkey *k, struct kr_err *e)
{
	for (uint32_t i = 0; i < k->n_names; i++) {
		if (strcmp(p->it.value, k->names[i]))
			continue;
		memcpy((char *)p->at + k->offset, &i, sizeof(i));
		return 0;
	}
	return kr_ini_fail(&p->it, e, "'%s' must be %s or %s", k->key,
			   k->names[0], k->names[1]);
}

static int read_bool(struct parse *p, const struct kr_vmdefkey *k, struct kr_err *e)
{
	bool on = !strcmp(p->it.value, "on");

	if (!on && strcmp(p->it.value, "off"))
		return kr_ini_fail(&p->it, e, "'%s' must be on or off",
				   k->key);
	*(bool *)((char *)p->at + k->offset) = on;
	return 0;
}

static int read_str(struct parse *p, const struct kr_vmdefkey *k, struct kr_err *e)
{
	const char *must = k->check(p->it.value);

	/* canonical text prints every key: "" stands for not given */
	if (!p->it.value[0] && !strcmp(k->section, "boot"))
		must = NULL;
	if (must)
		return kr_ini_fail(&p->it, e, "'%s' must be %s", k->key, must);
	assert(strlen(p->it.value) < k->size);
	strcpy((char *)p->at + k->offset, p->it.value);
	return 0;
}

static int take_rule(struct parse *p, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;

	if (strcmp(p->it.key, "rule"))
		return kr_ini_unknown(&p->it, e);
	if (kr_fwrules_add(&p->d.rules, p->it.value, &why))
		return kr_ini_fail_as(&p->it, e, why.kr, "%s", why.what);
	return 0;
}

static int take_key(struct parse *p, struct kr_err *e)
{
	if (!strcmp(p->it.section, "firewall"))
		return take_rule(p, e);
	for (size_t i = 0; i < KR_VMDEFKEYS; i++) {
		const struct kr_vmdefkey *k = &kr_vmdefkeys[i];

		if (strcmp(k->section, p->it.section) ||
		    strcmp(k->key, p->it.key))
			continue;
		if (p->seen & 1u << i)
			return kr_ini_fail(&p->it, e, "'%s' is given twice",
					   k->key);
		p->seen |= 1u << i;
		switch (k->kind) {
		case STR:
			return read_str(p, k, e);
		case NUM:
			return read_num(p, k, e);
		case ENUM:
			return read_enum(p, k, e);
		case BOOL:
			return read_bool(p, k, e);
		}
	}
	return kr_ini_unknown(&p->it, e);
}

static int new_disk(struct parse *p, struct kr_err *e)
{
	struct kr_vmdef_disk *x;

	if (p->d.n_disks == KR_VMDEF_DISKS_MAX)
		return kr_ini_fail(&p->it, e, "more than %u disks",
				   KR_VMDEF_DISKS_MAX);
	for (uint32_t i = 0; i < p->d.n_disks; i++)
		if (!strcmp(p->d.disks[i].name, p->it.name))
			return kr_ini_fail(&p->it, e, "a second disk '%s'",
					   p->it.name);
	x = &p->d.disks[p->d.n_disks++];
	strcpy(x->name, p->it.name);
	p->at = x;
	return 0;
}

static int new_nic(struct parse *p, struct kr_err *e)
{
	struct kr_vmdef_nic *x;

	if (p->d.n_nics == KR_VMDEF_NICS_MAX)
		return kr_ini_fail(&p->it, e, "more than %u nics",
				   KR_VMDEF_NICS_MAX);
	for (uint32_t i = 0; i < p->d.n_nics; i++)
		if (!strcmp(p->d.nics[i].name, p->it.name))
			return kr_ini_fail(&p->it, e, "a second nic '%s'",
					   p->it.name);
	x = &p->d.nics[p->d.n_nics++];
	strcpy(x->name, p->it.name);
	strcpy(x->model, "virtio-net-pci");
	p->at = x;
	return 0;
}

static int take_section(struct parse *p, struct kr_err *e)
{
	const char *s = p->it.section;
	bool vm = !strcmp(s, "vm"), boot = !strcmp(s, "boot");
	bool firewall = !strcmp(s, "firewall");

	p->seen = 0;
	p->section_line = p->it.line;
	if (vm || boot || firewall) {
		bool *in = vm ? &p->in_vm : boot ? &p->in_boot : &p->d.firewall;

		if (p->it.name[0])
			return kr_ini_fail(&p->it, e, "[%s] has no name", s);
		if (*in)
			return kr_ini_fail(&p->it, e, "a second [%s]", s);
		*in = true;
		p->at = &p->d;
		return 0;
	}
	if (strcmp(s, "disk") && strcmp(s, "nic"))
		return kr_ini_unknown(&p->it, e);
	if (!kr_vmdefkey_device_ok(p->it.name))
		return kr_ini_fail(&p->it, e, "[%s NAME] needs a name of 1 to "
				   "15 a-z 0-9, beginning with a letter", s);
	return s[0] == 'd' ? new_disk(p, e) : new_nic(p, e);
}

/* Nothing that describes a VM, perhaps nothing at all: say what it takes. */
static int no_vm(struct parse *p, struct kr_err *e)
{
	char need[96] = "";
	size_t n = 0;

	for (size_t i = 0; i < KR_VMDEFKEYS; i++)
		if (kr_vmdefkeys[i].needed && !strcmp(kr_vmdefkeys[i].section, "vm") &&
		    n < sizeof(need))
			n += (size_t)snprintf(need + n, sizeof(need) - n,
					      "%s%s", n ? ", " : "",
					      kr_vmdefkeys[i].key);
	if (p->section_line)
		return kr_ini_fail(&p->it, e, "there is no [vm], which must "
				   "have %s", need);
	p->it.line = 1;
	return kr_ini_fail(&p->it, e, "nothing is in it: it needs a section "
			   "[vm] with %s", need);
}

/* Blames the last line, as check_whole() does. */
static int check_firewall(struct parse *p, struct kr_err *e)
{
	const char *nics[KR_VMDEF_NICS_MAX];
	struct kr_err why = KR_ERR_NONE;

	for (uint32_t i = 0; i < p->d.n_nics; i++)
		nics[i] = p->d.nics[i].name;
	if (p->d.firewall &&
	    kr_fwrules_check(&p->d.rules, nics, p->d.n_nics, &why))
		return kr_ini_fail_as(&p->it, e, why.kr, "%s", why.what);
	return 0;
}

/* What concerns more than one key. Blames the last line. */
static int check_whole(struct parse *p, struct kr_err *e)
{
	struct kr_vmdef *d = &p->d;
	uint32_t n_ide = 0;

	if (!p->in_vm)
		return no_vm(p, e);
	if (!d->kernel[0] && (d->initrd[0] || d->cmdline[0]))
		return kr_ini_fail(&p->it, e,
				   "initrd and cmdline need a kernel");
	for (uint32_t i = 0; i < d->n_disks; i++) {
		n_ide += d->disks[i].bus == KR_VMDEF_IDE;
		if (d->disks[i].bus == KR_VMDEF_IDE && d->disks[i].readonly)
			return kr_ini_fail(&p->it, e, "disk '%s': an ide disk "
					   "cannot be readonly",
					   d->disks[i].name);
	}
	if (n_ide > KR_VMDEF_IDE_MAX)
		return kr_ini_fail(&p->it, e, "more than %u ide disks",
				   KR_VMDEF_IDE_MAX);
	for (uint32_t i = 0; i < d->n_nics; i++) {
		char *mac = d->nics[i].mac;

		for (char *c = mac; *c; c++)
			if (*c >= 'A' && *c <= 'F')
				*c = (char)(*c - 'A' + 'a');
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(mac, d->nics[j].mac))
				return kr_ini_fail(&p->it, e, "nic '%s': its "
						   "mac is used twice",
						   d->nics[i].name);
	}
	return check_firewall(p, e);
}

int kr_vmdef_parse(const char *file, const char *text, size_t n_bytes,
		   struct kr_vmdef *ret_d, struct kr_err *e)
{
	struct parse p = { .d = { .tenant = "default",
				      .hypervisor = "qemu", .cpu = "qemu64",
				  .console = true } };
	char section[KR_INI_WORD_MAX + 1] = "";
	int r = kr_ini_start(&p.it, file, text, n_bytes, e);

	if (r)
		return r;
	while ((r = kr_ini_next(&p.it, e)) > 0) {
		if (r == KR_INI_KEY)
			r = take_key(&p, e);
		else if (!(r = ended(&p, section, e))) {
			r = take_section(&p, e);
			strcpy(section, p.it.section);
		}
		if (r)
			return r;
	}
	if (r || (r = ended(&p, section, e)) || (r = check_whole(&p, e)))
		return r;
	*ret_d = p.d;
	return 0;
}

/* ---- canonical text ---------------------------------------------------- */

struct text { char *out; size_t n; };

static void __attribute__((format(printf, 2, 3)))
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->out + t->n, KR_VMDEF_TEXT_MAX - t->n, fmt, ap);
	va_end(ap);
	/* TEXT_MAX is more than the sum of all fields' limits */
	assert(n >= 0 && (size_t)n < KR_VMDEF_TEXT_MAX - t->n);
	t->n += (size_t)n;
}

static void add_section(struct text *t, const char *section, const char *name,
			const void *at)
{
	add(t, "%s[%s%s%s]\n", t->n ? "\n" : "", section, name ? " " : "",
	    name ? name : "");
	for (size_t i = 0; i < KR_VMDEFKEYS; i++) {
		const struct kr_vmdefkey *k = &kr_vmdefkeys[i];
		const char *f = (const char *)at + k->offset;
		uint32_t x;

		if (strcmp(k->section, section))
			continue;
		switch (k->kind) {
		case STR:
			add(t, *f ? "%s = %s\n" : "%s =%s\n", k->key, f);
			break;
		case NUM:
			memcpy(&x, f, sizeof(x));
			if (x)	/* 0: a number that is not given */
				add(t, "%s = %u\n", k->key, x);
			break;
		case ENUM:
			memcpy(&x, f, sizeof(x));
			if (x || !k->late)
				add(t, "%s = %s\n", k->key, k->names[x]);
			break;
		case BOOL:
			add(t, "%s = %s\n", k->key,
			    switches[*(const bool *)f]);
			break;
		}
	}
}

size_t kr_vmdef_print(const struct kr_vmdef *d, char out[KR_VMDEF_TEXT_MAX])
{
	struct text t = { out, 0 };
	struct kr_fwrule rule;

	add_section(&t, "vm", NULL, d);
	add_section(&t, "boot", NULL, d);
	for (uint32_t i = 0; i < d->n_disks; i++)
		add_section(&t, "disk", d->disks[i].name, &d->disks[i]);
	for (uint32_t i = 0; i < d->n_nics; i++)
		add_section(&t, "nic", d->nics[i].name, &d->nics[i]);
	if (d->firewall)
		add(&t, "\n[firewall]\n");
	for (uint32_t at = 0; kr_fwrules_next(&d->rules, &at, &rule);)
		add(&t, "rule = %s\n", rule.text);
	return t.n;
}

int kr_vmdef_digest(const struct kr_vmdef *d,
		    uint8_t out[KR_VMDEF_DIGEST_BYTES], struct kr_err *e)
{
	char text[KR_VMDEF_TEXT_MAX];
	size_t n = kr_vmdef_print(d, text);

	if (!EVP_Digest(text, n, out, NULL, EVP_sha256(), NULL))
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
	return 0;
}

void kr_vmdef_put(const struct kr_vmdef *d, struct kr_wr *w)
{
	char text[KR_VMDEF_TEXT_MAX];

	kr_vmdef_print(d, text);
	kr_wr_str(w, text);
}

int kr_vmdef_get(struct kr_rd *r, struct kr_vmdef *ret_d, struct kr_err *e)
{
	char text[KR_VMDEF_TEXT_MAX], again[KR_VMDEF_TEXT_MAX];
	struct kr_err why = KR_ERR_NONE;
	struct kr_vmdef d;

	kr_rd_str(r, text, sizeof(text));
	if (r->bad)
		return kr_fail(e, KR_E_MALFORMED, "malformed VM definition");
	if (kr_vmdef_parse("definition", text, strlen(text), &d, &why))
		return kr_fail(e, KR_E_MALFORMED, "%s", why.what);
	kr_vmdef_print(&d, again);
	if (strcmp(text, again))
		return kr_fail(e, KR_E_MALFORMED,
			       "VM definition is not in canonical form");
	*ret_d = d;
	return 0;
}
