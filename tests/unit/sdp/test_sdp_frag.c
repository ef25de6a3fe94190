// Fragments of WHIP PATCH requests.
#include <errno.h>

#include "signaling/sdp/frag.h"
#include "tests/unit/sdp/offers.h"

#define HEAD "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
#define LINE "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n"

static void good(void **state)
{
	char reason[HZ_SDP_REASON_BYTES];
	struct hz_sdp_frag frag;
	char *text = read_corpus("frag");

	assert_int_equal(hz_sdp_parse_frag(text, strlen(text), reason, &frag), 0);
	assert_string_equal(frag.ufrag, "EsAw");
	assert_string_equal(frag.pwd, "P2uYro0UCOQ4zxjKXaWCBui1");
	assert_string_equal(frag.mid, "0");
	assert_int_equal(frag.candidate_count, 2);
	assert_true(frag.end_of_candidates);
	free(text);

	assert_int_equal(hz_sdp_parse_frag(HEAD, strlen(HEAD), reason, &frag), 0);
	assert_int_equal(frag.candidate_count, 0);
	assert_false(frag.end_of_candidates);
	assert_string_equal(frag.mid, "");
}

static void bad(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
	    {"", "empty"},
	    {"\r\n", "empty"},
	    {"x", "line is not"},
	    {"v=0\r\n" HEAD, "does not belong"},
	    {"c=IN IP4 0.0.0.0\r\n" HEAD, "does not belong"},
	    {HEAD LINE "v=0\r\n", "m-line 1: line that does not belong"},
	    {LINE, "no ice-ufrag"},
	    {"a=ice-ufrag:EsAw\r\n", "no ice-pwd"},
	    {"a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n", "no ice-ufrag"},
	    {"a=ice-ufrag:EsA\r\n", "ice-ufrag is not"},
	    {"a=ice-ufrag:\r\n", "ice-ufrag is not"},
	    {"a=ice-ufrag:Es w\r\n", "ice-ufrag has"},
	    {"a=ice-ufrag:EsAw\r\na=ice-pwd:short\r\n", "ice-pwd is not"},
	    {HEAD "a=ice-ufrag:Other\r\n", "two ice-ufrags"},
	    {HEAD LINE "a=ice-pwd:Q2uYro0UCOQ4zxjKXaWCBui1\r\n", "m-line 1: two ice-pwds"},
	    {HEAD LINE "a=mid:\r\n", "m-line 1: mid is not"},
	    {HEAD LINE "a=candidate:\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate:1\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate: 1 1 udp 1 192.0.2.1 1 typ host\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate:1 0 udp 1 192.0.2.1 1 typ host\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate:1 257 udp 1 192.0.2.1 1 typ host\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate:1 1 udp 4294967296 192.0.2.1 1 typ host\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate:1 1 udp x 192.0.2.1 1 typ host\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate:1 1 udp 1 192.0.2.1 65536 typ host\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate:1 1 udp 1 <script> 1 typ host\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate:1 1 udp 1 192.0.2.1 1 host\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate:1 1 udp 1 192.0.2.1 1 typ\r\n", "malformed candidate"},
	    {HEAD LINE "a=candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 1 typ host\r\n",
	     "malformed candidate"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char reason[HZ_SDP_REASON_BYTES];
		struct hz_sdp_frag frag = {.ufrag = "kept"};
		int err = hz_sdp_parse_frag(cases[i].text, strlen(cases[i].text), reason, &frag);

		if (err != -EINVAL || !strstr(reason, cases[i].reason))
			print_error("case %zu: %d \"%s\"\n", i, err, reason);
		assert_int_equal(err, -EINVAL);
		assert_non_null(strstr(reason, cases[i].reason));
		assert_string_equal(frag.ufrag, "kept");
	}
}

static void too_much(void **state)
{
	char reason[HZ_SDP_REASON_BYTES];
	struct hz_sdp_frag frag;
	char *text = calloc(1, HZ_SDP_FRAG_MAX_BYTES + 2);

	strcpy(text, HEAD LINE);
	for (int i = 0; i <= HZ_SDP_FRAG_MAX_CANDIDATES; i++)
		strcat(text, "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n");
	assert_int_equal(hz_sdp_parse_frag(text, strlen(text), reason, &frag), -EINVAL);
	assert_non_null(strstr(reason, "too many candidates"));
	memset(text, 'a', HZ_SDP_FRAG_MAX_BYTES + 1);
	assert_int_equal(hz_sdp_parse_frag(text, HZ_SDP_FRAG_MAX_BYTES + 1, reason, &frag), -EMSGSIZE);
	free(text);
}

static void answer(void **state)
{
	struct hz_sdp_candidate candidate = {"192.0.2.7", 20000, false, 0};
	struct hz_sdp_answer_media media[2] = {{0}, {.accept = true, .codec_count = 1}};
	struct hz_sdp_offer *o = parse_ok(SESSION AUDIO VIDEO);
	struct hz_sdp_answer_params params = {
	    .ufrag = "HzUfrag1",
	    .pwd = "HzPassword0123456789abcd",
	    .candidates = &candidate,
	    .candidate_count = 1,
	    .media = media,
	    .media_count = 2,
	};
	char reason[HZ_SDP_REASON_BYTES], *text = NULL;
	struct hz_sdp_frag frag;

	assert_int_equal(hz_sdp_build_frag(o, &params, &text), 0);
	assert_int_equal(hz_sdp_parse_frag(text, strlen(text), reason, &frag),
	                 0); // what we write, we can read
	assert_string_equal(frag.ufrag, "HzUfrag1");
	assert_string_equal(frag.mid, "v");
	assert_int_equal(frag.candidate_count, 1);
	assert_non_null(strstr(text, "a=ice-lite\r\n"));
	free(text);

	text = NULL;
	media[1].accept = false;
	assert_int_equal(hz_sdp_build_frag(o, &params, &text), -EINVAL);
	media[1].accept = true;
	params.media_count = 1;
	assert_int_equal(hz_sdp_build_frag(o, &params, &text), -EINVAL);
	params.media_count = 2;
	params.candidate_count = 0;
	assert_int_equal(hz_sdp_build_frag(o, &params, &text), -EINVAL);
	assert_null(text);
	hz_sdp_offer_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good),
	    cmocka_unit_test(bad),
	    cmocka_unit_test(too_much),
	    cmocka_unit_test(answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
