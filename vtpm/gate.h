/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.h - stands between QEMU and a TPM's emulator on the control channel:
 * what one may say to the other passes, whole and one at a time, and the
 * descriptor of the channel that the guest's commands take passes with it.
 *
 * State of the TPM does not pass, in either direction: QEMU would put it into
 * its migration stream or a snapshot in the clear, and take whatever is in
 * one. It is told that this failed; its migration fails, and the VM runs on.
 * But for one migration it can be let out, or in: each blob once, sealed.
 *
 * One thread, one loop. A gate is over, for good, when one of the two hangs
 * up or says what it may not.
 */
#ifndef KR_VTPM_GATE_H
#define KR_VTPM_GATE_H

#include "base/loop.h"
#include "vtpm/stateseal.h"

struct kr_gate;

/**
 * kr_gate_new() - Begin
 * @qemu:  stream socket, QEMU's chardev at its other end; taken, also on
 *         failure
 * @swtpm: the same, of an emulator that was given its end (clientfd)
 * @over:  once, from the loop; @e is why. kr_gate_free() may follow in it.
 *
 * Return: 0; KR_E_SYSTEM.
 */
int kr_gate_new(struct kr_loop *l, int qemu, int swtpm,
		void (*over)(void *arg, const struct kr_err *e), void *arg,
		struct kr_gate **ret_g, struct kr_err *e);

/**
 * kr_gate_let_out() - Each blob of the state may be asked for once more, and
 * is sealed by @s; whatever was let out or in before. One that was asked for
 * and could not be sealed does not come either.
 */
void kr_gate_let_out(struct kr_gate *g, const struct kr_stateseal *s);

/**
 * kr_gate_let_in() - Each blob may be given once, as @s sealed it
 *
 * For an emulator without state, before its VM's TPM begins: that it does not
 * before what it is and what it holds just now are here, both, and nothing
 * more is let in then. A QEMU that left one out would run an empty TPM.
 */
void kr_gate_let_in(struct kr_gate *g, const struct kr_stateseal *s);

/** kr_gate_shut() - No state passes any more; the key is forgotten. */
void kr_gate_shut(struct kr_gate *g);

/** kr_gate_refused() - How often state, or a beginning without, was refused. */
unsigned int kr_gate_refused(const struct kr_gate *g);

/** kr_gate_free() - Hang up on both; NULL is fine. */
void kr_gate_free(struct kr_gate *g);

#endif
