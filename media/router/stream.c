#include <stdlib.h>

#include "media/router/state.h"

struct hz_rt_stream *hz_stream_new(uint32_t clock_hz, int64_t highest)
{
	struct hz_rt_stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return NULL;
	hz_receiver_init(&stream->rx, clock_hz);
	if (highest > 0)
		hz_receiver_seed(&stream->rx, clock_hz, highest);
	hz_nack_init(&stream->nack);
	return stream;
}

void hz_stream_free(struct hz_rt_stream *stream)
{
	if (!stream)
		return;
	hz_history_free(stream->history);
	free(stream->dd);
	free(stream->fec);
	free(stream);
}
