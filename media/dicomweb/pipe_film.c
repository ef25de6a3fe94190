#include "media/dicomweb/pipe_film.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/imaging/fault.h"

void hz_film_wants_done(struct hz_film_wants *wants)
{
	free(wants->want);
	wants->want = NULL;
}

bool hz_film_is(const struct hz_dweb_request *request)
{
	return request->kind == HZ_DWEB_FRAME && request->pixels.rows &&
	       strcmp(request->pixels.photometric, "YBR_PARTIAL_420") == 0;
}

void hz_film_object_of(const struct hz_dweb_request *request, struct hz_dweb_request *ret)
{
	*ret = *request;
	ret->kind = HZ_DWEB_OBJECT;
	ret->frame = 0;
	memset(&ret->pixels, 0, sizeof(ret->pixels));
}

int hz_film_want(struct hz_film_wants *wants, uint64_t id, const struct hz_dweb_request *request)
{
	if (!wants->want)
		wants->want = calloc(HZ_FILM_WANTS, sizeof(*wants->want));
	if (!wants->want)
		return -ENOMEM;
	hz_film_forget(wants, id);
	for (unsigned i = 0; id && i < HZ_FILM_WANTS; i++) {
		if (!wants->want[i].id) {
			wants->want[i] = (struct hz_film_want){.id = id, .request = *request};
			return 0;
		}
	}
	return -ENOSPC;
}

static struct hz_film_want *find(const struct hz_film_wants *wants, uint64_t id)
{
	for (unsigned i = 0; wants->want && id && i < HZ_FILM_WANTS; i++) {
		if (wants->want[i].id == id)
			return &wants->want[i];
	}
	return NULL;
}

struct hz_film_want *hz_film_waiting(struct hz_film_wants *wants, uint64_t id)
{
	struct hz_film_want *want = find(wants, id);
	return want && !want->turn ? want : NULL;
}

void hz_film_forget(struct hz_film_wants *wants, uint64_t id)
{
	struct hz_film_want *want = find(wants, id);
	if (want)
		want->id = 0;
}

static bool same(const struct hz_dweb_request *a, const struct hz_dweb_request *b)
{
	return a->frame == b->frame && strcmp(a->pacs, b->pacs) == 0 && strcmp(a->study, b->study) == 0 &&
	       strcmp(a->series, b->series) == 0 && strcmp(a->instance, b->instance) == 0 &&
	       memcmp(&a->pixels, &b->pixels, sizeof(a->pixels)) == 0;
}

bool hz_film_turn(struct hz_film_wants *wants, struct hz_film_want *want, uint64_t bytes,
                  struct hz_turn_order *ret)
{
	for (unsigned i = 0; i < HZ_FILM_WANTS; i++) {
		const struct hz_film_want *other = &wants->want[i];
		if (other->id && other->turn && same(&other->request, &want->request)) {
			want->turn = other->turn;
			return false;
		}
	}
	want->turn = HZ_FILM_TURN | ++wants->turns;
	*ret = (struct hz_turn_order){.id = want->turn,
	                              .bytes = bytes,
	                              .pixels = want->request.pixels,
	                              .encoded = 1,
	                              .film = want->request.frame};
	return true;
}

const struct hz_film_want *hz_film_turned(const struct hz_film_wants *wants, uint64_t turn)
{
	for (unsigned i = 0; wants->want && i < HZ_FILM_WANTS; i++) {
		if (wants->want[i].id && wants->want[i].turn == turn)
			return &wants->want[i];
	}
	return NULL;
}

enum hz_dweb_result hz_film_result(uint32_t fault)
{
	return fault == HZ_DICOM_PIXELS_SHORT                            ? HZ_DWEB_MISSING
	       : fault == HZ_DICOM_LATER                                 ? HZ_DWEB_FULL
	       : fault == HZ_DICOM_TOO_BIG || fault == HZ_DICOM_TOO_MANY ? HZ_DWEB_TOO_LARGE
	                                                                 : HZ_DWEB_BROKEN;
}
