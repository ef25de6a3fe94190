// huizhen-live WORKERS: the images on the tables of all consults as pictures. Inherits control's socket, its own rings, an eventfd a
// worker and its own behind them. Waits until nobody else draws for these rings (a takeover). Ends with control's socket (0), or with
// one line that says why not (1).
#include "media/imaging/dicom.h"
#include "media/live/encoder.h"
#include "media/live/pipe.h"
#include "media/pipe/start.h"

static int run(const struct hz_pipe_fds *fds)
{
	int err = hz_dicom_init(); // its dictionary is a file
	return err ? err : hz_live_pipe_run(fds);
}

int main(int argc, char **argv)
{
	const struct hz_pipe_start start = {.name = "live", .number = argc == 2 ? argv[1] : NULL, .run = run};
	hz_live_encoder_quiet();
	return hz_pipe_start(&start);
}
