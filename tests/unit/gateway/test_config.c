// huizhen.yaml: defaults, the documented file, the environment, and what must be refused with a useful line.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/config_parse.h"
#include "gateway/config_table.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static int parse(const char *yaml, char error[HZ_CONFIG_ERROR_BYTES], struct hz_config **ret)
{
	static char path[] = "t.yaml";
	char *copy = strdup(yaml);
	struct hz_config_text text = {.path = path, .text = copy, .bytes = strlen(yaml)};
	error[0] = '\0';
	int err = hz_config_parse(&text, error, ret);
	free(copy);
	return err;
}

static void good(const char *yaml, struct hz_config **ret)
{
	char error[HZ_CONFIG_ERROR_BYTES];
	int err = parse(yaml, error, ret);
	if (err)
		fail_msg("refused: %s\n%s", error, yaml);
}

static void defaults(void **state)
{
	struct hz_config *c;
	good("", &c);
	assert_string_equal(c->data.dir, "./var");
	assert_string_equal(c->http.address, "127.0.0.1");
	assert_int_equal(c->http.port, 8080);
	assert_string_equal(c->https.address, "::");
	assert_int_equal(c->https.port, 8443);
	assert_true(c->https.generated);
	assert_string_equal(c->https.certificate, "./var/https-certificate.pem");
	assert_string_equal(c->https.key, "./var/https-key.pem");
	assert_int_equal(c->media.port, 20000);
	assert_int_equal(c->media.workers, 0);
	assert_int_equal(c->limits.participants_per_consult, 100);
	assert_int_equal(c->limits.consults, 1000);
	assert_int_equal(c->limits.connections, 4000);
	assert_int_equal(c->limits.connections_per_address, 200);
	assert_int_equal(c->limits.requests_per_second, 50);
	assert_string_equal(c->log.level, "info");
	assert_string_equal(c->record.wish, "off");
	assert_int_equal(c->tokens.keys_count, 0);
	assert_true(hz_config_workers(c) >= 1 && hz_config_workers(c) <= 64);
	hz_config_free(c);
	hz_config_free(NULL);
}

static void same_field(const struct hz_config *a, const struct hz_config *b, const struct hz_config_entry *e)
{
	const char *x = (const char *)a + e->offset, *y = (const char *)b + e->offset;
	if (e->type == HZ_CONFIG_BOOL)
		assert_memory_equal(x, y, sizeof(bool));
	else if (e->type == HZ_CONFIG_U16)
		assert_memory_equal(x, y, 2);
	else if (e->type == HZ_CONFIG_U32)
		assert_memory_equal(x, y, 4);
	else
		assert_string_equal(*(char *const *)(const void *)x, *(char *const *)(const void *)y);
}

// In its own section (several have an "enabled" and a "ca"), and a number with its bounds.
static void mentioned(const char *yaml, const struct hz_config_entry *e)
{
	char section[64], key[80];
	snprintf(section, sizeof(section), "\n%s:\n", e->section);
	snprintf(key, sizeof(key), "\n  %s: ", e->name);
	const char *at = strstr(yaml, section), *end = at ? at + strlen(section) : NULL;
	while (end && (end = strchr(end, '\n')) && strchr(" #\n", end[1]) && end[1])
		end++;
	const char *found = at ? strstr(at, key) : NULL;
	if (!found || (end && found >= end))
		fail_msg("huizhen.yaml does not mention %s.%s", e->section, e->name);
	snprintf(key, sizeof(key), " # %u to %u\n", e->min, e->max);
	found = strpbrk(found + 1, "#\n");
	if (e->type == HZ_CONFIG_U32 && strncmp(found - 1, key, strlen(key)) != 0)
		fail_msg("huizhen.yaml: %s.%s is \"%.*s\", not \"%.*s\"", e->section, e->name,
		         (int)strcspn(found, "\n"), found, (int)strlen(key) - 2, key + 1);
}

