/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - runs a fuzz target once over every file of its corpus folder. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int main(int argc, char **argv)
{
	unsigned int n_files = 0;
	struct dirent *f;
	DIR *d = argc == 2 ? opendir(argv[1]) : NULL;

	if (!d) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	while ((f = readdir(d))) {
		char path[4096];
		char *buf = NULL;
		size_t n = 0;

		if (f->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], f->d_name);
		if (kr_read_file(path, 16 << 20, &buf, &n)) {
			perror(path);
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)buf, n);
		free(buf);
		n_files++;
	}
	closedir(d);
	printf("%u inputs\n", n_files);
	return n_files ? 0 : 1;
}
