/* SPDX-License-Identifier: Apache-2.0 */
/*
 * still.S - a guest that leaves its memory alone
 *
 * A boot sector. It prints "still up" on COM1 and halts for good, so that RAM
 * filled from outside before it was started stays as it was, but for the few
 * pages of the BIOS. If the byte at PARAM_OFFSET is not 0 it wakes at every
 * tick of the BIOS's clock (18.2 a second) and changes one more of the 112
 * pages between 64 and 512 KiB. bench/guest.py patches that byte.
 */
#define PARAM_OFFSET	0x1a4		/* "KRST" stands before it */
#define ORIGIN		0x7c00
#define COM1		0x3f8
#define FIRST		0x1000		/* segments: 64 KiB */
#define END		0x8000		/* 512 KiB */
#define PAGE		0x100

	.text
	.code16
	.globl	_start
_start:	ljmp	$0, $main
main:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$ORIGIN, %sp
	cld
	movw	$hello, %si
1:	movw	$(COM1 + 5), %dx
	inb	%dx, %al
	testb	$0x20, %al
	jz	1b
	lodsb
	testb	%al, %al
	jz	2f
	movw	$COM1, %dx
	outb	%al, %dx
	jmp	1b

2:	cmpb	$0, ticking
	jne	turn
still:	cli
	hlt
	jmp	still

turn:	movw	$FIRST, %bx
1:	sti				/* takes effect after hlt has begun */
	hlt
	movw	%bx, %es
	incw	%es:0
	addw	$PAGE, %bx
	cmpw	$END, %bx
	jb	1b
	jmp	turn

hello:	.asciz	"still up\n"

	.org	PARAM_OFFSET - 4
	.ascii	"KRST"
ticking:
	.byte	0
	.org	510
	.word	0xaa55
