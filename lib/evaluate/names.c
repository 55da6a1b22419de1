#include "lib/evaluate/names.h"

#include <string.h>

bool
names_match(const char *pattern, const char *name)
{
	const char *star = NULL, *behind = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			behind = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star != NULL) { /* the last star takes one more */
			pattern = star + 1;
			name = ++behind;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

const char *
names_at(const char *list, size_t index, char *to, size_t size)
{
	size_t length;

	for (; index > 0 && *list != '\0'; index--) {
		list += strcspn(list, ",");
		list += *list == ',';
	}
	length = strcspn(list, ",");
	if (length == 0)
		return NULL;
	if (length >= size)
		length = size - 1;
	memcpy(to, list, length);
	to[length] = '\0';
	return to;
}

bool
names_include(const char *list, const char *name)
{
	char pattern[128];

	for (size_t i = 0; names_at(list, i, pattern, sizeof pattern) != NULL; i++)
		if (names_match(pattern, name))
			return true;
	return list[0] == '\0';
}
