// huizhen-mosaic WORKERS: the composed pictures of all consults. Inherits control's socket, its own rings, an eventfd a worker and
// its own behind them. Waits until nobody else composes for these rings (a takeover). Ends with control's socket (0), or with one
// line that says why not (1).
#include <libavutil/log.h>

#include "media/mosaic/pipe.h"
#include "media/pipe/start.h"

int main(int argc, char **argv)
{
	const struct hz_pipe_start start = {
	    .name = "mosaic", .number = argc == 2 ? argv[1] : NULL, .run = hz_mosaic_pipe_run};
	av_log_set_level(AV_LOG_QUIET);
	return hz_pipe_start(&start);
}
