// Requests for images between control and huizhen-imaging, which outlives it: an answer to the number of a control that is gone is
// nobody's picture, and whoever starts first, SETUP comes before the first GET.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/seqpacket.h"
#include "gateway/session/table/images.h"

static char none[] = "", pacs[] = "main=http://127.0.0.1:1/dicom-web", dir[] = "/tmp";

static struct hz_images *start(int fd)
{
	struct hz_config config = {0};
	struct hz_images *images = NULL;
	config.dicomweb.pacs = pacs;
	config.dicomweb.user = config.dicomweb.password = config.dicomweb.token = none;
	config.dicomweb.ca = config.dicomweb.certificate = config.dicomweb.key = none;
	config.archive.pacs_url = config.archive.pacs_user = config.archive.pacs_password = none;
	config.archive.pacs_token = config.archive.pacs_ca = none;
	config.archive.pacs_certificate = config.archive.pacs_key = none;
	config.dicomweb.cache_gb = 1;
	config.data.dir = dir;
	assert_int_equal(hz_images_new(fd, &config, &images), 0);
	return images;
}

static struct hz_response *ask(struct hz_images *images, uint32_t frame)
{
	const struct hz_dweb_request what = {.kind = HZ_DWEB_FRAME,
	                                     .frame = frame,
	                                     .pacs = "main",
	                                     .study = "1.2",
	                                     .series = "1.3",
	                                     .instance = "1.4"};
	const struct hz_request req = {.method = HZ_GET, .path = "", .query = ""};
	struct hz_response *res = hz_response_new();
	hz_images_ask(images, 0, frame, &what, &req, res);
	return res;
}

// What came, and the number of a GET.
static uint16_t hear(int fd, uint64_t *ret_id)
{
	static union {
		struct hz_dweb_header h;
		struct hz_dweb_get get;
		struct hz_dweb_setup setup;
		struct hz_dweb_pacs pacs;
	} in;
	size_t bytes = 0;
	if (hz_seqpacket_recv(fd, &in, sizeof(in), &bytes))
		return 0;
	if (in.h.type == HZ_DWEB_GET)
		*ret_id = in.get.id;
	return in.h.type;
}

static void set_up(struct hz_images *images, int fd)
{
	uint64_t unused;
	hz_images_tick(images, 0);
	assert_int_equal(hear(fd, &unused), HZ_DWEB_SETUP);
	assert_int_equal(hear(fd, &unused), HZ_DWEB_PACS_SET);
	assert_int_equal(hear(fd, &unused), 0);
}

static void done_as(int fd, struct hz_dweb_done message, const char *data)
{
	message.h = (struct hz_dweb_header){
	    .version = HZ_DWEB_VERSION, .type = HZ_DWEB_DONE, .bytes = sizeof(message)};
	message.bytes = message.bytes ? message.bytes : strlen(data);
	int file = memfd_create("image", MFD_CLOEXEC);
	assert_int_equal(write(file, data, strlen(data)), strlen(data));
	assert_int_equal(hz_seqpacket_send_fds(fd, &message, sizeof(message), &file, 1), 0);
	close(file);
}

static void done(int fd, uint64_t id, const char *data)
{
	done_as(fd, (struct hz_dweb_done){.id = id, .type = "image/jls", .hash = "1"}, data);
}

// A frame that is not proven yet: its beginning goes out, the whole of it only when the last word is the same.
static void early(void **state)
{
	static const char type[] = "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.202; ends=1,4";
	int pair[2];
	uint64_t id = 0, at, bytes;
	(void)state;
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	struct hz_images *images = start(pair[0]);
	set_up(images, pair[1]);
	struct hz_dweb_done made = {.type = "", .hash = "1", .early = 1}, last = {.type = "", .hash = "1"};
	memcpy(made.type, type, sizeof(type));
	memcpy(last.type, type, sizeof(type));
	for (unsigned i = 0; i < 4; i++) {
		struct hz_response *res = ask(images, i + 1);
		assert_int_equal(hear(pair[1], &id), HZ_DWEB_GET);
		made.id = last.id = id;
		last.hash[0] = i == 1 ? '2' : '1';
		done_as(pair[1], made, "BEGIN, END");
		assert_int_equal(hz_images_read(images), 0);
		assert_false(hz_response_held(res));
		assert_true(hz_response_limited(res));
		assert_true(hz_response_fd(res, &at, &bytes) >= 0 && at == 0 && bytes == 10);
		assert_int_equal(hz_images_waiting(images), 1);
		if (i == 2) { // said again, by one that was started anew
			done_as(pair[1], made, "BEGIN, END");
			assert_int_equal(hz_images_read(images), 0);
			assert_true(hz_response_limited(res));
		}
		if (i == 3) { // and no word comes
			hz_images_tick(images, 1000000);
			assert_true(hz_response_limited(res));
			hz_images_tick(images, 6000000);
		} else {
			done_as(pair[1], last, "BEGIN, END");
			assert_int_equal(hz_images_read(images), 0);
		}
		assert_false(hz_response_limited(res)); // allowed, or ended
		assert_int_equal(hz_images_waiting(images), 0);
		hz_response_free(res);
	}
	hz_images_free(images);
	close(pair[0]);
	close(pair[1]);
}

