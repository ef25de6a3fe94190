// WebSocket over real sockets, frame by frame.
#include "tests/unit/server/world.h"

#include "signaling/server/frame.h"

#define UPGRADE(extra)                                                                                       \
	"GET /ws HTTP/1.1\r\nHost: h:1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"         \
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                       \
	"Sec-WebSocket-Protocol: other, huizhen.v1\r\n" extra "\r\n"

static int start_with(void **state, struct hz_server_limits limits)
{
	static const char *const origins[] = {"https://hospital.example", NULL};
	struct world *w = calloc(1, sizeof(*w));
	w->limits = limits;
	w->limits.requests_per_second = 100000;
	w->origins = origins;
	world_start(w);
	*state = w;
	return 0;
}

static int start(void **state)
{
	return start_with(state, (struct hz_server_limits){.ws_messages_per_second = 10000});
}

static int start_strict(void **state)
{
	return start_with(state, (struct hz_server_limits){.ws_ping_ms = 400});
}

static int stop(void **state)
{
	world_stop(*state);
	free(*state);
	return 0;
}

static int open_ws(struct world *w)
{
	char head[4096];
	int fd = world_connect(w->http_port);
	put_text(fd, UPGRADE(""));
	assert_int_equal(get_answer(fd, true, head, NULL, NULL), 101);
	assert_non_null(
	    strstr(head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")); // RFC 6455, 1.3
	assert_non_null(strstr(head, "\r\nSec-WebSocket-Protocol: huizhen.v1\r\n"));
	return fd;
}

// A frame of a client. first: FIN, RSV and opcode.
static void put_frame(int fd, int first, const void *data, size_t bytes)
{
	uint8_t *frame = malloc(bytes + 14), mask[4] = {0x12, 0x34, 0x56, 0x78};
	size_t n = hz_frame_write_head(HZ_FRAME_TEXT, bytes, frame);
	frame[0] = (uint8_t)first;
	frame[1] |= 0x80;
	memcpy(frame + n, mask, 4);
	if (bytes)
		memcpy(frame + n + 4, data, bytes);
	hz_frame_unmask(frame + n + 4, bytes, mask, 0);
	put_bytes(fd, frame, n + 4 + bytes);
	free(frame);
}

static bool get_bytes(int fd, void *data, size_t bytes)
{
	return bytes == 0 || recv(fd, data, bytes, MSG_WAITALL) == (ssize_t)bytes;
}

// Reads a frame of the server. Its opcode, or -1 at the end. Pings are skipped.
static int get_frame(int fd, char *ret, size_t cap, size_t *ret_bytes)
{
	for (;;) {
		uint8_t head[10];
		uint64_t bytes;
		if (!get_bytes(fd, head, 2))
			return -1;
		assert_true(head[0] & 0x80);
		assert_false(head[1] & 0x80); // a server does not mask
		bytes = head[1];
		size_t extended = bytes == 126 ? 2 : bytes == 127 ? 8 : 0;
		if (extended) {
			assert_true(get_bytes(fd, head, extended));
			bytes = 0;
			for (size_t i = 0; i < extended; i++)
				bytes = bytes << 8 | head[i];
		}
		assert_true(bytes < cap);
		if (!get_bytes(fd, ret, bytes))
			return -1;
		ret[bytes] = '\0';
		*ret_bytes = bytes;
		int op = extended ? HZ_FRAME_TEXT : head[0] & 15;
		if (op != HZ_FRAME_PING)
			return op;
	}
}

// The server's close code: reads on until the close frame; 1006 when the connection just ends.
static int get_close(int fd)
{
	static char text[1 << 20];
	size_t n;
	for (;;) {
		int op = get_frame(fd, text, sizeof(text), &n);
		if (op < 0)
			return 1006;
		if (op == HZ_FRAME_CLOSE)
			return n >= 2 ? (uint8_t)text[0] << 8 | (uint8_t)text[1] : 1005;
	}
}

static void expect_text(int fd, const char *wanted)
{
	static char text[1 << 20];
	size_t n;
	assert_int_equal(get_frame(fd, text, sizeof(text), &n), HZ_FRAME_TEXT);
	assert_string_equal(text, wanted);
}

static void test_echo(void **state)
{
	struct world *w = *state;
	static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 200000, 256 * 1024 - 16};
	char *text = malloc(1 << 19), *got = malloc(1 << 19);
	int fd = open_ws(w);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n;
		for (size_t k = 0; k < sizes[i]; k++)
			text[k] = (char)('a' + (k * 3 + i) % 26);
		put_frame(fd, 0x81, text, sizes[i]);
		assert_int_equal(get_frame(fd, got, 1 << 19, &n), HZ_FRAME_TEXT);
		assert_int_equal(n, sizes[i]);
		assert_memory_equal(got, text, n);
	}
	put_frame(fd, 0x81, "address", 7);
	expect_text(fd, "127.0.0.1");
	free(text);
	free(got);
	put_frame(fd, 0x88,
	          "\x03\xe8"
	          "bye",
	          5);
	assert_int_equal(get_close(fd), 1000);
	assert_true(wait_for(&w->closed, 1));
	assert_int_equal(w->close_code, 1000);
	close(fd);
}