// The file at the top of the tree names every key, and says the truth about its default.
static void documented_file(void **state)
{
	char error[HZ_CONFIG_ERROR_BYTES] = "";
	struct hz_config *file, *builtin;
	struct hz_config_text text;
	if (hz_config_load(HZ_SOURCE_DIR "/huizhen.yaml", error, &file))
		fail_msg("%s", error);
	good("", &builtin);
	for (unsigned i = 0; i < hz_config_table_count; i++)
		same_field(file, builtin, &hz_config_table[i]);
	assert_string_equal(file->path, HZ_SOURCE_DIR "/huizhen.yaml");
	assert_int_equal(hz_config_read(HZ_SOURCE_DIR "/huizhen.yaml", error, &text), 0);
	for (unsigned i = 0; i < hz_config_table_count; i++)
		mentioned(text.text, &hz_config_table[i]);
	assert_non_null(strstr(text.text, "\n  keys: []"));
	hz_config_text_done(&text);
	hz_config_free(file);
	hz_config_free(builtin);
}

static void everything_set(void **state)
{
	struct hz_config *c;
	good("data: {dir: /d}\n"
	     "http: {address: \"::1\", port: 0}\n"
	     "https:\n  address: 10.0.0.1\n  port: 443\n  certificate: c.pem\n  key: k.pem\n"
	     "media: {port: 30000, workers: 64, address: '10.0.0.1, 2001:db8::1'}\n"
	     "links: {public_url: 'https://[2001:db8::1]:8443'}\n"
	     "tokens:\n  keys:\n    - {kid: new, secret: " SECRET "}\n    - kid: old\n      secret: \"" SECRET
	     "x\"\n"
	     "  oidc_issuer: https://issuer/realm\n  oidc_jwks_file: /j\n  oidc_audience: huizhen\n"
	     "limits:\n"
	     "web: ~\n"
	     "log: {level: error}\n",
	     &c);
	assert_int_equal(c->http.port, 0);
	assert_int_equal(c->https.port, 443);
	assert_false(c->https.generated);
	assert_string_equal(c->https.key, "k.pem");
	assert_int_equal(hz_config_workers(c), 64);
	assert_string_equal(c->media.address, "10.0.0.1, 2001:db8::1");
	assert_int_equal(c->tokens.keys_count, 2);
	assert_string_equal(c->tokens.keys[0].kid, "new");
	assert_string_equal(c->tokens.keys[1].secret, SECRET "x");
	assert_string_equal(c->tokens.oidc_audience, "huizhen");
	hz_config_free(c);
}

