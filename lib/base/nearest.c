#include "lib/base/nearest.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Longer ones are near to nothing: no name of ours is half as long. */
enum { LONGEST = 63 };

/* Case does not count, nor how the words of a name are joined. */
static bool
is_same(char a, char b)
{
	char left[2] = {a == '_' ? '-' : a, '\0'}, right[2] = {b == '_' ? '-' : b, '\0'};

	return strcasecmp(left, right) == 0;
}

static size_t
smallest(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * The edit distance with swapped neighbours (optimal string alignment), by its table: at[i][j] is that of
 * the first i letters of `a` to the first j of `b`.
 */
static size_t
distance(const char *a, const char *b)
{
	size_t at[LONGEST + 1][LONGEST + 1];
	size_t rows = strlen(a), columns = strlen(b);

	for (size_t i = 0; i <= rows; i++)
		at[i][0] = i;
	for (size_t j = 0; j <= columns; j++)
		at[0][j] = j;
	for (size_t i = 1; i <= rows; i++)
		for (size_t j = 1; j <= columns; j++) {
			size_t changed = at[i - 1][j - 1] + (is_same(a[i - 1], b[j - 1]) ? 0 : 1);

			at[i][j] = smallest(changed, 1 + smallest(at[i - 1][j], at[i][j - 1]));
			if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) && is_same(a[i - 2], b[j - 1]))
				at[i][j] = smallest(at[i][j], at[i - 2][j - 2] + 1);
		}
	return at[rows][columns];
}

struct nearest
nearest_begin(const char *given)
{
	size_t length = strlen(given), most = length / 3;

	most = most < 1 ? 1 : smallest(most, 3);
	return (struct nearest){.given = given, .distance = length > LONGEST ? 0 : most + 1};
}

void
nearest_offer(struct nearest *nearest, const char *word)
{
	size_t found;

	if (nearest->distance == 0 || strlen(word) > LONGEST)
		return;
	found = distance(nearest->given, word);
	if (found < nearest->distance) {
		nearest->distance = found;
		nearest->word = word;
	}
}