static void test_fragments(void **state)
{
	struct world *w = *state;
	int fd = open_ws(w);
	put_frame(fd, 0x01, "he", 2);
	put_frame(fd, 0x00, "", 0);
	put_frame(fd, 0x89, "ping", 4); // a control frame may come in between
	put_frame(fd, 0x00, "ll", 2);
	put_frame(fd, 0x80, "o \xe4\xbc\x9a\xe8\xaf\x8a", 8);
	char text[200];
	size_t n;
	assert_int_equal(get_frame(fd, text, sizeof(text), &n), HZ_FRAME_PONG);
	assert_string_equal(text, "ping");
	expect_text(fd, "hello \xe4\xbc\x9a\xe8\xaf\x8a");
	put_frame(fd, 0x01, "\xe4\xbc", 2); // a character may be cut between fragments
	put_frame(fd, 0x80, "\x9a", 1);
	expect_text(fd, "\xe4\xbc\x9a");
	put_frame(fd, 0x8a, "unasked", 7);
	// All at once, and then a byte at a time.
	uint8_t two[] = {0x81, 0x81, 0, 0, 0, 0, 'x', 0x81, 0x81, 1, 1, 1, 1, 'y' ^ 1};
	put_bytes(fd, two, sizeof(two));
	expect_text(fd, "x");
	expect_text(fd, "y");
	for (size_t i = 0; i < sizeof(two); i++) {
		put_bytes(fd, two + i, 1);
		sleep_ms(2);
	}
	expect_text(fd, "x");
	expect_text(fd, "y");
	close(fd);
	assert_true(wait_for(&w->closed, 1));
	assert_int_equal(w->close_code, HZ_WS_ABNORMAL);
}

// The first message may ride in the packet of the upgrade.
static void test_eager_client(void **state)
{
	struct world *w = *state;
	static const char upgrade[] = UPGRADE("");
	char all[sizeof(upgrade) + 16], head[4096];
	int fd = world_connect(w->http_port);
	memcpy(all, upgrade, sizeof(upgrade) - 1);
	memcpy(all + sizeof(upgrade) - 1, "\x81\x82\0\0\0\0hi", 8);
	put_bytes(fd, all, sizeof(upgrade) - 1 + 8);
	assert_int_equal(get_answer(fd, true, head, NULL, NULL), 101);
	expect_text(fd, "hi");
	close(fd);
}

