/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmdef.c - VM definitions: one table of keys says how each is read and
 * checked, printed and where it lives. Runs in kororad and korora; texts
 * from a peer pass through the same parser.
 */
#include "hyper/vmdef.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ini.h"

static const char *const accels[] = { "tcg", "kvm" };
static const char *const formats[] = { "raw", "qcow2" };
static const char *const buses[] = { "virtio", "ide" };
static const char *const switches[] = { "off", "on" };

static_assert(sizeof(accels) / sizeof(accels[0]) == KR_VMDEF_ACCEL_N, "");
static_assert(sizeof(formats) / sizeof(formats[0]) == KR_VMDEF_FORMAT_N, "");
static_assert(sizeof(buses) / sizeof(buses[0]) == KR_VMDEF_BUS_N, "");

const char *kr_vmdef_accel_name(enum kr_vmdef_accel a)
{
	return accels[a];
}

const char *kr_vmdef_format_name(enum kr_vmdef_format f)
{
	return formats[f];
}

const char *kr_vmdef_bus_name(enum kr_vmdef_bus b)
{
	return buses[b];
}

#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define UPPER	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	"0123456789"

/* 1..@max bytes of @set, the first of @head. */
static bool made_of(const char *s, size_t max, const char *head,
		    const char *set)
{
	size_t n = strlen(s);

	return n && n <= max && strchr(head, s[0]) && strspn(s, set) == n;
}

bool kr_vmdef_name_ok(const char *name)
{
	return made_of(name, KR_VMDEF_NAME_MAX, LOWER DIGITS,
		       LOWER DIGITS "._-");
}

static bool logical_ok(const char *s)
{
	return made_of(s, 31, LOWER DIGITS, LOWER DIGITS "_-");
}

static bool device_ok(const char *s)
{
	return made_of(s, 15, LOWER, LOWER DIGITS);
}

