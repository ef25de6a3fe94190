// Files over HTTP: the Range header, conditions, and answers that are read from the disk while they are sent.
#include <poll.h>
#include <sys/stat.h>

#include "signaling/server/range.h"
#include "tests/unit/server/world.h"

#define FILE_BYTES (40u << 20)

struct files {
	struct world w;
	char path[64];
	int fd;
};

static unsigned char byte_at(uint64_t at)
{
	return (unsigned char)((at * 2654435761u) >> 13);
}

static int start(void **state)
{
	struct files *f = calloc(1, sizeof(*f));
	unsigned char *data = malloc(FILE_BYTES);
	strcpy(f->path, "/tmp/hz-file-XXXXXX");
	f->fd = mkstemp(f->path);
	for (uint64_t i = 0; i < FILE_BYTES; i++)
		data[i] = byte_at(i);
	assert_int_equal(write(f->fd, data, FILE_BYTES), FILE_BYTES);
	free(data);
	f->w.limits.requests_per_second = 100000;
	f->w.file = f->path;
	f->w.file_bytes = FILE_BYTES;
	world_start(&f->w);
	*state = f;
	return 0;
}

static int stop(void **state)
{
	struct files *f = *state;
	world_stop(&f->w);
	close(f->fd);
	unlink(f->path);
	free(f);
	return 0;
}

static void test_range(void **state)
{
	static const struct {
		const char *value;
		enum hz_range_kind kind;
		uint64_t first, bytes;
		bool open;
	} cases[] = {
	    {NULL, HZ_RANGE_WHOLE, 0, 0, false},
	    {"", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=-", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=--5", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=0", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=x-5", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=5-x", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=5-4", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=+1-4", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=0x1-4", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=1 -4", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes = 0-4", HZ_RANGE_WHOLE, 0, 0, false},
	    {"items=0-4", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=0-1,5-6", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=0-,5-6", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=-5,1-2", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=0-4;q=1", HZ_RANGE_WHOLE, 0, 0, false},
	    {"bytes=0-0", HZ_RANGE_PART, 0, 1, false},
	    {"Bytes=0-4", HZ_RANGE_PART, 0, 5, false},
	    {"bytes= 0-4 ", HZ_RANGE_PART, 0, 5, false},
	    {"bytes=995-999", HZ_RANGE_PART, 995, 5, false},
	    {"bytes=995-1000", HZ_RANGE_PART, 995, 5, false},
	    {"bytes=995-99999999999999999999999999", HZ_RANGE_PART, 995, 5, false},
	    {"bytes=0-", HZ_RANGE_PART, 0, 1000, true},
	    {"bytes=999-", HZ_RANGE_PART, 999, 1, true},
	    {"bytes=-1", HZ_RANGE_PART, 999, 1, false},
	    {"bytes=-1000", HZ_RANGE_PART, 0, 1000, false},
	    {"bytes=-18446744073709551617", HZ_RANGE_PART, 0, 1000, false},
	    {"bytes=-0", HZ_RANGE_OUTSIDE, 0, 0, false},
	    {"bytes=1000-", HZ_RANGE_OUTSIDE, 0, 0, false},
	    {"bytes=1000-1000", HZ_RANGE_OUTSIDE, 0, 0, false},
	    {"bytes=18446744073709551615-", HZ_RANGE_OUTSIDE, 0, 0, false},
	    {"bytes=99999999999999999999999-", HZ_RANGE_OUTSIDE, 0, 0, false},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct hz_range range;
		hz_range_parse(cases[i].value, 1000, &range);
		if (range.kind != cases[i].kind || range.first != cases[i].first ||
		    range.bytes != cases[i].bytes || range.open != cases[i].open)
			fail_msg("%s: kind %d, %llu bytes at %llu", cases[i].value, range.kind,
			         (unsigned long long)range.bytes, (unsigned long long)range.first);
	}
	struct hz_range range;
	hz_range_parse("bytes=0-", 0, &range); // an empty file has no byte to give
	assert_int_equal(range.kind, HZ_RANGE_OUTSIDE);
	hz_range_parse("bytes=-5", 0, &range);
	assert_int_equal(range.kind, HZ_RANGE_OUTSIDE);
	hz_range_parse("bytes=1-", UINT64_MAX, &range);
	assert_true(range.kind == HZ_RANGE_PART && range.first + range.bytes == UINT64_MAX);
}

