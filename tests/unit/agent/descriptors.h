/* descriptors.h: how many descriptors this process has open, to see that none is left behind. */
#ifndef PGHA_TESTS_UNIT_AGENT_DESCRIPTORS_H
#define PGHA_TESTS_UNIT_AGENT_DESCRIPTORS_H

#include <dirent.h>

/* Counts itself and what stands for the directory too, the same each time. */
static inline int
descriptor_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

#endif
