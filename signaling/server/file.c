#include "signaling/server/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "signaling/server/range.h"

// If-Range (13.1.5): the strong entity tag, or what follows is of another version. A date never matches: none was given out.
static bool same_version(const struct hz_request *req, const char *etag)
{
	const char *condition = req->header[HZ_H_IF_RANGE];
	return !condition || strcmp(condition, etag) == 0;
}

static void refuse(const struct hz_file_reply *file, struct hz_response *res)
{
	char range[64];
	snprintf(range, sizeof(range), "bytes */%" PRIu64, file->bytes);
	hz_response_status(res, 416);
	hz_response_header(res, "Content-Range", range);
	close(file->fd);
}

void hz_file_answer(const struct hz_file_reply *file, const struct hz_request *req, struct hz_response *res)
{
	struct hz_range range = {.kind = HZ_RANGE_WHOLE};
	char text[96];
	hz_response_header(res, "Accept-Ranges", "bytes");
	hz_response_header(res, "ETag", file->etag);
	if (req->header[HZ_H_IF_MATCH] && !hz_etag_listed(req->header[HZ_H_IF_MATCH], file->etag)) {
		hz_response_status(res, 412);
		close(file->fd);
		return;
	}
	if (hz_etag_listed(req->header[HZ_H_IF_NONE_MATCH], file->etag)) {
		hz_response_status(res, 304);
		close(file->fd);
		return;
	}
	if (!req->head && same_version(req, file->etag)) // 14.2: ranges are for GET only
		hz_range_parse(req->header[HZ_H_RANGE], file->bytes, &range);
	if (range.kind == HZ_RANGE_OUTSIDE) {
		refuse(file, res);
		return;
	}
	if (range.kind == HZ_RANGE_WHOLE) {
		hz_response_file(res, file->type, file->fd, file->at, file->bytes);
		return;
	}
	if (range.open && file->piece && range.bytes > file->piece)
		range.bytes = file->piece;
	snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range.first,
	         range.first + range.bytes - 1, file->bytes);
	hz_response_header(res, "Content-Range", text);
	hz_response_status(res, 206);
	hz_response_file(res, file->type, file->fd, file->at + range.first, range.bytes);
}
