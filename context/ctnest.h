/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctnest.h - ctnetlink's attributes taken apart, and the tuples that both its
 * messages are made of: connections' (ctattr.h) and expectations'
 * (ctexpattr.h).
 */
#ifndef KR_CONTEXT_CTNEST_H
#define KR_CONTEXT_CTNEST_H

#include <libmnl/libmnl.h>

#include "context/ctentry.h"

#define KR_CTNEST_TYPES	32u		/* more than any nest has */
#define KR_CTNEST_BIT(type)	(1u << (type))

/* A nest taken apart, and what is wrong with what was read from it so far:
 * once something is, all that is read is 0. */
struct kr_ctnest {
	const struct nlattr *at[KR_CTNEST_TYPES];
	const char	    *why;
};

extern const char kr_ctnest_malformed[], kr_ctnest_unknown[];

/**
 * kr_ctnest_msg() - Take a message of ctnetlink apart
 * @n_bytes:    of @nlh, which may be anything that long
 * @ret_family: AF_INET or AF_INET6
 * Return: 0; KR_E_CT_LEFT if it is none, or of another family.
 */
int kr_ctnest_msg(const struct nlmsghdr *nlh, size_t n_bytes,
		  uint8_t *ret_family, struct kr_ctnest *ret_n,
		  struct kr_err *e);

/**
 * kr_ctnest_open() - The nest in @type of @n; nothing at all if it is absent
 * @known: bits of the types that it may have
 */
struct kr_ctnest kr_ctnest_open(struct kr_ctnest *n, unsigned int type,
				uint32_t known);

/** kr_ctnest_number() - Of exactly @n_bytes, 1 to 4; 0 if it is absent. */
uint32_t kr_ctnest_number(struct kr_ctnest *n, unsigned int type,
			  size_t n_bytes);

/**
 * kr_ctnest_text() - A name of printable letters; untouched if it is absent
 * @long_why: what is wrong if it has not room in @out, of @size with a NUL
 */
void kr_ctnest_text(struct kr_ctnest *n, unsigned int type, char *out,
		    size_t size, const char *long_why);

/**
 * kr_ctnest_tuple() - The tuple that must be in @type
 * @ret_zone: one that is for its direction alone, -1 = none
 */
void kr_ctnest_tuple(struct kr_ctnest *n, unsigned int type, int family,
		     struct kr_cttuple *ret_t, int *ret_zone);

/** kr_ctnest_put_msg() - Begin a message, @msg of IPCTNL_MSG_ and subsystem. */
struct nlmsghdr *kr_ctnest_put_msg(void *buf, uint16_t msg, uint16_t flags,
				   uint32_t seq, uint8_t family);

/** kr_ctnest_put_tuple() - @zone: for this direction alone, 0 = none. */
void kr_ctnest_put_tuple(struct nlmsghdr *m, uint16_t type, int family,
			 const struct kr_cttuple *t, uint16_t zone);

#endif
