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
