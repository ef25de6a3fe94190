// One pane of a room: which frame of which object it shows now, that frame as it is looked at, and it on a canvas.
// Thread: one.
#ifndef HZ_MEDIA_LIVE_PANE_H
#define HZ_MEDIA_LIVE_PANE_H

#include "media/imaging/render.h"
#include "media/live/library.h"
#include "media/live/marks.h"

struct hz_live_shown {                   // owned by its room; all zero: fresh
	struct hz_live_pane want, drawn; // drawn: what was wanted at the last look
	struct hz_live_pane rendered;    // what was wanted when `pixels` were made: their window
	int64_t since_us;                // cine counts from here
	int64_t next_us;                 // of cine, and of what has failed or is awaited
	uint32_t counted;                // by cine
	int err;    // 0: `pixels` are what is wanted; -EAGAIN: not yet; else it cannot be shown
	bool there; // pixels are of something, perhaps of a moment ago
	struct hz_live_ref object; // that the pixels are of, and its frame
	uint32_t frame;
	uint64_t serial;
	struct hz_rendered pixels;
	struct hz_live_plane plane;
	bool bare_wanted; // somebody outside looks
	bool bare_there;  // `bare` is the same without overlays; else, where they have none, `pixels` are
	bool overlaid, burned; // they have overlays; names, as the image says
	struct hz_rendered bare;
};

void hz_live_shown_done(struct hz_live_shown *shown);
// Another wish. True: something else is to be seen.
bool hz_live_shown_set(struct hz_live_shown *shown, const struct hz_live_pane *want, int64_t now_us);
// As near to what is wanted as is there. True: it looks otherwise than before.
bool hz_live_shown_look(struct hz_live_shown *shown, struct hz_live_library *library, uint32_t consult,
                        int64_t now_us);

struct hz_live_marks {
	struct hz_live_mark_set **mark;
	unsigned count;
};
// bare: for those outside (struct hz_live_rendition_set); of a pane that has bare_wanted.
struct hz_live_drawn {
	struct hz_rect pane;
	struct hz_text *text; // NULL: no words
	bool bare;
};
void hz_live_shown_draw(const struct hz_live_shown *shown, struct hz_canvas *canvas,
                        const struct hz_live_drawn *how, const struct hz_live_marks *marks);

#endif
