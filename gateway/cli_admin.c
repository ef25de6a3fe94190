// `huizhen token`, `link` and `consult`.
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/secret.h"
#include "gateway/cli.h"
#include "gateway/config_table.h"
#include "gateway/control/admin.h"
#include "signaling/auth/roles.h"

#define LINK_TTL_MAX_S (30u * 86400u)

static int need(const char *command, const char *option, const char *value)
{
	if (value && *value)
		return 0;
	return hz_cli_error(HZ_EXIT_USAGE, "%s is missing, at huizhen %s: see huizhen --help", option,
	                    command);
}

// Staff without a consult work in the console. One that is given but empty is a script's mistake, never that.
static bool lacks_consult(const char *role)
{
	return role && hz_role_may_lack_consult(hz_role_parse(role));
}

// -EINVAL is wrong usage, everything else a failure.
static int admin_exit(int err, const char *error)
{
	return hz_cli_error(err == -EINVAL ? HZ_EXIT_USAGE : HZ_EXIT_FAILED, "%s", error);
}

// root makes nothing in the service's folder that the service could not read.
static int become_owner(const struct hz_config *config, const char *command)
{
	struct stat st;
	if (geteuid() != 0 || stat(config->data.dir, &st) < 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) == 0 && setgid(st.st_gid) == 0 && setuid(st.st_uid) == 0)
		return 0;
	return hz_cli_error(HZ_EXIT_FAILED,
	                    "cannot become the owner of data.dir, at huizhen %s: run it as that user",
	                    command);
}

// The configuration, and the right user for its data folder.
static int open_data(const char *command, const char *path, struct hz_config **ret)
{
	int code = hz_cli_config(path, ret);
	if (code)
		return code;
	code = become_owner(*ret, command);
	if (code)
		hz_config_free(*ret);
	return code;
}

int hz_cli_token(int argc, char **argv)
{
	struct hz_admin_token_spec spec = {0};
	const char *path = NULL, *grant = NULL;
	const struct hz_cli_option table[] = {
	    {.name = "--consult", .text = &spec.consult}, {.name = "--role", .text = &spec.role},
	    {.name = "--id", .text = &spec.id},           {.name = "--name", .text = &spec.name},
	    {.name = "--ttl", .duration = &spec.ttl_s},   {.name = "--once", .flag = &spec.once},
	    {.name = "--consent", .flag = &spec.consent}, {.name = "--grant", .text = &grant},
	    {.name = "--config", .text = &path},          {.name = NULL},
	};
	char error[HZ_ADMIN_ERROR_BYTES] = "", token[HZ_ADMIN_TOKEN_BYTES];
	struct hz_config *config;
	int code = hz_cli_options(argc, argv, table);
	if (!code && (spec.consult || !lacks_consult(spec.role)))
		code = need("token", "--consult", spec.consult);
	if (!code)
		code = need("token", "--role", spec.role);
	if (!code && grant && strcmp(grant, "create") != 0)
		code = hz_cli_error(
		    HZ_EXIT_USAGE, "--grant is \"%.40s\", at huizhen token: only create can be given", grant);
	if (!code)
		code = open_data("token", path, &config);
	if (code)
		return code;
	spec.create = grant != NULL;
	int err = hz_admin_token(config, &spec, error, token);
	hz_config_free(config);
	if (err)
		return admin_exit(err, error);
	puts(token);
	hz_wipe(token, sizeof(token));
	return HZ_EXIT_DONE;
}

// The URL with another beginning: scheme, host and port of base.
static void print_link(const char *url, const char *base)
{
	const char *path = strstr(url, "://");
	path = path ? strchr(path + 3, '/') : NULL;
	if (base && path)
		printf("%s%s\n", base, path);
	else
		puts(url);
}

int hz_cli_link(int argc, char **argv)
{
	struct hz_admin_link_spec spec = {0};
	const char *path = NULL, *base = NULL;
	const struct hz_cli_option table[] = {
	    {.name = "--consult", .text = &spec.consult},
	    {.name = "--role", .text = &spec.role},
	    {.name = "--name", .text = &spec.name},
	    {.name = "--title", .text = &spec.title},
	    {.name = "--ttl", .duration = &spec.ttl_s},
	    {.name = "--reusable", .flag = &spec.reusable},
	    {.name = "--base-url", .text = &base},
	    {.name = "--config", .text = &path},
	    {.name = NULL},
	};
	char error[HZ_ADMIN_ERROR_BYTES] = "", url[HZ_ADMIN_URL_BYTES];
	struct hz_config *config;
	int code = hz_cli_options(argc, argv, table);
	if (!code && (spec.consult || !lacks_consult(spec.role)))
		code = need("link", "--consult", spec.consult);
	if (!code)
		code = need("link", "--role", spec.role);
	if (!code)
		code = need("link", "--name", spec.name);
	if (!code && base && (!*base || !hz_config_is_url(base)))
		code = hz_cli_error(
		    HZ_EXIT_USAGE,
		    "--base-url is \"%.60s\", at huizhen link: write https://host or https://host:port",
		    base);
	if (!code && spec.ttl_s > LINK_TTL_MAX_S)
		code = hz_cli_error(HZ_EXIT_USAGE, "--ttl is too long, at huizhen link: 30 days at most");
	if (!code)
		code = open_data("link", path, &config);
	if (code)
		return code;
	int err = hz_admin_link(config, &spec, error, url);
	hz_config_free(config);
	if (err)
		return admin_exit(err, error);
	print_link(url, base);
	hz_wipe(url, sizeof(url));
	return HZ_EXIT_DONE;
}

int hz_cli_consult(int argc, char **argv)
{
	const char *path = NULL, *consult = NULL, *title = NULL;
	const struct hz_cli_option table[] = {{.name = "--consult", .text = &consult},
	                                      {.name = "--title", .text = &title},
	                                      {.name = "--config", .text = &path},
	                                      {.name = NULL}};
	char error[HZ_ADMIN_ERROR_BYTES] = "";
	struct hz_config *config;
	int code = hz_cli_options(argc, argv, table);
	if (!code)
		code = need("consult", "--consult", consult);
	if (!code)
		code = open_data("consult", path, &config);
	if (code)
		return code;
	int err = hz_admin_consult(config, consult, title ? title : consult, error);
	hz_config_free(config);
	if (err)
		return admin_exit(err, error);
	puts(consult);
	return HZ_EXIT_DONE;
}
