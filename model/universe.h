/* SPDX-License-Identifier: Apache-2.0 */
/*
 * universe.h - small systems to be explored whole: a first state, names, and
 * what requests may carry in it. Each is small enough to reach the last of
 * its states in seconds; together they have every rule say yes, and every
 * condition be what decides.
 */
#ifndef KR_MODEL_UNIVERSE_H
#define KR_MODEL_UNIVERSE_H

#include "policy/system.h"

#define KR_UNIVERSE_NAMES_MAX	8u	/* subjects; objects */
#define KR_UNIVERSE_CLASSES_MAX	8u

struct kr_universe {
	const char	 *name, *about;
	struct kr_system *first;
	const char	 *subjects[KR_UNIVERSE_NAMES_MAX];
	const char	 *objects[KR_UNIVERSE_NAMES_MAX];
	/* all that occur, and all that are asked for */
	struct kr_class	  classes[KR_UNIVERSE_CLASSES_MAX];
	unsigned int	  n_classes;
	unsigned int	  attrs;	/* that are asked for: KR_ATTR_* */
};

/** kr_universe_name() - Of number @i from 0; NULL behind the last one. */
const char *kr_universe_name(unsigned int i);

/** kr_universe_new() - NULL if none has that name, or memory is out. */
struct kr_universe *kr_universe_new(const char *name);

void kr_universe_free(struct kr_universe *u);

#endif
