// huizhen-live as a process in its sandbox: images come as files, pictures go into the ring, it is killed, fed garbage, loses its parent.
// Timed: it draws in real time.
#include "media/live/pipe.h"

#include "gateway/base/clock.h"
#include "media/imaging/dicom.h"
#include "media/live/encoder.h"
#include "tests/unit/live/fake_table.h"
#include "tests/unit/mosaic/fake_video.h"
#include "tests/unit/pipe/process_rig.h"

#define CONSULT 5u

static struct hz_ring out; // of worker 1

static int setup(void **state)
{
	static const struct rig_kind kind = {.run = hz_live_pipe_run,
	                                     .version = HZ_LIVE_API_VERSION,
	                                     .hello = HZ_LIVE_HELLO,
	                                     .workers = 2,
	                                     .wait_ms = 20000};
	(void)state;
	hz_live_encoder_quiet();
	assert_int_equal(hz_dicom_init(), 0);
	rig_new(&kind);
	rig_attach(&out, 1, false);
	rig_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_done();
	return 0;
}

static void say(void *message, unsigned type, size_t bytes, int fd)
{
	struct hz_msg_header *h = message;
	*h = (struct hz_msg_header){HZ_LIVE_API_VERSION, (uint16_t)type, (uint32_t)bytes, 0, 0};
	assert_int_equal(hz_seqpacket_send_fds(rig.api, message, bytes, &fd, fd >= 0), 0);
	if (fd >= 0)
		close(fd);
}

static void join(uint32_t ssrc)
{
	struct hz_live_room_set room = fake_room(CONSULT, 1);
	struct hz_live_rendition_set r = fake_rendition(CONSULT, ssrc, HZ_CODEC_H264_CB);
	rig_hello();
	say(&room, HZ_LIVE_ROOM_SET, sizeof(room), -1);
	say(&r, HZ_LIVE_RENDITION_SET, sizeof(r), -1);
}

static void answer(unsigned value)
{
	struct hz_live_want want;
	rig_hear(HZ_LIVE_WANT, &want, sizeof(want));
	assert_string_equal(want.what.instance, "2.25.1");
	struct hz_live_give give = {.id = want.id};
	say(&give, HZ_LIVE_GIVE, sizeof(give), fake_object(1, value, 1));
}

// Until the image is seen; at most 20 s.
static void watch(uint32_t ssrc, unsigned value)
{
	struct fake_viewer viewer;
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	size_t bytes = 0;
	bool seen = false;
	fake_viewer_init(&viewer, HZ_CODEC_H264_CB, ssrc);
	for (unsigned i = 0; i < 1000 && !seen; i++) {
		usleep(20000);
		while (hz_ring_take(&out, &record, buf, &bytes) == 1) {
			assert_int_equal(record.source, CONSULT);
			if (record.kind == HZ_RING_RTP)
				fake_viewer_put(&viewer, buf, bytes);
		}
		int luma = viewer.pictures ? fake_viewer_at(&viewer, 600, 300).y : 0;
		seen = viewer.pictures && abs(luma - (int)(16 + value * 219 / 4095)) < 6;
	}
	assert_true(seen);
	fake_viewer_done(&viewer);
}

static void draws(void **state)
{
	struct hz_live_status status;
	eventfd_t woken;
	(void)state;
	join(20);
	answer(1500);
	watch(20, 1500);
	assert_int_equal(eventfd_read(rig.wake[1], &woken), 0);
	do // older ones may wait
		rig_hear(HZ_LIVE_STATUS, &status, sizeof(status));
	while (status.encoded < 3);
	assert_int_equal(status.rooms, 1);
	assert_int_equal(status.decoded, 1);
	rig_leave();
}

static void killed(void **state)
{
	(void)state;
	join(20);
	answer(1500);
	watch(20, 1500);
	rig_kill();
	rig_start();
	join(21);
	answer(3000);
	watch(21, 3000);
}

static void garbage(void **state)
{
	struct hz_ring in;
	(void)state;
	join(20);
	answer(1500);
	rig_attach(&in, 0, true);
	rig_garbage(&in, CONSULT, 1200);
	watch(20, 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(draws, setup, teardown),
	    cmocka_unit_test_setup_teardown(killed, setup, teardown),
	    cmocka_unit_test_setup_teardown(garbage, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
