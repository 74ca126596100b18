/* SPDX-License-Identifier: Apache-2.0 */
/*
 * human.h - numbers, times and sizes as people read and write them, and
 * foreign text made safe for a terminal.
 */
#ifndef KR_CLIENT_HUMAN_H
#define KR_CLIENT_HUMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KR_HUMAN_BYTES	40	/* any text written here, its NUL included */

/** kr_human_size() - 512 B, 61.2 MiB, 4 GiB. */
const char *kr_human_size(double bytes, char out[KR_HUMAN_BYTES]);

/** kr_human_span() - 38.2 ms, 4.21 s, 2 min 05 s, 3 h 12 min. */
const char *kr_human_span(double ms, char out[KR_HUMAN_BYTES]);

/** kr_human_time() - Local time, ISO 8601 as git writes it; "-" for 0. */
const char *kr_human_time(int64_t unix_ms, char out[KR_HUMAN_BYTES]);

/** kr_human_clean() - Copy @in, each control character replaced by '?'. */
const char *kr_human_clean(const char *in, char *out, size_t size);

/** kr_human_width() - Columns that UTF-8 text takes, none of it wide. */
size_t kr_human_width(const char *text);

/** kr_human_number() - All of @text is a number 0..@max. */
bool kr_human_number(const char *text, uint64_t max, uint64_t *ret);

/**
 * kr_human_rate() - Read a rate: 100mbit, 2.5gbit, 50MB, 64MiB, 1000000
 * @ret: bytes per second, at least 1; untouched on failure
 *
 * kbit, mbit, gbit are bits in any case; kB, MB, GB and KiB, MiB, GiB are
 * bytes and case matters, so that 50mb is not taken for either.
 * A trailing /s is accepted.
 */
bool kr_human_rate(const char *text, uint64_t *ret);

#endif
