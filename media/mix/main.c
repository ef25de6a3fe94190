// huizhen-mix PROCESSES: the mixed sound of all consults. Inherits control's socket, the rings and an eventfd a process; the
// mix is the last of them. Waits until nobody else mixes for these rings (a takeover). Ends with control's socket (0), or with
// one line that says why not (1).
#include "media/mix/pipe.h"
#include "media/pipe/start.h"

int main(int argc, char **argv)
{
	const struct hz_pipe_start start = {
	    .name = "mix", .number = argc == 2 ? argv[1] : NULL, .counted = true, .run = hz_mix_pipe_run};
	return hz_pipe_start(&start);
}
