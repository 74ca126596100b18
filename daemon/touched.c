/* SPDX-License-Identifier: Apache-2.0 */
/* touched.c - see touched.h: /proc/PID/smaps, /proc/PID/status. */
#include "daemon/touched.h"

#include <stdbool.h>
#include <stdio.h>

#define SPARE_KB	1024u	/* a mapping may be that much larger */

uint64_t kr_touched_bytes(pid_t pid, uint32_t memory_mb)
{
	unsigned long long kb, touched = 0, want = memory_mb * 1024ull;
	char path[48], line[512];
	bool ours = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Size: %llu kB", &kb) == 1)
			ours = kb >= want && kb <= want + SPARE_KB;
		else if (ours && (sscanf(line, "Rss: %llu kB", &kb) == 1 ||
				  sscanf(line, "Swap: %llu kB", &kb) == 1))
			touched += kb;
	}
	if (f)
		fclose(f);
	return touched << 10;
}

uint64_t kr_touched_about(pid_t pid)
{
	static const char *const counts[] = {
		"RssAnon: %llu kB", "RssShmem: %llu kB", "VmSwap: %llu kB",
	};
	unsigned long long kb, touched = 0;
	char path[48], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		for (unsigned int i = 0; i < 3; i++)
			if (sscanf(line, counts[i], &kb) == 1)
				touched += kb;
	if (f)
		fclose(f);
	return touched << 10;
}
