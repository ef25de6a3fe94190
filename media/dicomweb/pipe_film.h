// Frames of videos: no PACS gives them one by one. The object is fetched instead, kept in the cache, and given to who decodes (turn.h).
// What waits for that: which of control's requests, and for which frame. Pure but for memory. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_PIPE_FILM_H
#define HZ_MEDIA_DICOMWEB_PIPE_FILM_H

#include <stdbool.h>

#include "media/dicomweb/turn.h"

#define HZ_FILM_WANTS 256
#define HZ_FILM_TURN  ((uint64_t)1 << 63) // in the numbers of orders: those of fetches are small

struct hz_film_want {
	uint64_t id;   // of control's GET; 0: none
	uint64_t turn; // of the order that decodes it, 0: its object is under way
	struct hz_dweb_request request;
};
struct hz_film_wants {
	struct hz_film_want *want; // HZ_FILM_WANTS, NULL: none yet
	uint64_t turns;
};
void hz_film_wants_done(struct hz_film_wants *wants);

// Is it a frame of a video? Chroma of YBR_PARTIAL_420 is in videos only (PS3.3 C.7.6.3.1.2).
bool hz_film_is(const struct hz_dweb_request *request);
void hz_film_object_of(const struct hz_dweb_request *request, struct hz_dweb_request *ret);
// -ENOSPC: too many wait; -ENOMEM.
int hz_film_want(struct hz_film_wants *wants, uint64_t id, const struct hz_dweb_request *request);
struct hz_film_want *hz_film_waiting(struct hz_film_wants *wants, uint64_t id); // for its object; NULL
void hz_film_forget(struct hz_film_wants *wants, uint64_t id);
// Its object is there. True: order is to be given; false: one for the same frame is given already.
bool hz_film_turn(struct hz_film_wants *wants, struct hz_film_want *want, uint64_t bytes,
                  struct hz_turn_order *ret);
// One of those that an order was for, NULL: no more; hz_film_forget() each.
const struct hz_film_want *hz_film_turned(const struct hz_film_wants *wants, uint64_t turn);
enum hz_dweb_result hz_film_result(uint32_t fault); // enum hz_dicom_code, of one that was not decoded

#endif
