/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_vm.h - two real QEMUs for tests of the data plane, source and
 * destination, with memory in files that can be compared.
 */
#ifndef KR_TEST_PLANE_VM_H
#define KR_TEST_PLANE_VM_H

#include "plane_multi.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define MIB		(UINT64_C(1) << 20)

/* As kororad's guests have it, two pages more: with a multiple of 64 QEMU
 * before 9.0 loses writes of a guest that runs, see hyper/qemuargs.c. */
#define MORE_RAM	(2 * 4096)

static unsigned int ram_mib = 192;

/* States of a migration that a test waits for: QEMU may tell of one before it
 * answers the command that led to it. */
static const char *const vm_states[] = { "\"pre-switchover\"",
					 "\"postcopy-paused\"",
					 "\"completed\"" };
#define VM_STATES	(sizeof(vm_states) / sizeof(vm_states[0]))

struct vm {
	bool  has_told[VM_STATES];	/* and nobody waited for it */
	pid_t pid;
	int   qmp;
	char  in[65536];
	size_t n_in;
	char  ram[128], fw[128], mon[128], mig[128];
};

static struct vm vms[2];

#define QMP_WAIT_S	40	/* sanitizers, beside other tests */

static bool never(void)
{
	return false;
}

/* QEMU does not say what it should: what do the agents say? */
static void qmp_silent(const char *word)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	stand_run(never, 200);
	fail_msg("QEMU has not said %s; source: %s, %u, %llu from QEMU, %llu "
		 "of %llu in flight; destination: %s, %u, %llu to QEMU",
		 word, s->fail.what, (unsigned int)s->progress.phase,
		 (unsigned long long)s->progress.from_qemu_bytes,
		 (unsigned long long)s->progress.in_flight_bytes,
		 (unsigned long long)s->progress.window_bytes,
		 d->fail.what, (unsigned int)d->progress.phase,
		 (unsigned long long)d->progress.to_qemu_bytes);
}

/* Was it told of before? Then that is used up. */
static bool qmp_told(struct vm *v, const char *word)
{
	for (unsigned int i = 0; i < VM_STATES; i++)
		if (strstr(vm_states[i], word) && v->has_told[i]) {
			v->has_told[i] = false;
			return true;
		}
	return false;
}

static void qmp_note(struct vm *v)
{
	for (unsigned int i = 0; i < VM_STATES; i++)
		v->has_told[i] |= strstr(v->in, vm_states[i]) != NULL;
}

