/* SPDX-License-Identifier: Apache-2.0 */
/* procedure.c - the table of transformation procedures. Pure. */
#include "policy/procedure.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define D	(1u << KR_CDI_DEFINITION)
#define RAM	(1u << KR_CDI_RAM)
#define DISK	(1u << KR_CDI_DISK)
#define POLICY	(1u << KR_CDI_POLICY)
#define HOSTS	(1u << KR_CDI_HOSTS)
#define GRANTS	(1u << KR_CDI_GRANTS)
#define KEYS	(1u << KR_CDI_KEYS)
#define REFERENCES (1u << KR_CDI_REFERENCES)
#define LOG	(1u << KR_CDI_LOG)

enum { STAYS, GOES, RULED = 0, OPEN };

static const struct kr_procedure table[KR_TP_N] = {
#define X(id, name, on, reads, transforms, goes, open) \
	[KR_TP_##id] = { name, KR_ITEM_##on, reads, transforms, goes, open },
	KR_PROCEDURES(X)
#undef X
};

const struct kr_procedure *kr_procedure(enum kr_tp tp)
{
	return (unsigned int)tp < KR_TP_N ? &table[tp] : NULL;
}

const struct kr_procedure *kr_procedure_find(const char *name)
{
	for (unsigned int i = 0; i < KR_TP_N; i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

static const struct { const char *name; enum kr_ivp ivp; } cdis[KR_CDI_N] = {
#define X(name, text, ivp) [KR_CDI_##name] = { text, KR_IVP_##ivp },
	KR_CDIS(X)
#undef X
};

const char *kr_cdi_name(enum kr_cdi c)
{
	return cdis[c].name;
}

enum kr_ivp kr_cdi_verified_by(enum kr_cdi c)
{
	return cdis[c].ivp;
}

static const struct { const char *function, *file; } ivps[KR_IVP_N] = {
#define X(name, function, file, what) [KR_IVP_##name] = { function, file },
	KR_IVPS(X)
#undef X
};

const char *kr_ivp_function(enum kr_ivp i)
{
	return ivps[i].function;
}

const char *kr_ivp_file(enum kr_ivp i)
{
	return ivps[i].file;
}

const char *kr_item_put(enum kr_item_kind k, const char *name,
			char out[KR_ITEM_BYTES])
{
	out[0] = '\0';
	if (k != KR_ITEM_NONE)
		snprintf(out, KR_ITEM_BYTES, "%s:%s", kr_item_kind_name(k),
			 name);
	return out;
}

const char *kr_item_kind_name(enum kr_item_kind k)
{
	static const char *const names[KR_ITEM_KIND_N] = {
		[KR_ITEM_NONE] = "", [KR_ITEM_VM] = "vm",
		[KR_ITEM_HOST] = "host", [KR_ITEM_TRUST] = "trust",
		[KR_ITEM_USER] = "user", [KR_ITEM_POLICY] = "policy",
		[KR_ITEM_LOG] = "log", [KR_ITEM_STORAGE] = "storage",
		[KR_ITEM_NETWORK] = "network",
		[KR_ITEM_REFERENCE] = "reference",
	};

	return names[k];
}

unsigned int kr_item_kind_data(enum kr_item_kind k)
{
	static const unsigned int data[KR_ITEM_KIND_N] = {
		[KR_ITEM_VM] = D | RAM | DISK | 1u << KR_CDI_VTPM |
			       1u << KR_CDI_CONTEXT,
		[KR_ITEM_HOST] = HOSTS, [KR_ITEM_TRUST] = HOSTS,
		[KR_ITEM_USER] = GRANTS | KEYS, [KR_ITEM_POLICY] = POLICY,
		[KR_ITEM_LOG] = LOG, [KR_ITEM_REFERENCE] = REFERENCES,
	};

	return data[k];
}

#define ROWS	(D | HOSTS | GRANTS | KEYS | POLICY | REFERENCES)
#define STATE	(1u << KR_CDI_RAM | 1u << KR_CDI_DISK)

bool kr_procedure_at_once(const struct kr_procedure *p)
{
	return p->transforms & ROWS && !(p->transforms & STATE) &&
	       p != kr_procedure(KR_TP_attest_enrol);
}

bool kr_procedure_waits(const struct kr_procedure *p)
{
	return kr_procedure_at_once(p) || p == kr_procedure(KR_TP_migrate);
}
