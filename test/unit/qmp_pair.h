/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp_pair.h - a real QEMU for each agent of the stand: a VM that runs here,
 * and one that waits for it there.
 */
#ifndef KR_TEST_QMP_PAIR_H
#define KR_TEST_QMP_PAIR_H

#include <sys/prctl.h>

#include "hyper/hyper.h"
#include "hyper/qemuargs.h"
#include "hyper/tap.h"
#include "own_net.h"
#include "qmp_stand.h"

#define QEMU		"/usr/bin/qemu-system-x86_64"

static const char *qemu = QEMU;		/* which one is started */

/*
 * Boot sector: writes a…z to the serial port for ever and dirties a page.
 *	xor %ax,%ax; mov %ax,%ds; mov %ax,%ss; mov $0x7c00,%sp
 *	mov $0x3f8,%dx; mov $'a',%al
 * 0:	out %al,%dx; inc %al; cmp $'z'+1,%al; jne 1f; mov $'a',%al
 * 1:	mov $0x200,%cx
 * 2:	mov %cx,%bx; push %ax; in $0x61,%al; pop %ax; loop 2b
 *	mov %ax,0x5000; jmp 0b
 */
static const unsigned char ticker[] = {
	0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0xba, 0xf8,
	0x03, 0xb0, 0x61, 0xee, 0xfe, 0xc0, 0x3c, 0x7b, 0x75, 0x02, 0xb0,
	0x61, 0xb9, 0x00, 0x02, 0x89, 0xcb, 0x50, 0xe4, 0x61, 0x58, 0xe2,
	0xf8, 0xa3, 0x00, 0x50, 0xeb, 0xe7,
};

static bool has_net;

static inline void start_qemu(struct side *s, const char *name,
			      enum kr_hyper_mode mode)
{
	static const char base[] =
		"[vm]\nname = t\nmachine = q35\nvcpus = 1\nmemory_mb = 64\n"
		"[disk hda]\nfile = top:boot.raw\nbus = ide\n"
		"[disk vdb]\nfile = top:data.qcow2\nformat = qcow2\n";
	static const char nic[] =
		"[nic eth0]\nnetwork = lan\nmac = 52:54:00:77:00:10\n";
	static struct kr_launch l;
	struct kr_hyper_storage top_dir = { "top", top };
	struct kr_hyper_site site = { .binary = qemu, .cwd = s->dir,
				      .storages = &top_dir, .n_storages = 1 };
	char log[PATH_MAX], sock[PATH_MAX], tap[IFNAMSIZ], text[512];
	struct kr_err e = KR_ERR_NONE;
	struct kr_vmdef d;
	int fd = -1;

	snprintf(text, sizeof(text), "%s%s", base, has_net ? nic : "");
	if (has_net)
		assert_int_equal(kr_tap_open(BRIDGE, tap, &site.nic_fds[0],
					     &e), 0);

	snprintf(s->dir, sizeof(s->dir), "%s/%s", top, name);
	snprintf(log, sizeof(log), "%s/con.log", s->dir);
	snprintf(sock, sizeof(sock), "%s/qmp.sock", s->dir);
	site.console_log = log;
	mkdir(s->dir, 0700);
	unlink(sock);
	unlink(log);
	assert_int_equal(kr_vmdef_parse("t", text, strlen(text), &d, &e), 0);
	assert_int_equal(kr_qemuargs_plan(&d, &site, mode, &l, &e),
			 0);
	s->qemu = fork();
	if (!s->qemu) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(l.cwd) ||
		    (l.n_fds && dup2(l.fds[0], KR_LAUNCH_FD_FIRST) < 0))
			_exit(126);
		execv(l.argv[0], l.argv);
		_exit(127);
	}
	if (has_net) {
		/* QEMU alone holds it now */
		close(site.nic_fds[0]);
		assert_true(if_nametoindex(tap) > 0);
	}
	for (int i = 0; i < 1000 && fd < 0; i++) {
		usleep(10000);
		fd = kr_unix_connect(sock);
	}
	assert_true(fd >= 0);
	start_agent(s);
	open_fd(s, fd);
}

/* Has the guest written since? */
static inline bool ticks(const struct side *s)
{
	char log[PATH_MAX];
	struct stat a = { 0 }, b = { 0 };

	snprintf(log, sizeof(log), "%s/con.log", s->dir);
	stat(log, &a);
	for (int i = 0; i < 20; i++) {
		usleep(50000);
		stat(log, &b);
		if (b.st_size > a.st_size)
			return true;
	}
	return false;
}

/* A VM that runs here, and one that waits for it there. */
static inline void start_pair(void)
{
	struct msg m;

	start_qemu(&src, "src", KR_HYPER_FRESH);
	m = await(&src, KR_HYPER_READY, 0);
	assert_int_equal(m.ready.run, KR_HYPER_IS_PAUSED);
	assert_int_equal(m.ready.mig, KR_HYPER_MIG_NONE);
	assert_true(strchr(m.ready.version, '.') != NULL);
	say(&src, KR_HYPER_RUN);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&src));
	start_qemu(&dst, "dst", KR_HYPER_INCOMING);
	m = await(&dst, KR_HYPER_READY, 0);
	assert_int_equal(m.ready.run, KR_HYPER_IS_WAITING);
	/* not before it is loaded */
	send_cmd(&dst, KR_HYPER_RUN);
	m = await(&dst, KR_HYPER_FAIL, KR_HYPER_RUN);
	assert_int_equal(m.fail.kr, KR_E_VM_STATE);
}

static inline void begin(uint64_t bytes_s)
{
	setup(&src, false, bytes_s);
	setup(&dst, true, bytes_s);
	say_uri(&dst, KR_HYPER_RECEIVE);
	say_uri(&src, KR_HYPER_SEND);
}

static inline bool cannot(void)
{
	return geteuid() || access(qemu, X_OK) || access(QMP_EXE, X_OK);
}

static inline int make_disks(void **state)
{
	unsigned char sector[512] = { [510] = 0x55, [511] = 0xaa };
	char path[PATH_MAX], cmd[PATH_MAX + 100];

	has_net = make_net();
	if (make_top(state))
		return -1;
	memcpy(sector, ticker, sizeof(ticker));
	snprintf(path, sizeof(path), "%s/boot.raw", top);
	if (kr_write_file(path, sector, sizeof(sector), 0600) ||
	    truncate(path, 1 << 20))
		return -1;
	snprintf(cmd, sizeof(cmd),
		 "qemu-img create -q -f qcow2 %s/data.qcow2 4M", top);
	return access(QEMU, X_OK) || !system(cmd) ? 0 : -1;
}

#endif
