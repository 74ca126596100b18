/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stateset.h - a set of states, each a key of so many bytes, numbered from 0
 * in the order in which they were added. For explore.
 */
#ifndef KR_MODEL_STATESET_H
#define KR_MODEL_STATESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_stateset;

/** kr_stateset_new() - Empty; NULL if memory is out. */
struct kr_stateset *kr_stateset_new(size_t key_bytes);

/**
 * kr_stateset_add() - Add a key that may be in it already
 * @ret_new: was it not?
 *
 * Return: its number, UINT32_MAX if memory is out.
 */
uint32_t kr_stateset_add(struct kr_stateset *x, const uint8_t *key,
			 bool *ret_new);

uint32_t kr_stateset_count(const struct kr_stateset *x);

/** kr_stateset_key() - Of number @i; valid until the next one is added. */
const uint8_t *kr_stateset_key(const struct kr_stateset *x, uint32_t i);

void kr_stateset_free(struct kr_stateset *x);

#endif
