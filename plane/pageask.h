/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pageask.h - does the destination's hypervisor ask for a page? Reads the
 * return path as it passes, on the source's first lane.
 *
 * A message is u16 type, u16 length of the body, body, big-endian, as QEMU's
 * migration/migration.c sends it; types 3 and 4 ask for a page. What is no
 * message is QEMU's to refuse: here nothing comes of it but that memory flows
 * earlier.
 */
#ifndef KR_PLANE_PAGEASK_H
#define KR_PLANE_PAGEASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_pageask {
	uint8_t	 head[4];
	uint8_t	 n_head;
	uint16_t n_body;		/* still to come */
};

/** kr_pageask_read() - The next bytes. Return: did a page's head come? */
bool kr_pageask_read(struct kr_pageask *a, const uint8_t *p, size_t n);

#endif