// Each with the line and the word that the message must hold.
static const struct bad {
	const char *yaml;
	const char *line; // ":3:" or NULL
	const char *word;
} bad_files[] = {
    {"record:\n  pacs_url: pacs/dicom-web\n", ":2", "record.pacs_url"},
    {"record:\n  emr_url: https://e/fhir?x=1\n", ":2", "without ? and #"},
    {"record:\n  character_set: latin1\n", ":2", "gb18030"},
    {"record:\n  signature: rsa\n", ":2", "es256 or sm2"},
    {"record:\n  retry_seconds: 0\n", ":2", "from 1"},
    {"record:\n  pacs_user: u\n  pacs_token: t\n", "", "record.pacs_token"},
    {"record:\n  emr_token_url: https://t/\n", "", "belong together"},
    {"record:\n  emr_user: u\n  emr_token: t\n", "", "together"},
    {"record:\n  pacs_certificate: c.pem\n", "", "its key"},
    {"imaging:\n  forward: main\n", "", "imaging.forward"},
    {"imaging:\n  pacs: \"maine=http://a, ain=http://main=\"\n  forward: main\n", "", "imaging.forward"},
    {"record:\n  retention_media_days: 10\n  retention_days: 9\n", "", "retention_media_days"},
    {"http:\n  prot: 1\n", "t.yaml:2", "did you mean \"port\""},
    {"htp:\n  port: 1\n", "t.yaml:1", "did you mean \"http\""},
    {"log:\n  level: info\nfoo: 1\n", "t.yaml:3", "unknown key foo"},
    {"http:\n  Port: 1\n", "t.yaml:2", "unknown key http.Port"},
    {"http:\n  level: info\n", "t.yaml:2", "unknown key http.level"},
    {"http:\n  port: 65536\n", "t.yaml:2", "0 to 65535"},
    {"http:\n  port: -1\n", "t.yaml:2", "0 to 65535"},
    {"http:\n  port: eighty\n", "t.yaml:2", "http.port is \"eighty\""},
    {"http:\n  port: 80 80\n", "t.yaml:2", "a number"},
    {"http:\n  port: 0x50\n", "t.yaml:2", "a number"},
    {"http:\n  port: 0120\n", "t.yaml:2", "a number"},
    {"http:\n  port: 8e3\n", "t.yaml:2", "a number"},
    {"http:\n  port: 99999999999999999999\n", "t.yaml:2", "a number"},
    {"http:\n  port:\n", "t.yaml:2", "a number"},
    {"http:\n  port: [1]\n", "t.yaml:2", "not one value"},
    {"http:\n  port: {a: 1}\n", "t.yaml:2", "not one value"},
    {"http:\n  port: 1\n  port: 2\n", "t.yaml:3", "twice (first in line 2)"},
    {"http:\n  port: 1\nlog:\n  level: info\nhttp:\n  port: 2\n", "t.yaml:5", "twice"},
    {"http:\n  address: localhost\n", "t.yaml:2", "an IP address"},
    {"http:\n  address: 1.2.3\n", "t.yaml:2", "an IP address"},
    {"http:\n  address: ''\n", "t.yaml:2", "an IP address"},
    {"http: 8080\n", "t.yaml:1", "not a section"},
    {"http: [port]\n", "t.yaml:1", "not a section"},
    {"media:\n  port: 0\n", "t.yaml:2", "1 to 65535"},
    {"media:\n  workers: 65\n", "t.yaml:2", "0 to 64"},
    {"media:\n  port: 65530\n  workers: 10\n", "t.yaml", "no room"},
    {"media:\n  address: 10.0.0.1,host\n", "t.yaml:2", "IP addresses"},
    {"media:\n  address: 10.0.0.1,,10.0.0.2\n", "t.yaml:2", "IP addresses"},
    {"media:\n  address: ','\n", "t.yaml:2", "IP addresses"},
    {"media:\n  tcp: 1\n", "t.yaml:2", "true or false"},
    {"media:\n  tcp: yes\n", "t.yaml:2", "true or false"},
    {"media:\n  tcp_port: 65536\n", "t.yaml:2", "0 to 65535"},
    {"turn:\n  urls: http://a\n", "t.yaml:2", "URLs such as"},
    {"turn:\n  urls: 'turn:'\n", "t.yaml:2", "URLs such as"},
    {"turn:\n  urls: turn:a:0\n", "t.yaml:2", "URLs such as"},
    {"turn:\n  urls: turn:a:99999\n", "t.yaml:2", "URLs such as"},
    {"turn:\n  urls: turn:a?transport=sctp\n", "t.yaml:2", "URLs such as"},
    {"turn:\n  urls: turns:a?transport=udp\n", "t.yaml:2", "URLs such as"},
    {"turn:\n  urls: stun:a?transport=udp\n", "t.yaml:2", "URLs such as"},
    {"turn:\n  urls: 'turn:user@a'\n", "t.yaml:2", "URLs such as"},
    {"turn:\n  urls: 'turn:[::1:3478'\n", "t.yaml:2", "URLs such as"},
    {"turn:\n  urls: stun:a,\n", "t.yaml:2", "URLs such as"},
    {"turn:\n  urls: stun:a,stun:b,stun:c,stun:d,stun:e,stun:f,stun:g,stun:h,stun:i\n", "t.yaml:2",
     "at most 8"},
    {"turn:\n  urls: turn:a\n", "t.yaml", "needs turn.secret"},
    {"turn:\n  urls: stun:a\n  secret: short\n", "t.yaml", "without a turn: URL"},
    {"turn:\n  urls: turn:a\n  secret: short\n  secret_file: f\n", "t.yaml", "both set"},
    {"turn:\n  urls: turn:a\n  secret: \"short\\n\"\n", "t.yaml:3", "control characters"},
    {"turn:\n  ttl: 299\n", "t.yaml:2", "300 to 604800"},
    {"links:\n  public_url: huizhen.example.org\n", "t.yaml:2", "https://host"},
    {"links:\n  public_url: https://a/path\n", "t.yaml:2", "https://host"},
    {"links:\n  public_url: https://a/\n", "t.yaml:2", "https://host"},
    {"links:\n  public_url: https://\n", "t.yaml:2", "https://host"},
    {"links:\n  public_url: https://a:port\n", "t.yaml:2", "https://host"},
    {"links:\n  public_url: javascript:alert(1)\n", "t.yaml:2", "https://host"},
    {"data:\n  dir: ''\n", "t.yaml:2", "not empty"},
    {"data:\n  dir: \"a\\nb\"\n", "t.yaml:2", "control characters"},
    {"data:\n  dir: \"a\\0b\"\n", "t.yaml:2", "data.dir"},
    {"log:\n  level: verbose\n", "t.yaml:2", "debug, info"},
    {"record:\n  default: always\n", "t.yaml:2", "off, on or automatic"},
    {"limits:\n  participants_per_consult: 0\n", "t.yaml:2", "1 to 1000"},
    {"limits:\n  consults: 100001\n", "t.yaml:2", "1 to 100000"},
    {"http: {port: 0}\nhttps: {port: 0}\n", "t.yaml", "both 0"},
    {"http: {port: 8443}\n", "t.yaml", "both 8443"},
    {"https: {certificate: c.pem}\n", "t.yaml", "belong together"},
    {"https: {key: k.pem}\n", "t.yaml", "belong together"},
    {"tokens: {oidc_jwks_file: f}\n", "t.yaml", "oidc_issuer is empty"},
    {"tokens: {oidc_issuer: i, oidc_jwks_file: f}\n", "t.yaml", "oidc_audience"},
    {"tokens:\n  keys: hello\n", "t.yaml:2", "not a list"},
    {"tokens:\n  keys: {kid: a}\n", "t.yaml:2", "not a list"},
    {"tokens:\n  keys: [a]\n", "t.yaml:2", "odd item"},
    {"tokens:\n  keys:\n    - kid: a\n", "t.yaml:3", "32 to 1024"},
    {"tokens:\n  keys:\n    - kid: a\n      secret: short\n", "t.yaml:3", "openssl rand"},
    {"tokens:\n  keys:\n    - secret: " SECRET "\n", "t.yaml:3", "kid is missing"},
    {"tokens:\n  keys:\n    - kid: a b\n      secret: " SECRET "\n", "t.yaml:3", "kid is missing or wrong"},
    {"tokens:\n  keys:\n    - {kid: a, secret: " SECRET "}\n    - {kid: a, secret: " SECRET "}\n", "t.yaml:4",
     "twice"},
    {"tokens:\n  keys:\n    - {kid: a, secrte: " SECRET "}\n", "t.yaml:3", "unknown key tokens.keys.secrte"},
    {"tokens:\n  keys:\n    - {kid: a, secret: [" SECRET "]}\n", "t.yaml:3", "not text"},
    {"- a\n- b\n", "t.yaml:1", "not a configuration"},
    {"hello\n", "t.yaml:1", "not a configuration"},
    {"http:\n\tport: 1\n", "t.yaml:2", "correct the YAML"},
    {"http: {port: 1\n", "t.yaml:2", "correct the YAML"},
    {"http: \"port\n", "t.yaml", "correct the YAML"},
    {"a: *b\n", "t.yaml:1", "correct the YAML"},
    {"\xc3\x28: 1\n", "t.yaml", "correct the YAML"},
    {"? [http, https]\n: 1\n", "t.yaml:1", "a key must be a word"},
    {"http: {port: 1}\n---\nhttp: {port: 2}\n", "t.yaml:3", "second document"},
    {"http: &x\n  port: *x\n", "t.yaml", "http.port"},
};

