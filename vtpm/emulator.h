/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulator.h - the process that is a VM's TPM: swtpm, with a user of its own
 * who reaches its folder and the system's libraries, and nothing else. What
 * it keeps there is encrypted with a key that it is handed.
 */
#ifndef KR_VTPM_EMULATOR_H
#define KR_VTPM_EMULATOR_H

#include <sys/types.h>

#include "base/err.h"

#define KR_EMULATOR_BINARY	"/usr/bin/swtpm"
#define KR_EMULATOR_KEY_BYTES	32u	/* AES-256 */
#define KR_EMULATOR_STATE	"tpm2-00.permall"	/* in its folder, once
							   it has begun */

/* Descriptors that korora-vtpm is started with, beside the first three. */
#define KR_EMULATOR_LOCK_FD	3	/* held as long as the folder is used */
#define KR_EMULATOR_QEMU_FD	10	/* stream socket, QEMU's chardev */
#define KR_EMULATOR_KEY_FD	11	/* KR_EMULATOR_KEY_BYTES, then the end */
#define KR_EMULATOR_FOLDER_FD	12	/* 0700, of the user that it is to be */
#define KR_EMULATOR_ORDERS_FD	13	/* listens for kr_gateorder */

/**
 * kr_emulator_start() - Start it; it dies with this process, if that is its
 * user's by then: nobody else's death is told to it
 * @key:    to read the key from; not read here
 * @folder: whose owner, not root, it becomes
 * @ret_fd: its control channel, for kr_gate_new()
 *
 * Return: 0; KR_E_JAIL if the folder is root's or open to others;
 *         KR_E_SYSTEM. What fails in the new process shows as its end.
 */
int kr_emulator_start(int key, int folder, int *ret_fd, struct kr_err *e);

#endif
