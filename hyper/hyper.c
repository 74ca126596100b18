/* SPDX-License-Identifier: Apache-2.0 */
/* hyper.c - the table of adapters. Runs in kororad. */
#include "hyper/hyper.h"

#include <string.h>

#include "hyper/qemuargs.h"

static const struct kr_hyper rows[] = {
	{ "qemu", "korora-qmp", kr_probe_qemu, kr_qemuargs_plan,
	  kr_kvmtest_run },
};

#define N_ROWS	(sizeof(rows) / sizeof(rows[0]))

const struct kr_hyper *kr_hyper_rows(unsigned int *ret_n)
{
	*ret_n = N_ROWS;
	return rows;
}

int kr_hyper_find(const char *name, const struct kr_hyper **ret_h,
		  struct kr_err *e)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (strcmp(rows[i].name, name))
			continue;
		*ret_h = &rows[i];
		return 0;
	}
	return kr_fail(e, KR_E_CONFIG, "no adapter for hypervisor '%s'", name);
}
