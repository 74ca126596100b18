/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qemuargs.h - QEMU's command line for a VM definition. Everything that
 * becomes part of the migrated state (machine, devices, their order, ids and
 * PCI addresses, absent option ROMs) follows from the definition alone, so
 * both hosts build the same machine; only paths and descriptors differ.
 */
#ifndef KR_QEMUARGS_H
#define KR_QEMUARGS_H

#include "hyper/hyper.h"

#define KR_QEMUARGS_CONTROL	"qmp.sock"	/* in the VM's run folder */
#define KR_QEMUARGS_CONSOLE	"con.sock"

/** kr_qemuargs_plan() - The plan() of struct kr_hyper, for QEMU. */
int kr_qemuargs_plan(const struct kr_vmdef *d, const struct kr_hyper_site *s,
		     enum kr_hyper_mode mode, struct kr_launch *ret_l,
		     struct kr_err *e);

#endif
