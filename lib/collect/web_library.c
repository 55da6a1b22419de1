#include "lib/collect/web_library.h"

#include <dlfcn.h>
#include <stdbool.h>

static const char library_file[] = "libcurl.so.4";

int
web_library_open(struct web_library *library, struct err *err)
{
	void *handle = dlopen(library_file, RTLD_NOW | RTLD_LOCAL);
	bool is_whole = handle != NULL;

#define FIND_CALL(name)                                                                                      \
	if (is_whole) {                                                                                      \
		*(void **)&library->name = dlsym(handle, "curl_" #name);                                     \
		is_whole = library->name != NULL;                                                            \
	}
	WEB_LIBRARY_CALLS(FIND_CALL)
	if (is_whole && library->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return 0;
	err_set(err, ERR_SETUP, "cannot load %s, which HTTP is asked with", library_file);
	return err_hint(err, "install libcurl (on Debian: apt-get install libcurl4)");
}
