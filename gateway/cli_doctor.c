#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "gateway/cli.h"
#include "gateway/doctor.h"

static const char *const verdicts[] = {"ok", "off", "warn", "fail"};

static void print_table(const struct hz_doctor *d)
{
	for (unsigned i = 0; i < d->count; i++) {
		const struct hz_finding *f = &d->finding[i];
		printf("%-5s %-15s %s\n", f->verdict == HZ_VERDICT_OFF ? "-" : verdicts[f->verdict], f->name,
		       f->text);
		if (f->todo[0])
			printf("      %-15s -> %s\n", "", f->todo);
	}
	printf("\n%s\n", hz_doctor_verdict(d) == HZ_VERDICT_FAIL ? "Something above would stop a consult."
	                                                         : "Nothing would stop a consult.");
}

static int print_json(const struct hz_doctor *d)
{
	json_t *checks = json_array();
	for (unsigned i = 0; i < d->count; i++) {
		const struct hz_finding *f = &d->finding[i];
		json_array_append_new(checks,
		                      json_pack("{s:s, s:s, s:s, s:s}", "check", f->name, "verdict",
		                                verdicts[f->verdict], "text", f->text, "todo", f->todo));
	}
	json_t *root = json_pack("{s:s, s:o}", "verdict", verdicts[hz_doctor_verdict(d)], "checks", checks);
	char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	if (text)
		puts(text);
	free(text);
	json_decref(root);
	return text ? 0 : -1;
}

int hz_cli_doctor(int argc, char **argv)
{
	const char *path = NULL;
	bool json = false;
	const struct hz_cli_option table[] = {
	    {.name = "--config", .text = &path}, {.name = "--json", .flag = &json}, {.name = NULL}};
	struct hz_config *config;
	int code = hz_cli_options(argc, argv, table);
	if (!code)
		code = hz_cli_config(path, &config);
	if (code)
		return code;
	struct hz_doctor *d = calloc(1, sizeof(*d));
	if (!d) {
		hz_config_free(config);
		return hz_cli_error(HZ_EXIT_FAILED, "out of memory, at huizhen doctor: free some");
	}
	hz_doctor_run(d, config);
	code = hz_doctor_verdict(d) == HZ_VERDICT_FAIL ? HZ_EXIT_FAILED : HZ_EXIT_DONE;
	if (!json)
		print_table(d);
	else if (print_json(d))
		code =
		    hz_cli_error(HZ_EXIT_FAILED, "cannot make JSON, at huizhen doctor: a value is not UTF-8");
	free(d);
	hz_config_free(config);
	return code;
}