static void refused(void **state)
{
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		const struct bad *b = &bad_files[i];
		char error[HZ_CONFIG_ERROR_BYTES];
		struct hz_config *c = NULL;
		int err = parse(b->yaml, error, &c);
		if (err != -EINVAL || c)
			fail_msg("%zu: %d for:\n%s", i, err, b->yaml);
		if (!strstr(error, b->line) || !strstr(error, b->word) || strchr(error, '\n'))
			fail_msg("%zu: wanted \"%s\" and \"%s\", got: %s", i, b->line, b->word, error);
		if (strstr(error, SECRET) || strstr(error, "short"))
			fail_msg("%zu: the secret is in: %s", i, error);
	}
}

static void large(void **state)
{
	char error[HZ_CONFIG_ERROR_BYTES];
	struct hz_config *c = NULL;
	char *yaml = calloc(1, 70000);
	strcpy(yaml, "data:\n  dir: ");
	memset(yaml + strlen(yaml), 'x', 1025);
	assert_int_equal(parse(yaml, error, &c), -EINVAL);
	assert_non_null(strstr(error, "at most 1024 bytes"));

	strcpy(yaml, "tokens:\n  keys:\n");
	for (int i = 0; i < 17; i++)
		sprintf(yaml + strlen(yaml), "    - {kid: k%d, secret: " SECRET "}\n", i);
	assert_int_equal(parse(yaml, error, &c), -EINVAL);
	assert_non_null(strstr(error, "more than 16"));

	memset(yaml, '[', 20000); // deeper than libyaml goes
	yaml[20000] = '\0';
	assert_int_equal(parse(yaml, error, &c), -EINVAL);
	free(yaml);
}