static void test_upgrade_refused(void **state)
{
	struct world *w = *state;
#define W(path, version, key, protocol, extra)                                                               \
	"GET " path                                                                                          \
	" HTTP/1.1\r\nHost: h:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" version key protocol extra \
	"\r\n"
#define V "Sec-WebSocket-Version: 13\r\n"
#define K "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define P "Sec-WebSocket-Protocol: huizhen.v1\r\n"
	static const struct {
		const char *request;
		int status;
	} cases[] = {
	    {W("/ws", V, K, P, ""), 101},
	    {W("/ws?x=1", V, K, P, "Origin: http://h:1\r\n"), 101},
	    {W("/ws", V, K, P, "Origin: HTTPS://Hospital.example\r\n"), 101},
	    {W("/ws", V, K, P, "Origin: https://evil.example\r\n"), 403},
	    {W("/ws", V, K, P, "Origin: null\r\n"), 403},
	    {W("/ws", V, K, P, "Origin: http://h\r\n"), 403},
	    {W("/ws", V, K, P, "Origin: http://h:1.evil.example\r\n"), 403},
	    {W("/", V, K, P, ""), 404},
	    {W("/ws/", V, K, P, ""), 404},
	    {W("/WS", V, K, P, ""), 404},
	    {W("/ws", "", K, P, ""), 426},
	    {W("/ws", "Sec-WebSocket-Version: 8\r\n", K, P, ""), 426},
	    {W("/ws", V, "", P, ""), 400},
	    {W("/ws", V, "Sec-WebSocket-Key: short==\r\n", P, ""), 400},
	    {W("/ws", V, K K, P, ""), 400},
	    {W("/ws", V, K, "", ""), 400},
	    {W("/ws", V, K, "Sec-WebSocket-Protocol: huizhen.v2\r\n", ""), 400},
	    {W("/ws", V, K, "Sec-WebSocket-Protocol: hz-socket, hz-fd\r\n", ""), 400},
	    {W("/ws", V, K, "Sec-WebSocket-Protocol: huizhen.v1x\r\n", ""), 400},
	    {W("/ws", V, K, P, "Content-Length: 4\r\n") "body", 400},
	    {"POST /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" V K P "\r\n",
	     400},
	    {"GET /ws HTTP/1.1\r\nHost: h\r\n\r\n", 404}, // no upgrade: the handler's, which knows no /ws
	    {"GET /facts HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 200}, // ignored
	    {"GET /facts HTTP/1.1\r\nHost: h\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n", 200},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char head[4096];
		int fd = world_connect(w->http_port);
		put_text(fd, cases[i].request);
		int status = get_answer(fd, true, head, NULL, NULL);
		if (status != cases[i].status)
			fail_msg("case %zu: %d instead of %d", i, status, cases[i].status);
		close(fd);
	}
}

// A reload names another host: from then on that is the one.
static void test_origins_change(void **state)
{
	struct world *w = *state;
	static const char *const other[] = {"https://new.example", NULL};
	static const struct {
		const char *request;
		int before, after;
	} cases[] = {{UPGRADE("Origin: https://hospital.example\r\n"), 101, 403},
	             {UPGRADE("Origin: https://new.example\r\n"), 403, 101},
	             {UPGRADE("Origin: http://h:1\r\n"), 101, 101}};
	for (int after = 0; after < 2; after++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			char head[4096];
			int fd = world_connect(w->http_port);
			put_text(fd, cases[i].request);
			assert_int_equal(get_answer(fd, true, head, NULL, NULL),
			                 after ? cases[i].after : cases[i].before);
			close(fd);
		}
		// The loop sleeps: nothing else runs in the server.
		assert_int_equal(hz_server_set_origins(w->server, other), 0);
	}
	assert_int_equal(hz_server_set_origins(w->server, NULL), 0);
}

