#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "gateway/base/memfd.h"

static void arena(void **state)
{
	int fd;
	void *map;
	assert_int_equal(hz_memfd_new("t", 1 << 20, &fd), 0);
	assert_int_equal(hz_memfd_map(fd, 1 << 20, &map), 0);
	for (size_t i = 0; i < 1 << 20; i += 4096)
		assert_int_equal(((uint8_t *)map)[i], 0);
	memcpy(map, "kept", 5);
	hz_memfd_unmap(map, 1 << 20);
	hz_memfd_unmap(NULL, 1);
	assert_int_equal(hz_memfd_map(fd, 4096, &map), 0); // a part of it
	assert_string_equal(map, "kept");
	hz_memfd_unmap(map, 4096);
	assert_int_equal(ftruncate(fd, 0), -1); // sealed: no reader gets SIGBUS
	assert_int_equal(ftruncate(fd, 2 << 20), -1);
	close(fd);
}

static void arena_refused(void **state)
{
	int fd;
	void *map;
	assert_int_equal(hz_memfd_new("t", 0, &fd), -EINVAL);
	assert_int_equal(hz_memfd_new("t", SIZE_MAX, &fd), -EINVAL);
	assert_int_equal(hz_memfd_new("t", 4096, &fd), 0);
	assert_int_equal(hz_memfd_map(fd, 4097, &map), -EINVAL);
	assert_int_equal(hz_memfd_map(fd, 0, &map), -EINVAL);
	close(fd);
	assert_int_equal(hz_memfd_map(fd, 4096, &map), -EBADF);
	assert_int_equal(hz_memfd_claim(fd, &fd), -ENOENT);
}

static void text(void **state)
{
	int fd;
	char *back;
	size_t bytes;
	assert_int_equal(hz_memfd_from("t", "hello world", 11, &fd), 0);
	assert_int_equal(hz_memfd_read(fd, 100, &back, &bytes), 0);
	assert_int_equal(bytes, 11);
	assert_string_equal(back, "hello world");
	free(back);
	assert_int_equal(hz_memfd_read(fd, 10, &back, &bytes), -EFBIG);
	close(fd);
	assert_int_equal(hz_memfd_from("t", "", 0, &fd), 0);
	assert_int_equal(hz_memfd_read(fd, 0, &back, &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_string_equal(back, "");
	free(back);
	close(fd);
	assert_int_equal(hz_memfd_read(fd, 1, &back, &bytes), -EBADF);
}

// Who has the descriptor reads and nothing else, also by another way to the same file.
static void assert_read_only(int fd)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int again = open(path, O_RDWR | O_CLOEXEC);
	const int ways[] = {fd, again};
	assert_true(again >= 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pwrite(ways[i], "x", 1, 0), -1);
		assert_int_equal(ftruncate(ways[i], 0), -1);
		assert_int_equal(ftruncate(ways[i], 1 << 20), -1);
		assert_int_equal(fallocate(ways[i], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
		assert_ptr_equal(mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, ways[i], 0), MAP_FAILED);
		assert_int_equal(fcntl(ways[i], F_ADD_SEALS, F_SEAL_WRITE),
		                 -1); // nor takes it from its owner
	}
	close(again);
}

static void text_is_sealed(void **state)
{
	int fd;
	char *back;
	size_t bytes;
	assert_int_equal(hz_memfd_from("t", "hello world", 11, &fd), 0);
	assert_read_only(fd);
	assert_int_equal(hz_memfd_read(fd, 100, &back, &bytes), 0);
	assert_string_equal(back, "hello world");
	free(back);
	close(fd);
}

static void board(void **state)
{
	int fd;
	char *back;
	size_t bytes;
	void *map;
	assert_int_equal(hz_memfd_board("t", 0, &fd, &map), -EINVAL);
	assert_int_equal(hz_memfd_board("t", 4096, &fd, &map), 0);
	for (unsigned i = 0; i < 2; i++) { // its owner may write it again and again
		snprintf(map, 4096, "%s", i ? "second" : "first");
		assert_read_only(fd);
		assert_int_equal(hz_memfd_read(fd, 4096, &back, &bytes), 0);
		assert_int_equal(bytes, 4096);
		assert_string_equal(back, i ? "second" : "first");
		free(back);
	}
	hz_memfd_unmap(map, 4096);
	close(fd);
}

// The second holder gets it the moment the first one is killed, not before.
static void claim(void **state)
{
	int fd, lock, up[2];
	char c;
	assert_int_equal(hz_memfd_new("t", 4096, &fd), 0);
	assert_int_equal(pipe(up), 0);
	pid_t first = fork();
	if (first == 0) {
		if (hz_memfd_claim(fd, &lock) == 0 && write(up[1], "1", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(up[0], &c, 1), 1);
	pid_t second = fork();
	if (second == 0) {
		int err = hz_memfd_claim(fd, &lock);
		_exit(err == 0 && write(up[1], "2", 1) == 1 ? 0 : 1);
	}
	usleep(50000);
	assert_int_equal(waitpid(second, NULL, WNOHANG), 0); // waits
	int64_t killed_us = hz_now_us();
	kill(first, SIGKILL);
	assert_int_equal(read(up[0], &c, 1), 1);
	assert_int_equal(c, '2');
	assert_true(hz_now_us() - killed_us < 500000);
	int status;
	waitpid(first, NULL, 0);
	waitpid(second, &status, 0);
	assert_int_equal(status, 0);
	close(fd);
	close(up[0]);
	close(up[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arena),          cmocka_unit_test(arena_refused), cmocka_unit_test(text),
	    cmocka_unit_test(text_is_sealed), cmocka_unit_test(board),         cmocka_unit_test(claim),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
