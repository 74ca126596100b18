/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_qemu.c - two real QEMUs, two real agents: a paused VM with random
 * memory and a running one that keeps writing are carried over, both ends
 * make the same manifest, and the memory arrives.
 */
#include "plane_stand.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define MIB		(UINT64_C(1) << 20)
#define RAM_MIB		192u

struct vm {
	pid_t pid;
	int   qmp;
	char  in[65536];
	size_t n_in;
	char  ram[128], fw[128], mon[128], mig[128];
};

static struct vm vms[2];

/* Next QMP line that contains one of two words; the words are borrowed. */
static void qmp_await(struct vm *v, const char *word, const char *or_word)
{
	for (;;) {
		char *nl = memchr(v->in, '\n', v->n_in);
		ssize_t k;
		bool hit;

		if (!nl) {
			k = read(v->qmp, v->in + v->n_in,
				 sizeof(v->in) - 1 - v->n_in);
			assert_true(k > 0);
			v->n_in += (size_t)k;
			continue;
		}
		*nl = '\0';
		if (strstr(v->in, "\"error\"") || strstr(v->in, "failed"))
			fail_msg("QMP: %s", v->in);
		hit = strstr(v->in, word) || (or_word && strstr(v->in, or_word));
		v->n_in -= (size_t)(nl + 1 - v->in);
		memmove(v->in, nl + 1, v->n_in);
		if (hit)
			return;
	}
}

static void qmp(struct vm *v, const char *command)
{
	assert_true(write(v->qmp, command, strlen(command)) > 0);
	qmp_await(v, "\"return\"", NULL);
}

static void fill_ram(const char *path, bool random)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint32_t x = 12345;
	uint32_t *p;

	assert_int_equal(ftruncate(fd, RAM_MIB * (off_t)MIB), 0);
	if (random) {
		p = mmap(NULL, RAM_MIB * MIB, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
		assert_true(p != MAP_FAILED);
		/* a third stays zero */
		for (size_t i = 0; i < RAM_MIB * MIB / 4; i++) {
			x = x * 1664525 + 1013904223;
			if (i >> 10 & 1 || i >> 11 & 1)
				p[i] = x;
		}
		munmap(p, RAM_MIB * MIB);
	}
	close(fd);
}

/* Firmware that adds to words all over 0x10000..0x8ffff for ever. */
static void write_firmware(const char *path)
{
	static const uint8_t loop[] = {
		0xb8, 0x00, 0x10,		/* mov ax, 0x1000 */
		0x8e, 0xd8,			/* mov ds, ax */
		0x31, 0xdb,			/* xor bx, bx */
		0xff, 0x07,			/* inc word [bx] */
		0x81, 0xc3, 0x00, 0x01,		/* add bx, 0x100 */
		0x75, 0xf8,			/* jnz the inc */
		0x05, 0x00, 0x10,		/* add ax, 0x1000 */
		0x3d, 0x00, 0x90,		/* cmp ax, 0x9000 */
		0x72, 0xec,			/* jb the second mov */
		0xeb, 0xe7,			/* jmp to the start */
	};
	static uint8_t rom[65536];

	memcpy(rom + 0xf000, loop, sizeof(loop));
	memcpy(rom + 0xfff0, "\xe9\x0d\xf0", 3); /* reset: jmp 0xf000 */
	assert_int_equal(kr_write_file(path, rom, sizeof(rom), 0600), 0);
}

static void vm_start(struct vm *v, const char *name, bool incoming, bool runs)
{
	char b[128], mem[256], mon[160];

	*v = (struct vm){ .qmp = -1 };
	snprintf(b, sizeof(b), "%.20s.ram", name);
	stand_path(v->ram, b);
	snprintf(b, sizeof(b), "%.20s.mon", name);
	stand_path(v->mon, b);
	snprintf(b, sizeof(b), "%.20s.mig", name);
	stand_path(v->mig, b);
	stand_path(v->fw, "firmware");
	write_firmware(v->fw);
	fill_ram(v->ram, !incoming);
	snprintf(mem, sizeof(mem),
		 "memory-backend-file,id=m,size=%uM,share=on,mem-path=%s",
		 RAM_MIB, v->ram);
	snprintf(mon, sizeof(mon), "unix:%s,server=on,wait=off", v->mon);
	v->pid = fork();
	assert_true(v->pid >= 0);
	if (!v->pid) {
		char ram[16];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(ram, sizeof(ram), "%uM", RAM_MIB);
		execlp("qemu-system-x86_64", "qemu-system-x86_64", "-accel",
		       "tcg", "-machine", "pc-q35-7.2,memory-backend=m", "-m",
		       ram, "-object", mem, "-bios", v->fw, "-nodefaults",
		       "-display", "none", "-qmp", mon,
		       runs && !incoming ? "-no-user-config" : "-S",
		       incoming ? "-incoming" : NULL, "defer", (char *)NULL);
		_exit(121);
	}
	for (int i = 0; i < 500 && v->qmp < 0; i++) {
		v->qmp = kr_unix_connect(v->mon);
		if (v->qmp < 0)
			usleep(20000);
	}
	assert_true(v->qmp >= 0);
	qmp_await(v, "QMP", NULL);
	qmp(v, "{\"execute\":\"qmp_capabilities\"}\n");
	qmp(v, "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{"
	       "\"capabilities\":[{\"capability\":\"return-path\","
	       "\"state\":true},{\"capability\":\"events\",\"state\":true},"
	       "{\"capability\":\"pause-before-switchover\",\"state\":true}"
	       "]}}\n");
}

