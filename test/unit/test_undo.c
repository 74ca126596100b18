/* SPDX-License-Identifier: Apache-2.0 */
/* test_undo.c - the play of a destination, and QEMUs that do not play along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "hyper/undo.h"

#define BLOCKS \
	"              Block Name    PSize              Offset" \
	"               Used              Total                HVA  RO\n" \
	"                  pc.ram    4 KiB  0x0000000000000000" \
	" 0x0000001000000000 0x0000001000000000 0x00007fbef7e00000  rw\n" \
	"   0000:00:01.0/vga.vram    2 MiB  0x0000001000080000" \
	" 0x0000000000041000 0x0000000000200000\n" \
	"                   empty    4 KiB  0x0000002000080000" \
	" 0x0000000000000000 0x0000000000000000\n\n"

static struct kr_loop *loop;
static struct kr_undo undo;
static char place[64];
static int fd;

static void stop(void *arg)
{
	kr_loop_stop(arg, 0);
}

static void spin(void)
{
	struct kr_timer t = { .fn = stop, .arg = loop };

	kr_timer_arm(loop, &t, 2);
	kr_loop_run(loop);
	kr_timer_off(&t);
}

static int begin(void **state)
{
	(void)state;
	snprintf(place, sizeof(place), "/tmp/korora-undo.%d", getpid());
	if (kr_loop_new(&loop, NULL) ||
	    kr_undo_start(loop, &undo, BLOCKS, kr_unix_listen(place, 0600),
			  NULL))
		return -1;
	fd = kr_unix_connect(place);
	spin();
	return fd < 0;
}

static int end(void **state)
{
	(void)state;
	kr_undo_end(&undo);
	kr_undo_end(&undo);
	kr_loop_free(loop);
	kr_fd_close(&fd);
	unlink(place);
	return 0;
}

/* A byte at a time, as no socket would do it. */
static void dribble(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (send(fd, (const char *)p + i, 1, MSG_NOSIGNAL) != 1)
			return;
		spin();
	}
}
#define SAY(s)	dribble(s, sizeof(s) - 1)

static void hears(const void *p, size_t n)
{
	uint8_t got[64];

	assert_int_equal(recv(fd, got, n, MSG_DONTWAIT), n);
	assert_memory_equal(got, p, n);
}
#define HEARS(s)	hears(s, sizeof(s) - 1)

static void sizes(void **state)
{
	(void)state;
	assert_int_equal(kr_undo_block_bytes(BLOCKS, "pc.ram"), 1ull << 36);
	assert_int_equal(kr_undo_block_bytes(BLOCKS, "0000:00:01.0/vga.vram"),
			 0x41000);
	assert_int_equal(kr_undo_block_bytes(BLOCKS, "ram"), 0);
	assert_int_equal(kr_undo_block_bytes(BLOCKS, "Block"), 0);
	assert_int_equal(kr_undo_block_bytes("", "pc.ram"), 0);
}

#define RESUME		"\x08\0\x09\0\0"
#define VGA		"\x08\0\x0a\0\x16\x15" "0000:00:01.0/vga.vram"
#define SECTION		"\0\0\0\1\0\0\0\0\0\0\0\x10\x7e\0\0\0\1"

/* 65 pages are two words of bits. */
static void to_the_end(void **state)
{
	(void)state;
	SAY(VGA);
	HEARS("\0\5\0\x16\x15" "0000:00:01.0/vga.vram" "\0\0\0\0\0\0\0\x10"
	      "\xff\xff\xff\xff\xff\xff\xff\xff");
	HEARS("\xff\xff\xff\xff\xff\xff\xff\xff"
	      "\x01\x23\x45\x67\x89\xab\xcd\xef");
	SAY(RESUME);
	HEARS("\0\6\0\4\0\0\0\1");
	SAY("\2" SECTION "\3" SECTION "\0");
	HEARS("\0\1\0\4\0\0\0\0");
	SAY("whatever it is");
	assert_non_null(undo.io.loop);
	kr_fd_close(&fd);
	spin();
	assert_null(undo.io.loop);
	assert_null(undo.listener.loop);
}

/* A second connection is taken, whatever is on it, and it is all the same. */
static void comes_twice(void **state)
{
	int second = kr_unix_connect(place);

	(void)state;
	assert_true(second >= 0);
	spin();
	assert_int_equal(send(second, "\0\0\0\0\0\0\0\x10", 8, 0), 8);
	SAY(RESUME);
	HEARS("\0\6\0\4\0\0\0\1");
	close(second);
	spin();
	SAY("\3" SECTION "\0");
	HEARS("\0\1\0\4\0\0\0\0");
}

/* More than a socket holds, and the next question waits for it. */
static void a_large_block(void **state)
{
	static uint8_t buf[65536];
	uint64_t n = 0, all = 4 + 7 + 8 + (1ull << 36) / 4096 / 8 + 8;
	ssize_t k;

	(void)state;
	assert_int_equal(send(fd, "\x08\0\x0a\0\7\6pc.ram" RESUME, 17, 0), 17);
	for (; n < all; n += (size_t)k) {
		size_t max = all - n < sizeof(buf) ? (size_t)(all - n) :
						     sizeof(buf);

		spin();
		k = recv(fd, buf, max, MSG_DONTWAIT);
		assert_true(k > 0);
		assert_true(n < 19 || n + (size_t)k > all - 8 ||
			    (buf[0] == 0xff && buf[k - 1] == 0xff));
	}
	spin();
	HEARS("\0\6\0\4\0\0\0\1");
}

static void hangs_up_at(const char *p, size_t n)
{
	assert_int_equal(begin(NULL), 0);
	dribble(p, n);
	assert_null(undo.io.loop);
	end(NULL);
}
#define HANGS_UP_AT(s)	hangs_up_at(s, sizeof(s) - 1)

static void liars(void **state)
{
	(void)state;
	HANGS_UP_AT("\0");			/* not before it resumes */
	HANGS_UP_AT("\2" SECTION);
	HANGS_UP_AT("QEVM");
	HANGS_UP_AT("\x08\0\x05\0\0");		/* run */
	HANGS_UP_AT("\x08\0\x0a\0\7\6pc.rom");	/* not listed */
	HANGS_UP_AT("\x08\0\x0a\0\6\5empty");
	HANGS_UP_AT("\x08\0\x0a\0\0");
	HANGS_UP_AT("\x08\0\x0a\0\7\7pc.ram");
	HANGS_UP_AT("\x08\0\x0a\0\7\5pc.ram");
	HANGS_UP_AT("\x08\0\x0a\xff\xff");
	HANGS_UP_AT(RESUME "\2\0\0\0\1\0\0\0\0\0\0\0\x08\x7e\0\0\0\1");
	HANGS_UP_AT(RESUME "\2\0\0\0\1\0\0\0\0\0\0\0\x10\x7e\0\0\0\2");
	HANGS_UP_AT(RESUME "\x04");
	HANGS_UP_AT(RESUME VGA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test_setup_teardown(to_the_end, begin, end),
		cmocka_unit_test_setup_teardown(a_large_block, begin, end),
		cmocka_unit_test_setup_teardown(comes_twice, begin, end),
		cmocka_unit_test(liars),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
