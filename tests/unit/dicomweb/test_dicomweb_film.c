// Frames of videos out of a PACS that knows objects only: who waits for what, what is decoded of an object, and the whole way through the
// pipe: the object is fetched once, each frame comes as HTJ2K of the picture, and what is none is an error.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/seqpacket.h"
#include "media/dicomweb/fetch.h"
#include "media/dicomweb/pipe.h"
#include "media/dicomweb/pipe_film.h"
#include "media/dicomweb/turn_film.h"
#include "media/imaging/frame.h"
#include "tests/unit/imaging/fake_film.h"

static const struct fake_film kind = {"1.2.840.10008.1.2.4.102", "-an -c:v libx264 -g 8 -bf 2", "h264", 8};
#define FRAMES 20u

static struct fake_bytes object;

static struct hz_dweb_request request_of(uint32_t frame)
{
	return (struct hz_dweb_request){.kind = HZ_DWEB_FRAME,
	                                .frame = frame,
	                                .pacs = "main",
	                                .study = "1.2",
	                                .series = "1.3",
	                                .instance = "2.25.1",
	                                .pixels = {.rows = FILM_ROWS,
	                                           .columns = FILM_COLUMNS,
	                                           .samples = 3,
	                                           .allocated = 8,
	                                           .stored = 8,
	                                           .photometric = "YBR_PARTIAL_420"}};
}

static void test_who_waits(void **state)
{
	struct hz_film_wants wants = {0};
	struct hz_turn_order order, again;
	struct hz_dweb_request a = request_of(1), b = request_of(2), rest;
	assert_true(hz_film_is(&a));
	b.pixels.photometric[0] = 'X';
	assert_false(hz_film_is(&b));
	b = request_of(2);
	hz_film_object_of(&a, &rest);
	assert_int_equal(rest.kind, HZ_DWEB_OBJECT);
	assert_true(!rest.frame && !rest.pixels.rows);
	assert_null(hz_film_waiting(&wants, 7));
	assert_int_equal(hz_film_want(&wants, 7, &a), 0);
	assert_int_equal(hz_film_want(&wants, 8, &a), 0);
	assert_int_equal(hz_film_want(&wants, 9, &b), 0);
	assert_true(hz_film_turn(&wants, hz_film_waiting(&wants, 7), 100, &order));
	assert_int_equal(order.film, 1);
	assert_true(order.id & HZ_FILM_TURN);
	assert_false(hz_film_turn(&wants, hz_film_waiting(&wants, 8), 100, &again)); // the same frame
	assert_true(hz_film_turn(&wants, hz_film_waiting(&wants, 9), 100, &again));
	assert_null(hz_film_waiting(&wants, 7)); // it is decoded now
	hz_film_forget(&wants, 7);               // who asked first has gone
	assert_int_equal(hz_film_turned(&wants, order.id)->id, 8);
	hz_film_forget(&wants, 8);
	assert_null(hz_film_turned(&wants, order.id));
	assert_int_equal(hz_film_turned(&wants, again.id)->id, 9);
	for (uint64_t i = 100; i < 99 + HZ_FILM_WANTS; i++)
		assert_int_equal(hz_film_want(&wants, i, &a), 0);
	assert_int_equal(hz_film_want(&wants, 1, &a), -ENOSPC);
	hz_film_wants_done(&wants);
}

static int file_of(const void *data, size_t bytes)
{
	int fd = memfd_create("film", MFD_CLOEXEC);
	assert_int_equal(write(fd, data, bytes), bytes);
	return fd;
}