static bool path_ok(const char *path)
{
	if (!made_of(path, KR_VMDEF_FILE_MAX, LOWER UPPER DIGITS "._+@=",
		     LOWER UPPER DIGITS "._+@=/-"))
		return false;
	for (const char *p = path;;) {
		size_t n = strcspn(p, "/");

		if (!n || p[0] == '-' || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		if (!p[n])
			return true;
		p += n + 1;
	}
}

bool kr_vmdef_file(const char *file, char ret_storage[32],
		   const char **ret_path)
{
	const char *colon = strchr(file, ':');
	char storage[32];

	if (!colon || (size_t)(colon - file) >= sizeof(storage))
		return false;
	memcpy(storage, file, (size_t)(colon - file));
	storage[colon - file] = '\0';
	if (!logical_ok(storage) || !path_ok(colon + 1))
		return false;
	memcpy(ret_storage, storage, sizeof(storage));
	*ret_path = colon + 1;
	return true;
}

/* ---- one check per kind of value; NULL or what the value must be ------- */

static const char *check_name(const char *v)
{
	return kr_vmdef_name_ok(v) ? NULL :
	       "1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit";
}

static const char *check_word(const char *v)
{
	return made_of(v, 31, LOWER DIGITS, LOWER DIGITS "_-") ? NULL :
	       "1 to 31 of a-z 0-9 _ -, beginning with a letter or digit";
}

static const char *check_adapter(const char *v)
{
	return device_ok(v) ? NULL : "the name of an adapter, such as qemu";
}

static const char *check_machine(const char *v)
{
	return made_of(v, 63, LOWER UPPER DIGITS,
		       LOWER UPPER DIGITS "._-") ? NULL :
	       "a machine type, such as pc-q35-7.2";
}

static const char *check_cpu(const char *v)
{
	return made_of(v, 127, LOWER UPPER DIGITS,
		       LOWER UPPER DIGITS "._+=,-") ? NULL :
	       "a CPU model, such as qemu64 or max,-smap";
}

static const char *check_file(const char *v)
{
	char storage[32];
	const char *path;

	return strlen(v) <= KR_VMDEF_FILE_MAX &&
	       kr_vmdef_file(v, storage, &path) ? NULL :
	       "STORAGE:PATH with a plain relative path";
}

static const char *check_mac(const char *v)
{
	unsigned int any = 0;

	if (strlen(v) != 17)
		return "a MAC address";
	for (size_t i = 0; i < 17; i++) {
		if (i % 3 == 2 ? v[i] != ':' :
				 !strchr("0123456789abcdefABCDEF", v[i]))
			return "a MAC address";
		any |= v[i] != ':' && v[i] != '0';
	}
	if (!any || strchr("13579bdfBDF", v[1]))
		return "a unicast MAC address";
	return NULL;
}

static const char *check_cmdline(const char *v)
{
	return strlen(v) <= KR_VMDEF_CMDLINE_MAX ? NULL :
	       "at most 1023 bytes";
}

/* ---- the table --------------------------------------------------------- */

enum kind { STR, NUM, ENUM, BOOL };

struct key {
	const char	  *section, *key;
	enum kind	   kind;
	bool		   needed;
	size_t		   offset;		/* in its section's struct */
	size_t		   size;		/* STR: room with NUL */
	const char	  *(*check)(const char *);	/* STR */
	uint32_t	   min, max;		/* NUM */
	const char *const *names;		/* ENUM */
	uint32_t	   n_names;
};

#define AT(type, f)	.offset = offsetof(struct type, f), \
			.size = sizeof(((struct type *)NULL)->f)
#define NAMES(n)	.names = (n), .n_names = sizeof(n) / sizeof((n)[0])

/* In canonical order. */
static const struct key keys[] = {
	{ "vm", "name", STR, true, AT(kr_vmdef, name), .check = check_name },
	{ "vm", "tenant", STR, false, AT(kr_vmdef, tenant),
	  .check = check_name },
	{ "vm", "hypervisor", STR, false, AT(kr_vmdef, hypervisor),
	  .check = check_adapter },
	{ "vm", "machine", STR, true, AT(kr_vmdef, machine),
	  .check = check_machine },
	{ "vm", "cpu", STR, false, AT(kr_vmdef, cpu), .check = check_cpu },
	{ "vm", "vcpus", NUM, true, AT(kr_vmdef, vcpus), .min = 1,
	  .max = KR_VMDEF_VCPUS_MAX },
	{ "vm", "memory_mb", NUM, true, AT(kr_vmdef, memory_mb),
	  .min = KR_VMDEF_MEMORY_MB_MIN, .max = KR_VMDEF_MEMORY_MB_MAX },
	{ "vm", "accel", ENUM, false, AT(kr_vmdef, accel), NAMES(accels) },
	{ "vm", "console", BOOL, false, AT(kr_vmdef, console) },
	{ "vm", "revision", NUM, false, AT(kr_vmdef, revision), .min = 1,
	  .max = KR_VMDEF_REVISION_MAX },
	{ "boot", "kernel", STR, false, AT(kr_vmdef, kernel),
	  .check = check_file },
	{ "boot", "initrd", STR, false, AT(kr_vmdef, initrd),
	  .check = check_file },
	{ "boot", "cmdline", STR, false, AT(kr_vmdef, cmdline),
	  .check = check_cmdline },
	{ "disk", "file", STR, true, AT(kr_vmdef_disk, file),
	  .check = check_file },
	{ "disk", "format", ENUM, false, AT(kr_vmdef_disk, format),
	  NAMES(formats) },
	{ "disk", "bus", ENUM, false, AT(kr_vmdef_disk, bus), NAMES(buses) },
	{ "disk", "readonly", BOOL, false, AT(kr_vmdef_disk, readonly) },
	{ "nic", "network", STR, true, AT(kr_vmdef_nic, network),
	  .check = check_word },
	{ "nic", "mac", STR, true, AT(kr_vmdef_nic, mac), .check = check_mac },
	{ "nic", "model", STR, false, AT(kr_vmdef_nic, model),
	  .check = check_word },
};

#define N_KEYS	(sizeof(keys) / sizeof(keys[0]))

static_assert(N_KEYS <= 32, "seen is a bit per key");
static_assert(sizeof(enum kr_vmdef_accel) == sizeof(uint32_t), "");

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
	for (size_t i = 0; i < N_KEYS; i++)
		if (keys[i].needed && !strcmp(keys[i].section, section) &&
		    !(p->seen & 1u << i)) {
			p->it.line = p->section_line;
			return kr_ini_fail(&p->it, e, "[%s] lacks '%s'",
					   section, keys[i].key);
		}
	return 0;
}

