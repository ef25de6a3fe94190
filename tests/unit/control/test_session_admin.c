// The command line's part: keys, tokens and links without a gateway; and the small pure pieces.
#include <arpa/inet.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/control/admin.h"
#include "gateway/session/ice/candidates.h"
#include "gateway/control/keys.h"
#include "gateway/session/links.h"
#include "gateway/control/metrics.h"
#include "gateway/control/pages.h"
#include "gateway/session/quality.h"
#include "gateway/session/rate.h"
#include "signaling/auth/digest.h"
#include "tests/unit/session/rig.h"

static struct hz_config config_of(const struct rig *rig)
{
	static char empty[] = "";
	struct hz_config config;
	memset(&config, 0, sizeof(config));
	config.data.dir = rig->scratch->dir;
	config.links.public_url = empty;
	config.tokens.oidc_issuer = empty;
	config.https.port = 8443;
	config.http.port = 8080;
	return config;
}

static void keys(void **state)
{
	struct rig *rig = *state;
	struct hz_config config = config_of(rig);
	char error[HZ_ADMIN_ERROR_BYTES] = "", token[HZ_ADMIN_TOKEN_BYTES], path[128];
	struct hz_jwt_keys *loaded = NULL;
	struct hz_claims claims;
	struct stat st;
	const struct hz_admin_token_spec spec = {
	    .consult = "c1", .role = "clinic", .id = "doc", .name = "\xe7\x8e\x8b", .once = true};
	assert_int_equal(hz_admin_token(&config, &spec, error, token), 0);
	snprintf(path, sizeof(path), "%s/keys.json", rig->scratch->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	// The gateway that starts afterwards knows it.
	assert_int_equal(hz_token_keys_load(&config, error, &loaded), 0);
	assert_int_equal(hz_jwt_verify(loaded, token, strlen(token), hz_wall_us() / 1000000, &claims),
	                 HZ_JWT_OK);
	assert_string_equal(claims.sub, "doc");
	assert_true(claims.once && claims.jti[0] && claims.iat_s > 0);
	assert_int_equal(claims.exp_s - claims.iat_s, 3600);
	hz_jwt_keys_free(loaded);
	FILE *f = fopen(path, "w");
	fputs("{\"keys\": [{\"kid\": \"x\", \"secret\": \"short\"}]}", f);
	fclose(f);
	assert_int_equal(hz_token_keys_load(&config, error, &loaded), -EINVAL);
	assert_non_null(strstr(error, "keys.json"));
	assert_null(strstr(error, "short")); // never the secret
	f = fopen(path, "w");
	fputs("{\"keys\": []}", f);
	fclose(f);
	assert_int_equal(hz_token_keys_load(&config, error, &loaded), -EINVAL);
	// Configured ones come first.
	char kid[] = "mine", secret[] = RIG_SECRET;
	struct hz_config_key key = {.kid = kid, .secret = secret};
	config.tokens.keys = &key;
	config.tokens.keys_count = 1;
	assert_int_equal(hz_admin_token(&config, &spec, error, token), 0);
	secret[5] = '\0';
	assert_int_equal(hz_admin_token(&config, &spec, error, token), -EINVAL);
	assert_non_null(strstr(error, "tokens.keys"));
}

static void bad_words(void **state)
{
	struct rig *rig = *state;
	struct hz_config config = config_of(rig);
	char error[HZ_ADMIN_ERROR_BYTES], token[HZ_ADMIN_TOKEN_BYTES], url[HZ_ADMIN_URL_BYTES];
	static const struct hz_admin_token_spec tokens[] = {
	    {.consult = "c1", .role = "king"},
	    {.consult = "c1"},
	    {.consult = "a b", .role = "expert"},
	    {.role = "patient"},
	    {.consult = "c1", .role = "expert", .id = ".."},
	    {.consult = "c1", .role = "expert", .name = "a\nb"},
	    {.consult = "c1", .role = "expert", .ttl_s = 4000000000u},
	};
	for (unsigned i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		error[0] = '\0';
		assert_int_equal(hz_admin_token(&config, &tokens[i], error, token), -EINVAL);
		assert_true(strlen(error) > 0 && !strchr(error, '\n'));
	}
	static const struct hz_admin_link_spec links[] = {
	    {.consult = "c1", .role = "king", .name = "N"},
	    {.consult = "", .role = "patient", .name = "N"},
	    {.consult = "c1", .role = "expert", .name = "\x01"},
	    {.consult = "c1", .role = "expert", .name = "N", .ttl_s = 5},
	    {.consult = "..", .role = "expert", .name = "N"},
	    {.consult = "c1", .role = "expert", .name = "N", .title = "\x02"},
	};
	for (unsigned i = 0; i < sizeof(links) / sizeof(*links); i++) {
		error[0] = '\0';
		assert_int_equal(hz_admin_link(&config, &links[i], error, url), -EINVAL);
		assert_true(strlen(error) > 0);
	}
	assert_int_equal(hz_admin_consult(&config, "a/b", "T", error), -EINVAL);
	char nowhere[] = "/nowhere/at/all";
	config.data.dir = nowhere;
	assert_int_equal(hz_admin_consult(&config, "ok", "T", error), -ENOENT);
	assert_non_null(strstr(error, "data.dir"));
}

static bool see(void *arg, const struct hz_link_row *row)
{
	snprintf(arg, 64, "%s %s %d", row->consult, row->role, row->single_use);
	return false;
}

static void links(void **state)
{
	struct rig *rig = *state;
	struct hz_config config = config_of(rig);
	char error[HZ_ADMIN_ERROR_BYTES], url[HZ_ADMIN_URL_BYTES], seen[64];
	uint8_t hash[HZ_STORE_HASH_BYTES];
	// Beside a running gateway: the brain's store is open.
	struct hz_admin_link_spec spec = {.consult = "fresh", .role = "patient", .name = "N"};
	assert_int_equal(hz_admin_link(&config, &spec, error, url), 0);
	assert_int_equal(strncmp(url, "https://localhost:8443/j/", 25), 0);
	hz_sha256(url + 25, HZ_LINK_CODE_CHARS, hash);
	assert_int_equal(hz_store_link_by_code(rig->brain->store, hash, see, seen), 0);
	assert_string_equal(seen, "fresh patient 1");
	struct rig_socket *s = rig_join_with(
	    rig, rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert", .consult = "fresh"}));
	rig_result(s->answer); // the consult is there
	config.https.port = 0;
	spec.reusable = true;
	assert_int_equal(hz_admin_link(&config, &spec, error, url), 0);
	assert_int_equal(strncmp(url, "http://127.0.0.1:8080/j/", 24), 0);
	char public_url[] = "https://visit.example/";
	config.links.public_url = public_url;
	spec.consult = NULL;
	spec.role = "admin";
	assert_int_equal(hz_admin_link(&config, &spec, error, url), 0);
	assert_int_equal(strncmp(url, "https://visit.example/j/", 24), 0);
	assert_int_equal(hz_admin_consult(&config, "fresh", NULL, error), 0); // is there already
	assert_int_equal(hz_consult_close(rig->brain, s->conn->participant->consult), 0);
	rig_turn(rig);
	assert_int_equal(hz_admin_consult(&config, "fresh", NULL, error), -EINVAL);
	assert_non_null(strstr(error, "closed"));
}

static void addresses(void **state)
{
	struct rig *rig = *state;
	struct in6_addr any;
	hz_local_addresses_find(rig->brain, " 192.0.2.7 ,2001:db8::1,192.0.2.7,, kitchen ,999.1.1.1");
	assert_int_equal(rig->brain->address_count, 2);
	assert_string_equal(rig->brain->address[0], "192.0.2.7");
	assert_string_equal(rig->brain->address[1], "2001:db8::1");
	static const char *const none[] = {"", NULL, "kitchen", ",,,"};
	for (unsigned i = 0; i < 4; i++) {
		hz_local_addresses_find(rig->brain, none[i]);
		assert_true(rig->brain->address_count >= 1);
		assert_true(inet_pton(AF_INET, rig->brain->address[0], &any) == 1 ||
		            inet_pton(AF_INET6, rig->brain->address[0], &any) == 1);
	}
	char many[2000] = "";
	for (int i = 0; i < 60; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "192.0.2.%d,", i + 1);
	hz_local_addresses_find(rig->brain, many);
	assert_int_equal(rig->brain->address_count, HZ_SDP_MAX_CANDIDATES);
}

static void small(void **state)
{
	(void)state;
	static const struct {
		double rtt_ms, lost, frozen_ms;
		uint8_t wanted;
	} cases[] = {{0, 0, 0, HZ_QUALITY_GOOD},        {299, 2.9, 399, HZ_QUALITY_GOOD},
	             {300, 0, 0, HZ_QUALITY_FAIR},      {0, 3, 0, HZ_QUALITY_FAIR},
	             {0, 0, 400, HZ_QUALITY_FAIR},      {600, 0, 0, HZ_QUALITY_POOR},
	             {0, 10, 0, HZ_QUALITY_POOR},       {0, 0, 1500, HZ_QUALITY_POOR},
	             {9999, 100, 9999, HZ_QUALITY_POOR}};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(hz_quality_of(cases[i].rtt_ms, cases[i].lost, cases[i].frozen_ms),
		                 cases[i].wanted);
	int64_t tat = 0;
	int allowed = 0;
	for (int i = 0; i < 100; i++)
		allowed += hz_rate_allow(&tat, 1000, 10, 5);
	assert_int_equal(allowed, 5);
	assert_true(hz_rate_allow(&tat, 1010, 10, 5));
	assert_false(hz_rate_allow(&tat, 1010, 10, 5));
	static const struct {
		const char *path, *file;
	} pages[] = {{"/j/abc", "/join.html"},
	             {"/j/", NULL},
	             {"/j/a/b", NULL},
	             {"/console", "/console.html"},
	             {"/console/", NULL},
	             {"/watch/c", "/watch.html"},
	             {"/watch", NULL},
	             {"/records", "/records.html"},
	             {"/records/r", "/records.html"},
	             {"/records/r/x", NULL},
	             {"/recordsx", NULL},
	             {"/reading/c", "/reading.html"},
	             {"/reading", NULL},
	             {"/assets/x.js", NULL},
	             {"/", NULL},
	             {"/consolex", NULL}};
	for (unsigned i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		const char *file = hz_pages_file(pages[i].path);
		assert_true(file == pages[i].file ||
		            (file && pages[i].file && strcmp(file, pages[i].file) == 0));
	}
}

static void no_pages(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		int status;
	} cases[] = {{"/console", 503}, {"/j/x", 503},     {"/assets/a.js", 503},
	             {"/", 302},        {"/nothing", 404}, {"/records/1", 503}};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct hz_response *res = hz_response_new();
		const struct hz_request req = {
		    .method = HZ_GET, .path = cases[i].path, .query = "", .body = ""};
		hz_pages_handle(NULL, &req, res);
		assert_int_equal(hz_response_get_status(res), cases[i].status);
		hz_response_free(res);
	}
}

