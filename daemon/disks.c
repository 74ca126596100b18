/* SPDX-License-Identifier: Apache-2.0 */
/* disks.c - a VM's disks as this host sees them. Runs in kororad. */
#include "daemon/disks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "hyper/qcow2.h"

int kr_disks_path(const struct kr_host *h, const char *file, char *out,
		  size_t size, struct kr_err *e)
{
	char storage[32];
	const char *path, *dir;

	if (!kr_vmdef_file(file, storage, &path))
		return kr_fail(e, KR_E_CONFIG, "%s is not STORAGE:PATH", file);
	dir = kr_config_storage(&h->cfg, storage);
	if (!dir)
		return kr_fail(e, KR_E_NO_STORAGE,
			       "storage %s is not mapped on %s", storage,
			       kr_identity_name(h->identity));
	if (snprintf(out, size, "%s/%s", dir, path) >= (int)size)
		return kr_fail(e, KR_E_CONFIG, "%s is too long a path", file);
	return 0;
}

/* What a guest or somebody else wrote there names no other file. */
static int alone(int fd, const struct kr_vmdef_disk *d, struct kr_err *e)
{
	uint8_t head[KR_QCOW2_HEAD_BYTES];
	ssize_t n;

	if (d->format != KR_VMDEF_QCOW2)
		return 0;
	n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return kr_fail(e, KR_E_NO_STORAGE, "disk %s: %s", d->name,
			       strerror(errno));
	return kr_qcow2_alone(head, (size_t)n, d->name, e);
}

int kr_disks_identify(const struct kr_host *h, const struct kr_vmdef *d,
		      struct kr_disk_id *ret, struct kr_err *e)
{
	for (unsigned int i = 0; i < d->n_disks; i++) {
		char path[PATH_MAX];
		struct stat st;
		KR_AUTO(kr_fd_autoclose) int fd = -1;
		off_t end;
		int r = kr_disks_path(h, d->disks[i].file, path, sizeof(path),
				      e);

		if (r)
			return r;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 || fstat(fd, &st))
			return kr_fail(e, KR_E_NO_STORAGE, "disk %s on %s: %s",
				       d->disks[i].name,
				       kr_identity_name(h->identity),
				       strerror(errno));
		r = alone(fd, &d->disks[i], e);
		if (r)
			return r;
		end = lseek(fd, 0, SEEK_END);
		ret[i].size_bytes = end > 0 ? (uint64_t)end : 0;
		ret[i].inode = S_ISREG(st.st_mode) ? st.st_ino : 0;
	}
	return 0;
}
