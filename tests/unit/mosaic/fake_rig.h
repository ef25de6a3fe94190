// Rooms of the mosaic with a clock of the test's: cameras in, viewers out, control's wishes.
#ifndef HZ_TESTS_UNIT_MOSAIC_FAKE_RIG_H
#define HZ_TESTS_UNIT_MOSAIC_FAKE_RIG_H

#include "media/mosaic/rooms.h"
#include "tests/unit/mosaic/fake_video.h"

#define CONSULT 7u
#define CAMERAS 6u
#define VIEWERS 3u

struct rig {
	struct hz_mosaic *mosaic;
	struct hz_text *text;
	int64_t now_us;
	struct fake_camera camera[CAMERAS];
	struct fake_viewer viewer[VIEWERS];
	unsigned cameras, viewers, plis, reports, sent_to[4];
	uint32_t pli_ssrc;
	uint64_t report_ntp;
	uint32_t report_ts;
	int drop;         // packet of each picture of camera 0 that is lost; -1: none
	bool every_other; // only of every other picture
	bool deaf;        // nothing is told
	struct hz_mosaic_tiles tiles;
};

extern const struct hz_colour rig_colour[CAMERAS];

int rig_command(struct rig *r, void *message, unsigned type, size_t bytes);
int rig_set_room(struct rig *r, uint32_t consult, uint8_t layout, uint32_t focus);
struct hz_mosaic_member_set rig_member_of(uint32_t member);
int rig_set_member(struct rig *r, struct hz_mosaic_member_set m);
int rig_set_rendition(struct rig *r, uint32_t id, uint16_t height, uint8_t codec);
int rig_speak(struct rig *r, uint32_t member);
void rig_add_viewer(struct rig *r, uint32_t id, uint16_t height, uint8_t codec);
void rig_send_packet(struct rig *r, const struct fake_camera *c, unsigned i);
void rig_tick(struct rig *r);
void rig_run(struct rig *r, unsigned ticks);
int rig_setup(void **state);
int rig_teardown(void **state);
void rig_add_cameras(struct rig *r, unsigned count);

#endif
