/* main() of every check: compiled once per program, with -DCHECK=its symbol. */
#include "lib/run/oneshot.h"

extern const struct check CHECK;

int
main(int argc, char **argv)
{
	return oneshot_run(&CHECK, argc, argv);
}
