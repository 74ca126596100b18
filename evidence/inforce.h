/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inforce.h - which policy a host decides by, and the entry of its log that
 * has it: written when the policy came into force, shown to a peer with the
 * proof that the log has it (daemon/witness.h). A host that names a policy
 * which its log does not have is found so. Used in kororad.
 */
#ifndef KR_EVIDENCE_INFORCE_H
#define KR_EVIDENCE_INFORCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/proof.h"

#define KR_INFORCE_EVENT	"policy-in-force"
#define KR_INFORCE_RECORD_MAX	1024u	/* bytes of the entry */

struct kr_store;

struct kr_inforce {
	char	 name[64];	/* "": it is not said which */
	uint32_t version;
	uint8_t	 digest[32];	/* SHA-256 of the policy's files */
};

/* The entry, as the log has it, and the proof that it does. */
struct kr_inforce_entry {
	uint64_t index;
	size_t	 n_record;
	uint8_t	 record[KR_INFORCE_RECORD_MAX];
	struct kr_proof proof;
};

/** kr_inforce_same() - The same name, version and digest? */
bool kr_inforce_same(const struct kr_inforce *a, const struct kr_inforce *b);

/** kr_inforce_detail() - The entry's detail, for json_decref(). */
json_t *kr_inforce_detail(const struct kr_inforce *p);

/**
 * kr_inforce_last() - The newest entry of this host's log that has one
 * @from: no older one than that index; it reads what is newer
 *
 * Return: 0; 1 if there is none; KR_E_LOG_BROKEN.
 */
int kr_inforce_last(struct kr_store *s, uint64_t from, struct kr_inforce *ret,
		    uint64_t *ret_index, struct kr_err *e);

/**
 * kr_inforce_show() - This host's entry, proved to be among the first @size
 *
 * Return: 0; KR_E_LIMIT if it is not; KR_E_LOG_BROKEN.
 */
int kr_inforce_show(struct kr_store *s, uint64_t index, uint64_t size,
		    struct kr_inforce_entry *ret, struct kr_err *e);

/**
 * kr_inforce_check() - What another host's entry says, if its log has it
 * @host: whose log; @size, @root: of the checkpoint that was shown with it
 * @ret:  untouched on failure
 *
 * Return: 0; KR_E_PEER_POLICY.
 */
int kr_inforce_check(const struct kr_inforce_entry *x, const char *host,
		     uint64_t size, const uint8_t root[32],
		     struct kr_inforce *ret, struct kr_err *e);

#endif
