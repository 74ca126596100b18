/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewall.h - the firewalls of this host's VMs: what korora-context is to do
 * about them, one order after the other, and which there are. The agent lives
 * as long as there are orders.
 *
 * That a VM may have rules in the kernel is noted in ROOT/run/korora/firewall/
 * before they are loaded, until they are gone: they outlive kororad.
 */
#ifndef KR_DAEMON_FIREWALL_H
#define KR_DAEMON_FIREWALL_H

#include "daemon/vm.h"

/* Zones of connection tracking: this one and the number of the VM's first tap,
 * which the kernel gives to one at a time. */
#define KR_FIREWALL_ZONE_FIRST	20480u

/** kr_firewall_bridge() - Does what passes this bridge come by the rules?
 *
 * Return: 0; KR_E_FW_HOST if IPv4 or IPv6 does not.
 */
int kr_firewall_bridge(const char *bridge, struct kr_err *e);

/** kr_firewall_fits() - The same of all bridges of a VM that has a firewall. */
int kr_firewall_fits(const struct kr_host *h, const struct kr_vmdef *d,
		     struct kr_err *e);

/** kr_firewall_note() - For doctor: how bridges are filtered here, or what a
 * firewall and connections that are followed lack. */
void kr_firewall_note(const struct kr_host *h, char *out, size_t size);

/**
 * kr_firewall_load() - Have the rules of v->def loaded, for v->taps
 * kr_firewall_wake() - Have rules that were loaded asleep be in force
 * @done: called once, not from within, unless @v is forgotten before; @why:
 *	  NULL if it is done
 */
int kr_firewall_load(struct kr_vm *v, bool asleep,
		     void (*done)(struct kr_vm *v, const struct kr_err *why),
		     struct kr_err *e);
int kr_firewall_wake(struct kr_vm *v,
		     void (*done)(struct kr_vm *v, const struct kr_err *why),
		     struct kr_err *e);

/** kr_firewall_forget() - @v is no more; its orders go on. */
void kr_firewall_forget(struct kr_vm *v);

/** kr_firewall_unload() - Have a VM's rules and connections removed, if there
 * are any; what goes wrong is logged, and tried again by the next kororad. */
void kr_firewall_unload(struct kr_host *h, const char *vm);

/** kr_firewall_tidy() - Remove those of VMs that have no process here. */
void kr_firewall_tidy(struct kr_host *h);

/** kr_firewall_fini() - Forget all orders. */
void kr_firewall_fini(struct kr_host *h);

#endif