static int read_num(struct parse *p, const struct key *k, struct kr_err *e)
{
	const char *v = p->it.value;
	size_t n = strlen(v);
	uint64_t x = 0;

	for (size_t i = 0; i < n && i < 8; i++)
		x = x * 10 + (uint64_t)(v[i] - '0');
	if (!n || n > 7 || strspn(v, DIGITS) != n || (n > 1 && v[0] == '0') ||
	    x < k->min || x > k->max)
		return kr_ini_fail(&p->it, e,
				   "'%s' must be a number from %u to %u",
				   k->key, k->min, k->max);
	*(uint32_t *)((char *)p->at + k->offset) = (uint32_t)x;
	return 0;
}

static int read_enum(struct parse *p, const struct key *k, struct kr_err *e)
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

static int read_bool(struct parse *p, const struct key *k, struct kr_err *e)
{
	bool on = !strcmp(p->it.value, "on");

	if (!on && strcmp(p->it.value, "off"))
		return kr_ini_fail(&p->it, e, "'%s' must be on or off",
				   k->key);
	*(bool *)((char *)p->at + k->offset) = on;
	return 0;
}

static int read_str(struct parse *p, const struct key *k, struct kr_err *e)
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

static int take_key(struct parse *p, struct kr_err *e)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		const struct key *k = &keys[i];

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

	p->seen = 0;
	p->section_line = p->it.line;
	if (vm || boot) {
		bool *in = vm ? &p->in_vm : &p->in_boot;

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
	if (!device_ok(p->it.name))
		return kr_ini_fail(&p->it, e, "[%s NAME] needs a name of 1 to "
				   "15 a-z 0-9, beginning with a letter", s);
	return s[0] == 'd' ? new_disk(p, e) : new_nic(p, e);
}

/* What concerns more than one key. Blames the last line. */
/* Nothing that describes a VM, perhaps nothing at all: say what it takes. */
static int no_vm(struct parse *p, struct kr_err *e)
{
	char need[96] = "";
	size_t n = 0;

	for (size_t i = 0; i < N_KEYS; i++)
		if (keys[i].needed && !strcmp(keys[i].section, "vm") &&
		    n < sizeof(need))
			n += (size_t)snprintf(need + n, sizeof(need) - n,
					      "%s%s", n ? ", " : "",
					      keys[i].key);
	if (p->section_line)
		return kr_ini_fail(&p->it, e, "there is no [vm], which must "
				   "have %s", need);
	p->it.line = 1;
	return kr_ini_fail(&p->it, e, "nothing is in it: it needs a section "
			   "[vm] with %s", need);
}

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
	return 0;
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
	for (size_t i = 0; i < N_KEYS; i++) {
		const struct key *k = &keys[i];
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

	add_section(&t, "vm", NULL, d);
	add_section(&t, "boot", NULL, d);
	for (uint32_t i = 0; i < d->n_disks; i++)
		add_section(&t, "disk", d->disks[i].name, &d->disks[i]);
	for (uint32_t i = 0; i < d->n_nics; i++)
		add_section(&t, "nic", d->nics[i].name, &d->nics[i]);
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
