/* SPDX-License-Identifier: Apache-2.0 */
/*
 * insert.c - how long the kernel of this network namespace takes to be told of
 * the connections in a file: milliseconds, on the standard output. README.md
 * says more.
 */
#include <stdio.h>

#include "base/fd.h"
#include "context/ctfile.h"
#include "context/ctload.h"

static void tell(void *arg, const struct kr_err *why)
{
	*(unsigned int *)arg += why->code != 0;
}

int main(int argc, char **argv)
{
	struct kr_ctset s = { 0 };
	struct kr_err e = KR_ERR_NONE;
	unsigned int n_refused = 0;
	const struct kr_ctleft left = { tell, &n_refused };
	KR_AUTOFREE char *data = NULL;
	uint64_t begin_ns;
	size_t n;

	if (argc != 2 ||
	    kr_read_file(argv[1], KR_CTFILE_BYTES_MAX, &data, &n) ||
	    kr_ctfile_get(data, n, &s, &e)) {
		fprintf(stderr, "insert: no file of connections: %s\n", e.what);
		return 2;
	}
	begin_ns = kr_now_ns();
	kr_ctload_insert(&s, &left, &e);
	printf("%.3f\n", (double)(kr_now_ns() - begin_ns) / 1e6);
	if (e.code || n_refused)
		fprintf(stderr, "insert: %u refused %s\n", n_refused, e.what);
	kr_ctset_fini(&s);
	return e.code || n_refused;
}