static void vm_stop(struct vm *v)
{
	int status;

	kill(v->pid, SIGKILL);
	waitpid(v->pid, &status, 0);
	close(v->qmp);
}

static bool same_files(const char *a, const char *b)
{
	size_t n = RAM_MIB * MIB;
	int fa = open(a, O_RDONLY | O_CLOEXEC);
	int fb = open(b, O_RDONLY | O_CLOEXEC);
	void *pa = mmap(NULL, n, PROT_READ, MAP_SHARED, fa, 0);
	void *pb = mmap(NULL, n, PROT_READ, MAP_SHARED, fb, 0);
	bool same = pa != MAP_FAILED && pb != MAP_FAILED &&
		    !memcmp(pa, pb, n);

	munmap(pa, n);
	munmap(pb, n);
	close(fa);
	close(fb);
	return same;
}

static void order(struct vm *v, const char *format, const char *path)
{
	char b[512];

	snprintf(b, sizeof(b), format, path);
	qmp(v, b);
}

static void carry(bool runs)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];
	bool alive = false;
	int tcp[2], fd;

	stand_open();
	vm_start(&vms[SRC], "src", false, runs);
	vm_start(&vms[DST], "dst", true, runs);
	order(&vms[DST], "{\"execute\":\"migrate-incoming\",\"arguments\":{"
			 "\"uri\":\"unix:%s\"}}\n", vms[DST].mig);
	fd = kr_unix_connect(vms[DST].mig);
	assert_true(fd >= 0);
	stand_start(DST, fd, (RAM_MIB + 1024) * MIB, 0);
	fd = kr_unix_listen(vms[SRC].mig, 0600);
	assert_true(fd >= 0);
	stand_start(SRC, fd, (RAM_MIB + 1024) * MIB, 0);
	stand_tcp(tcp);
	stand_lane(SRC, 0, tcp[0], 7);
	stand_lane(DST, 0, tcp[1], 7);
	assert_true(stand_run(stand_both_up, 5000));
	if (s->has_failed || d->has_failed || s->is_gone)
		fail_msg("source: %s, destination: %s", s->fail.what,
			 d->fail.what);
	assert_string_equal(s->up.tls_version, "TLSv1.3");
	assert_string_equal(d->up.suite, "TLS_AES_256_GCM_SHA384");

	qmp(&vms[SRC], "{\"execute\":\"migrate-set-parameters\",\"arguments\":"
		       "{\"max-bandwidth\":10000000000}}\n");
	order(&vms[SRC], "{\"execute\":\"migrate\",\"arguments\":{"
			 "\"uri\":\"unix:%s\"}}\n", vms[SRC].mig);
	qmp_await(&vms[SRC], "pre-switchover", NULL);
	qmp(&vms[SRC], "{\"execute\":\"migrate-continue\",\"arguments\":{"
		       "\"state\":\"pre-switchover\"}}\n");
	assert_true(stand_run(stand_both_manifests, 20000));
	if (s->has_failed || d->has_failed)
		fail_msg("source: %s, destination: %s", s->fail.what,
			 d->fail.what);
	qmp_await(&vms[SRC], "\"completed\"", NULL);
	qmp_await(&vms[DST], "\"completed\"", NULL);

	assert_true(kr_manifest_same(&s->manifest, &d->manifest));
	assert_string_equal(s->manifest.reason, "");
	assert_int_equal(s->manifest.opaque, 0);
	assert_true(s->manifest.n_pages >= RAM_MIB * 256);
	assert_true(s->manifest.n_zero_pages >= RAM_MIB * 256 / 4 - 1024);
	assert_true(s->manifest.ram_bytes >= RAM_MIB * MIB);
	assert_true(same_files(vms[SRC].ram, vms[DST].ram));
	print_message("%llu pages, %llu zero, %llu bytes, %u rounds\n",
		      (unsigned long long)s->manifest.n_pages,
		      (unsigned long long)s->manifest.n_zero_pages,
		      (unsigned long long)s->manifest.stream_bytes,
		      s->progress.rounds);

	/* and it is alive: its firmware writes to memory, for a while */
	qmp(&vms[DST], "{\"execute\":\"cont\"}\n");
	for (int i = 0; i < 400 && !alive; i++) {
		usleep(50000);
		alive = !same_files(vms[SRC].ram, vms[DST].ram);
	}
	assert_true(alive);
	vm_stop(&vms[SRC]);
	vm_stop(&vms[DST]);
	assert_int_equal(stand_stop(&stand.side[SRC], NULL), 0);
	assert_int_equal(stand_stop(&stand.side[DST], NULL), 0);
	stand_close();
}

static void paused_vm(void **state)
{
	(void)state;
	carry(false);
}

static void running_vm(void **state)
{
	(void)state;
	carry(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paused_vm),
		cmocka_unit_test(running_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