// What comes out of it, decoded again, is the frame of the object.
static void check_frame(const void *data, size_t bytes, uint32_t index)
{
	const struct hz_frame_source coded = {.data = data, .bytes = bytes, .encoded = true};
	struct hz_frame_source source = {0};
	struct hz_dicom_fault fault;
	struct hz_dicom *d = NULL;
	struct hz_frame f = {0};
	assert_int_equal(hz_dicom_open(object.data, object.bytes, NULL, &fault, &d), 0);
	assert_int_equal(hz_dicom_frame(d, index, &fault, &source), 0);
	assert_int_equal(hz_frame_decode(&coded, &hz_dicom_image(d)->shape, 0, &fault, &f), 0);
	assert_int_equal(f.bytes, source.bytes);
	assert_memory_equal(f.data, source.data, f.bytes);
	hz_frame_source_done(&source);
	hz_frame_done(&f);
	hz_dicom_close(d);
}

static uint32_t turned(int in, size_t bytes, const struct hz_turn_order *as, bool good)
{
	struct hz_turn_order order = *as;
	struct hz_turn_result result;
	int out = memfd_create("out", MFD_CLOEXEC);
	order.bytes = bytes;
	hz_turn_do(&order, in, out, -1, &result);
	assert_int_equal(result.bytes > 0, good);
	if (good) {
		void *map = mmap(NULL, result.bytes, PROT_READ, MAP_PRIVATE, out, 0);
		assert_ptr_not_equal(map, MAP_FAILED);
		check_frame(map, result.bytes, order.film - 1);
		munmap(map, result.bytes);
	}
	close(out);
	return result.fault;
}

static void test_frames_out_of_an_object(void **state)
{
	struct hz_turn_order order = {.id = 1, .pixels = request_of(1).pixels, .encoded = 1, .film = 1};
	int in = file_of(object.data, object.bytes);
	for (order.film = 1; order.film <= FRAMES; order.film += 6)
		assert_int_equal(turned(in, object.bytes, &order, true), HZ_DICOM_OK);
	order.film = 2;
	assert_int_equal(turned(in, object.bytes, &order, true), HZ_DICOM_OK);
	order.film = FRAMES + 1;
	assert_int_equal(turned(in, object.bytes, &order, false), HZ_DICOM_PIXELS_SHORT);
	order.film = UINT32_MAX;
	assert_int_equal(turned(in, object.bytes, &order, false), HZ_DICOM_PIXELS_SHORT);
	order.film = 1;
	order.pixels.rows++;
	assert_int_equal(turned(in, object.bytes, &order, false), HZ_DICOM_SIZE);
	order.pixels.rows--;
	assert_int_equal(turned(in, object.bytes + 1, &order, false), HZ_DICOM_TRUNCATED);
	assert_int_equal(turned(in, 200, &order, false), HZ_DICOM_TRUNCATED);
	int other = file_of("no DICOM at all", 15);
	assert_int_equal(turned(other, 15, &order, false), HZ_DICOM_NOT_DICOM);
	assert_int_equal(turned(in, object.bytes, &order, true), HZ_DICOM_OK); // and nothing of it stays
	assert_int_equal(turned(-1, object.bytes, &order, false), HZ_DICOM_STRUCTURE);
	close(other);
	close(in);
	hz_turn_film_close();
}

// --- all of it

static struct {
	int listen, turn[2], api[2];
	uint16_t port;
	_Atomic bool stop;
	_Atomic int asked;
	char dir[32];
	pthread_t pacs, turner, pipe;
} rig;

static bool wait_in(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (!atomic_load(&rig.stop))
		if (poll(&p, 1, 20) == 1)
			return true;
	return false;
}

