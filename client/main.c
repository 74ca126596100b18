/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the korora command; everything is in commands.c. */
#include "client/commands.h"

int main(int argc, char **argv)
{
	return kr_commands_run(argc, argv);
}
