/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dirtier.S - a guest that is nothing but a memory load with a conscience
 *
 * A raw boot disk. It fills all RAM from 16 MiB up with known content, then
 * rewrites the pages of a working set at a set rate and checks each page
 * completely before it rewrites it; a slow walk checks all the others too.
 * A q that comes on COM1 powers it off. Every 100 ms of guest time it prints
 * one line there:
 *
 *	t=XXXXXXXX n=XXXXXXXX bad=XXXXXXXX
 *
 * t grows by exactly 1 for ever, so a copy of the guest that ran twice has
 * printed a t twice; n counts pages written, bad counts pages found wrong.
 * A page is one word again and again, which shrinks to nothing, or, with
 * another factor than 1, words of which none follows from bytes before it.
 * lab/vm.sh patches the four parameters below; offsets are part of the
 * interface. Needs an i440fx machine for more than 2 GiB of RAM.
 */
#define PARAM_OFFSET	0x1a0		/* "KRDT", then four le32 */
#define ORIGIN		0x7c00
#define SECTORS		3		/* after the first one */
#define IDT		0x1000
#define GEN		0x100000	/* le32 per page, up to 4 MiB */
#define FIRST		0x1000		/* page number of 16 MiB */
#define MIB_PAGES	256
#define MEM_MIB_MAX	3072		/* below the PCI hole */

#define HZ		100
#define LINE_TICKS	10
#define BEHIND_TICKS	10		/* work owed for longer is forgotten */
#define WALK_PAGES	32		/* looked at per tick */
#define COM1		0x3f8
#define PM_CONTROL	0x604		/* where SeaBIOS puts it */
#define PM_OFF		0x2000

	.text
	.code16
	.globl	_start
_start:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$ORIGIN, %sp
	ljmp	$0, $load
load:	movw	$(0x200 | SECTORS), %ax	/* read, the BIOS left %dl to us */
	movw	$(ORIGIN + 512), %bx
	movw	$2, %cx
	xorb	%dh, %dh
	int	$0x13
	jc	load
	cli
	inb	$0x92, %al		/* address line 20 */
	orb	$2, %al
	andb	$0xfe, %al
	outb	%al, $0x92
	lgdtl	gdtr
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	$8, $main

	.balign	8
gdt:	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:	.word	gdtr - gdt - 1
	.long	gdt

	.org	PARAM_OFFSET
	.ascii	"KRDT"
mem:	.long	128			/* MiB of RAM */
rate:	.long	1000			/* pages rewritten per second */
wss:	.long	32			/* MiB of working set */
factor:	.long	1			/* from a page's word to the next */
	.org	510
	.word	0xaa55

	.code32
main:	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$ORIGIN, %esp
	movl	factor, %ebp		/* and there it stays */
	cld

	movl	mem, %eax		/* MiB become pages to look after */
	cmpl	$MEM_MIB_MAX, %eax
	jbe	1f
	movl	$MEM_MIB_MAX, %eax
1:	imull	$MIB_PAGES, %eax
	subl	$FIRST, %eax
	movl	%eax, mem
	imull	$MIB_PAGES, wss, %ecx
	cmpl	%eax, %ecx
	jbe	2f
	movl	%eax, %ecx
2:	movl	%ecx, wss

	movl	$GEN, %edi		/* every generation starts at 0 */
	movl	%eax, %ecx
	xorl	%eax, %eax
	rep stosl
	xorl	%esi, %esi
3:	call	fill
	incl	%esi
	cmpl	mem, %esi
	jb	3b

	call	devices
	movl	$hello, %esi
	call	puts

/* One turn per tick; asleep when there is none. */
turn:	cli
	movl	ticks, %eax
	cmpl	seen, %eax
	jne	1f
	sti				/* takes effect after hlt has begun */
	hlt
	jmp	turn
1:	sti
	incl	seen
	decl	line_in
	jnz	2f
	movl	$LINE_TICKS, line_in
	call	report
2:	movl	rate, %eax		/* owed is in pages per HZ */
	imull	$BEHIND_TICKS, %eax, %edx
	addl	owed, %eax
	cmpl	%edx, %eax
	jbe	3f
	movl	%edx, %eax
3:	movl	%eax, owed
4:	cmpl	$HZ, owed
	jb	walk
	movl	ticks, %eax		/* the clock goes before the work */
	cmpl	seen, %eax
	jne	turn
	subl	$HZ, owed
	call	rewrite
	jmp	4b

walk:	movl	$WALK_PAGES, walk_left
1:	movl	walk_at, %esi
	call	check
	incl	%esi
	cmpl	mem, %esi
	jb	2f
	xorl	%esi, %esi
2:	movl	%esi, walk_at
	decl	walk_left
	jnz	1b
	jmp	turn

/* Check the next page of the working set and give it new content. */
rewrite:
	movl	next, %esi
	cmpl	wss, %esi
	jb	1f
	xorl	%esi, %esi
1:	leal	1(%esi), %eax
	movl	%eax, next
	call	check
	incl	GEN(, %esi, 4)
	incl	n
	/* fall through */

