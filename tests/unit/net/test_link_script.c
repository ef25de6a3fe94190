// The lines that steer hz-link, and its firewall.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/net/link/filter.h"
#include "tests/net/link/script.h"

static int parse(const char *text, struct hz_script_command *command)
{
	char line[256];
	const char *why = NULL;
	strncpy(line, text, sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	int err = hz_script_parse(line, command, &why);
	assert_int_equal(err != 0, why != NULL);
	return err;
}

static void test_set(void **state)
{
	struct hz_script_command c;
	assert_int_equal(
	    parse("set down rate=300000 queue=9375 delay=40.5 jitter=2 loss=2.5 burst=3 reorder=1\n", &c), 0);
	assert_int_equal(c.verb, HZ_SCRIPT_SET);
	assert_int_equal(c.directions, HZ_SCRIPT_DOWN);
	assert_int_equal(c.after_us, 0);
	struct hz_wire_config config = {0};
	hz_script_merge(&c, &config);
	assert_int_equal(config.rate_bps, 300000);
	assert_int_equal(config.queue_bytes, 9375);
	assert_int_equal(config.delay_us, 40500);
	assert_int_equal(config.jitter_us, 2000);
	assert_int_equal(config.loss_ppm, 25000);
	assert_int_equal(config.burst_permille, 3000);
	assert_true(config.reorder);
}

static void test_set_leaves_the_rest(void **state)
{
	struct hz_script_command c;
	struct hz_wire_config config = {
	    .rate_bps = 5, .queue_bytes = 6, .delay_us = 7, .jitter_us = 8, .loss_ppm = 9, .reorder = true};
	assert_int_equal(parse("at 1500 set both rate=3000000", &c), 0);
	assert_int_equal(c.after_us, 1500000);
	assert_int_equal(c.directions, HZ_SCRIPT_UP | HZ_SCRIPT_DOWN);
	hz_script_merge(&c, &config);
	assert_int_equal(config.rate_bps, 3000000);
	assert_int_equal(config.queue_bytes, 6);
	assert_int_equal(config.delay_us, 7);
	assert_int_equal(config.loss_ppm, 9);
	assert_true(config.reorder);
	assert_int_equal(parse("set up reorder=0 loss=0", &c), 0);
	hz_script_merge(&c, &config);
	assert_false(config.reorder);
	assert_int_equal(config.loss_ppm, 0);
	assert_int_equal(config.jitter_us, 8);
}

static void test_others(void **state)
{
	struct hz_script_command c;
	assert_int_equal(parse("at 250 outage up 5000", &c), 0);
	assert_int_equal(c.verb, HZ_SCRIPT_OUTAGE);
	assert_int_equal(c.outage_us, 5000000);
	assert_int_equal(c.after_us, 250000);
	assert_int_equal(c.directions, HZ_SCRIPT_UP);
	assert_int_equal(parse("block 8443", &c), 0);
	assert_int_equal(c.verb, HZ_SCRIPT_BLOCK);
	assert_int_equal(c.port, 8443);
	assert_int_equal(parse("stats\r\n", &c), 0);
	assert_int_equal(c.verb, HZ_SCRIPT_STATS);
	assert_int_equal(parse("reset", &c), 0);
	assert_int_equal(c.verb, HZ_SCRIPT_RESET);
	assert_int_equal(parse("  quit", &c), 0);
	assert_int_equal(c.verb, HZ_SCRIPT_QUIT);
}

static void test_bad_lines(void **state)
{
	static const char *const lines[] = {
	    "",
	    "\n",
	    "at",
	    "at x stats",
	    "at 10",
	    "at -5 stats",
	    "at 1e99 stats",
	    "set",
	    "set down",
	    "set left rate=1",
	    "set down rate",
	    "set down rate=",
	    "set down rate=x",
	    "set down rate=-1",
	    "set down rate=10k",
	    "set down loss=101",
	    "set down loss=nan",
	    "set down speed=1",
	    "set down =1",
	    "set down reorder=2",
	    "set down delay=10000000",
	    "outage",
	    "outage down",
	    "outage down x",
	    "outage 5000",
	    "outage down 5000 1",
	    "block",
	    "block 65536",
	    "block udp",
	    "stats now",
	    "quit quit",
	    "at 1 at 2 stats",
	    "nonsense",
	};
	struct hz_script_command c, untouched;
	memset(&c, 0x5a, sizeof(c));
	memcpy(&untouched, &c, sizeof(c));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(parse(lines[i], &c), -EINVAL);
	assert_memory_equal(&c, &untouched, sizeof(c));
}

static size_t ipv4(uint8_t *packet, uint8_t protocol, uint16_t from, uint16_t to)
{
	memset(packet, 0, 40);
	packet[0] = 0x45;
	packet[9] = protocol;
	packet[20] = (uint8_t)(from >> 8);
	packet[21] = (uint8_t)from;
	packet[22] = (uint8_t)(to >> 8);
	packet[23] = (uint8_t)to;
	return 40;
}

static void test_firewall_v4(void **state)
{
	uint8_t p[64];
	size_t n = ipv4(p, 17, 40000, 8443);
	assert_true(hz_filter_passes(p, n, 0));
	assert_false(hz_filter_passes(p, n, 8443)); // UDP
	n = ipv4(p, 6, 40000, 8443);
	assert_true(hz_filter_passes(p, n, 8443));
	assert_false(hz_filter_passes(p, n, 443));
	assert_false(hz_filter_passes(p, 23, 8443)); // cut
	n = ipv4(p, 6, 8443, 40000);
	assert_true(hz_filter_passes(p, n, 8443)); // the way back
	p[7] = 1;                                  // a later fragment has no ports
	assert_false(hz_filter_passes(p, n, 8443));
	n = ipv4(p, 6, 8443, 40000);
	p[0] = 0x44; // header too short
	assert_false(hz_filter_passes(p, n, 8443));
	n = ipv4(p, 1, 8443, 8443); // ICMP
	assert_false(hz_filter_passes(p, n, 8443));
}

static void test_firewall_v6_and_rubbish(void **state)
{
	uint8_t p[64] = {0x60};
	p[6] = 6;
	p[42] = 8443 >> 8;
	p[43] = 8443 & 255;
	assert_true(hz_filter_passes(p, 60, 8443));
	assert_false(hz_filter_passes(p, 43, 8443));
	p[6] = 17;
	assert_false(hz_filter_passes(p, 60, 8443));
	p[6] = 0; // extension header
	assert_false(hz_filter_passes(p, 60, 8443));
	memset(p, 0, sizeof(p));
	assert_false(hz_filter_passes(p, 60, 8443));
	assert_false(hz_filter_passes(p, 0, 8443));
	assert_true(hz_filter_passes(p, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_set),         cmocka_unit_test(test_set_leaves_the_rest),
	    cmocka_unit_test(test_others),      cmocka_unit_test(test_bad_lines),
	    cmocka_unit_test(test_firewall_v4), cmocka_unit_test(test_firewall_v6_and_rubbish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
