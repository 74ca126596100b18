/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c - the test's dial. Runs in kororad; inert without KORORA_FAULT. */
#include "base/fault.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void kr_fault(unsigned int number)
{
	static bool visited;
	const char *want = getenv("KORORA_FAULT");
	const char *dir = getenv("KORORA_FAULT_DIR");
	char hit[PATH_MAX], go[PATH_MAX];
	int fd;

	if (!want || !dir || visited || strtoul(want, NULL, 10) != number)
		return;
	visited = true;
	snprintf(hit, sizeof(hit), "%s/hit", dir);
	snprintf(go, sizeof(go), "%s/go", dir);
	fd = open(hit, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	close(fd);
	while (access(go, F_OK))
		usleep(2000);
}
