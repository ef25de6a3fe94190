// What was drawn over moving pictures while they were recorded (events "table"), at one moment. Points are parts of the picture.
// Bounded: HZ_DRAWN_MARKS at once, the oldest stay; what makes no sense is left out. Thread: one.
#ifndef HZ_RECORDER_COMPOSE_DRAWN_H
#define HZ_RECORDER_COMPOSE_DRAWN_H

#include "media/picture/stroke.h"
#include "recorder/compose/input.h"

#define HZ_DRAWN_MARKS 500

struct hz_drawn;

int hz_drawn_new(const struct hz_input *input, struct hz_drawn **ret); // -ENOMEM; input outlives it
void hz_drawn_free(struct hz_drawn *drawn);                            // NULL allowed
// Times never go back.
void hz_drawn_at(struct hz_drawn *drawn, int64_t at_ms);

// A number that changes with what lies over a person's picture; 0: nothing ever did.
uint32_t hz_drawn_serial(const struct hz_drawn *drawn, unsigned person, uint8_t source);
// Over the picture, which is at `picture`. How many.
unsigned hz_drawn_draw(const struct hz_drawn *drawn, unsigned person, uint8_t source,
                       struct hz_canvas *canvas, struct hz_rect picture, struct hz_text *text);

#endif
