/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disks.h - do two hosts see the same storage? A disk is identified by its
 * size and, for a file, its inode number, which shared file systems agree on.
 */
#ifndef KR_DAEMON_DISKS_H
#define KR_DAEMON_DISKS_H

#include "daemon/host.h"
#include "wire/peermsg.h"

/** kr_disks_path() - A definition's "storage:path" as a path here. */
int kr_disks_path(const struct kr_host *h, const char *file, char *out,
		  size_t size, struct kr_err *e);

/**
 * kr_disks_identify() - One entry per disk of @d
 *
 * Return: 0; KR_E_NO_STORAGE, also for an image that names other files.
 */
int kr_disks_identify(const struct kr_host *h, const struct kr_vmdef *d,
		      struct kr_disk_id *ret, struct kr_err *e);

#endif
