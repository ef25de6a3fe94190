#include "gateway/cli.h"

int main(int argc, char **argv)
{
	return hz_cli_main(argc, argv);
}
