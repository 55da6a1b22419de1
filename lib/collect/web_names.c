#include "lib/collect/web_names.h"

#include <stdlib.h>
#include <string.h>

#include "lib/collect/web.h"

struct name {
	char host[WEB_URL_SIZE];
	struct resolve_lookup *lookup; /* NULL: it has ended */
	struct resolve_result found;
	struct err fault; /* class none: it was found */
};

struct web_names {
	size_t count;
	struct name rows[];
};

struct web_names *
web_names_new(size_t max)
{
	return calloc(1, sizeof(struct web_names) + max * sizeof(struct name));
}

void
web_names_free(struct web_names *names)
{
	for (size_t i = 0; names != NULL && i < names->count; i++) {
		struct name *name = &names->rows[i];

		if (name->lookup != NULL)
			(void)!resolve_end(name->lookup, &name->found, &name->fault);
	}
	free(names);
}

size_t
web_names_add(struct web_names *names, const char *host)
{
	struct name *name;

	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->rows[i].host, host) == 0)
			return i;
	name = &names->rows[names->count];
	strncpy(name->host, host, sizeof name->host - 1);
	name->lookup = resolve_begin(host);
	if (name->lookup == NULL)
		err_set(&name->fault, ERR_DOWN, "cannot look up host \"%s\": out of memory", host);
	return names->count++;
}

static void
end(struct name *name)
{
	if (name->lookup != NULL && resolve_end(name->lookup, &name->found, &name->fault) == 0)
		name->fault.class = ERR_NONE;
	name->lookup = NULL;
}

bool
web_names_has_ended(struct web_names *names, size_t place)
{
	struct name *name = &names->rows[place];

	if (name->lookup != NULL && resolve_has_ended(name->lookup))
		end(name);
	return name->lookup == NULL;
}

bool
web_names_have_ended(struct web_names *names)
{
	bool all_have = true;

	for (size_t i = 0; i < names->count; i++)
		all_have = web_names_has_ended(names, i) && all_have;
	return all_have;
}

int
web_names_take(struct web_names *names, size_t place, struct resolve_result *ret, struct err *err)
{
	struct name *name = &names->rows[place];

	end(name);
	if (name->fault.class != ERR_NONE) {
		*err = name->fault;
		return -1;
	}
	*ret = name->found;
	return 0;
}
