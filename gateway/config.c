#include "gateway/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/secret.h"
#include "gateway/child.h"
#include "gateway/config_parse.h"
#include "gateway/config_table.h"

static int read_file(const char *path, char **ret, size_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	if (fd < 0)
		return -errno;
	size_t cap = HZ_CONFIG_FILE_BYTES + 1, n = 0;
	char *buf = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? NULL : malloc(cap + 1);
	if (!buf)
		err = -EISDIR;
	while (!err && n < cap) {
		ssize_t got = read(fd, buf + n, cap - n);
		if (got < 0 && errno != EINTR)
			err = -errno;
		if (got == 0)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	if (!err && n == cap)
		err = -EFBIG;
	if (err) {
		if (buf)
			hz_wipe(buf, cap);
		free(buf);
		return err;
	}
	buf[n] = '\0';
	*ret = buf;
	*ret_bytes = n;
	return 0;
}

int hz_config_read(const char *path, char ret_error[HZ_CONFIG_ERROR_BYTES], struct hz_config_text *ret)
{
	static const char *const usual[] = {"./huizhen.yaml", "/etc/huizhen/huizhen.yaml"};
	struct hz_config_text t = {0};
	for (unsigned i = 0; !path && i < 2; i++)
		if (access(usual[i], F_OK) == 0)
			path = usual[i];
	int err = 0;
	if (path) {
		err = read_file(path, &t.text, &t.bytes);
		if (err) {
			struct hz_config_place place = {.file = path};
			hz_config_fail(ret_error, &place, "correct --config or the file's permissions",
			               "cannot read the configuration (%s)", strerror(-err));
			return err;
		}
		while (t.bytes &&
		       t.text[t.bytes - 1] == '\0') // the supervisor's memory has room for the longest
			t.bytes--;
		t.path = strdup(path);
	} else {
		t.text = strdup("");
	}
	if (!t.text || (path && !t.path)) {
		hz_config_text_done(&t);
		snprintf(ret_error, HZ_CONFIG_ERROR_BYTES, "out of memory");
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void hz_config_text_done(struct hz_config_text *text)
{
	if (text->text)
		hz_wipe(text->text, text->bytes);
	free(text->text);
	free(text->path);
	*text = (struct hz_config_text){0};
}

static int set_defaults(struct hz_config *config)
{
	char want[HZ_CONFIG_WANT_BYTES];
	unsigned i = 0;
	do { // the table is never empty
		int err = hz_config_set(config, &hz_config_table[i], hz_config_table[i].fallback, want);
		if (err)
			return err;
	} while (++i < hz_config_table_count);
	return 0;
}

// "HTTP_PORT" -> section "http", name "port"; false when it does not begin with a section's name.
static bool split_name(const char *name, size_t bytes, char section[32], char key[64])
{
	size_t cut = 0;
	while (cut < bytes && name[cut] != '_')
		cut++;
	if (cut == bytes || cut >= 32 || bytes - cut - 1 >= 64)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		char c = (char)tolower((unsigned char)name[i]);
		if (i < cut)
			section[i] = c;
		else if (i > cut)
			key[i - cut - 1] = c;
	}
	section[cut] = '\0';
	key[bytes - cut - 1] = '\0';
	return hz_config_find_section(section) != NULL;
}

// Names that begin like a section but name no key of it are mistakes; all others belong to somebody else.
static int set_from_environment(struct hz_config *config, char error[HZ_CONFIG_ERROR_BYTES])
{
	for (char **e = environ; e && *e; e++) {
		char section[32], key[64], want[HZ_CONFIG_WANT_BYTES], hint[HZ_CONFIG_WANT_BYTES + 16];
		const char *value = strchr(*e, '=');
		struct hz_config_place place = {.file = "the environment"};
		if (strncmp(*e, "HUIZHEN_", 8) != 0 || !value || value < *e + 8)
			continue;
		if (!split_name(*e + 8, (size_t)(value - *e) - 8, section, key))
			continue;
		const struct hz_config_entry *entry = hz_config_find(section, key);
		if (!entry)
			return hz_config_fail(error, &place, "correct or unset it", "unknown key %.*s",
			                      (int)(value - *e), *e);
		int err = hz_config_set(config, entry, value + 1, want);
		if (err == -EINVAL) {
			snprintf(hint, sizeof(hint), "it must be %s", want);
			return hz_config_fail(error, &place, hint, "%.*s is \"%.40s\"", (int)(value - *e), *e,
			                      entry->type == HZ_CONFIG_SECRET ? "..." : value + 1);
		}
		if (err)
			return err;
	}
	return 0;
}

// turn: URLs are of no use to anybody without credentials.
static int check_turn(const struct hz_config *c, const struct hz_config_place *place,
                      char error[HZ_CONFIG_ERROR_BYTES])
{
	bool relay = strstr(c->turn.urls, "turn:") || strstr(c->turn.urls, "turns:") ||
	             strstr(c->ice.servers, "turn:");
	if (*c->turn.secret && *c->turn.secret_file)
		return hz_config_fail(error, place, "configure one of them",
		                      "turn.secret and turn.secret_file are both set");
	if (relay && !*c->turn.secret && !*c->turn.secret_file)
		return hz_config_fail(error, place, "set it to coturn's static-auth-secret",
		                      "a turn: URL needs turn.secret or turn.secret_file");
	if (!relay && (*c->turn.secret || *c->turn.secret_file))
		return hz_config_fail(error, place, "add a turn: URL or remove the secret",
		                      "turn.secret without a turn: URL in turn.urls");
	return 0;
}

static int check_archive(const struct hz_config *c, const struct hz_config_place *place,
                         char error[HZ_CONFIG_ERROR_BYTES])
{
	if (*c->archive.pacs_user && *c->archive.pacs_token)
		return hz_config_fail(error, place, "configure one of them",
		                      "record.pacs_user and record.pacs_token are both set");
	if ((*c->archive.emr_user != 0) + (*c->archive.emr_token != 0) + (*c->archive.emr_token_url != 0) > 1)
		return hz_config_fail(
		    error, place, "configure one of them",
		    "record.emr_user, record.emr_token and record.emr_token_url are set together");
	if (!*c->archive.emr_token_url != !*c->archive.emr_client_id ||
	    !*c->archive.emr_client_id != !*c->archive.emr_client_secret)
		return hz_config_fail(error, place, "OAuth 2.0 needs all three",
		                      "record.emr_token_url, record.emr_client_id and "
		                      "record.emr_client_secret belong together");
	if (!*c->archive.pacs_certificate != !*c->archive.pacs_key ||
	    !*c->archive.emr_certificate != !*c->archive.emr_key)
		return hz_config_fail(
		    error, place, "configure both or neither",
		    "a client's certificate and its key belong together (record.pacs_*, record.emr_*)");
	if (c->archive.days && c->archive.media_days > c->archive.days)
		return hz_config_fail(error, place, "media cannot be kept longer than the record",
		                      "record.retention_media_days is more than record.retention_days");
	return 0;
}

// Is it NAME in "NAME=ROOT, NAME=ROOT"?
static bool names_pacs(const char *list, const char *name)
{
	size_t bytes = strlen(name);
	for (const char *at = list; *at; at += strcspn(at, ", \t")) {
		at += strspn(at, ", \t");
		if (strncmp(at, name, bytes) == 0 && at[bytes] == '=')
			return true;
	}
	return false;
}

static int check_forward(const struct hz_config *c, const struct hz_config_place *place,
                         char error[HZ_CONFIG_ERROR_BYTES])
{
	const char *to = c->dicomweb.forward;
	bool record = !*c->dicomweb.pacs && *c->archive.pacs_url && strcmp(to, "main") == 0;
	if (!*to || record || names_pacs(c->dicomweb.pacs, to))
		return 0;
	return hz_config_fail(error, place, "name one of imaging.pacs, or leave it empty",
	                      "imaging.forward is \"%.40s\", which is none of imaging.pacs", to);
}

// What no key can know alone.
static int check_together(const struct hz_config *c, const char *file, char error[HZ_CONFIG_ERROR_BYTES])
{
	struct hz_config_place place = {.file = file ? file : "the environment"};
	unsigned last = c->media.port + (c->media.workers ? c->media.workers : hz_config_workers(c)) - 1u;
	if (!c->http.port && !c->https.port)
		return hz_config_fail(error, &place, "switch one of them on",
		                      "http.port and https.port are both 0");
	if (c->http.port == c->https.port)
		return hz_config_fail(error, &place, "give each its own",
		                      "http.port and https.port are both %u", c->http.port);
	if (last > 65535)
		return hz_config_fail(error, &place, "lower media.port or media.workers",
		                      "media.port %u leaves no room for one port a worker", c->media.port);
	if (!*c->https.certificate != !*c->https.key)
		return hz_config_fail(error, &place, "configure both or neither",
		                      "https.certificate and https.key belong together");
	if (!*c->tokens.oidc_issuer && (*c->tokens.oidc_jwks_file || *c->tokens.oidc_audience))
		return hz_config_fail(error, &place, "set it or remove the others",
		                      "tokens.oidc_issuer is empty");
	if (*c->tokens.oidc_issuer && (!*c->tokens.oidc_jwks_file || !*c->tokens.oidc_audience))
		return hz_config_fail(
		    error, &place, "tokens of any other audience must not get in",
		    "tokens.oidc_issuer needs tokens.oidc_jwks_file and tokens.oidc_audience");
	int err = check_archive(c, &place, error);
	if (!err)
		err = check_forward(c, &place, error);
	return err ? err : check_turn(c, &place, error);
}

static int set_text(char **field, const char *value)
{
	char *copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static int fill_turn(struct hz_config *c, char error[HZ_CONFIG_ERROR_BYTES])
{
	struct hz_config_place place = {.file = c->turn.secret_file};
	char *text = NULL;
	size_t bytes = 0;
	if (!*c->turn.secret_file)
		return 0;
	int err = read_file(c->turn.secret_file, &text, &bytes);
	if (!err && !text)
		err = -EIO;
	if (err) {
		hz_config_fail(error, &place, "correct turn.secret_file or its permissions",
		               "cannot read the TURN secret (%s)", strerror(-err));
		return err;
	}
	text[strcspn(text, "\r\n")] = '\0';
	err = *text ? set_text(&c->turn.secret, text) : -EINVAL;
	hz_wipe(text, bytes);
	free(text);
	if (err == -EINVAL)
		hz_config_fail(error, &place, "write it into the first line", "no TURN secret is there");
	return err;
}

static int fill_https(struct hz_config *c)
{
	char path[PATH_MAX];
	if (*c->https.certificate)
		return 0;
	c->https.generated = true;
	snprintf(path, sizeof(path), "%s/https-certificate.pem", c->data.dir);
	int err = set_text(&c->https.certificate, path);
	snprintf(path, sizeof(path), "%s/https-key.pem", c->data.dir);
	return err ? err : set_text(&c->https.key, path);
}

static int fill_folders(struct hz_config *c)
{
	char path[PATH_MAX];
	int err = 0;
	if (!*c->record.dir) {
		snprintf(path, sizeof(path), "%s/record", c->data.dir);
		err = set_text(&c->record.dir, path);
	}
	if (!err && !*c->hls.dir) {
		snprintf(path, sizeof(path), "%s/hls", c->data.dir);
		err = set_text(&c->hls.dir, path);
	}
	if (!err && !*c->record.master_key) {
		snprintf(path, sizeof(path), "%s/master.key", c->record.dir);
		err = set_text(&c->record.master_key, path);
	}
	return err;
}

static int fill_web(struct hz_config *c)
{
	static const char *const near[] = {"web", "../share/huizhen/web", "../../../web/dist"};
	char exe[PATH_MAX], path[PATH_MAX + 64];
	if (*c->web.dir)
		return 0;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	for (unsigned i = 0; slash && i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s/join.html", exe, near[i]);
		if (access(path, R_OK) != 0)
			snprintf(path, sizeof(path), "%s/%s/index.html", exe, near[i]);
		if (access(path, R_OK) == 0) {
			*strrchr(path, '/') = '\0';
			return set_text(&c->web.dir, path);
		}
	}
	if (access("/usr/share/huizhen/web", R_OK) == 0)
		return set_text(&c->web.dir, "/usr/share/huizhen/web");
	return 0;
}

int hz_config_parse(const struct hz_config_text *text, char ret_error[HZ_CONFIG_ERROR_BYTES],
                    struct hz_config **ret)
{
	struct hz_config *config = calloc(1, sizeof(*config));
	int err = -ENOMEM;
	if (!config)
		goto out;
	err = set_defaults(config);
	if (!err && text->path)
		err = set_text(&config->path, text->path);
	if (!err && text->bytes)
		err = hz_config_yaml(config, text->path ? text->path : "(text)", text->text, text->bytes,
		                     ret_error);
	if (!err)
		err = set_from_environment(config, ret_error);
	if (!err)
		err = check_together(config, text->path, ret_error);
	if (!err)
		err = fill_turn(config, ret_error);
	if (!err)
		err = fill_https(config);
	if (!err)
		err = fill_folders(config);
	if (!err)
		err = fill_web(config);
out:
	if (err == -ENOMEM)
		snprintf(ret_error, HZ_CONFIG_ERROR_BYTES, "out of memory");
	if (err)
		hz_config_free(config);
	else
		*ret = config;
	return err;
}

int hz_config_load(const char *path, char ret_error[HZ_CONFIG_ERROR_BYTES], struct hz_config **ret)
{
	struct hz_config_text text;
	int err = hz_config_read(path, ret_error, &text);
	if (err)
		return err;
	err = hz_config_parse(&text, ret_error, ret);
	hz_config_text_done(&text);
	return err;
}

void hz_config_free(struct hz_config *config)
{
	if (!config)
		return;
	for (unsigned i = 0; i < config->tokens.keys_count; i++) {
		struct hz_config_key *key = &config->tokens.keys[i];
		if (key->secret)
			hz_wipe(key->secret, strlen(key->secret));
		free(key->secret);
		free(key->kid);
	}
	free(config->tokens.keys);
	for (unsigned i = 0; i < hz_config_table_count; i++) {
		const struct hz_config_entry *e = &hz_config_table[i];
		char *secret =
		    e->type == HZ_CONFIG_SECRET ? *(char **)(void *)((char *)config + e->offset) : NULL;
		if (secret)
			hz_wipe(secret, strlen(secret));
		if (e->type < HZ_CONFIG_BOOL)
			free(*(char **)(void *)((char *)config + e->offset));
	}
	free(config->path);
	free(config);
}

static bool needs_restart(const struct hz_config_entry *e)
{
	static const char *const whole[] = {"data", "http",   "record",  "mix",
	                                    "hls",  "mosaic", "imaging", "receive"};
	static const char *const single[][2] = {{"https", "address"},
	                                        {"https", "port"},
	                                        {"media", "port"},
	                                        {"media", "workers"},
	                                        {"media", "tcp"},
	                                        {"limits", "connections"},
	                                        {"limits", "connections_per_address"},
	                                        {"limits", "requests_per_second"},
	                                        {"ingest", "enabled"},
	                                        {"push", "enabled"}};
	for (unsigned i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (strcmp(e->section, whole[i]) == 0)
			return strcmp(e->name, "default") != 0; // record.default: the next consults have it
	for (unsigned i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		if (strcmp(e->section, single[i][0]) == 0 && strcmp(e->name, single[i][1]) == 0)
			return true;
	return false;
}

static bool same_value(const struct hz_config_entry *e, const struct hz_config *a, const struct hz_config *b)
{
	const char *x = (const char *)a + e->offset, *y = (const char *)b + e->offset;
	if (e->type < HZ_CONFIG_BOOL)
		return strcmp(*(char *const *)(const void *)x, *(char *const *)(const void *)y) == 0;
	return memcmp(x, y, e->type == HZ_CONFIG_BOOL ? sizeof(bool) : e->type == HZ_CONFIG_U16 ? 2 : 4) == 0;
}

void hz_config_restarts(const struct hz_config *started, const struct hz_config *fresh,
                        void (*say)(const char *section, const char *name))
{
	for (unsigned i = 0; i < hz_config_table_count; i++) {
		const struct hz_config_entry *e = &hz_config_table[i];
		if (needs_restart(e) && !same_value(e, started, fresh))
			say(e->section, e->name);
	}
}

unsigned hz_config_workers(const struct hz_config *config)
{
	cpu_set_t set;
	if (config->media.workers)
		return config->media.workers;
	int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return cores < 1 ? 1 : cores > HZ_MAX_WORKERS ? HZ_MAX_WORKERS : (unsigned)cores;
}
