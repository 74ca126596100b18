/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c - the test's dial. Runs in kororad; inert without KORORA_FAULT. */
#include "base/fault.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool listed(const char *list, unsigned int number)
{
	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (strtoul(list, NULL, 10) == number)
			return true;
	}
	return false;
}

void kr_fault(unsigned int number)
{
	const char *dir = getenv("KORORA_FAULT_DIR");
	char hit[PATH_MAX], go[PATH_MAX];
	int fd;

	if (!dir || !listed(getenv("KORORA_FAULT"), number))
		return;
	snprintf(hit, sizeof(hit), "%s/%u.hit", dir, number);
	snprintf(go, sizeof(go), "%s/%u.go", dir, number);
	fd = open(hit, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	close(fd);
	while (access(go, F_OK))
		usleep(2000);
}
