/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctifd.c - see tctifd.h. A device gives a whole answer to one read(); a
 * socket may give it in pieces, whose sum the answer's header tells.
 */
#include "attest/tctifd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"

#define HEAD_BYTES	10u	/* tag, size, code */

static struct kr_tctifd *of(TSS2_TCTI_CONTEXT *c)
{
	return (struct kr_tctifd *)(void *)c;
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *c, size_t n, const uint8_t *cmd)
{
	struct kr_tctifd *t = of(c);
	ssize_t done;

	if (t->asked)
		return TSS2_TCTI_RC_BAD_SEQUENCE;
	/* a device takes a command in one piece or not at all */
	do
		done = write(t->fd, cmd, n);
	while (done < 0 && errno == EINTR);
	if (done < 0 || (size_t)done != n)
		return TSS2_TCTI_RC_IO_ERROR;
	t->asked = true;
	t->n = 0;
	return TSS2_RC_SUCCESS;
}

/* What the answer's header says of its size; HEAD_BYTES until it is there. */
static size_t expected(const struct kr_tctifd *t)
{
	struct kr_rd r = KR_RD(t->in, t->n);

	if (t->n < HEAD_BYTES)
		return HEAD_BYTES;
	kr_rd_u16(&r);
	return kr_rd_u32(&r);
}

static TSS2_RC fill(struct kr_tctifd *t, int timeout_ms)
{
	while (t->n < expected(t)) {
		struct pollfd p = { .fd = t->fd, .events = POLLIN };
		ssize_t n;
		int r;

		if (expected(t) > sizeof(t->in))
			return TSS2_TCTI_RC_MALFORMED_RESPONSE;
		r = poll(&p, 1, timeout_ms);
		if (r < 0 && errno == EINTR)
			continue;
		if (!r)
			return TSS2_TCTI_RC_TRY_AGAIN;
		n = read(t->fd, t->in + t->n, sizeof(t->in) - t->n);
		if (n <= 0)
			return TSS2_TCTI_RC_IO_ERROR;
		t->n += (size_t)n;
	}
	return t->n == expected(t) ?
		       TSS2_RC_SUCCESS : TSS2_TCTI_RC_MALFORMED_RESPONSE;
}

/* Without room to put it, it says how much is needed. */
static TSS2_RC receive(TSS2_TCTI_CONTEXT *c, size_t *n, uint8_t *out,
		       int32_t timeout_ms)
{
	struct kr_tctifd *t = of(c);
	TSS2_RC rc;

	if (!t->asked)
		return TSS2_TCTI_RC_BAD_SEQUENCE;
	rc = fill(t, timeout_ms);
	if (rc == TSS2_TCTI_RC_TRY_AGAIN)
		return rc;
	if (!rc && out && *n < t->n)
		rc = TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	if (!rc && out)
		memcpy(out, t->in, t->n);
	*n = t->n;
	t->asked = !rc && !out;
	return rc;
}

static TSS2_RC cancel(TSS2_TCTI_CONTEXT *c)
{
	(void)c;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC poll_handles(TSS2_TCTI_CONTEXT *c, TSS2_TCTI_POLL_HANDLE *h,
			    size_t *n)
{
	(void)c, (void)h, (void)n;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC set_locality(TSS2_TCTI_CONTEXT *c, uint8_t locality)
{
	(void)c;
	return locality ? TSS2_TCTI_RC_NOT_IMPLEMENTED : TSS2_RC_SUCCESS;
}

void kr_tctifd_init(struct kr_tctifd *t, int fd)
{
	*t = (struct kr_tctifd){
		.v1 = { .magic = 0x6b6f726f72610000, .version = 1,
			.transmit = transmit, .receive = receive,
			.cancel = cancel, .getPollHandles = poll_handles,
			.setLocality = set_locality },
		.fd = fd,
	};
}
