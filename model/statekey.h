/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statekey.h - a state of a universe in a few bytes, and back: what of a
 * struct kr_system changes, and all of that; classes by their number in the
 * universe. For explore.
 */
#ifndef KR_MODEL_STATEKEY_H
#define KR_MODEL_STATEKEY_H

#include "model/universe.h"

#define KR_STATEKEY_BYTES_MAX	256u

size_t kr_statekey_bytes(const struct kr_universe *u);

/** kr_statekey_put() - False if @t has a class that @u does not know. */
bool kr_statekey_put(const struct kr_universe *u, const struct kr_system *t,
		     uint8_t *ret_key);

/** kr_statekey_get() - Make a copy of @u's first state what @key says. */
void kr_statekey_get(const struct kr_universe *u, const uint8_t *key,
		     struct kr_system *t);

#endif
