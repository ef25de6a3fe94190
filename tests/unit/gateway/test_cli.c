// The command line: what it refuses and with which exit code; tokens and links of a fresh folder.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/cli.h"

static char out[8192], err[8192];

static void read_back(FILE *from, char *to, size_t cap)
{
	rewind(from);
	size_t n = fread(to, 1, cap - 1, from);
	to[n] = '\0';
	fclose(from);
}

// Runs one command line with stdout and stderr caught.
static int run(const char *line)
{
	char copy[512], *argv[24] = {(char *)(uintptr_t) "huizhen"}, *rest = copy, *word;
	int argc = 1;
	FILE *o = tmpfile(), *e = tmpfile();
	assert_true(o && e);
	snprintf(copy, sizeof(copy), "%s", line);
	while (*line && (word = strsep(&rest, " ")) && argc < 23)
		argv[argc++] = word;
	fflush(stdout);
	int keep_out = dup(1), keep_err = dup(2);
	dup2(fileno(o), 1);
	dup2(fileno(e), 2);
	int code = hz_cli_main(argc, argv);
	fflush(stdout);
	dup2(keep_out, 1);
	dup2(keep_err, 2);
	close(keep_out);
	close(keep_err);
	read_back(o, out, sizeof(out));
	read_back(e, err, sizeof(err));
	return code;
}

static const struct bad {
	const char *line, *word;
} bad_lines[] = {
    {"", "no command"},
    {"record", "no command, at huizhen record"},
    {"record play", "unknown command play"},
    {"record list extra", "unknown option extra"},
    {"record erase", "no record"},
    {"record erase ../../etc --all --by a --why b", "no record"},
    {"record erase 00112233-4455-6677-8899-aabbccddeeff --all --by a", "write --by and --why"},
    {"record erase 00112233-4455-6677-8899-aabbccddeeff --by a --why b", "--participant ID, or --all"},
    {"record erase 00112233-4455-6677-8899-aabbccddeeff --all --participant p --by a --why b", "or --all"},
    {"record hold 00112233-4455-6677-8899-aabbccddeeff", "write --by and --why"},
    {"record release --by a --why b", "no record"},
    {"record verify x y", "unknown option y"},
    {"record export 00112233-4455-6677-8899-aabbccddeeff --to", "--to has no value"},
    {"record list --config /nonexistent.yaml", "/nonexistent.yaml"},
    {"Serve", "unknown command"},
    {"--serve", "unknown command"},
    {"serve --bogus", "unknown option --bogus"},
    {"serve extra", "unknown option extra"},
    {"serve --config", "--config has no value"},
    {"serve --takeover=yes", "takes no value"},
    {"serve --drain-timeout soon", "write 90s"},
    {"serve --drain-timeout 0", "write 90s"},
    {"serve --drain-timeout -5", "write 90s"},
    {"serve --check-config --config /nonexistent.yaml", "/nonexistent.yaml"},
    {"token", "--consult is missing"},
    {"token --consult c", "--role is missing"},
    {"token --consult= --role clinic", "--consult is missing"},
    {"token --role patient", "--consult is missing"},
    {"link --role theatre --name n", "--consult is missing"},
    {"link --consult= --role admin --name n", "--consult is missing"},
    {"token --consult c --role wizard", "role"},
    {"token --consult ../x --role clinic", "consult"},
    {"token --consult c --role clinic --ttl 1y", "write 90s"},
    {"token --consult c --role clinic --ttl 1hh", "write 90s"},
    {"token --consult c --role clinic --ttl 99999999999", "write 90s"},
    {"token --consult c --role clinic --ttl 400d", "write 90s"},
    {"token --consult c --role clinic --grant admin", "only create"},
    {"token --consult c --role clinic --id a/b", "id"},
    {"link --consult c --role patient", "--name is missing"},
    {"link --consult c --name n", "--role is missing"},
    {"link --consult c --role patient --name n --base-url ftp://x", "--base-url"},
    {"link --consult c --role patient --name n --base-url https://x/y", "--base-url"},
    {"link --consult c --role patient --name n --ttl 60d", "30 days"},
    {"consult", "--consult is missing"},
    {"doctor --xml", "unknown option --xml"},
    {"control", "started by huizhen serve only"},
    {"control --workers 1", "started by huizhen serve only"},
    {"worker", "started by huizhen serve only"},
    {"worker 0", "started by huizhen serve only"},
    {"worker 64", "started by huizhen serve only"},
    {"worker x", "started by huizhen serve only"},
};

static void refused(void **state)
{
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
		int code = run(bad_lines[i].line);
		const char *newline = strchr(err, '\n');
		if (code != HZ_EXIT_USAGE || !strstr(err, bad_lines[i].word) ||
		    strncmp(err, "huizhen: ", 9) != 0 || !newline || newline[1] || out[0])
			fail_msg("\"%s\": %d\n%s%s", bad_lines[i].line, code, err, out);
	}
}

static void helps(void **state)
{
	assert_int_equal(run("--help"), 0);
	assert_non_null(strstr(out, "huizhen serve"));
	assert_null(strstr(out, "huizhen worker"));
	assert_int_equal(run("token --help"), 0);
	assert_non_null(strstr(out, "--consult"));
	assert_int_equal(run("--version"), 0);
	assert_non_null(strstr(out, "huizhen "));
	assert_int_equal(run("serve --check-config"), 0);
}

static void tokens(void **state)
{
	assert_int_equal(run("token --consult c1 --role clinic --name Li --ttl 2h --once --grant create"), 0);
	assert_string_equal(err, "");
	char *dot = strchr(out, '.');
	assert_true(dot && strchr(dot + 1, '.')); // a JWT, one line
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	char first[8192];
	snprintf(first, sizeof(first), "%s", out);
	assert_int_equal(run("token --consult c1 --role clinic"), 0);
	assert_string_not_equal(first, out);
}

static void links(void **state)
{
	assert_int_equal(run("link --consult c1 --role patient --name Wang --base-url https://h.example:9"),
	                 0);
	if (strncmp(out, "https://h.example:9/j/", 22) != 0)
		fail_msg("%s%s", out, err);
	assert_int_equal(strlen(out), 22 + 22 + 1);
	assert_int_equal(run("link --consult c1 --role expert --name Zhao --reusable --ttl 7d"), 0);
	assert_non_null(strstr(out, "/j/"));
	assert_int_equal(run("token --role admin --name Xu"), 0); // of no consult: the console
	assert_int_equal(run("link --role clinic --name Xu"), 0);
	assert_int_equal(run("consult --consult c2 --title Ward"), 0);
	assert_string_equal(out, "c2\n");
	assert_int_equal(run("consult --consult c2"), 0); // once more: nothing to do
}

static char dir[] = "/tmp/hz-cli-XXXXXX";

static int make_dir(void **state)
{
	char data[64];
	if (!mkdtemp(dir))
		return -1;
	snprintf(data, sizeof(data), "%s/data", dir);
	return setenv("HUIZHEN_DATA_DIR", data, 1) || chdir(dir);
}

static int remove_dir(void **state)
{
	char command[96];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refused),
	    cmocka_unit_test(helps),
	    cmocka_unit_test(tokens),
	    cmocka_unit_test(links),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