static void files(void **state)
{
	char error[HZ_CONFIG_ERROR_BYTES], dir[] = "/tmp/hz-config-XXXXXX", path[64];
	struct hz_config_text text;
	struct hz_config *c;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(hz_config_load(dir, error, &c), -EISDIR);
	snprintf(path, sizeof(path), "%s/none.yaml", dir);
	assert_int_equal(hz_config_load(path, error, &c), -ENOENT);
	assert_non_null(strstr(error, "none.yaml"));
	assert_int_equal(hz_config_load("", error, &c), -ENOENT);

	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 70000; i++)
		fputc('#', f);
	fclose(f);
	assert_int_equal(hz_config_load(path, error, &c), -EFBIG);

	// Zeros behind the text belong to the memory that it lies in.
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite("log: {level: warn}\0\0\0", 1, 21, f), 21);
	fclose(f);
	assert_int_equal(hz_config_load(path, error, &c), 0);
	assert_string_equal(c->log.level, "warn");
	hz_config_free(c);

	// The usual places: the folder we are in comes first.
	char before[4096];
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(dir), 0);
	f = fopen("huizhen.yaml", "w");
	assert_non_null(f);
	fputs("log: {level: debug}\n", f);
	fclose(f);
	assert_int_equal(hz_config_load(NULL, error, &c), 0);
	assert_string_equal(c->log.level, "debug");
	assert_string_equal(c->path, "./huizhen.yaml");
	hz_config_free(c);
	assert_int_equal(hz_config_read(NULL, error, &text), 0);
	assert_string_equal(text.text, "log: {level: debug}\n");
	hz_config_text_done(&text);
	unlink("huizhen.yaml");
	unlink("none.yaml");
	assert_int_equal(chdir(before), 0);
	rmdir(dir);
}

static void env_good(const char *name, const char *value, struct hz_config **ret)
{
	setenv(name, value, 1);
	good("http: {port: 1}\n", ret);
	unsetenv(name);
}

static void env_bad(const char *name, const char *value, const char *word)
{
	char error[HZ_CONFIG_ERROR_BYTES];
	struct hz_config *c;
	setenv(name, value, 1);
	int err = parse("", error, &c);
	unsetenv(name);
	assert_int_equal(err, -EINVAL);
	if (!strstr(error, word) || !strstr(error, name) || !strstr(error, "environment"))
		fail_msg("%s", error);
}

