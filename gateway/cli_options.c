#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/cli.h"

#define DURATION_MAX_S (366u * 86400u)

int hz_cli_error(int code, const char *fmt, ...)
{
	char line[768];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "huizhen: %s\n", line);
	return code;
}

// 90, 90s, 15m, 2h, 7d
static bool parse_duration(const char *text, uint32_t *ret)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 9 || (text[digits] && text[digits + 1]))
		return false;
	unsigned long n = strtoul(text, NULL, 10);
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].unit != text[digits])
			continue;
		if (n == 0 || n > DURATION_MAX_S / units[i].seconds)
			return false;
		*ret = (uint32_t)n * units[i].seconds;
		return true;
	}
	return false;
}

static bool parse_number(const char *text, uint32_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 9 || text[digits])
		return false;
	*ret = (uint32_t)strtoul(text, NULL, 10);
	return true;
}

static int take(const char *command, const struct hz_cli_option *o, const char *value)
{
	if (o->text)
		*o->text = value;
	else if (o->duration && !parse_duration(value, o->duration))
		return hz_cli_error(HZ_EXIT_USAGE, "%s is \"%.40s\", at huizhen %s: write 90s, 15m, 2h or 7d",
		                    o->name, value, command);
	else if (o->number && !parse_number(value, o->number))
		return hz_cli_error(HZ_EXIT_USAGE, "%s is \"%.40s\", at huizhen %s: write a number", o->name,
		                    value, command);
	return 0;
}

int hz_cli_options(int argc, char **argv, const struct hz_cli_option *options)
{
	for (int i = 1; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');
		size_t n = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
		const struct hz_cli_option *o = options;
		while (o->name && (strlen(o->name) != n || strncmp(o->name, argv[i], n) != 0))
			o++;
		if (!o->name)
			return hz_cli_error(HZ_EXIT_USAGE,
			                    "unknown option %.60s, at huizhen %s: see huizhen --help",
			                    argv[i], argv[0]);
		if (o->flag) {
			if (equals)
				return hz_cli_error(HZ_EXIT_USAGE,
				                    "%s takes no value, at huizhen %s: leave it out", o->name,
				                    argv[0]);
			*o->flag = true;
			continue;
		}
		const char *value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
		if (!value)
			return hz_cli_error(HZ_EXIT_USAGE,
			                    "%s has no value, at huizhen %s: write one behind it", o->name,
			                    argv[0]);
		int err = take(argv[0], o, value);
		if (err)
			return err;
	}
	return 0;
}

int hz_cli_config(const char *path, struct hz_config **ret)
{
	char error[HZ_CONFIG_ERROR_BYTES];
	if (hz_config_load(path, error, ret))
		return hz_cli_error(HZ_EXIT_USAGE, "%s", error);
	hz_log_init("huizhen", hz_log_level((*ret)->log.level));
	return 0;
}
