/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmdefkey.h - the keys of a VM definition: one table says how each is read
 * and checked, printed and where it lives. Internal to vmdef.c.
 */
#ifndef KR_VMDEFKEY_H
#define KR_VMDEFKEY_H

#include "hyper/vmdef.h"

#define KR_VMDEFKEYS	21u

enum kr_vmdefkind { STR, NUM, ENUM, BOOL };

struct kr_vmdefkey {
	const char	  *section, *key;
	enum kr_vmdefkind  kind;
	bool		   needed;
	size_t		   offset;		/* in its section's struct */
	size_t		   size;		/* STR: room with NUL */
	const char	  *(*check)(const char *);	/* STR; NULL or what the
							   value must be */
	uint32_t	   min, max;		/* NUM */
	const char *const *names;		/* ENUM */
	uint32_t	   n_names;
	bool		   late;		/* came later: not printed as 0, so
						   older texts stay as they are */
};

/** kr_vmdefkeys - In canonical order. */
extern const struct kr_vmdefkey kr_vmdefkeys[KR_VMDEFKEYS];

/** kr_vmdefkey_device_ok() - 1..15 of [a-z0-9], beginning with [a-z]. */
bool kr_vmdefkey_device_ok(const char *name);

#endif
