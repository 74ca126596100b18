/* SPDX-License-Identifier: Apache-2.0 */
/*
 * system.h - the state t = (a, B, c, D) that decisions are made in (paper,
 * section 4.1; Bell and LaPadula, Secure Computer System: Unified Exposition
 * and Multics Interpretation, 1976, whose names these are):
 *
 *	a	current access set: who has which access to what right now
 *	B	access matrix: who may have which access to what
 *	c	class functions: levels and categories of subjects and objects
 *	D	hierarchy: each object's parent
 *
 * Plain values: rules (rules.h) read one and say what the next one is.
 */
#ifndef KR_POLICY_SYSTEM_H
#define KR_POLICY_SYSTEM_H

#include <stddef.h>

#include "policy/level.h"

/* Access attributes, A = {r, w, a, e}. */
#define KR_ATTR_READ	1u	/* observe, not modify */
#define KR_ATTR_WRITE	2u	/* observe and modify */
#define KR_ATTR_APPEND	4u	/* modify, not observe */
#define KR_ATTR_EXECUTE	8u	/* neither: run it */
#define KR_ATTR_ALL	15u

#define KR_NOBODY	UINT16_MAX	/* no subject, no object */
#define KR_SUBJECTS_MAX	4096u
#define KR_OBJECTS_MAX	65534u
#define KR_CELLS_MAX	(64u << 20)	/* subjects times objects */

/* What a VM's migration has come to; of objects that are VMs. */
enum kr_stage {
	KR_STAGE_REST,		/* one host has it */
	KR_STAGE_OFFERED,
	KR_STAGE_ACCEPTED,	/* the destination may take it in */
	KR_STAGE_FLOWING,	/* it does */
	KR_STAGE_FROZEN,	/* nobody runs it */
	KR_STAGE_RELEASED,	/* the source may not run it any more */
	KR_STAGE_OWNED,		/* the destination may, and the source's copy
				   is still there */
	KR_STAGE_N
};

struct kr_subject {
	struct kr_class c;
	struct kr_class top;	/* never above this one */
	bool		host;	/* may own VMs */
	bool		certifier; /* may change B and c, and runs nothing */
	uint16_t	serves;	/* the host whose agent it is; KR_NOBODY */
};

struct kr_object {
	struct kr_class c;
	uint16_t	parent;	/* KR_NOBODY: a root */
	bool		there;	/* it was created, and not deleted since */
	bool		vm;
	uint8_t		stage;	/* enum kr_stage */
	uint16_t	from, to; /* hosts, from KR_STAGE_OFFERED on */
};

struct kr_system {
	unsigned int	   n_subjects, n_objects;
	struct kr_subject *subjects;
	struct kr_object  *objects;
	uint8_t		  *cells;	/* [subject][object]: a | B << 4 */
};

/**
 * kr_system_new() - Subjects and objects without any access or class
 *
 * Return: NULL if it would be too large, or memory is out.
 */
struct kr_system *kr_system_new(unsigned int n_subjects,
				unsigned int n_objects);
struct kr_system *kr_system_copy(const struct kr_system *t);
void kr_system_free(struct kr_system *t);

/** kr_system_has() - The accesses of @a that @s has to @o now. */
unsigned int kr_system_has(const struct kr_system *t, unsigned int s,
			   unsigned int o);
/** kr_system_may() - Those that B grants it. */
unsigned int kr_system_may(const struct kr_system *t, unsigned int s,
			   unsigned int o);
/** kr_system_set() - Make them these. */
void kr_system_set(struct kr_system *t, unsigned int s, unsigned int o,
		   unsigned int has, unsigned int may);

/** kr_system_below() - Is @o @top, or in it? */
bool kr_system_below(const struct kr_system *t, unsigned int o,
		     unsigned int top);

/**
 * kr_system_hosts() - May @s run the VM @o, or is it one of the two hosts of
 * its migration, to which it is handed over or given back?
 */
bool kr_system_hosts(const struct kr_system *t, unsigned int s,
		     unsigned int o);

/*
 * The properties of a secure state. Each says whether it holds, and if not,
 * for whom and what, first of all.
 */
enum kr_property {
	KR_PROPERTY_SSP,	/* simple security: no read down, no write up */
	KR_PROPERTY_STAR,	/* through no subject something flows upwards:
				   follows from SSP, and is checked by itself */
	KR_PROPERTY_DISCRETIONARY,	/* a is within B */
	KR_PROPERTY_COMPATIBLE,	/* nothing is above what it is in */
	KR_PROPERTY_ONE_OWNER,	/* one host runs a VM, and may */
	KR_PROPERTY_HOSTED,	/* no VM is above a host that has it: none is
				   with a host that is not of its tenant */
	KR_PROPERTY_N
};

struct kr_violation { unsigned int subject, object, other; };

bool kr_system_holds(const struct kr_system *t, enum kr_property p,
		     struct kr_violation *ret_v);
const char *kr_property_name(enum kr_property p);

#endif
