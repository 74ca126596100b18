/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.h - numbered places at which a test can hold this process, to kill
 * it, its agents, its link or its peer there. Off unless KORORA_FAULT is set.
 *
 * KORORA_FAULT=N names the place, KORORA_FAULT_DIR a folder: on the first
 * visit the file `hit` appears in it, and the process stands still until the
 * file `go` does.
 */
#ifndef KR_BASE_FAULT_H
#define KR_BASE_FAULT_H

void kr_fault(unsigned int number);

#endif