/* Fill page %esi with its pattern. */
fill:	call	pattern
	movl	$(4096 / 64), %ecx
1:	.irp	i, 0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60
	movl	%eax, \i(%edi)
	imull	%ebp, %eax
	.endr
	addl	$64, %edi
	decl	%ecx
	jnz	1b
	ret

/* Compare all of page %esi with its pattern, count it in bad if it differs. */
check:	call	pattern
	movl	$(4096 / 64), %ecx
	xorl	%ebx, %ebx
1:	.irp	i, 0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60
	movl	\i(%edi), %edx
	xorl	%eax, %edx
	orl	%edx, %ebx
	imull	%ebp, %eax
	.endr
	addl	$64, %edi
	decl	%ecx
	jnz	1b
	testl	%ebx, %ebx
	jz	2f
	incl	bad
2:	ret

/* %esi: page, counted from 16 MiB. Sets %edi: address, %eax: f(page, gen). */
pattern:
	leal	1(%esi), %eax
	imull	$0x9e3779b1, %eax
	imull	$0x85ebca6b, GEN(, %esi, 4), %edx
	addl	%edx, %eax
	orl	$1, %eax		/* never a page of zeros */
	leal	FIRST(%esi), %edi
	shll	$12, %edi
	ret

report:	movl	t, %eax
	movl	$line_t, %edi
	call	hex
	movl	n, %eax
	movl	$line_n, %edi
	call	hex
	movl	bad, %eax
	movl	$line_bad, %edi
	call	hex
	incl	t
	movl	$line, %esi
	call	puts
	movw	$(COM1 + 5), %dx	/* told to power off? */
	inb	%dx, %al
	testb	$1, %al
	jz	1f
	movw	$COM1, %dx
	inb	%dx, %al
	cmpb	$'q', %al
	jne	1f
	movw	$PM_CONTROL, %dx
	movw	$PM_OFF, %ax
	outw	%ax, %dx
1:	ret

/* Print the string at %esi. A line that stays busy is not waited for long. */
puts:	lodsb
	testb	%al, %al
	jz	3f
	movb	%al, %bl
	movl	$10000, %ecx
	movw	$(COM1 + 5), %dx
1:	inb	%dx, %al
	testb	$0x20, %al
	jnz	2f
	decl	%ecx
	jnz	1b
2:	movb	%bl, %al
	movw	$COM1, %dx
	outb	%al, %dx
	jmp	puts
3:	ret

/* Write %eax as 8 hex digits to %edi. */
hex:	movl	%eax, %edx
	movl	$8, %ecx
1:	roll	$4, %edx
	movl	%edx, %eax
	andl	$15, %eax
	movb	digits(%eax), %al
	stosb
	decl	%ecx
	jnz	1b
	ret

/* The timer on vector 0x20 at HZ, nothing else; COM1 at 115200 8n1, polled. */
devices:
	xorl	%eax, %eax
	movl	$IDT, %edi
	movl	$(0x21 * 8 / 4), %ecx
	rep stosl
	movw	$tick, IDT + 0x20 * 8	/* below 64 KiB: no high half */
	movw	$8, IDT + 0x20 * 8 + 2
	movw	$0x8e00, IDT + 0x20 * 8 + 4
	lidt	idtr
	movl	$ports, %esi
1:	lodsw
	movw	%ax, %dx
	lodsb
	testw	%dx, %dx
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	ret

tick:	pushl	%eax
	incl	ticks
	movb	$0x20, %al
	outb	%al, $0x20
	popl	%eax
	iret

	.macro	out port, value
	.word	\port
	.byte	\value
	.endm
ports:	out	0x20, 0x11
	out	0xa0, 0x11
	out	0x21, 0x20
	out	0xa1, 0x28
	out	0x21, 4
	out	0xa1, 2
	out	0x21, 1
	out	0xa1, 1
	out	0x21, 0xfe
	out	0xa1, 0xff
	out	0x43, 0x34
	out	0x40, (1193182 / HZ) & 0xff
	out	0x40, (1193182 / HZ) >> 8
	out	COM1 + 1, 0
	out	COM1 + 3, 0x80
	out	COM1, 1
	out	COM1 + 1, 0
	out	COM1 + 3, 3
	out	COM1 + 2, 0
	out	COM1 + 4, 3
	out	0, 0

idtr:	.word	0x21 * 8 - 1
	.long	IDT
digits:	.ascii	"0123456789abcdef"
hello:	.asciz	"dirtier up\n"
line:	.ascii	"t="
line_t:	.ascii	"........ n="
line_n:	.ascii	"........ bad="
line_bad:
	.asciz	"........\n"

	.balign	4
t:	.long	0
n:	.long	0
bad:	.long	0
ticks:	.long	0
seen:	.long	0
owed:	.long	0
next:	.long	0
walk_at:
	.long	0
walk_left:
	.long	0
line_in:
	.long	LINE_TICKS
	.org	512 * (1 + SECTORS)
