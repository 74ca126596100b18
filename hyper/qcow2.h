/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qcow2.h - does an image name other files? A hypervisor opens those as its
 * own user, wherever they are, and what they are made of is in no definition.
 */
#ifndef KR_HYPER_QCOW2_H
#define KR_HYPER_QCOW2_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KR_QCOW2_HEAD_BYTES	80u	/* looked at, of a file's beginning */

/**
 * kr_qcow2_alone() - Is it an image of its own?
 * @head: @n bytes, KR_QCOW2_HEAD_BYTES or all of a shorter file
 * @name: of the disk, for the message
 *
 * The header is QEMU's docs/interop/qcow2.txt. Return: 0; KR_E_NO_STORAGE if
 * it is no qcow2 image of version 2 or 3, has a backing file, or its data in
 * another one.
 */
int kr_qcow2_alone(const uint8_t *head, size_t n, const char *name,
		   struct kr_err *e);

#endif
