// Candidates of clients, read; and those of our agents, put into answers that were built before.
#include <errno.h>

#include "signaling/sdp/answer.h"
#include "signaling/sdp/candidate.h"
#include "tests/unit/sdp/offers.h"

static void good(void **state)
{
	struct hz_candidate c;
	(void)state;
	assert_int_equal(
	    hz_sdp_take_candidate(
	        "candidate:842163049 1 udp 1677729535 198.51.100.7 61000 typ srflx raddr 0.0.0.0 "
	        "rport 0 generation 0 ufrag Ab+/ network-cost 999",
	        &c),
	    0);
	assert_int_equal(c.type, HZ_CANDIDATE_SRFLX);
	assert_int_equal(c.port, 61000);
	assert_int_equal(c.priority, 1677729535);
	assert_int_equal(c.address.s6_addr[10], 0xff);
	assert_int_equal(c.address.s6_addr[12], 198);
	assert_int_equal(hz_sdp_take_candidate("candidate:1 1 UDP 4294967295 2001:db8::1 1 typ relay", &c),
	                 0);
	assert_int_equal(c.type, HZ_CANDIDATE_RELAY);
	assert_int_equal(c.address.s6_addr[0], 0x20);
}

// Well formed, of no use to us; the result stays as it was.
static void other(void **state)
{
	static const char *const list[] = {
	    "candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
	    "candidate:1 2 udp 2130706431 192.0.2.1 5000 typ host",
	    "candidate:1 1 udp 2130706431 3fd8cf80-9c5e.local 5000 typ host",
	    "candidate:1 1 udp 2130706431 192.0.2.1 0 typ host",
	    "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ token",
	};
	struct hz_candidate c = {.port = 77};
	(void)state;
	for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_int_equal(hz_sdp_take_candidate(list[i], &c), -ENOTSUP);
	assert_int_equal(c.port, 77);
}

static void bad(void **state)
{
	static const char *const list[] = {
	    "",
	    "candidate:",
	    "candidate: 1 udp 1 192.0.2.1 5000 typ host",
	    "candidate:1 0 udp 1 192.0.2.1 5000 typ host",
	    "candidate:1 257 udp 1 192.0.2.1 5000 typ host",
	    "candidate:1 1 udp 4294967296 192.0.2.1 5000 typ host",
	    "candidate:1 1 udp -1 192.0.2.1 5000 typ host",
	    "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
	    "candidate:1 1 udp 1 192.0.2.1 5000 type host",
	    "candidate:1 1 udp 1 192.0.2.1 5000 typ",
	    "candidate:1 1 udp 1 192.0.2.1;x 5000 typ host",
	    "candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 5000 typ host",
	    "andidate:1 1 udp 1 192.0.2.1 5000 typ host",
	};
	struct hz_candidate c;
	(void)state;
	for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_int_equal(hz_sdp_take_candidate(list[i], &c), -EINVAL);
}

static void added(void **state)
{
	static const char answer[] = "v=0\r\nm=audio 9 X 1\r\na=end-of-candidates\r\nm=video 9 X 1\r\n";
	const struct hz_sdp_candidate list[] = {
	    {.address = "192.168.1.2", .port = 5000},
	    {.address = "not numeric", .port = 5000},
	    {.address = "2001:db8::2", .port = 5001, .type = HZ_CANDIDATE_RELAY},
	    {.address = "192.168.1.2", .port = 0}};
	char *text = NULL;
	(void)state;
	assert_int_equal(hz_sdp_add_candidates(answer, list, 4, &text), 0);
	assert_string_equal(text,
	                    "v=0\r\nm=audio 9 X 1\r\n"
	                    "a=candidate:1 1 udp 2130706431 192.168.1.2 5000 typ host\r\n"
	                    "a=candidate:3 1 udp 16776703 2001:db8::2 5001 typ relay raddr :: rport 9\r\n"
	                    "a=end-of-candidates\r\nm=video 9 X 1\r\n");
	free(text);
	assert_int_equal(hz_sdp_add_candidates("v=0\r\n", list, 1, &text), -EINVAL);
	assert_int_equal(hz_sdp_restart_frag("ufrag", "pwd", "0", list, 1, &text), 0);
	assert_string_equal(text, "a=ice-options:trickle\r\na=ice-ufrag:ufrag\r\na=ice-pwd:pwd\r\n"
	                          "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
	                          "a=candidate:1 1 udp 2130706431 192.168.1.2 5000 typ host\r\n"
	                          "a=end-of-candidates\r\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good),
	    cmocka_unit_test(other),
	    cmocka_unit_test(bad),
	    cmocka_unit_test(added),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
