/* SPDX-License-Identifier: Apache-2.0 */
/* vmdefkey.c - see vmdefkey.h; and what words of a definition are made of. */
#include "hyper/vmdefkey.h"

#include <assert.h>
#include <string.h>

static const char *const accels[] = { "tcg", "kvm" };
static const char *const formats[] = { "raw", "qcow2" };
static const char *const buses[] = { "virtio", "ide" };
static const char *const tpms[] = { "none", "2.0" };

static_assert(sizeof(accels) / sizeof(accels[0]) == KR_VMDEF_ACCEL_N, "");
static_assert(sizeof(formats) / sizeof(formats[0]) == KR_VMDEF_FORMAT_N, "");
static_assert(sizeof(buses) / sizeof(buses[0]) == KR_VMDEF_BUS_N, "");
static_assert(sizeof(tpms) / sizeof(tpms[0]) == KR_VMDEF_TPM_N, "");

const char *kr_vmdef_accel_name(enum kr_vmdef_accel a)
{
	return accels[a];
}

const char *kr_vmdef_tpm_name(enum kr_vmdef_tpm t)
{
	return tpms[t];
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

bool kr_vmdefkey_device_ok(const char *s)
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
	return kr_vmdefkey_device_ok(v) ? NULL : "the name of an adapter, such as qemu";
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

#define AT(type, f)	.offset = offsetof(struct type, f), \
			.size = sizeof(((struct type *)NULL)->f)
#define NAMES(n)	.names = (n), .n_names = sizeof(n) / sizeof((n)[0])

/* In canonical order. */
const struct kr_vmdefkey kr_vmdefkeys[] = {
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
	{ "vm", "tpm", ENUM, false, AT(kr_vmdef, tpm), NAMES(tpms),
	  .late = true },
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

static_assert(sizeof(kr_vmdefkeys) / sizeof(kr_vmdefkeys[0]) == KR_VMDEFKEYS,
	      "a row for each");
static_assert(sizeof(enum kr_vmdef_accel) == sizeof(uint32_t), "");
