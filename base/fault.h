/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.h - numbered places at which a test can hold this process, to kill
 * it, its agents, its link or its peer there. Off unless KORORA_FAULT is set.
 *
 * KORORA_FAULT=N[,N...] names the places, KORORA_FAULT_DIR a folder: on the
 * first visit of N the file `N.hit` appears in it, and the process stands
 * still until the file `N.go` does. Where there is an `N.hit` already, from
 * this process or one before it, N is passed by.
 */
#ifndef KR_BASE_FAULT_H
#define KR_BASE_FAULT_H

void kr_fault(unsigned int number);

#endif