static const char *rules_of(struct hz_static *files, const char *path, struct hz_response *res)
{
	const struct hz_request req = {.method = HZ_GET, .path = path, .query = "", .body = ""};
	hz_pages_handle(files, &req, res);
	assert_int_equal(hz_response_get_status(res), 200);
	return hz_response_get_header(res, "Content-Security-Policy");
}

// WebAssembly is for the decoders' worker and for no page.
static void decoders(void **state)
{
	static const char *const names[] = {"/console.html", "/assets/console-1.js",
	                                    "/assets/decode-worker-1.js"};
	char dir[] = "/tmp/hz-pages-XXXXXX", path[100];
	struct hz_static *files;
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/assets", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", dir, names[i]);
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fclose(file);
	}
	assert_int_equal(hz_static_load(dir, &files), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct hz_response *res = hz_response_new();
		const char *rules = rules_of(files, i ? names[i] : "/console", res);
		assert_int_equal(rules && strstr(rules, "'wasm-unsafe-eval'"), i == 2);
		assert_true(i == 1 ? !rules : strstr(rules, "default-src 'self'; ") != NULL);
		hz_response_free(res);
		snprintf(path, sizeof(path), "%s%s", dir, names[i]);
		unlink(path);
	}
	hz_static_free(files);
	snprintf(path, sizeof(path), "%s/assets", dir);
	rmdir(path);
	rmdir(dir);
}