static int ask(struct files *f, const char *headers, char *head, char **ret_body, size_t *ret_bytes)
{
	char text[400];
	int fd = world_connect(f->w.http_port);
	snprintf(text, sizeof(text), "GET /file HTTP/1.1\r\nHost: h\r\n%s\r\n", headers);
	put_text(fd, text);
	int status = get_answer(fd, false, head, ret_body, ret_bytes);
	close(fd);
	return status;
}

static void same_bytes(const char *body, uint64_t from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if ((unsigned char)body[i] != byte_at(from + i))
			fail_msg("byte %llu differs", (unsigned long long)(from + i));
}

static void test_whole_and_parts(void **state)
{
	struct files *f = *state;
	char head[4096], *body;
	size_t bytes;
	assert_int_equal(ask(f, "", head, &body, &bytes), 200);
	assert_int_equal(bytes, FILE_BYTES);
	same_bytes(body, 0, bytes);
	free(body);
	assert_non_null(strstr(head, "\r\nAccept-Ranges: bytes\r\n"));
	assert_non_null(strstr(head, "\r\nETag: \"abc\"\r\n"));
	assert_non_null(strstr(head, "\r\nContent-Type: video/mp4\r\n"));
	assert_int_equal(ask(f, "Range: bytes=1000000-3000000\r\n", head, &body, &bytes), 206);
	assert_non_null(strstr(head, "\r\nContent-Range: bytes 1000000-3000000/41943040\r\n"));
	assert_non_null(strstr(head, " 206 Partial Content\r\n"));
	assert_int_equal(bytes, 2000001);
	same_bytes(body, 1000000, bytes);
	free(body);
	assert_int_equal(ask(f, "Range: bytes=-7\r\n", head, &body, &bytes), 206);
	assert_int_equal(bytes, 7);
	same_bytes(body, FILE_BYTES - 7, 7);
	free(body);
	assert_int_equal(ask(f, "Range: bytes=41943040-\r\n", head, &body, &bytes), 416);
	assert_non_null(strstr(head, "\r\nContent-Range: bytes */41943040\r\n"));
	assert_int_equal(bytes, 0);
	free(body);
	assert_int_equal(ask(f, "Range: bytes=0-1,5-6\r\n", head, &body, &bytes), 200); // allowed: 14.2
	assert_int_equal(bytes, FILE_BYTES);
	free(body);
}

// An answer in the middle of a file: nothing of what is before and behind it goes out, whatever is asked for.
static void test_inside(void **state)
{
	static const struct {
		const char *headers;
		uint64_t from;
		size_t bytes;
		int status;
	} cases[] = {
	    {"", 0, 100000, 200},
	    {"Range: bytes=0-\r\n", 0, 100000, 206},
	    {"Range: bytes=500-\r\n", 500, 99500, 206},
	    {"Range: bytes=99999-100005\r\n", 99999, 1, 206},
	    {"Range: bytes=-7\r\n", 99993, 7, 206},
	    {"Range: bytes=-200000\r\n", 0, 100000, 206},
	    {"Range: bytes=100000-\r\n", 0, 0, 416},
	    {"Range: bytes=0-4\r\nIf-Range: \"abc\"\r\n", 0, 5, 206},
	    {"Range: bytes=0-4\r\nIf-Range: \"abd\"\r\n", 0, 100000, 200},
	};
	struct files *f = *state;
	f->w.file_at = 12345;
	f->w.file_bytes = 100000;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char head[4096], *body;
		size_t bytes;
		assert_int_equal(ask(f, cases[i].headers, head, &body, &bytes), cases[i].status);
		assert_int_equal(bytes, cases[i].bytes);
		same_bytes(body, 12345 + cases[i].from, bytes);
		free(body);
	}
	f->w.file_at = 0;
	f->w.file_bytes = FILE_BYTES;
}

