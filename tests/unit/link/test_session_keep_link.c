// What is to be kept, between control and huizhen-imaging: said again until it is taken, bounded, and news in order.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/memfd.h"
#include "gateway/base/seqpacket.h"
#include "gateway/link/keep_link.h"

// The next KEEP that imaging gets; its number, 0: there is none. text is what came with it.
static uint64_t heard(int fd, char text[64])
{
	struct hz_dweb_keep keep;
	int fds[1] = {-1};
	const struct hz_seqpacket_in what = {.buf = &keep, .cap = sizeof(keep), .fds = fds, .fds_cap = 1};
	size_t bytes = 0, length = 0;
	unsigned count = 0;
	char *all = NULL;
	if (hz_seqpacket_recv_fds(fd, &what, &bytes, &count))
		return 0;
	assert_int_equal(bytes, sizeof(keep));
	assert_int_equal(keep.h.type, HZ_DWEB_KEEP);
	assert_int_equal(count, 1);
	assert_int_equal(hz_memfd_read(fds[0], 1000, &all, &length), 0);
	assert_int_equal(write(fds[0], "x", 1), -1); // sealed
	close(fds[0]);
	snprintf(text, 64, "%s", all);
	free(all);
	return keep.id;
}

static unsigned told, failed;

static void on_news(void *ctx, const struct hz_dweb_kept *news, const char *by)
{
	(void)ctx;
	if (news->state == HZ_DWEB_NOT_TAKEN) { // it names what it was, and whose
		assert_string_equal(by, "clinic");
		assert_string_equal(news->consult, "c");
		assert_string_equal(news->pacs, "main");
		assert_string_equal(news->study, "1.2");
		assert_int_equal(news->result, HZ_DWEB_FULL);
		failed++;
		return;
	}
	assert_string_equal(by, "");
	assert_int_equal(strlen(news->consult), sizeof(news->consult) - 1); // ended, whoever sent it
	told++;
}

static void said_until_taken(void **state)
{
	int pair[2];
	char text[64];
	struct hz_keep_link *link;
	struct hz_dweb_kept kept = {.state = HZ_DWEB_TAKEN};
	(void)state;
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	assert_int_equal(hz_keep_link_new(pair[0], &link), 0);
	hz_keep_link_listen(link, on_news, NULL);
	assert_int_equal(hz_keep_link_put(link, strdup("{\"a\":1}"), ""), 0);
	assert_int_equal(hz_keep_link_put(link,
	                                  strdup("{\"consult\":\"c\",\"pacs\":\"main\",\"study\":\"1.2\"}"),
	                                  "clinic"),
	                 0);
	uint64_t first = heard(pair[1], text);
	assert_string_equal(text, "{\"a\":1}");
	uint64_t second = heard(pair[1], text);
	assert_true(first && second && first != second);
	assert_int_equal(heard(pair[1], text), 0);
	hz_keep_link_again(link); // it has died
	assert_int_equal(heard(pair[1], text), first);
	assert_int_equal(heard(pair[1], text), second);
	kept.id = first + 1000; // an old control's
	hz_keep_link_heard(link, &kept);
	kept.id = first;
	hz_keep_link_heard(link, &kept);
	kept.id = second;
	kept.state = HZ_DWEB_NOT_TAKEN;
	kept.result = HZ_DWEB_FULL;
	hz_keep_link_heard(link, &kept);
	assert_int_equal(failed, 1);
	hz_keep_link_heard(link, &kept); // once
	assert_int_equal(failed, 1);
	hz_keep_link_again(link);
	assert_int_equal(heard(pair[1], text), 0);
	memset(&kept, 'x', sizeof(kept));
	kept.state = HZ_DWEB_NEWS;
	hz_keep_link_heard(link, &kept);
	assert_int_equal(told, 1);
	hz_keep_link_free(link);
	close(pair[0]);
	close(pair[1]);
}

static void bounded(void **state)
{
	int pair[2], err = 0;
	struct hz_keep_link *link;
	unsigned count = 0;
	(void)state;
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	assert_int_equal(hz_keep_link_new(pair[0], &link), 0);
	while (!err && count < 1000) {
		err = hz_keep_link_put(link, strdup("{}"), "");
		count += !err;
	}
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(count, HZ_KEEPS_WAIT);
	close(pair[1]); // nobody hears: nothing breaks
	hz_keep_link_again(link);
	hz_keep_link_free(link);
	hz_keep_link_free(NULL);
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(said_until_taken), cmocka_unit_test(bounded)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
