/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctexpect.h - a connection that is to come, as a value: what a helper (of FTP,
 * SIP, TFTP ...) read in a connection, its master, and what the kernel lets in
 * for it. Reading it from the kernel and telling it to one is ctexpattr.h.
 *
 * Not part of it: its id, which each kernel makes itself.
 */
#ifndef KR_CONTEXT_CTEXPECT_H
#define KR_CONTEXT_CTEXPECT_H

#include "context/ctentry.h"

#define KR_CT_FN_BYTES		32u	/* of a function's name, with the NUL */
#define KR_CTEXPECT_BYTES_MAX	256u	/* of kr_ctexpect_put() */
#define KR_CT_CLASSES		4u	/* that a helper may have */

/* NF_CT_EXPECT_ of the kernel: permanent, and inactive. */
#define KR_CT_EXPECT_FLAGS	0x03u

struct kr_ctexpect {
	uint8_t		  family;	/* AF_INET or AF_INET6 */
	uint8_t		  zone_dirs;	/* of its master: KR_CT_ZONE_ */
	uint16_t	  zone;
	struct kr_cttuple master;	/* orig of it; in the same zone */
	struct kr_cttuple tuple;	/* what is expected ... */
	uint8_t		  src_mask[16];	/* ... of whose src and sport these */
	uint16_t	  sport_mask;	/* bits count */
	uint32_t	  timeout_s;	/* left of its life */
	uint8_t		  flags;	/* of KR_CT_EXPECT_FLAGS */
	uint8_t		  class;	/* less than KR_CT_CLASSES */
	char		  helper[KR_CT_HELPER_BYTES];	/* its master's */
	char		  fn[KR_CT_FN_BYTES];	/* what the kernel is to do */
						/* when it comes; "" = none */
	struct {
		bool	 there;
		uint8_t	 dir;		/* enum kr_ctdir */
		uint8_t	 addr[16];	/* what it is translated back to */
		uint16_t port;
	} nat;
};

/**
 * kr_ctexpect_put() - Write it for a file; all but the number of its zone
 * As kr_ctentry_put(); at most KR_CTEXPECT_BYTES_MAX.
 */
void kr_ctexpect_put(struct kr_wr *w, const struct kr_ctexpect *x);

/**
 * kr_ctexpect_get() - Read all of @r as one of @zone
 * @ret_x: untouched on failure
 * Return: 0; KR_E_CT_FILE if kr_ctexpect_put() would not have written that.
 */
int kr_ctexpect_get(struct kr_rd *r, uint16_t zone, struct kr_ctexpect *ret_x,
		    struct kr_err *e);

/**
 * kr_ctexpect_order() - Which comes first? As memcmp() says it.
 * 0 if the same is expected by the same master.
 */
int kr_ctexpect_order(const struct kr_ctexpect *a,
		      const struct kr_ctexpect *b);

/** kr_ctexpect_same() - All alike, but for what is left of their lives? */
bool kr_ctexpect_same(const struct kr_ctexpect *a,
		      const struct kr_ctexpect *b);

/** kr_ctexpect_master() - An entry that has its master's key, and no more. */
struct kr_ctentry kr_ctexpect_master(const struct kr_ctexpect *x);

#define KR_CTEXPECT_NAME_BYTES	(KR_CTENTRY_NAME_BYTES + 16u)

/**
 * kr_ctexpect_name() - "expected tcp 10.0.0.1:0 > 10.0.0.2:5555", for people
 * @out: KR_CTEXPECT_NAME_BYTES
 * Return: @out
 */
const char *kr_ctexpect_name(const struct kr_ctexpect *x, char *out);

#endif