static void send_all(int fd, const void *data, size_t bytes)
{
	for (size_t at = 0; at < bytes;) {
		ssize_t n = send(fd, (const char *)data + at, bytes - at, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		at += (size_t)n;
	}
}

// Which object there is, and of which study.
#define METADATA                                                                                             \
	"[{\"00080018\":{\"vr\":\"UI\",\"Value\":[\"2.25.1\"]},"                                             \
	"\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]}}]"

static void say_metadata(int fd)
{
	char answer[sizeof(METADATA) + 128];
	int n = snprintf(answer, sizeof(answer),
	                 "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: "
	                 "%zu\r\n\r\n%s",
	                 strlen(METADATA), METADATA);
	send_all(fd, answer, (size_t)n);
}

static void *run_pacs(void *arg)
{
	char buf[4096], head[256];
	while (wait_in(rig.listen)) {
		int fd = accept(rig.listen, NULL, NULL);
		while (wait_in(fd)) {
			ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);
			if (n <= 0)
				break;
			buf[n] = '\0';
			if (strstr(buf, "/metadata ")) {
				say_metadata(fd);
				continue;
			}
			atomic_fetch_add(&rig.asked, 1);
			bool good = strstr(buf, "/instances/2.25.1 ") != NULL; // frames it does not know
			n = snprintf(head, sizeof(head),
			             "HTTP/1.1 %s\r\nContent-Type: application/dicom\r\nContent-Length: "
			             "%zu\r\n\r\n",
			             good ? "200 OK" : "404 No", good ? object.bytes : 0);
			send_all(fd, head, (size_t)n);
			if (good)
				send_all(fd, object.data, object.bytes);
		}
		close(fd);
	}
	return arg;
}

// In the place of the nursery's children.
static void *run_turner(void *arg)
{
	struct hz_turn_result result = {.id = 0};
	(void)hz_seqpacket_send(rig.turn[0], &result, sizeof(result));
	while (wait_in(rig.turn[0])) {
		struct hz_turn_order order;
		int fds[2] = {-1, -1};
		const struct hz_seqpacket_in in = {
		    .buf = &order, .cap = sizeof(order), .fds = fds, .fds_cap = 2};
		size_t bytes = 0;
		unsigned count = 0;
		int err = hz_seqpacket_recv_fds(rig.turn[0], &in, &bytes, &count);
		if (err == -EPIPE)
			break;
		if (err || count != 2)
			continue;
		hz_turn_do(&order, fds[0], fds[1], -1, &result);
		close(fds[0]);
		close(fds[1]);
		(void)hz_seqpacket_send(rig.turn[0], &result, sizeof(result));
	}
	return arg;
}

static void *run_pipe(void *arg)
{
	const struct hz_dweb_times times = {.connect_s = 2, .stall_s = 5, .most_s = 20};
	const struct hz_dweb_pipe_fds fds = {.api = rig.api[1], .turn = &rig.turn[1], .turns = 1};
	(void)hz_dweb_pipe_run(&fds, &times, false);
	return arg;
}

static void say(void *message, uint16_t type, size_t bytes)
{
	struct hz_dweb_header *h = message;
	*h = (struct hz_dweb_header){.version = HZ_DWEB_VERSION, .type = type, .bytes = (uint32_t)bytes};
	assert_int_equal(hz_seqpacket_send(rig.api[0], message, bytes), 0);
}

static int hear(struct hz_dweb_done *ret)
{
	union {
		struct hz_dweb_header h;
		struct hz_dweb_done done;
		struct hz_dweb_status status;
	} in;
	int fd;
	do {
		struct pollfd p = {.fd = rig.api[0], .events = POLLIN};
		int fds[1] = {-1};
		const struct hz_seqpacket_in what = {.buf = &in, .cap = sizeof(in), .fds = fds, .fds_cap = 1};
		size_t bytes = 0;
		unsigned count = 0;
		assert_int_equal(poll(&p, 1, 60000), 1);
		assert_int_equal(hz_seqpacket_recv_fds(rig.api[0], &what, &bytes, &count), 0);
		fd = count ? fds[0] : -1;
	} while (in.h.type == HZ_DWEB_STATUS);
	if (in.h.type == HZ_DWEB_DONE)
		*ret = in.done;
	return fd;
}

static void ask(uint64_t id, uint32_t frame)
{
	struct hz_dweb_get get = {.id = id, .request = request_of(frame)};
	say(&get, HZ_DWEB_GET, sizeof(get));
}

