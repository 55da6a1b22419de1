#include "lib/model/state.h"

#include <strings.h>

static const struct {
	const char *name;
	const char *word;
	int weight;
} states[STATE_COUNT] = {
	[STATE_OK] = {"OK", "ok", 0},
	[STATE_WARNING] = {"WARNING", "warning", 1},
	[STATE_CRITICAL] = {"CRITICAL", "critical", 3},
	[STATE_UNKNOWN] = {"UNKNOWN", "unknown", 2},
};

const char *
state_name(enum state state)
{
	return states[state].name;
}

const char *
state_word(enum state state)
{
	return states[state].word;
}

enum state
state_parse(const char *name)
{
	enum state state = STATE_OK;

	while (state < STATE_COUNT && strcasecmp(states[state].word, name) != 0)
		state++;
	return state;
}

enum state
state_worse(enum state a, enum state b)
{
	return states[b].weight > states[a].weight ? b : a;
}
