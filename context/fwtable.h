/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwtable.h - a VM's firewall as text for nft: two tables of its own, and
 * nothing else. Pure; in korora-context.
 *
 * `inet korora_vm_NAME` has the VM's zone of connection tracking, and its rules
 * for what is forwarded, by bridge or routed, and what the host itself says and
 * hears. What is no connection's and no rule takes is dropped; what another
 * table drops stays dropped. `bridge korora_vm_NAME` lets nothing pass the VM's
 * port that is not of its own address, nor any but IP, ARP and RARP.
 */
#ifndef KR_FWTABLE_H
#define KR_FWTABLE_H

#include "context/fwmsg.h"

#define KR_FWTABLE_PREFIX	"korora_vm_"

/**
 * kr_fwtable_load() - Text that puts the tables in the place of older ones
 * @ret: owned by the caller
 *
 * Return: 0, or < 0: out of memory.
 */
int kr_fwtable_load(const struct kr_fwload *l, char **ret, struct kr_err *e);

/** kr_fwtable_zone() - The zone that a listed table sets; 0: none. */
uint16_t kr_fwtable_zone(const char *listed);

#endif