static void test_piece(void **state)
{
	struct files *f = *state;
	char head[4096], *body;
	size_t bytes;
	f->w.file_piece = 1 << 20;
	assert_int_equal(ask(f, "Range: bytes=5-\r\n", head, &body, &bytes), 206);
	assert_int_equal(bytes, 1 << 20);
	assert_non_null(strstr(head, "\r\nContent-Range: bytes 5-1048580/41943040\r\n"));
	free(body);
	assert_int_equal(ask(f, "Range: bytes=5-2000000\r\n", head, &body, &bytes), 206); // said how much
	assert_int_equal(bytes, 1999996);
	free(body);
	f->w.file_piece = 0;
}

static void test_conditions(void **state)
{
	struct files *f = *state;
	static const struct {
		const char *headers;
		int status;
		size_t bytes;
	} cases[] = {
	    {"If-None-Match: \"abc\"\r\n", 304, 0},
	    {"If-None-Match: \"abc\"\r\nRange: bytes=0-4\r\n", 304, 0},
	    {"If-None-Match: \"old\"\r\nRange: bytes=0-4\r\n", 206, 5},
	    {"If-Range: \"abc\"\r\nRange: bytes=0-4\r\n", 206, 5},
	    {"If-Range: \"old\"\r\nRange: bytes=0-4\r\n", 200, FILE_BYTES},
	    {"If-Range: W/\"abc\"\r\nRange: bytes=0-4\r\n", 200, FILE_BYTES}, // strong comparison only
	    {"If-Range: Sat, 29 Oct 1994 19:43:31 GMT\r\nRange: bytes=0-4\r\n", 200, FILE_BYTES},
	    {"If-Match: \"abc\"\r\nRange: bytes=0-4\r\n", 206, 5},
	    {"If-Match: \"old\"\r\nRange: bytes=0-4\r\n", 412, 0},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char head[4096];
		size_t bytes;
		int status = ask(f, cases[i].headers, head, NULL, &bytes);
		if (status != cases[i].status || bytes != cases[i].bytes)
			fail_msg("%s: %d, %zu bytes", cases[i].headers, status, bytes);
	}
}

static void test_head(void **state)
{
	struct files *f = *state;
	char head[4096];
	int fd = world_connect(f->w.http_port);
	put_text(fd, "HEAD /file HTTP/1.1\r\nHost: h\r\nRange: bytes=0-4\r\n\r\n");
	assert_int_equal(get_answer(fd, true, head, NULL, NULL), 200);
	assert_non_null(strstr(head, "\r\nContent-Length: 41943040\r\n"));
	put_text(fd, "GET /facts HTTP/1.1\r\nHost: h\r\n\r\n"); // the connection goes on
	assert_int_equal(get_answer(fd, false, head, NULL, NULL), 200);
	close(fd);
}

// The head and `bytes` of the body, which are all that comes.
static int read_limited(struct files *f, size_t bytes)
{
	char head[4096], *body = malloc(bytes);
	size_t n = 0, have = 0;
	int fd = world_connect(f->w.http_port);
	f->w.settle = 0;
	put_text(fd, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
	while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
		assert_true(n < sizeof(head));
		assert_int_equal(recv(fd, head + n++, 1, 0), 1);
	}
	while (have < bytes) {
		ssize_t got = recv(fd, body + have, bytes - have, 0);
		assert_true(got > 0);
		have += (size_t)got;
	}
	same_bytes(body, 0, bytes);
	free(body);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 50), 0);
	return fd;
}

