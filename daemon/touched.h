/* SPDX-License-Identifier: Apache-2.0 */
/*
 * touched.h - how much of a VM's memory was ever written: what its process
 * has of it, as the kernel counts that. The rest is zero. Not a byte of the
 * guest is read. Runs in kororad.
 */
#ifndef KR_DAEMON_TOUCHED_H
#define KR_DAEMON_TOUCHED_H

#include <stdint.h>
#include <sys/types.h>

/** kr_touched_bytes() - Of @memory_mb MiB of process @pid; 0: cannot tell. */
uint64_t kr_touched_bytes(pid_t pid, uint32_t memory_mb);

/**
 * kr_touched_about() - Of all memory of process @pid; 0: cannot tell
 *
 * By the kernel's counters, so at once however large the VM is; the
 * hypervisor's own, some tens of MiB, counts.
 */
uint64_t kr_touched_about(pid_t pid);

#endif
