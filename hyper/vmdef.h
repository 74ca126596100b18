/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmdef.h - the definition of a VM: what a user writes in NAME.vm, what both
 * hosts agree on before a migration, and what an adapter starts a VM from.
 * Host-neutral: storage and networks are logical names that each host's
 * korora.conf maps, so the same definition fits both sides.
 *
 * The canonical text (every key, fixed order) is the definition: it is
 * what is stored, hashed and put on the wire, and there is one parser. Pure
 * functions, used in kororad and in korora.
 */
#ifndef KR_VMDEF_H
#define KR_VMDEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"
#include "hyper/fwrules.h"

#define KR_VMDEF_NAME_MAX	63u	/* bytes */
#define KR_VMDEF_DISKS_MAX	8u
#define KR_VMDEF_IDE_MAX	4u	/* of these disks */
#define KR_VMDEF_NICS_MAX	4u
#define KR_VMDEF_VCPUS_MAX	64u
#define KR_VMDEF_MEMORY_MB_MIN	4u
#define KR_VMDEF_MEMORY_MB_MAX	1048576u
#define KR_VMDEF_REVISION_MAX	9999999u
#define KR_VMDEF_CMDLINE_MAX	1023u	/* bytes */
#define KR_VMDEF_FILE_MAX	255u	/* bytes of "storage:path" */
/* bytes of canonical text, with NUL; of it the firewall's lines */
#define KR_VMDEF_TEXT_MAX	(8448u + KR_VMDEF_FIREWALL_MAX)
#define KR_VMDEF_FIREWALL_MAX	(16u + KR_FWRULES_BYTES_MAX + 7u * KR_FWRULES_MAX)
#define KR_VMDEF_WIRE_MAX	(KR_VMDEF_TEXT_MAX + 2u)
#define KR_VMDEF_DIGEST_BYTES	32u	/* SHA-256 */

enum kr_vmdef_accel { KR_VMDEF_TCG, KR_VMDEF_KVM, KR_VMDEF_ACCEL_N };
enum kr_vmdef_tpm { KR_VMDEF_NO_TPM, KR_VMDEF_TPM_2_0, KR_VMDEF_TPM_N };
enum kr_vmdef_format { KR_VMDEF_RAW, KR_VMDEF_QCOW2, KR_VMDEF_FORMAT_N };
enum kr_vmdef_bus { KR_VMDEF_VIRTIO, KR_VMDEF_IDE, KR_VMDEF_BUS_N };

/* [disk NAME] */
struct kr_vmdef_disk {
	char		     name[16];	/* [a-z][a-z0-9]*, at most 15 */
	char		     file[KR_VMDEF_FILE_MAX + 1]; /* storage:path */
	enum kr_vmdef_format format;	/* raw */
	enum kr_vmdef_bus    bus;	/* virtio */
	bool		     readonly;	/* off; not on ide */
};

/* [nic NAME] */
struct kr_vmdef_nic {
	char name[16];			/* as a disk's */
	char network[32];		/* logical name */
	char mac[18];			/* lower case, unicast, unique here */
	char model[32];			/* virtio-net-pci */
};

struct kr_vmdef {
	/* [vm]; name, machine, vcpus and memory_mb have no default */
	char		    name[KR_VMDEF_NAME_MAX + 1];
	char		    tenant[KR_VMDEF_NAME_MAX + 1]; /* "default" */
	char		    hypervisor[16];	/* adapter, "qemu" */
	char		    machine[64];	/* may be an alias at first */
	char		    cpu[128];		/* "qemu64" */
	uint32_t	    vcpus;
	uint32_t	    memory_mb;
	enum kr_vmdef_accel accel;		/* tcg */
	bool		    console;		/* on */
	enum kr_vmdef_tpm   tpm;		/* none, which is not printed */
	uint32_t	    revision;	/* counts changes, from 1 on; 0, which
					   is not printed: not counted yet */
	/* [boot]; "" = not given */
	char		    kernel[KR_VMDEF_FILE_MAX + 1];
	char		    initrd[KR_VMDEF_FILE_MAX + 1];
	char		    cmdline[KR_VMDEF_CMDLINE_MAX + 1];
	uint32_t	    n_disks, n_nics;
	struct kr_vmdef_disk disks[KR_VMDEF_DISKS_MAX];	/* boot order */
	struct kr_vmdef_nic  nics[KR_VMDEF_NICS_MAX];
	bool		     firewall;	/* is there one? [firewall], rule */
	struct kr_fwrules    rules;
};

/**
 * kr_vmdef_parse() - Read and check a definition
 * @file: named in messages
 * @text: @n_bytes, need not end in NUL
 * @ret_d: untouched on failure
 *
 * Return: 0; < 0 with "FILE:LINE: …" and KR_E_CONFIG, or KR_E_FW_RULE for a
 *         line of the firewall.
 */
int kr_vmdef_parse(const char *file, const char *text, size_t n_bytes,
		   struct kr_vmdef *ret_d, struct kr_err *e);

/** kr_vmdef_print() - The canonical text, NUL-terminated; its length. */
size_t kr_vmdef_print(const struct kr_vmdef *d, char out[KR_VMDEF_TEXT_MAX]);

/** kr_vmdef_digest() - SHA-256 of the canonical text. */
int kr_vmdef_digest(const struct kr_vmdef *d,
		    uint8_t out[KR_VMDEF_DIGEST_BYTES], struct kr_err *e);

/** kr_vmdef_put() - Write for the wire; at most KR_VMDEF_WIRE_MAX bytes. */
void kr_vmdef_put(const struct kr_vmdef *d, struct kr_wr *w);

/**
 * kr_vmdef_get() - Read what kr_vmdef_put() wrote
 *
 * Anything that is not exactly the canonical text of a valid definition is
 * refused, so both sides have the same digest. More may follow in @r.
 *
 * Return: 0; < 0 with KR_E_MALFORMED, @ret_d untouched.
 */
int kr_vmdef_get(struct kr_rd *r, struct kr_vmdef *ret_d, struct kr_err *e);

/**
 * kr_vmdef_file() - Split "storage:path"
 * @ret_storage: room for 32 bytes
 * @ret_path:    borrowed from @file
 *
 * Return: false if it is malformed: storage is [a-z0-9][a-z0-9_-]*, the path
 *         is relative, of [A-Za-z0-9._+@=/-], without empty, "." and ".."
 *         parts and parts starting with '-'.
 */
bool kr_vmdef_file(const char *file, char ret_storage[32],
		   const char **ret_path);

/** kr_vmdef_name_ok() - 1..63 of [a-z0-9._-], beginning with [a-z0-9]. */
bool kr_vmdef_name_ok(const char *name);

const char *kr_vmdef_accel_name(enum kr_vmdef_accel a);
const char *kr_vmdef_tpm_name(enum kr_vmdef_tpm t);
const char *kr_vmdef_format_name(enum kr_vmdef_format f);
const char *kr_vmdef_bus_name(enum kr_vmdef_bus b);

#endif