// The rest of an answer waits for a word, whichever; others do not wait for it.
static void test_limited(void **state)
{
	struct files *f = *state;
	char head[4096], *rest = malloc(FILE_BYTES);
	size_t bytes, have = 0;
	f->w.file_limit = 300001;
	int fd = read_limited(f, 300001);
	assert_int_equal(ask(f, "Range: bytes=0-99999\r\n", head, NULL, &bytes), 206); // less than the limit
	assert_int_equal(bytes, 100000);
	f->w.settle = 1;
	while (have < FILE_BYTES - 300001) {
		ssize_t got = recv(fd, rest + have, FILE_BYTES - have, 0);
		assert_true(got > 0);
		have += (size_t)got;
	}
	same_bytes(rest, 300001, have);
	assert_int_equal(have, FILE_BYTES - 300001);
	put_text(fd, "GET /facts HTTP/1.1\r\nHost: h\r\n\r\n"); // the connection goes on
	assert_int_equal(get_answer(fd, false, head, NULL, NULL), 200);
	close(fd);
	fd = read_limited(f, 300001);
	f->w.settle = 2;
	assert_true(recv(fd, rest, FILE_BYTES, 0) <= 0); // it ends there
	close(fd);
	assert_int_equal(f->w.limited_gone, 0);
	close(read_limited(f, 300001)); // its reader goes first
	f->w.settle = 1;
	fd = world_connect(f->w.http_port); // and so does one that leaves what came unread
	f->w.settle = 0;
	put_text(fd, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
	struct pollfd p = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 20000), 1);
	close(fd);
	for (int i = 0; i < 5000 && !f->w.limited_gone; i++)
		usleep(1000);
	assert_int_equal(f->w.limited_gone, 1);
	f->w.file_limit = 0;
	free(rest);
}

static long resident_kib(void)
{
	long pages = 0, total = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_int_equal(fscanf(file, "%ld %ld", &total, &pages), 2);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

// Readers that stop hold a connection and a descriptor, no memory worth mentioning; others are served meanwhile.
static void test_slow_readers(void **state)
{
	struct files *f = *state;
	char head[4096];
	int fd[40];
	long before = resident_kib();
	for (unsigned i = 0; i < 40; i++) {
		fd[i] = world_connect(f->w.http_port);
		put_text(fd[i], "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
	}
	size_t bytes;
	assert_int_equal(ask(f, "Range: bytes=0-99999\r\n", head, NULL, &bytes), 206);
	assert_int_equal(bytes, 100000);
	assert_true(resident_kib() - before < 40 * 256);
	for (unsigned i = 0; i < 40; i++)
		close(fd[i]);
}

// Somebody cut the file: the client must see that the answer is not whole.
static void test_cut(void **state)
{
	struct files *f = *state;
	char head[4096];
	size_t bytes;
	int fd = world_connect(f->w.http_port);
	assert_int_equal(ftruncate(f->fd, 1000000), 0);
	put_text(fd, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(get_answer(fd, false, head, NULL, &bytes), 200);
	assert_true(bytes <= 1000000);
	close(fd);
	assert_int_equal(ftruncate(f->fd, FILE_BYTES), 0);
}

static void test_response(void **state)
{
	struct hz_response *res = hz_response_new();
	uint64_t offset, bytes;
	int fd[2];
	(void)state;
	assert_int_equal(hz_response_fd(res, &offset, &bytes), -1);
	assert_int_equal(pipe(fd), 0);
	hz_response_file(res, "video/mp4", fd[0], 5, 7);
	assert_int_equal(hz_response_fd(res, &offset, &bytes), fd[0]);
	assert_true(offset == 5 && bytes == 7);
	hz_response_copy(res, "text/plain", "x", 1); // another body: the file is let go
	assert_int_equal(hz_response_fd(res, &offset, &bytes), -1);
	assert_int_equal(fcntl(fd[0], F_GETFD), -1);
	hz_response_file(res, "video/mp4", fd[1], 0, 1);
	hz_response_free(res);
	assert_int_equal(fcntl(fd[1], F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_range),
	    cmocka_unit_test(test_response),
	    cmocka_unit_test_setup_teardown(test_whole_and_parts, start, stop),
	    cmocka_unit_test_setup_teardown(test_inside, start, stop),
	    cmocka_unit_test_setup_teardown(test_piece, start, stop),
	    cmocka_unit_test_setup_teardown(test_conditions, start, stop),
	    cmocka_unit_test_setup_teardown(test_head, start, stop),
	    cmocka_unit_test_setup_teardown(test_limited, start, stop),
	    cmocka_unit_test_setup_teardown(test_slow_readers, start, stop),
	    cmocka_unit_test_setup_teardown(test_cut, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