// OpenMetrics: every sample belongs to the family named last, nothing twice, "# EOF" at the end, no name of anybody.
static void metrics(void **state)
{
	struct rig *rig = *state;
	const struct hz_server_counters counters = {.accepted = 7};
	char family[128] = "", *save = NULL;
	unsigned samples = 0;
	bool eof = false;
	rig_consult(rig, "secret-consult");
	rig_join_with(rig, rig_sign(rig, (struct rig_token){.sub = "secret-person",
	                                                    .role = "expert",
	                                                    .consult = "secret-consult"}));
	rig_join_with(rig, "rubbish");
	char *text = hz_metrics_text(rig->brain, &counters);
	assert_null(strstr(text, "secret"));
	assert_non_null(strstr(text, "huizhen_consults_busy 1\n"));
	assert_non_null(strstr(text, "huizhen_tokens_refused_total{reason=\"malformed\"} 1\n"));
	assert_non_null(strstr(text, "huizhen_worker_ready{worker=\"0\"} 1\n"));
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		assert_false(eof);
		if (strncmp(line, "# TYPE ", 7) == 0) {
			assert_int_equal(sscanf(line + 7, "%127s", family), 1);
		} else if (strcmp(line, "# EOF") == 0) {
			eof = true;
		} else if (line[0] != '#') {
			assert_int_equal(strncmp(line, family, strlen(family)), 0);
			assert_true(strspn(line, "abcdefghijklmnopqrstuvwxyz_") == strcspn(line, "{ "));
			samples++;
		}
	}
	assert_true(eof);
	assert_true(samples > 60);
	free(text);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(keys),
	    T(bad_words),
	    T(links),
	    T(addresses),
	    T(metrics),
	    cmocka_unit_test(small),
	    cmocka_unit_test(no_pages),
	    cmocka_unit_test(decoders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