static void expect(uint64_t id, uint32_t frame, enum hz_dweb_result result)
{
	struct hz_dweb_done done = {.id = 0};
	int fd = hear(&done);
	assert_true(!id || done.id == id);
	assert_int_equal(done.result, result);
	if (result != HZ_DWEB_OK) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_int_equal(strncmp(done.type, "image/jphc;", 11), 0);
	char *map = mmap(NULL, done.at + done.bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	check_frame(map + done.at, done.bytes, frame - 1);
	munmap(map, done.at + done.bytes);
	close(fd);
}

static void begin(void)
{
	struct hz_dweb_setup setup = {.cache_bytes = 64 << 20};
	struct hz_dweb_pacs one = {.index = 0, .count = 1, .name = "main"};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct hz_dweb_done done;
	socklen_t n = sizeof(at);
	rig.listen = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(rig.listen, (void *)&at, sizeof(at)), 0);
	assert_int_equal(listen(rig.listen, 8), 0);
	getsockname(rig.listen, (void *)&at, &n);
	strcpy(rig.dir, "/tmp/hz-film-XXXXXX");
	assert_non_null(mkdtemp(rig.dir));
	assert_int_equal(hz_seqpacket_pair(1 << 20, rig.api), 0);
	assert_int_equal(hz_seqpacket_pair(1 << 20, rig.turn), 0);
	pthread_create(&rig.pacs, NULL, run_pacs, NULL);
	pthread_create(&rig.turner, NULL, run_turner, NULL);
	pthread_create(&rig.pipe, NULL, run_pipe, NULL);
	(void)hear(&done);
	strcpy(setup.dir, rig.dir);
	snprintf(one.url, sizeof(one.url), "http://127.0.0.1:%u/dicom-web", ntohs(at.sin_port));
	say(&setup, HZ_DWEB_SETUP, sizeof(setup));
	say(&one, HZ_DWEB_PACS_SET, sizeof(one));
}

static void end(void)
{
	char command[64];
	close(rig.api[0]);
	pthread_join(rig.pipe, NULL);
	atomic_store(&rig.stop, true);
	pthread_join(rig.pacs, NULL);
	pthread_join(rig.turner, NULL);
	close(rig.api[1]);
	close(rig.turn[0]);
	close(rig.turn[1]);
	close(rig.listen);
	snprintf(command, sizeof(command), "rm -r %s", rig.dir);
	assert_int_equal(system(command), 0);
}

static void test_the_whole_way(void **state)
{
	struct hz_dweb_cancel cancel = {.id = 20};
	begin();
	ask(10, 3); // two at once: the object is asked for once
	ask(11, 3);
	expect(0, 3, HZ_DWEB_OK);
	expect(0, 3, HZ_DWEB_OK);
	ask(12, 14);
	expect(12, 14, HZ_DWEB_OK);
	ask(13, 3); // it is there
	expect(13, 3, HZ_DWEB_OK);
	ask(14, FRAMES + 5);
	expect(14, 0, HZ_DWEB_MISSING);
	assert_int_equal(rig.asked, 1);
	ask(20, 5); // whoever has gone hears nothing
	say(&cancel, HZ_DWEB_CANCEL, sizeof(cancel));
	ask(21, 6);
	struct hz_dweb_done done = {.id = 0};
	int fd = hear(&done);
	assert_true(done.id == 21 || done.id == 20); // unless it was quicker
	if (fd >= 0)
		close(fd);
	end();
}

static int make(void **state)
{
	struct fake_bytes stream = fake_film(&kind, FRAMES, NULL);
	object = fake_film_object(&kind, &stream, 1, FRAMES);
	fake_bytes_done(&stream);
	return hz_dicom_init();
}

static int unmake(void **state)
{
	hz_turn_film_close();
	fake_bytes_done(&object);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_who_waits),
	    cmocka_unit_test(test_frames_out_of_an_object),
	    cmocka_unit_test(test_the_whole_way),
	};
	return cmocka_run_group_tests(tests, make, unmake);
}