static void test_bad_frames(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *bytes;
		size_t n;
		int code;
	} cases[] = {
#define B(text, code) {text, sizeof(text) - 1, code}
	    B("\x81\x02hi", 1002), // no mask
	    B("\x81\x00", 1002),
	    B("\xc1\x80\0\0\0\0", 1002), // reserved bits
	    B("\xa1\x80\0\0\0\0", 1002),
	    B("\x91\x80\0\0\0\0", 1002),
	    B("\x83\x80\0\0\0\0", 1002), // opcodes nobody has given a meaning
	    B("\x87\x80\0\0\0\0", 1002),
	    B("\x8b\x80\0\0\0\0", 1002),
	    B("\x8f\x80\0\0\0\0", 1002),
	    B("\x80\x80\0\0\0\0", 1002), // continues nothing
	    B("\x00\x80\0\0\0\0", 1002),
	    B("\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 1002), // a message inside a message
	    B("\x09\x80\0\0\0\0", 1002),                 // a fragmented ping
	    B("\x08\x80\0\0\0\0", 1002),
	    B("\x89\xfe\x00\x7e\0\0\0\0", 1002), // control frames above 125 bytes
	    B("\x8a\xfe\x01\x00\0\0\0\0", 1002),
	    B("\x89\xff\0\0\0\0\0\1\0\0\0\0\0\0", 1002),
	    B("\x81\xfe\x00\x05\0\0\0\0hello", 1002), // a length not in its shortest form
	    B("\x81\xff\0\0\0\0\0\0\0\5\0\0\0\0hello", 1002),
	    B("\x81\xff\x80\0\0\0\0\0\0\5\0\0\0\0hello", 1002),
	    B("\x82\x82\0\0\0\0hi", 1003), // binary
	    B("\x02\x82\0\0\0\0hi", 1003),
	    B("\x81\x81\0\0\0\0\xff", 1007),
	    B("\x81\x82\0\0\0\0\xc0\x80", 1007),         // overlong
	    B("\x81\x83\0\0\0\0\xed\xa0\x80", 1007),     // a surrogate
	    B("\x81\x84\0\0\0\0\xf4\x90\x80\x80", 1007), // above U+10FFFF
	    B("\x81\x82\0\0\0\0\xe4\xbc", 1007),         // cut
	    B("\x01\x82\0\0\0\0\xe4\xbc\x80\x81\0\0\0\0x", 1007),
	    B("\x81\xff\0\0\0\0\0\4\0\1\0\0\0\0", 1009), // 256 KiB + 1
	    B("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),
	    B("\x88\x81\0\0\0\0\x03", 1002),     // close frames
	    B("\x88\x82\0\0\0\0\x03\xe7", 1002), // 999
	    B("\x88\x82\0\0\0\0\x03\xed", 1002), // 1005
	    B("\x88\x82\0\0\0\0\x03\xee", 1002), // 1006
	    B("\x88\x82\0\0\0\0\x07\xd0", 1002), // 2000
	    B("\x88\x82\0\0\0\0\x13\x88", 1002), // 5000
	    B("\x88\x83\0\0\0\0\x03\xe8\xff", 1007),
	    B("\x88\x82\0\0\0\0\x0f\xa0", 4000), // good ones: echoed
	    B("\x88\x82\0\0\0\0\x03\xe9", 1001),
	    B("\x88\x80\0\0\0\0", 1005),
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = open_ws(w), before = w->closed;
		put_bytes(fd, cases[i].bytes, cases[i].n);
		int code = get_close(fd);
		if (code != cases[i].code)
			fail_msg("case %zu: %d instead of %d", i, code, cases[i].code);
		put_frame(fd, 0x81, "ignored", 7);
		put_frame(fd, 0x88, "\x03\xe8", 2);
		close(fd);
		assert_true(wait_for(&w->closed, before + 1));
		if (w->close_code != cases[i].code)
			fail_msg("case %zu: told %d", i, w->close_code);
	}
	assert_int_equal(w->texts, 0);
}

// Fragments that together go over the bound.
static void test_too_large_in_pieces(void **state)
{
	struct world *w = *state;
	char *piece = calloc(1, 100000);
	int fd = open_ws(w);
	memset(piece, 'x', 100000);
	put_frame(fd, 0x01, piece, 100000);
	put_frame(fd, 0x00, piece, 100000);
	put_frame(fd, 0x80, piece, 100000);
	assert_int_equal(get_close(fd), 1009);
	free(piece);
	close(fd);
}

static void test_close_by_us(void **state)
{
	struct world *w = *state;
	int fd = open_ws(w);
	put_frame(fd, 0x81, "close 4001", 10);
	assert_int_equal(get_close(fd), 4001);
	put_frame(fd, 0x88, "\x0f\xa1", 2);
	char c;
	assert_int_equal(recv(fd, &c, 1, 0), 0); // the server ends the connection
	close(fd);
	assert_true(wait_for(&w->closed, 1));
	assert_int_equal(w->close_code, 4001);
	// A client that never answers the close is cut after 2 s.
	fd = open_ws(w);
	put_frame(fd, 0x81, "close 4004", 10);
	assert_int_equal(get_close(fd), 4004);
	assert_true(wait_for(&w->closed, 2));
	close(fd);
}

// One whose kernel takes little.
static int open_slow_ws(const struct world *w)
{
	int small = 8192, fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in addr = {.sin_family = AF_INET,
	                           .sin_port = htons(w->http_port),
	                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char head[4096];
	struct timeval timeout = {.tv_sec = 5};
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	assert_return_code(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), errno);
	put_text(fd, UPGRADE(""));
	assert_int_equal(get_answer(fd, true, head, NULL, NULL), 101);
	return fd;
}

// A message that was half sent when its reader went away is not kept (LeakSanitizer looks, too).
static void test_gone_in_a_message(void **state)
{
	struct world *w = *state;
	int small = 8192; // inherited by what is accepted: a send buffer that is full at once
	setsockopt(w->listen_http, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	int fd = open_slow_ws(w);
	put_frame(fd, 0x81, "flood 200", 9);
	assert_true(wait_for(&w->texts, 1));
	sleep_ms(200);
	assert_true(world_counters(w)->websockets_queued_bytes > 0);
	close(fd);
	assert_true(wait_for(&w->closed, 1));
	assert_int_equal(world_counters(w)->websockets_queued_bytes, 0);
}

static void test_slow_reader(void **state)
{
	struct world *w = *state;
	int fd = open_slow_ws(w);
	for (int i = 0; i < 200 && !w->closed; i++) {
		put_frame(fd, 0x81, "flood 200", 9); // 200 KiB each, and nobody reads
		sleep_ms(20);
	}
	assert_true(wait_for(&w->closed, 1));
	assert_int_equal(w->close_code, HZ_WS_SLOW);
	assert_int_equal(world_counters(w)->ws_slow, 1);
	assert_int_equal(world_counters(w)->websockets_queued_bytes, 0);
	close(fd);
	// One that asks for more than the bound at once, but reads, hears why.
	fd = open_ws(w);
	put_frame(fd, 0x81, "flood 300", 9);
	assert_int_equal(get_close(fd), HZ_WS_SLOW);
	close(fd);
}

static void test_flooding(void **state)
{
	struct world *w = *state;
	int fd = open_ws(w);
	for (int i = 0; i < 249; i++) // 50 a second over 5 s is allowed, also at once
		put_frame(fd, 0x81, "x", 1);
	for (int i = 0; i < 249; i++)
		expect_text(fd, "x");
	for (int i = 0; i < 100; i++)
		put_frame(fd, 0x81, "x", 1);
	assert_int_equal(get_close(fd), HZ_WS_FLOODING);
	close(fd);
	fd = open_ws(w);
	for (int i = 0; i < 400; i++) // pings count, too
		put_frame(fd, 0x89, "", 0);
	assert_int_equal(get_close(fd), HZ_WS_FLOODING);
	close(fd);
	fd = open_ws(w);
	put_frame(fd, 0x01, "", 0);
	for (int i = 0; i < 400; i++) // and empty fragments
		put_frame(fd, 0x00, "", 0);
	assert_int_equal(get_close(fd), HZ_WS_FLOODING);
	close(fd);
}

static void test_ping_and_death(void **state)
{
	struct world *w = *state;
	uint8_t frame[2];
	int fd = open_ws(w);
	int64_t before = hz_now_us();
	assert_true(get_bytes(fd, frame, 2));
	assert_int_equal(frame[0], 0x89); // pinged after 0.4 s
	assert_int_equal(frame[1], 0);
	assert_in_range((hz_now_us() - before) / 1000, 300, 700);
	for (int i = 0; i < 4; i++) { // pongs keep it alive
		put_frame(fd, 0x8a, "", 0);
		sleep_ms(400);
		assert_int_equal(w->closed, 0);
	}
	assert_true(wait_for(&w->closed, 1)); // silence kills
	assert_int_equal(w->close_code, HZ_WS_ABNORMAL);
	assert_int_equal(world_counters(w)->ws_dead, 1);
	close(fd);
}

static void test_stop_closes_politely(void **state)
{
	struct world *w = *state;
	int a = open_ws(w), b = open_ws(w);
	assert_int_equal(write(w->wake[1], "x", 1), 1);
	assert_int_equal(get_close(a), HZ_WS_GOING_AWAY);
	assert_int_equal(get_close(b), HZ_WS_GOING_AWAY);
	put_frame(a, 0x88, "\x03\xe9", 2);
	assert_true(wait_for(&w->closed, 1));
	close(a);
	close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_echo, start, stop),
	    cmocka_unit_test_setup_teardown(test_fragments, start, stop),
	    cmocka_unit_test_setup_teardown(test_eager_client, start, stop),
	    cmocka_unit_test_setup_teardown(test_upgrade_refused, start, stop),
	    cmocka_unit_test_setup_teardown(test_origins_change, start, stop),
	    cmocka_unit_test_setup_teardown(test_bad_frames, start, stop),
	    cmocka_unit_test_setup_teardown(test_too_large_in_pieces, start, stop),
	    cmocka_unit_test_setup_teardown(test_close_by_us, start, stop),
	    cmocka_unit_test_setup_teardown(test_gone_in_a_message, start, stop),
	    cmocka_unit_test_setup_teardown(test_slow_reader, start, stop),
	    cmocka_unit_test_setup_teardown(test_flooding, start_strict, stop),
	    cmocka_unit_test_setup_teardown(test_ping_and_death, start_strict, stop),
	    cmocka_unit_test_setup_teardown(test_stop_closes_politely, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