/* Next QMP line that contains one of two words; the words are borrowed. */
static void qmp_await(struct vm *v, const char *word, const char *or_word)
{
	if (qmp_told(v, word))
		return;
	for (;;) {
		char *nl = memchr(v->in, '\n', v->n_in);
		ssize_t k;
		bool hit;

		if (!nl) {
			k = read(v->qmp, v->in + v->n_in,
				 sizeof(v->in) - 1 - v->n_in);
			if (k <= 0)
				qmp_silent(word);
			v->n_in += (size_t)k;
			continue;
		}
		*nl = '\0';
		if (strstr(v->in, "\"error\"") || strstr(v->in, "failed"))
			fail_msg("QMP: %s", v->in);
		hit = strstr(v->in, word) || (or_word && strstr(v->in, or_word));
		if (!hit)
			qmp_note(v);
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

	assert_int_equal(ftruncate(fd, ram_mib * (off_t)MIB + MORE_RAM), 0);
	if (random) {
		p = mmap(NULL, ram_mib * MIB, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
		assert_true(p != MAP_FAILED);
		/* a third stays zero */
		for (size_t i = 0; i < ram_mib * MIB / 4; i++) {
			x = x * 1664525 + 1013904223;
			if (i >> 10 & 1 || i >> 11 & 1)
				p[i] = x;
		}
		munmap(p, ram_mib * MIB);
	}
	close(fd);
}

/* A device with a queue, for firmware that sets it up; its slot is in there. */
#define VM_DEVICE	"virtio-rng-pci,addr=0x10,disable-modern=on," \
			"disable-legacy=off"
#define QUEUE_PAGE	0x3f00u		/* this one and the next; zeroes */

/* Firmware that adds to words all over 0x10000..0x8ffff for ever; before that
 * it gives VM_DEVICE, if there is one, its queue. */
static void write_firmware(const char *path)
{
	static const uint8_t queue[] = {
		0xba, 0xf8, 0x0c,		/* mov dx, 0xcf8 */
		0x66, 0xb8, 0x10, 0x80, 0, 0x80, /* mov eax, its I/O ports */
		0x66, 0xef,			/* out dx, eax */
		0xb2, 0xfc,			/* mov dl, 0xfc */
		0x66, 0xb8, 0, 0xc0, 0, 0,	/* mov eax, 0xc000 */
		0x66, 0xef,			/* out dx, eax */
		0xb2, 0xf8,			/* mov dl, 0xf8 */
		0x66, 0xb8, 0x04, 0x80, 0, 0x80, /* mov eax, its command */
		0x66, 0xef,			/* out dx, eax */
		0xb2, 0xfc,			/* mov dl, 0xfc */
		0xb8, 0x05, 0,			/* mov ax, I/O and master */
		0xef,				/* out dx, ax */
		0xba, 0x08, 0xc0,		/* mov dx, 0xc008 */
		0x66, 0xb8, QUEUE_PAGE & 255, QUEUE_PAGE >> 8, 0, 0,
						/* mov eax, QUEUE_PAGE */
		0x66, 0xef,			/* out dx, eax */
		0xb2, 0x12,			/* mov dl, 0x12 */
		0xb0, 0x07,			/* mov al, driver is there */
		0xee,				/* out dx, al */
	};
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

	memcpy(rom + 0xf000, queue, sizeof(queue));
	memcpy(rom + 0xf000 + sizeof(queue), loop, sizeof(loop));
	memcpy(rom + 0xfff0, "\xe9\x0d\xf0", 3); /* reset: jmp 0xf000 */
	assert_int_equal(kr_write_file(path, rom, sizeof(rom), 0600), 0);
}

/* Another QEMU, another machine, another folder for memory; NULL: default. And
 * a device, if there is to be one. */
static const char *vm_qemu, *vm_machine, *vm_ram_dir, *vm_device;

/* A group's set-up. */
static inline int other_qemu(void **state)
{
	static char path[256];
	const char *dir = getenv("KORORA_QEMU10");

	(void)state;
	snprintf(path, sizeof(path), "%s/qemu", dir ?: "");
	vm_qemu = path;
	vm_machine = "pc-q35-10.0";
	return access(path, X_OK);
}

/* Is that one? It is used from here on. */
static inline bool is_there(void)
{
	if (!other_qemu(NULL))
		return true;
	print_message("no QEMU 10.0 in KORORA_QEMU10\n");
	return false;
}

static void vm_start(struct vm *v, const char *name, bool incoming, bool runs)
{
	const struct timeval patience = { .tv_sec = QMP_WAIT_S };
	char b[128], mem[256], mon[160];

	*v = (struct vm){ .qmp = -1 };
	snprintf(b, sizeof(b), "%.20s.ram", name);
	stand_path(v->ram, b);
	if (vm_ram_dir)
		snprintf(v->ram, sizeof(v->ram), "%.30s%.50s.%.40s",
			 vm_ram_dir, strrchr(stand.dir, '/'), b);
	snprintf(b, sizeof(b), "%.20s.mon", name);
	stand_path(v->mon, b);
	snprintf(b, sizeof(b), "%.20s.mig", name);
	stand_path(v->mig, b);
	stand_path(v->fw, "firmware");
	write_firmware(v->fw);
	fill_ram(v->ram, !incoming);
	snprintf(mem, sizeof(mem),
		 "memory-backend-file,id=m,size=%" PRIu64 "B,share=on,mem-path=%s",
		 ram_mib * MIB + MORE_RAM, v->ram);
	snprintf(mon, sizeof(mon), "unix:%s,server=on,wait=off", v->mon);
	v->pid = fork();
	assert_true(v->pid >= 0);
	if (!v->pid) {
		char ram[24], type[128];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(ram, sizeof(ram), "%" PRIu64 "B",
			 ram_mib * MIB + MORE_RAM);
		snprintf(type, sizeof(type), "%s,memory-backend=m",
			 vm_machine ?: "pc-q35-7.2");
		execlp(vm_qemu ?: "qemu-system-x86_64", "qemu-system-x86_64", "-accel",
		       "tcg", "-machine", type, "-m",
		       ram, "-object", mem, "-bios", v->fw, "-nodefaults",
		       "-display", "none", "-qmp", mon,
		       vm_device ? "-device" : "-name", vm_device ?: name,
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
	assert_int_equal(setsockopt(v->qmp, SOL_SOCKET, SO_RCVTIMEO, &patience,
				    sizeof(patience)), 0);
	qmp_await(v, "QMP", NULL);
	qmp(v, "{\"execute\":\"qmp_capabilities\"}\n");
	qmp(v, "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{"
	       "\"capabilities\":[{\"capability\":\"return-path\","
	       "\"state\":true},{\"capability\":\"events\",\"state\":true},"
	       "{\"capability\":\"pause-before-switchover\",\"state\":true}"
	       "]}}\n");
}

/* Its guest runs: it writes. */
static inline void vm_await_alive(const struct vm *v)
{
	int fd = open(v->ram, O_RDONLY | O_CLOEXEC);
	static uint8_t a[0x80000], b[0x80000];
	bool alive = false;

	assert_int_equal(pread(fd, a, sizeof(a), 0x10000), sizeof(a));
	for (int i = 0; i < 400 && !alive; i++) {
		usleep(20000);
		assert_int_equal(pread(fd, b, sizeof(b), 0x10000), sizeof(b));
		alive = memcmp(a, b, sizeof(a));
	}
	assert_true(alive);
	close(fd);
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
	size_t n = ram_mib * MIB;
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

#endif
