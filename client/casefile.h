/* SPDX-License-Identifier: Apache-2.0 */
/*
 * casefile.h - looking things up in what kr_reportdata_new() gathered. All
 * results are borrowed from it.
 */
#ifndef KR_CLIENT_CASEFILE_H
#define KR_CLIENT_CASEFILE_H

#include <stdbool.h>

#include <jansson.h>

/** kr_casefile_hidden() - Entries about it that who asked was not shown. */
json_int_t kr_casefile_hidden(const json_t *file);

/** kr_casefile_text() - A string under a key, "" if there is none. */
const char *kr_casefile_text(const json_t *j, const char *key);

/** kr_casefile_id() - The datum of that id, NULL if there is none. */
const json_t *kr_casefile_id(const json_t *file, const char *id);

/**
 * kr_casefile_proved() - The last datum with that statement, signed by all who
 * have to sign it; NULL if there is none
 */
const json_t *kr_casefile_proved(const json_t *file, const char *statement);

/** kr_casefile_either() - The first, or the receipt, which says the same. */
const json_t *kr_casefile_either(const json_t *file, const char *statement);

/** kr_casefile_bad() - One whose signatures do not verify, with any key. */
const json_t *kr_casefile_bad(const json_t *file, const char *statement);

/** kr_casefile_unread() - One that lacks a key to verify it with. */
const json_t *kr_casefile_unread(const json_t *file, const char *statement);

/** kr_casefile_event() - The last entry of the log with that event. */
const json_t *kr_casefile_event(const json_t *file, const char *event);

/** kr_casefile_telling() - The last entry whose detail has that key. */
const json_t *kr_casefile_telling(const json_t *file, const char *key);

/**
 * kr_casefile_altered() - The first datum, or just @only if it is not NULL,
 * that is not what somebody signed, or not in the log that it is said to be in
 */
const json_t *kr_casefile_altered(const json_t *file, const json_t *only);

/** kr_casefile_error() - The last datum that tells of an error. */
const json_t *kr_casefile_error(const json_t *file);

/**
 * kr_casefile_say() - What a statement says under "key" or "object.key"
 * kr_casefile_hex() - The same as text; "" if it is no text or all zeroes
 * kr_casefile_subject() - The digest of its subject, by number
 */
const json_t *kr_casefile_say(const json_t *datum, const char *key);
const char *kr_casefile_hex(const json_t *datum, const char *key);
const char *kr_casefile_subject(const json_t *datum, size_t n);

/** kr_casefile_same() - Do both say it, and the same, and not zeroes? */
bool kr_casefile_same(const json_t *a, const json_t *b, const char *key);

/** kr_casefile_same_stream() - The same of memory and devices, or of all? */
bool kr_casefile_same_stream(const json_t *a, const json_t *b);

/** kr_casefile_all_same() - Do all statements of hosts that verify and say it,
 * say the same? */
bool kr_casefile_all_same(const json_t *file, const char *key);

/** kr_casefile_from(), kr_casefile_to() - The names of both hosts. */
const char *kr_casefile_from(const json_t *file);
const char *kr_casefile_to(const json_t *file);

/** kr_casefile_side() - Which of both this host is: "from" or "to". */
const char *kr_casefile_side(const json_t *file);

/** kr_casefile_is() - Is the migration's state, as kororad says, that one? */
bool kr_casefile_is(const json_t *file, const char *state);

/** kr_casefile_over() - Is it over, whatever came of it? */
bool kr_casefile_over(const json_t *file);

/** kr_casefile_moved() - Did the VM go over, its memory lost or not? */
bool kr_casefile_moved(const json_t *file);

#endif
