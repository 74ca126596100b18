/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noteline.h - the lines that C2SP's notes and proofs are made of. Used in
 * kororad and the client; bytes from anyone.
 */
#ifndef KR_EVIDENCE_NOTELINE_H
#define KR_EVIDENCE_NOTELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of a text, without its newline; borrowed. */
struct kr_noteline { const char *p; size_t n; };

/** kr_noteline_take() - Take a line off @*s, which is NUL-terminated
 * Return: false if no newline is left. */
bool kr_noteline_take(const char **s, struct kr_noteline *ret_l);

/** kr_noteline_number() - Is it a decimal of at most 18 digits, and no other
 * spelling of the same? */
bool kr_noteline_number(const struct kr_noteline *l, uint64_t *ret_v);

/** kr_noteline_word() - Take "@word " off its beginning, if it is there. */
bool kr_noteline_word(struct kr_noteline *l, const char *word);

#endif