static void another_control(void **state)
{
	int pair[2];
	char data[8] = "";
	uint64_t before = 0, now = 0, at, bytes;
	(void)state;
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	struct hz_images *images = start(pair[0]);
	set_up(images, pair[1]);
	struct hz_response *lost = ask(images, 1);
	assert_int_equal(hear(pair[1], &before), HZ_DWEB_GET);
	hz_images_free(images); // killed: nobody took it back
	hz_response_free(lost);

	images = start(pair[0]);
	set_up(images, pair[1]);
	struct hz_response *res = ask(images, 2);
	assert_int_equal(hear(pair[1], &now), HZ_DWEB_GET);
	assert_true(before != now);
	done(pair[1], before, "ANOTHER");
	assert_int_equal(hz_images_read(images), 0);
	assert_true(hz_response_held(res));
	done_as(pair[1],
	        (struct hz_dweb_done){.id = now, .at = 5, .bytes = 3, .type = "image/jls", .hash = "1"},
	        "BESIDITSBESIDE"); // others of its series are in the same file
	assert_int_equal(hz_images_read(images), 0);
	assert_false(hz_response_held(res));
	int fd = hz_response_fd(res, &at, &bytes);
	assert_int_equal(at, 5);
	assert_int_equal(bytes, 3);
	assert_int_equal(pread(fd, data, 3, (off_t)at), 3);
	assert_string_equal(data, "ITS");
	assert_int_equal(hz_images_waiting(images), 0);
	hz_response_free(res);
	hz_images_free(images);
	close(pair[0]);
	close(pair[1]);
}

static void set_up_first(void **state)
{
	int pair[2];
	uint64_t id = 0;
	const struct hz_dweb_header hello = {
	    .version = HZ_DWEB_VERSION, .type = HZ_DWEB_HELLO, .bytes = sizeof(hello)};
	(void)state;
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	struct hz_images *images = start(pair[0]);
	struct hz_response *early = ask(images, 1); // nothing is said yet: later
	assert_int_equal(hz_response_get_status(early), 503);
	assert_int_equal(hear(pair[1], &id), 0);
	set_up(images, pair[1]);
	struct hz_response *res = ask(images, 1);
	assert_int_equal(hear(pair[1], &id), HZ_DWEB_GET);
	// It dies with that. The next one hears it again, behind SETUP.
	assert_int_equal(hz_seqpacket_send(pair[1], &hello, sizeof(hello)), 0);
	assert_int_equal(hz_images_read(images), 0);
	uint64_t again = 0;
	assert_int_equal(hear(pair[1], &again), HZ_DWEB_SETUP);
	assert_int_equal(hear(pair[1], &again), HZ_DWEB_PACS_SET);
	assert_int_equal(hear(pair[1], &again), HZ_DWEB_GET);
	assert_true(again == id);
	hz_images_free(images);
	hz_response_free(early);
	hz_response_free(res);
	close(pair[0]);
	close(pair[1]);
}

// One who asks for everything at once leaves room for the others.
static void shares(void **state)
{
	int pair[2];
	struct hz_response *res[HZ_IMAGE_WAITS_EACH + 1];
	assert_int_equal(hz_seqpacket_pair(1 << 20, pair), 0);
	struct hz_images *images = start(pair[0]);
	set_up(images, pair[1]);
	for (unsigned i = 0; i <= HZ_IMAGE_WAITS_EACH; i++)
		res[i] = ask(images, 7);
	assert_true(hz_response_held(res[HZ_IMAGE_WAITS_EACH - 1]));
	assert_int_equal(hz_response_get_status(res[HZ_IMAGE_WAITS_EACH]), 503);
	struct hz_response *other = ask(images, 8);
	assert_true(hz_response_held(other));
	hz_images_free(images);
	for (unsigned i = 0; i <= HZ_IMAGE_WAITS_EACH; i++)
		hz_response_free(res[i]);
	hz_response_free(other);
	close(pair[0]);
	close(pair[1]);
}

static bool wants(const char *query, const char *accept, struct hz_dweb_request *what)
{
	struct hz_request req = {.method = HZ_GET, .path = "", .query = query};
	req.header[HZ_H_ACCEPT] = accept;
	*what = (struct hz_dweb_request){.kind = HZ_DWEB_FRAME, .frame = 1};
	return hz_images_wants(&req, what);
}

static void words(void **state)
{
	static const char good[] = "pixels=512,400,1,16,12,1,0,MONOCHROME2";
	struct hz_dweb_request what;
	assert_true(wants(good, "image/jphc, */*;q=0.5", &what));
	assert_int_equal(what.pixels.rows, 512);
	assert_true(wants("", "image/jphc", &what) && !what.pixels.rows);
	assert_true(wants(good, "*/*", &what) && !what.pixels.rows); // may not know what it gets
	assert_true(wants(good, NULL, &what) && !what.pixels.rows);
	assert_true(wants(good, "image/jphc;q=0", &what) && !what.pixels.rows);
	assert_false(wants("pixels=512", "image/jphc", &what));
	assert_false(wants("pixels=512,400,1,16,12,1,0,MONO%00CHROME", "image/jphc", &what));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(another_control), cmocka_unit_test(set_up_first),
	                                   cmocka_unit_test(early), cmocka_unit_test(shares),
	                                   cmocka_unit_test(words)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
