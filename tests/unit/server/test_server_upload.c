// Bodies that go into files: a disk that stands still holds up nobody else, one that fails or is full answers 507, who goes away leaves nothing,
// and there are so many at once and no more.
#include "tests/unit/server/world.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define BODY ((size_t)1 << 20)

static struct {
	int fd; // given out next
	atomic_int asked;
} disk;

static int give(struct world *w, uint64_t bytes, uint64_t *ret_owner)
{
	disk.asked++;
	assert_int_equal(bytes, BODY);
	*ret_owner = 7;
	return disk.fd >= 0 ? dup(disk.fd) : disk.fd;
}

struct sender {
	struct world *w;
	pthread_t thread;
	int fd, status;
	size_t bytes; // of the body that it sends
	char *body;
};

static void *send_all(void *arg)
{
	struct sender *s = arg;
	char head[4096], *data = malloc(BODY);
	for (size_t i = 0; i < BODY; i++)
		data[i] = (char)(i * 7 + i / 251);
	int n = snprintf(head, sizeof(head), "PUT /facts HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
	                 BODY);
	put_bytes(s->fd, head, (size_t)n);
	put_bytes(s->fd, data, s->bytes);
	if (s->bytes == BODY)
		s->status = get_answer(s->fd, false, head, &s->body, NULL);
	free(data);
	return NULL;
}

static void begin(struct sender *s, struct world *w, size_t bytes)
{
	*s = (struct sender){.w = w, .bytes = bytes, .fd = world_connect(w->http_port)};
	assert_int_equal(pthread_create(&s->thread, NULL, send_all, s), 0);
}

static void end(struct sender *s, int status)
{
	pthread_join(s->thread, NULL);
	if (status)
		assert_int_equal(s->status, status);
	free(s->body);
	close(s->fd);
}

static const char look[] = "GET /facts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	w->limits.body_bytes = 1000;
	w->upload = give;
	w->body_fd = -1;
	atomic_store(&disk.asked, 0);
	world_start(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	world_stop(w);
	if (w->body_fd >= 0)
		close(w->body_fd);
	free(w);
	return 0;
}

static void drain(int fd, size_t bytes)
{
	char buf[65536];
	for (ssize_t n; bytes && (n = read(fd, buf, sizeof(buf) < bytes ? sizeof(buf) : bytes)) > 0;)
		bytes -= (size_t)n;
	assert_int_equal(bytes, 0);
}

// A disk that takes nothing: a pipe that nobody reads.
static void test_stands_still(void **state)
{
	struct world *w = *state;
	struct sender s;
	int slow[2];
	assert_return_code(pipe(slow), errno);
	disk.fd = slow[1];
	begin(&s, w, BODY);
	assert_true(wait_for(&disk.asked, 1));
	sleep_ms(100); // what comes goes to the writer, which stands
	for (int i = 0; i < 20; i++)
		assert_int_equal(status_of(w->http_port, look, sizeof(look) - 1), 200);
	drain(slow[0], BODY);
	end(&s, 200);
	close(slow[0]);
	close(slow[1]);
}

static void test_bit_by_bit(void **state)
{
	struct world *w = *state;
	struct sender s;
	struct stat st;
	disk.fd = memfd_create("body", MFD_CLOEXEC);
	begin(&s, w, BODY);
	end(&s, 200);
	assert_int_equal(fstat(w->body_fd, &st), 0);
	assert_int_equal(st.st_size, BODY);
	char *data = malloc(BODY);
	assert_int_equal(pread(w->body_fd, data, BODY, 0), (ssize_t)BODY);
	for (size_t i = 0; i < BODY; i++) {
		if (data[i] != (char)(i * 7 + i / 251))
			fail_msg("byte %zu", i);
	}
	free(data);
	close(disk.fd);
}

static void test_full_disk(void **state)
{
	struct world *w = *state;
	struct sender s;
	disk.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	begin(&s, w, BODY);
	end(&s, 507);
	close(disk.fd);
	disk.fd = -429;
	begin(&s, w, BODY);
	end(&s, 429);
}

static void test_goes_away(void **state)
{
	struct world *w = *state;
	struct sender s[HZ_UPLOADS + 1];
	int slow[2];
	assert_return_code(pipe(slow), errno);
	disk.fd = slow[1];
	for (unsigned i = 0; i < HZ_UPLOADS; i++)
		begin(&s[i], w, BODY / 4);
	assert_true(wait_for(&disk.asked, HZ_UPLOADS));
	begin(&s[HZ_UPLOADS], w, BODY); // one too many
	end(&s[HZ_UPLOADS], 503);
	for (unsigned i = 0; i < HZ_UPLOADS; i++)
		end(&s[i], 0); // all hang up in the middle; one of them while the writer has it
	drain(slow[0], BODY / 8);
	close(slow[0]); // and what is left of them fails: EPIPE
	close(slow[1]);
	disk.fd = memfd_create("body", MFD_CLOEXEC);
	int status = 0;
	for (int i = 0; i < 100 && status != 200; i++) { // their places are free again
		begin(&s[0], w, BODY);
		pthread_join(s[0].thread, NULL);
		status = s[0].status;
		free(s[0].body);
		close(s[0].fd);
		if (status != 200)
			sleep_ms(50);
	}
	assert_int_equal(status, 200);
	close(disk.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_stands_still, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_bit_by_bit, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_goes_away, set_up, tear_down),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
