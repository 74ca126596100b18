/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmtest.c - the self-test guest for KVM and how it is run. Runs in kororad;
 * the guest reports by QEMU's exit status, through isa-debug-exit.
 */
#include "hyper/kvmtest.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "hyper/ask.h"

#define SECTOR		512
#define PORT		"0xf4"
#define PASSED		((0x10 << 1) | 1)	/* what QEMU makes of 0x10 */

/*
 * A boot sector: waits with hlt until the BIOS timer count changes; maps the
 * first 2 MiB, enters long mode; executes cpuid (always a trap) 4096 times;
 * writes 0x10 to the port. In assembler:
 *
 *	xor %ax,%ax; mov %ax,%ds; mov %ax,%es; mov %ax,%ss; mov $0x7c00,%sp
 *	sti; mov 0x46c,%eax
 * 1:	hlt; cmp 0x46c,%eax; je 1b
 *	cli; mov $0x1000,%di; mov $0xc00,%cx; cld; xor %eax,%eax; rep stosl
 *	movw $0x2003,0x1000; movw $0x3003,0x2000; movb $0x83,0x3000
 *	mov $0xa0,%eax; mov %eax,%cr4; mov $0x1000,%eax; mov %eax,%cr3
 *	mov $0xc0000080,%ecx; rdmsr; or $0x100,%eax; wrmsr
 *	mov %cr0,%eax; or $0x80000001,%eax; mov %eax,%cr0
 *	lgdt gdtr; ljmp $8,$lm
 * lm:	mov $4096,%esi				(64-bit from here)
 * 1:	xor %eax,%eax; cpuid; dec %esi; jnz 1b
 *	mov $0xf4,%dx; mov $0x10,%al; out %al,%dx; hlt
 * gdt:	.quad 0, 0x00209a0000000000
 * gdtr: .word 15; .long gdt
 */
static const unsigned char guest[] = {
	0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0xfb,
	0x66, 0xa1, 0x6c, 0x04, 0xf4, 0x66, 0x3b, 0x06, 0x6c, 0x04, 0x74, 0xf8,
	0xfa, 0xbf, 0x00, 0x10, 0xb9, 0x00, 0x0c, 0xfc, 0x66, 0x31, 0xc0, 0x66,
	0xf3, 0xab, 0xc7, 0x06, 0x00, 0x10, 0x03, 0x20, 0xc7, 0x06, 0x00, 0x20,
	0x03, 0x30, 0xc6, 0x06, 0x00, 0x30, 0x83, 0x66, 0xb8, 0xa0, 0x00, 0x00,
	0x00, 0x0f, 0x22, 0xe0, 0x66, 0xb8, 0x00, 0x10, 0x00, 0x00, 0x0f, 0x22,
	0xd8, 0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32, 0x66, 0x0d, 0x00,
	0x01, 0x00, 0x00, 0x0f, 0x30, 0x0f, 0x20, 0xc0, 0x66, 0x0d, 0x01, 0x00,
	0x00, 0x80, 0x0f, 0x22, 0xc0, 0x0f, 0x01, 0x16, 0x98, 0x7c, 0xea, 0x6f,
	0x7c, 0x08, 0x00, 0xbe, 0x00, 0x10, 0x00, 0x00, 0x31, 0xc0, 0x0f, 0xa2,
	0xff, 0xce, 0x75, 0xf8, 0x66, 0xba, 0xf4, 0x00, 0xb0, 0x10, 0xee, 0xf4,
	0x0f, 0x1f, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x9a, 0x20, 0x00, 0x0f, 0x00, 0x88, 0x7c,
	0x00, 0x00,
};

static_assert(sizeof(guest) <= SECTOR - 2, "a boot sector");

static int guest_fd(void)
{
	unsigned char sector[SECTOR] = { [510] = 0x55, [511] = 0xaa };
	int fd = memfd_create("guest", MFD_CLOEXEC);

	memcpy(sector, guest, sizeof(guest));
	if (fd >= 0 && write(fd, sector, sizeof(sector)) != sizeof(sector))
		kr_fd_close(&fd);
	return fd;
}

int kr_kvmtest_accel(const char *binary, const char *accel, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd = guest_fd();
	struct kr_err why = KR_ERR_NONE;
	char disk[80], out[256];
	char *argv[] = {
		(char *)(uintptr_t)binary, "-no-user-config", "-nodefaults",
		"-display", "none", "-machine", "pc", "-m", "16", "-accel",
		(char *)(uintptr_t)accel, "-no-reboot",
		"-device", "isa-debug-exit,iobase=" PORT ",iosize=1",
		"-blockdev", disk, "-device", "ide-hd,drive=d", NULL,
	};
	int status = 0, r;

	if (fd < 0)
		return kr_fail(e, KR_E_SYSTEM, "memfd: %s", strerror(errno));
	snprintf(disk, sizeof(disk), "driver=file,filename=/proc/self/fd/%d,"
		 "node-name=d", KR_ASK_FD);
	r = kr_ask_run(argv, fd, KR_KVMTEST_MS, out, sizeof(out), &status,
		       &why);
	if (r)
		return kr_fail(e, KR_E_NO_ACCEL, "%s: test guest: %s", accel,
			       why.what);
	if (status != PASSED)
		return kr_fail(e, KR_E_NO_ACCEL, "%s: test guest ended with "
			       "status %d", accel, status);
	return 0;
}

int kr_kvmtest_run(const char *binary, struct kr_err *e)
{
	if (access("/dev/kvm", R_OK | W_OK))
		return kr_fail(e, KR_E_NO_ACCEL, "/dev/kvm: %s",
			       strerror(errno));
	return kr_kvmtest_accel(binary, "kvm", e);
}
