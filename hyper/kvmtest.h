/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmtest.h - does a guest really run under KVM here? /dev/kvm proves
 * nothing: nested and restricted hosts offer it and then run guests not at
 * all, or thousands of times too slowly. So a tiny guest must come through
 * the firmware, take a timer interrupt, enter long mode and trap a few
 * thousand times, all within a time limit. Used by kororad, and only for
 * definitions that ask for accel = kvm.
 */
#ifndef KR_KVMTEST_H
#define KR_KVMTEST_H

#include "base/err.h"

/*
 * TCG needs about 150 ms for it, and so does a sound KVM; a nested one that
 * no ordinary guest gets anywhere on was seen to need 3600.
 */
#define KR_KVMTEST_MS	2000u

/**
 * kr_kvmtest_run() - The kvm_works() of struct kr_hyper, for QEMU
 *
 * Blocks up to KR_KVMTEST_MS. Return: 0; KR_E_NO_ACCEL.
 */
int kr_kvmtest_run(const char *binary, struct kr_err *e);

/** kr_kvmtest_accel() - The same under another accelerator, for tests. */
int kr_kvmtest_accel(const char *binary, const char *accel, struct kr_err *e);

#endif
