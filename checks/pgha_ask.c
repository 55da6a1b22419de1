/* pgha_ask.c: main() of pgha-ask. It only wires: lib/run/ask.h says what the program does. */
#include "lib/run/ask.h"

int
main(int argc, char **argv)
{
	return ask_run(argc, argv);
}
