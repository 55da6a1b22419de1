/* The known name that an unknown one was probably meant to be. */
#include "lib/base/nearest.h"
#include "lib/run/settings.h"

const char *
settings_nearest(const struct settings_group *groups, size_t count, const char *name)
{
	struct nearest nearest = nearest_begin(name);

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < groups[i].count; j++)
			nearest_offer(&nearest, groups[i].rows[j].name);
	return nearest.word;
}

const char *
settings_nearest_word(const char *const *words, const char *word)
{
	struct nearest nearest = nearest_begin(word);

	for (; *words != NULL; words++)
		nearest_offer(&nearest, *words);
	return nearest.word;
}
