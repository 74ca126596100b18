/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.h - may a VM have the files and networks that its definition names?
 *
 * A storage or network that the policy gives a class is for VMs that the rules
 * allow to use it. A file is of the class of the VM that wrote it, also when
 * that VM is stopped or removed: no VM of another class reads or writes it, and
 * none writes what another class reads. Each host knows of the VMs that it
 * keeps or kept; by name, through links and as another name of the same file.
 */
#ifndef KR_DAEMON_FILES_H
#define KR_DAEMON_FILES_H

#include "daemon/host.h"

/**
 * kr_files_ask() - May @d be here, with these?
 * @certifier: who asks may change classes, and takes files over with that, but
 *	       those of VMs that run
 *
 * Return: 0; KR_E_FORBIDDEN naming file or network; KR_E_NO_STORAGE.
 */
int kr_files_ask(struct kr_host *h, const struct kr_vmdef *d,
		 bool certifier, struct kr_err *e);

/**
 * kr_files_keep()   - They are @d's from now on
 * kr_files_leave()  - That VM is no more: what it wrote stays of its class
 * kr_files_recall() - Keep those of all VMs, if a store knows of none yet
 *
 * Return: 0; KR_E_STORE.
 */
int kr_files_keep(struct kr_host *h, const struct kr_vmdef *d,
		  struct kr_err *e);
int kr_files_leave(struct kr_host *h, const char *vm, struct kr_err *e);
int kr_files_recall(struct kr_host *h, struct kr_err *e);

#endif
