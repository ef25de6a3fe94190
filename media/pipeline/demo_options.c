#include "media/pipeline/demo_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"

#define MAX_TOKEN_BYTES 8192

enum {
	OPT_URL = 256,
	OPT_TOKEN,
	OPT_TOKEN_FILE,
	OPT_CONSULT,
	OPT_KIND,
	OPT_LABEL,
	OPT_CODEC,
	OPT_PUBLISH,
	OPT_SUBSCRIBE,
	OPT_DURATION,
	OPT_DECODE,
	OPT_INSECURE,
	OPT_HELP
};

static const struct option long_options[] = {
    {"url", required_argument, NULL, OPT_URL},
    {"token", required_argument, NULL, OPT_TOKEN},
    {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
    {"consult", required_argument, NULL, OPT_CONSULT},
    {"kind", required_argument, NULL, OPT_KIND},
    {"label", required_argument, NULL, OPT_LABEL},
    {"codec", required_argument, NULL, OPT_CODEC},
    {"publish", no_argument, NULL, OPT_PUBLISH},
    {"subscribe", required_argument, NULL, OPT_SUBSCRIBE},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"decode", no_argument, NULL, OPT_DECODE},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char usage[] = "huizhen-demo: a simulated participant over WHIP and WHEP\n"
                            "  --url URL          gateway, default http://127.0.0.1:8080\n"
                            "  --consult C        consult id\n"
                            "  --token T | --token-file FILE | HUIZHEN_TOKEN in the environment\n"
                            "  --kind KIND        clinic, expert or patient: how it looks and sounds\n"
                            "  --label TEXT       shown in the picture, default the kind\n"
                            "  --codec CODEC      h264 (default) or vp8\n"
                            "  --publish          send a picture and speech-like sound\n"
                            "  --subscribe ID     watch a participant; may be repeated\n"
                            "  --decode           decode what is received\n"
                            "  --duration S       stop after S seconds, default never\n"
                            "  --insecure         accept any TLS certificate\n"
                            "Prints one JSON line of counters every 2 s.\n";

static int wrong(const char *what, const char *value)
{
	fprintf(stderr, "huizhen-demo: %s%s%s; see --help\n", what, value ? ": " : "", value ? value : "");
	return -EINVAL;
}

static int set_token(struct hz_demo_options *o, const char *text)
{
	size_t bytes = strcspn(text, " \r\n");

	if (!bytes || bytes > MAX_TOKEN_BYTES)
		return wrong("empty token", NULL);
	free(o->token);
	o->token = strndup(text, bytes);
	return o->token ? 0 : -ENOMEM;
}

static int read_token(struct hz_demo_options *o, const char *path)
{
	char text[MAX_TOKEN_BYTES + 2] = "";
	FILE *file = fopen(path, "re");
	int err;

	if (!file)
		return wrong("cannot read the token file", path);
	err = fgets(text, sizeof text, file) ? set_token(o, text) : wrong("empty token file", path);
	fclose(file);
	hz_wipe(text, sizeof text);
	return err;
}

static int parse_duration(const char *text, unsigned *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || *text == '-' || value > 1000000)
		return wrong("duration is not a number of seconds", text);
	*ret = (unsigned)value;
	return 0;
}

static int parse_codec(const char *text, bool *ret_vp8)
{
	*ret_vp8 = strcmp(text, "vp8") == 0;
	return *ret_vp8 || strcmp(text, "h264") == 0 ? 0 : wrong("unknown codec", text);
}

static int parse_one(int option, char *value, struct hz_demo_options *o)
{
	switch (option) {
	case OPT_URL:
		o->url = value;
		return 0;
	case OPT_TOKEN: {
		int err = set_token(o, value);

		memset(value, 'x', strlen(value)); // out of the process list
		return err;
	}
	case OPT_TOKEN_FILE:
		return read_token(o, value);
	case OPT_CONSULT:
		o->consult = value;
		return 0;
	case OPT_KIND:
		o->kind = value;
		return 0;
	case OPT_LABEL:
		o->label = value;
		return 0;
	case OPT_CODEC:
		return parse_codec(value, &o->vp8);
	case OPT_PUBLISH:
		o->publish = true;
		return 0;
	case OPT_SUBSCRIBE:
		if (o->subscription_count == HZ_DEMO_MAX_SUBSCRIPTIONS)
			return wrong("too many --subscribe", NULL);
		o->subscriptions[o->subscription_count++] = value;
		return 0;
	case OPT_DURATION:
		return parse_duration(value, &o->duration_s);
	case OPT_DECODE:
		o->decode = true;
		return 0;
	case OPT_INSECURE:
		o->insecure = true;
		return 0;
	case OPT_HELP:
		fputs(usage, stdout);
		return 1;
	default:
		return wrong("unknown option", NULL);
	}
}

// Ids that go into a path: what the gateway takes, so that a typing error is not a strange 404.
static bool id_ok(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t bytes = strlen(text);

	return bytes && bytes <= 64 && strspn(text, allowed) == bytes;
}

static bool names_loopback(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", 9) == 0 ||
	       strncmp(host, "[::1]", 5) == 0;
}

static int check(struct hz_demo_options *o)
{
	if (!o->consult || !id_ok(o->consult))
		return wrong("--consult is missing or not an id", o->consult);
	if (!o->token)
		return wrong("no token", NULL);
	if (!o->publish && !o->subscription_count)
		return wrong("neither --publish nor --subscribe", NULL);
	if (strncmp(o->url, "http://", 7) != 0 && strncmp(o->url, "https://", 8) != 0)
		return wrong("--url is not http:// or https://", o->url);
	for (unsigned i = 0; i < o->subscription_count; i++)
		if (!id_ok(o->subscriptions[i]))
			return wrong("--subscribe is not an id", o->subscriptions[i]);
	if (!o->label)
		o->label = o->kind;
	o->loopback = names_loopback(o->url);
	return 0;
}

int hz_demo_options_parse(int argc, char **argv, struct hz_demo_options *ret)
{
	struct hz_demo_options o = {.url = "http://127.0.0.1:8080", .kind = "clinic"};
	const char *from_environment = getenv("HUIZHEN_TOKEN");
	int option, err = 0;

	if (from_environment && *from_environment)
		err = set_token(&o, from_environment);
	unsetenv("HUIZHEN_TOKEN");
	while (!err && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		err = parse_one(option, optarg, &o);
	if (!err && optind < argc)
		err = wrong("unexpected argument", argv[optind]);
	if (!err)
		err = check(&o);
	if (err) {
		hz_demo_options_done(&o);
		return err;
	}
	*ret = o;
	return 0;
}

void hz_demo_options_done(struct hz_demo_options *options)
{
	if (options->token)
		hz_wipe(options->token, strlen(options->token));
	free(options->token);
	options->token = NULL;
}
