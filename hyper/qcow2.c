/* SPDX-License-Identifier: Apache-2.0 */
/* qcow2.c - the head of a qcow2 image. Pure. */
#include "hyper/qcow2.h"

#include "base/cursor.h"

#define MAGIC		0x514649fbu	/* "QFI\xfb" */
#define EXTERNAL_DATA	(UINT64_C(1) << 2)

int kr_qcow2_alone(const uint8_t *head, size_t n, const char *name,
		   struct kr_err *e)
{
	struct kr_rd r = KR_RD(head, n);
	uint32_t magic = kr_rd_u32(&r), version = kr_rd_u32(&r);
	uint64_t backing = kr_rd_u64(&r), features = 0;

	kr_rd_take(&r, 56);	/* sizes and tables, which are QEMU's to read */
	if (version == 3)
		features = kr_rd_u64(&r);
	if (r.bad || magic != MAGIC || (version != 2 && version != 3))
		return kr_fail(e, KR_E_NO_STORAGE, "disk %s is no qcow2 image",
			       name);
	if (backing)
		return kr_fail(e, KR_E_NO_STORAGE, "disk %s has a backing "
			       "file: qemu-img convert makes it one", name);
	if (features & EXTERNAL_DATA)
		return kr_fail(e, KR_E_NO_STORAGE, "disk %s has its data in "
			       "another file: qemu-img convert makes it one",
			       name);
	return 0;
}
