// `huizhen archive`, `package`, `retry` and `certificate`: finished records (recorder/archive).
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/cli.h"
#include "recorder/archive/archive.h"
#include "recorder/record/certificate.h"
#include "recorder/record/package.h"

#define ABANDONED_S 120

static int stop_fd = -1;

static void on_signal(int number)
{
	static const uint64_t one = 1;
	ssize_t ignored = write(stop_fd, &one, sizeof(one));
	(void)ignored;
}

static struct hz_http_target target_of(const char *url, const char *const texts[6])
{
	return (struct hz_http_target){.url = url,
	                               .user = texts[0],
	                               .password = texts[1],
	                               .token = texts[2],
	                               .ca_file = texts[3],
	                               .certificate = texts[4],
	                               .key = texts[5]};
}

static struct hz_archive_settings settings_of(const struct hz_config *c, const char *composer, bool wait)
{
	const char *const pacs[6] = {c->archive.pacs_user, c->archive.pacs_password,    c->archive.pacs_token,
	                             c->archive.pacs_ca,   c->archive.pacs_certificate, c->archive.pacs_key};
	const char *const emr[6] = {c->archive.emr_user, c->archive.emr_password,    c->archive.emr_token,
	                            c->archive.emr_ca,   c->archive.emr_certificate, c->archive.emr_key};
	struct hz_archive_settings s = {.store = c->record.dir,
	                                .self = "/proc/self/exe",
	                                .composer = composer,
	                                .compose = c->record.compose,
	                                .without_captions = !c->record.captions,
	                                .config = c->path,
	                                .wait = wait};
	s.sm2 = strcmp(c->archive.signature, "sm2") == 0;
	s.fhir.public_url = c->links.public_url;
	s.fhir.patient_system = c->archive.emr_patient_system;
	s.fhir.create_patient = c->archive.emr_create_patient;
	s.pacs = target_of(c->archive.pacs_url, pacs);
	s.emr.target = target_of(c->archive.emr_url, emr);
	s.emr.token_url = c->archive.emr_token_url;
	s.emr.client_id = c->archive.emr_client_id;
	s.emr.client_secret = c->archive.emr_client_secret;
	s.emr.scope = c->archive.emr_scope;
	s.retry_first_ms = 1000;
	s.retry_most_ms = c->archive.retry_seconds * 1000ll;
	s.media_days = c->archive.media_days;
	s.record_days = c->archive.days;
	s.abandoned_s = ABANDONED_S;
	return s;
}

// The key and the credentials are nobody's to read with a debugger.
static void seclude(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

void hz_cli_composer(char *ret)
{
	hz_cli_program("huizhen-compose", "../recorder/compose", ret);
}

int hz_cli_archive(int argc, char **argv)
{
	const char *path = NULL;
	bool wait = false;
	const struct hz_cli_option table[] = {
	    {.name = "--config", .text = &path}, {.name = "--wait", .flag = &wait}, {.name = NULL}};
	char composer[PATH_MAX];
	struct hz_config *config;
	int code = hz_cli_options(argc, argv, table);
	if (!code)
		code = hz_cli_config(path, &config);
	if (code)
		return code;
	prctl(PR_SET_NAME, "hz-archive");
	hz_cli_composer(composer);
	hz_log_init("archive", hz_log_level(config->log.level));
	seclude();
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	const struct hz_archive_settings settings = settings_of(config, composer, wait);
	int err = stop_fd < 0 ? -errno : hz_archive_run(&settings, stop_fd);
	hz_config_free(config);
	if (err == -EBUSY)
		return hz_cli_error(HZ_EXIT_FAILED,
		                    "another archive has this store, at record.dir: stop it first");
	return err ? hz_cli_error(HZ_EXIT_FAILED,
	                          "cannot run the archive (%s), at record.dir: check its rights",
	                          strerror(-err))
	           : HZ_EXIT_DONE;
}

// huizhen package FOLDER [--config FILE]
int hz_cli_package(int argc, char **argv)
{
	const char *path = NULL, *folder = argc > 1 ? argv[1] : NULL, *why = NULL;
	const struct hz_cli_option table[] = {{.name = "--config", .text = &path}, {.name = NULL}};
	struct hz_config *config;
	if (!folder || folder[0] == '-')
		return hz_cli_error(
		    HZ_EXIT_USAGE,
		    "a record's folder is missing, at huizhen package: it is the first argument");
	int code = hz_cli_options(argc - 1, argv + 1, table);
	if (!code)
		code = hz_cli_config(path, &config);
	if (code)
		return code;
	hz_log_init("package", hz_log_level(config->log.level));
	const struct hz_package_settings settings = {
	    .charset =
	        strcmp(config->archive.character_set, "gb18030") == 0 ? HZ_CHARSET_GB18030 : HZ_CHARSET_UTF8,
	    .composed = config->archive.pacs_composed};
	int err = hz_package(folder, &settings, &why);
	hz_config_free(config);
	if (err)
		return hz_cli_error(HZ_EXIT_FAILED,
		                    "cannot package the record (%s%s%s), at manifest.json: finalise it again",
		                    strerror(-err), why ? ": " : "", why ? why : "");
	return HZ_EXIT_DONE;
}

int hz_cli_retry(int argc, char **argv)
{
	const char *path = NULL, *record = NULL, *store = NULL;
	const struct hz_cli_option table[] = {{.name = "--record", .text = &record},
	                                      {.name = "--config", .text = &path},
	                                      {.name = "--store", .text = &store},
	                                      {.name = NULL}};
	struct hz_config *config = NULL;
	int code = hz_cli_options(argc, argv, table);
	if (!code && !store)
		code = hz_cli_config(path, &config);
	if (code)
		return code;
	int count = hz_archive_retry(store ? store : config->record.dir, record);
	if (config)
		hz_config_free(config);
	if (count < 0)
		return hz_cli_error(HZ_EXIT_FAILED,
		                    "cannot release anything (%s), at record.dir: check its rights",
		                    strerror(-count));
	printf("%d released\n", count);
	return HZ_EXIT_DONE;
}

static void print_fault(void *arg, const char *where, const char *what)
{
	printf("%s: %s\n", where, what);
}

int hz_cli_check_certificate(const char *folder, const char *public_pem)
{
	int faults = hz_certificate_verify(folder, public_pem, print_fault, NULL);
	if (faults < 0)
		return hz_cli_error(HZ_EXIT_FAILED,
		                    "cannot check %.200s (%s), at its certificate or --key: is it there?",
		                    folder, strerror(-faults));
	if (faults)
		printf("%d things differ\n", faults);
	else
		puts("all is as it was signed");
	return faults ? HZ_EXIT_FAILED : HZ_EXIT_DONE;
}

int hz_cli_certificate(int argc, char **argv)
{
	const char *key = NULL, *folder = argc > 1 ? argv[1] : NULL;
	const struct hz_cli_option table[] = {{.name = "--key", .text = &key}, {.name = NULL}};
	if (!folder || folder[0] == '-')
		return hz_cli_error(
		    HZ_EXIT_USAGE,
		    "a record's folder is missing, at huizhen certificate: it is the first argument");
	int code = hz_cli_options(argc - 1, argv + 1, table);
	return code ? code : hz_cli_check_certificate(folder, key);
}
