/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peermsg.h - what two hosts say to each other in a control session. The
 * link agent checks that every message parses before kororad sees it;
 * kororad then reads it with the same functions.
 *
 * A step's statement is never sent as text: both hosts build it from the
 * same terms, and only the signature travels (PROTOCOL.evidence.md).
 */
#ifndef KR_WIRE_PEERMSG_H
#define KR_WIRE_PEERMSG_H

#include "base/cursor.h"
#include "base/err.h"
#include "evidence/inforce.h"
#include "evidence/statement.h"
#include "hyper/vmdef.h"

#define KR_TEXT_BYTES_MAX	200u
#define KR_CHECKS_MAX		32u

enum kr_peermsg {
	KR_PEER_HELLO = 1,	/* the link agents' own */
	KR_PEER_ALIVE = 2,
	KR_PEER_BYE   = 3,
	KR_PEER_OFFER = 16,	/* source: terms, signature, definition */
	KR_PEER_STEP  = 17,	/* either: kind, terms, signature */
	KR_PEER_FAIL  = 18,	/* either: this migration failed here */
	KR_PEER_ASK   = 19,	/* either: how does this migration stand? */
	KR_PEER_CHECK = 20,	/* source: could you take this VM? */
	KR_PEER_CHECKED = 21,	/* the answer to it, and to CHECK_HOST */
	KR_PEER_CHECK_HOST = 22, /* are you in order? a FAIL's body, migration
				    being the question's number */
	KR_PEER_MEND  = 23,	/* source: post-copy's lanes broke; wait for
				   new ones */
	KR_PEER_MENDED = 24,	/* the answer: they may come */
	KR_PEER_LOG_SEEN = 25,	/* source, before its offer: this much of your
				   log was seen here; the answer: likewise */
	KR_PEER_LOG_HEAD = 26,	/* to that: my log, which begins with it, and
				   tells of my policy */
	KR_PEER_LOG_COSIGN = 27, /* to that: so it does, signed */
	/* enrolmsg.h; version 4 */
	KR_PEER_TPM_ASK = 28,	/* either: what is your TPM known by? A FAIL's
				   body, migration being the question's number */
	KR_PEER_TPM_KEYS = 29,	/* the answer */
	KR_PEER_TPM_CREDENTIAL = 30, /* to that: have it open this */
	KR_PEER_TPM_OPENED = 31, /* the answer */
	/* quotemsg.h; version 4 */
	KR_PEER_QUOTE_ASK = 32,	/* either: what did you boot? */
	KR_PEER_QUOTE_PART = 33, /* the answer, as far as it fits */
	KR_PEER_QUOTE_MORE = 34, /* to that: and further? */
};

struct kr_hello {
	uint16_t version_min, version_max;
	char	 software[64];
};

struct kr_step {
	enum kr_statement kind;
	struct kr_terms	  terms;
	struct kr_dsse_sig sig;	/* keyid is not sent */
};

struct kr_peerfail {
	uint8_t	 migration[16];	/* all zero: the session as a whole */
	uint16_t kr;
	char	 what[KR_TEXT_BYTES_MAX];
};

#define KR_MEND_BYTES	35u

/* MEND and MENDED */
struct kr_mend {
	uint8_t	 migration[16];
	uint16_t attempt;	/* from 1; part of the new lanes' keys */
	bool	 goes_on;	/* with the data plane that had the old ones */
	uint64_t position, urgent; /* then: how far, see plane/plane_msg.h */
};

/* How much of the other's log a host has cosigned. */
struct kr_logseen {
	uint8_t	 migration[16];	/* that it is said for */
	uint64_t size;		/* entries; 0: none was seen yet */
	bool	 first;		/* and no answer to such a question */
};

/* A checkpoint of the sender's log, whose text both hosts build, a proof that
 * it grew from what was seen, and what it says of the policy in force.
 */
struct kr_loghead {
	uint8_t	 migration[16];
	uint64_t from, size;	/* entries */
	uint8_t	 root[32];
	struct kr_dsse_sig sig;	/* keyid is not sent */
	struct kr_proof proof;
	struct kr_inforce_entry policy;
};

struct kr_logcosign {
	uint8_t	 migration[16];
	uint64_t size;
	struct kr_dsse_sig sig;	/* of the same text */
};

/* A disk as a host sees it: does the other see the same? (daemon/disks.h) */
struct kr_disk_id {
	uint64_t size_bytes, inode;	/* inode 0: not a file */
};

struct kr_offer {
	struct kr_terms	 terms;
	struct kr_dsse_sig sig;
	struct kr_vmdef	 def;
	uint32_t	 hyper_version;	/* major << 16 | minor << 8 | micro */
	uint32_t	 recall_mib;	/* pages both data planes remember */
	bool		 multifd;	/* a lane for each of QEMU's channels */
	bool		 preempt;	/* the last lane may be for pages that a
					   VM waits for in post-copy; the
					   acceptance says if it is */
	struct kr_disk_id disks[KR_VMDEF_DISKS_MAX];
};

struct kr_check {
	bool	 ok;
	uint16_t kr;
	char	 name[48];
	char	 message[KR_TEXT_BYTES_MAX];
};

struct kr_checks {
	uint8_t		question[16];	/* the CHECK's terms.migration */
	uint16_t	n;
	struct kr_check c[KR_CHECKS_MAX];
};

void kr_hello_put(struct kr_wr *w, const struct kr_hello *h);
int  kr_hello_parse(struct kr_rd *r, struct kr_hello *ret, struct kr_err *e);
void kr_step_put(struct kr_wr *w, const struct kr_step *s);
int  kr_step_parse(struct kr_rd *r, struct kr_step *ret, struct kr_err *e);
void kr_peerfail_put(struct kr_wr *w, const struct kr_peerfail *f);
int  kr_peerfail_parse(struct kr_rd *r, struct kr_peerfail *ret,
		       struct kr_err *e);
void kr_mend_put(struct kr_wr *w, const struct kr_mend *m);
int  kr_mend_parse(struct kr_rd *r, struct kr_mend *ret, struct kr_err *e);
void kr_logseen_put(struct kr_wr *w, const struct kr_logseen *s);
int  kr_logseen_parse(struct kr_rd *r, struct kr_logseen *ret,
		      struct kr_err *e);
void kr_loghead_put(struct kr_wr *w, const struct kr_loghead *h);
int  kr_loghead_parse(struct kr_rd *r, struct kr_loghead *ret,
		      struct kr_err *e);
void kr_logcosign_put(struct kr_wr *w, const struct kr_logcosign *c);
int  kr_logcosign_parse(struct kr_rd *r, struct kr_logcosign *ret,
			struct kr_err *e);
void kr_offer_put(struct kr_wr *w, const struct kr_offer *o);
int  kr_offer_parse(struct kr_rd *r, struct kr_offer *ret, struct kr_err *e);
void kr_checks_put(struct kr_wr *w, const struct kr_checks *c);
int  kr_checks_parse(struct kr_rd *r, struct kr_checks *ret,
		     struct kr_err *e);

/**
 * kr_peermsg_check() - Does @type with this body parse?
 * Return: 0; KR_E_UNEXPECTED for an unknown type; KR_E_MALFORMED.
 */
int kr_peermsg_check(uint16_t type, const uint8_t *body, size_t n_bytes,
		     struct kr_err *e);

#endif
