/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reportproof.h - entries of this host's log, each proved to be in it: by what
 * korora log prove gives, verified here as korora log check does. No I/O.
 */
#ifndef KR_CLIENT_REPORTPROOF_H
#define KR_CLIENT_REPORTPROOF_H

#include <jansson.h>

#include "client/keyring.h"

/**
 * kr_reportproof_put() - Verify a proof, and add to the datum what it shows
 * @d:     gets "proved", "leaf", "log_size" and "cosigned_by"; if it does not
 *         verify "proved" is false, if there is none it is not there; then
 *         "unproved" says why
 * @answer: log.prove's, or why there is none
 * @entry: as log.show has it: which one it has to be
 * @migration: in hex: whose it has to be
 * @host:  whose log; @own: its key, NULL if it is not at hand
 *
 * Return: the entry as the log has it, for json_decref(), with its time as
 *         log.show names it; NULL if it is not proved.
 */
json_t *kr_reportproof_put(json_t *d, const json_t *answer,
			   const json_t *entry, const char *migration,
			   const char *host,
			   const struct kr_pubkey *own,
			   const struct kr_keyring *keys);

#endif
