// Loss that is there whatever one sends (radio) and loss of one's own making. Packets dropped by a full queue follow
// ones that waited long in it; chance does not look at the queue. Without such a sign a new level of loss is answered
// once with a lower rate; if it stays, it belongs to the path and is borne from then on.
// Pure. Thread: any.
#ifndef HZ_MEDIA_CC_LOSS_H
#define HZ_MEDIA_CC_LOSS_H

#include <stdbool.h>
#include <stdint.h>

struct hz_loss {
	uint32_t sent, lost; // of the running window
	int64_t wait_us;     // of those that came, their sum
	int64_t ahead_us;    // of the one that came before each lost one, their sum
	int64_t last_us;     // wait of the newest one
	int64_t began_us;    // of it; 0 none
	double now, borne;   // fractions: of the newest window, of the path itself
	double before;       // when the rate was lowered for it
	uint8_t trying;      // windows since then; 0: not
	uint8_t calm;        // windows in a row with less than is borne
	uint8_t tail;        // the newest window's loss came out of a full queue
};

void hz_loss_init(struct hz_loss *l);

// Packets reported on, in the order of sending; late: one reported lost arrived after all.
void hz_loss_add(struct hz_loss *l, bool lost, int64_t now_us);
void hz_loss_wait(struct hz_loss *l, int64_t wait_us); // of one that came, in the network's queue
void hz_loss_late(struct hz_loss *l);

// The answer to a window that is full: by which factor to multiply the rate (1: nothing to do).
// queue: packets wait in the network, so that loss is of our own making.
double hz_loss_judge(struct hz_loss *l, bool queue, int64_t now_us);

#endif