static void environment(void **state)
{
	struct hz_config *c;
	env_good("HUIZHEN_HTTP_PORT", "9999", &c);
	assert_int_equal(c->http.port, 9999); // wins over the file
	hz_config_free(c);
	env_good("HUIZHEN_LIMITS_CONNECTIONS_PER_ADDRESS", "7", &c);
	assert_int_equal(c->limits.connections_per_address, 7);
	hz_config_free(c);
	env_good("HUIZHEN_LINKS_PUBLIC_URL", "https://h", &c);
	assert_string_equal(c->links.public_url, "https://h");
	hz_config_free(c);
	env_good("HUIZHEN_DATA_DIR", "/x", &c);
	assert_string_equal(c->https.key, "/x/https-key.pem");
	hz_config_free(c);
	env_good("HUIZHEN_SOMETHING_ELSE", "x", &c); // not ours
	hz_config_free(c);
	env_good("HUIZHEN_", "x", &c);
	hz_config_free(c);
	env_good("HUIZHEN_HTTP", "x", &c); // no key named
	hz_config_free(c);

	env_bad("HUIZHEN_HTTP_PROT", "1", "unknown key");
	env_bad("HUIZHEN_HTTP_", "1", "unknown key");
	env_bad("HUIZHEN_HTTP_PORT", "70000", "0 to 65535");
	env_bad("HUIZHEN_HTTP_PORT", "", "0 to 65535");
	env_bad("HUIZHEN_MEDIA_PORT", "0", "1 to 65535");
	env_bad("HUIZHEN_LOG_LEVEL", "loud", "debug, info");
	env_bad("HUIZHEN_TOKENS_KEYS", "x", "unknown key"); // a list: only in the file
	env_bad("HUIZHEN_DATA_DIR", "", "not empty");
}

// Every key of the table can be set from the environment under its own name.
static void environment_names(void **state)
{
	for (unsigned i = 0; i < hz_config_table_count; i++) {
		const struct hz_config_entry *e = &hz_config_table[i];
		char name[96], error[HZ_CONFIG_ERROR_BYTES];
		struct hz_config *c;
		snprintf(name, sizeof(name), "HUIZHEN_%s_%s", e->section, e->name);
		for (char *p = name; *p; p++)
			*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
		setenv(name, "\x01", 1); // nothing takes a control character
		int err = parse("", error, &c);
		unsetenv(name);
		if (err != -EINVAL || !strstr(error, name))
			fail_msg("%s: %d %s", name, err, error);
	}
}

static char restarts_said[512];

static void say(const char *section, const char *name)
{
	size_t n = strlen(restarts_said);
	snprintf(restarts_said + n, sizeof(restarts_said) - n, "%s.%s ", section, name);
}

// What a reload cannot change is named; what it does change is not.
static void restarts(void **state)
{
	static const char file[] = "http: {port: 1}\nhttps: {port: 2, certificate: /c, key: /k}\n"
	                           "media: {port: 3, tcp: false, tcp_port: 4, address: 127.0.0.1}\n"
	                           "links: {public_url: https://h}\nlimits: {consults: 5, connections: 6}\n"
	                           "record: {default: on, min_free: 64, master_key: /m}\n"
	                           "ingest: {enabled: false, allow: any}\nlog: {level: debug}\n";
	char error[HZ_CONFIG_ERROR_BYTES];
	struct hz_config *started, *fresh;
	assert_int_equal(parse("", error, &started), 0);
	assert_int_equal(parse("", error, &fresh), 0);
	hz_config_restarts(started, fresh, say);
	assert_string_equal(restarts_said, "");
	hz_config_free(fresh);
	assert_int_equal(parse(file, error, &fresh), 0);
	hz_config_restarts(started, fresh, say);
	assert_string_equal(restarts_said, "http.port https.port media.port media.tcp limits.connections "
	                                   "record.master_key record.min_free ingest.enabled ");
	hz_config_free(fresh);
	hz_config_free(started);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults),       cmocka_unit_test(documented_file),
	    cmocka_unit_test(everything_set), cmocka_unit_test(refused),
	    cmocka_unit_test(large),          cmocka_unit_test(files),
	    cmocka_unit_test(environment),    cmocka_unit_test(environment_names),
	    cmocka_unit_test(restarts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
