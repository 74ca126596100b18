/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap.h - tap devices for VMs' network cards. kororad makes one per nic and
 * hands its descriptor to the hypervisor; the device vanishes when the last
 * holder closes it, so nothing is left behind by a crash.
 */
#ifndef KR_TAP_H
#define KR_TAP_H

#include <net/if.h>

#include "base/err.h"

/**
 * kr_tap_open() - Make a tap device on a bridge; it is down
 * @bridge:   name of a bridge of this host's
 * @ret_name: krtN, chosen by the kernel
 * @ret_fd:   close-on-exec, owned by the caller
 *
 * Return: 0; KR_E_NO_NETWORK if there is no such bridge or no tap support.
 */
int kr_tap_open(const char *bridge, char ret_name[IFNAMSIZ], int *ret_fd,
		struct kr_err *e);

/** kr_tap_up() - From now on it carries what its two ends say. */
int kr_tap_up(const char *name, struct kr_err *e);

#endif
