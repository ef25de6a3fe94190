// `huizhen serve`, and the two commands that it starts.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/child.h"
#include "gateway/cli.h"
#include "gateway/control/control.h"
#include "gateway/supervisor.h"
#include "media/api.h"
#include "media/transport/srtp.h"
#include "media/worker/worker.h"
#include "recorder/recorder.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 // the leak checker reads our memory with ptrace
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
#define SANDBOX false
#else
#define SANDBOX true
#endif

// No debugger of the same user and no core file gets at the keys in this process.
static void seclude(void)
{
#ifndef SANITIZED
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

int hz_cli_serve(int argc, char **argv)
{
	struct hz_supervisor_options options = {.drain_s = HZ_DRAIN_S,
	                                        .arena_bytes = hz_worker_arena_bytes(),
	                                        .arena_version = hz_worker_arena_version(),
	                                        .api_version = HZ_API_VERSION};
	bool check = false;
	const struct hz_cli_option table[] = {{.name = "--config", .text = &options.config_path},
	                                      {.name = "--check-config", .flag = &check},
	                                      {.name = "--takeover", .flag = &options.takeover},
	                                      {.name = "--drain-timeout", .duration = &options.drain_s},
	                                      {.name = NULL}};
	char error[HZ_CONFIG_ERROR_BYTES];
	struct hz_config_text text;
	struct hz_config *config;
	int err = hz_cli_options(argc, argv, table);
	if (err)
		return err;
	err = hz_config_read(options.config_path, error, &text);
	if (err)
		return hz_cli_error(HZ_EXIT_USAGE, "%s", error);
	err = hz_config_parse(&text, error, &config);
	if (err) {
		hz_config_text_done(&text);
		return hz_cli_error(HZ_EXIT_USAGE, "%s", error);
	}
	if (check) {
		printf("%s is right\n", text.path ? text.path : "the default configuration");
	} else {
		seclude();
		err = hz_supervisor_run(&options, config, &text);
	}
	hz_config_free(config);
	hz_config_text_done(&text);
	return err ? HZ_EXIT_FAILED : HZ_EXIT_DONE;
}

static bool is_socket(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

// Whoever calls these by hand gets an answer instead of a broken process.
static int not_by_hand(const char *command)
{
	return hz_cli_error(HZ_EXIT_USAGE, "%s is started by huizhen serve only: run that", command);
}

int hz_cli_control(int argc, char **argv)
{
	const char *path = NULL;
	uint32_t workers = 0, media_port = 0;
	const struct hz_cli_option table[] = {{.name = "--config", .text = &path},
	                                      {.name = "--workers", .number = &workers},
	                                      {.name = "--media-port", .number = &media_port},
	                                      {.name = NULL}};
	struct hz_control_fds fds = {.supervisor = HZ_FD_CONTROL_SUPERVISOR,
	                             .identity = HZ_FD_CONTROL_IDENTITY};
	struct hz_config *config;
	int err = hz_cli_options(argc, argv, table);
	if (err)
		return err;
	if (workers < 1 || workers > HZ_MAX_WORKERS || !is_socket(HZ_FD_CONTROL_SUPERVISOR))
		return not_by_hand("control");
	prctl(PR_SET_NAME, "hz-control");
	err = hz_cli_config(path, &config);
	if (err)
		return err;
	hz_log_init("control", hz_log_level(config->log.level));
	seclude();
	fds.http = is_socket(HZ_FD_CONTROL_HTTP) ? HZ_FD_CONTROL_HTTP : -1;
	fds.https = is_socket(HZ_FD_CONTROL_HTTPS) ? HZ_FD_CONTROL_HTTPS : -1;
	fds.recorder = is_socket(HZ_FD_CONTROL_RECORDER) ? HZ_FD_CONTROL_RECORDER : -1;
	fds.mix = is_socket(HZ_FD_CONTROL_MIX) ? HZ_FD_CONTROL_MIX : -1;
	fds.workers = workers;
	fds.media_port = (uint16_t)media_port;
	for (uint32_t i = 0; i < workers; i++)
		fds.api[i] = HZ_FD_CONTROL_API + (int)i;
	for (int i = 0; i < HZ_PIPES; i++)
		fds.pipe[i] = is_socket(HZ_FD_CONTROL_PIPE + i) ? HZ_FD_CONTROL_PIPE + i : -1;
	err = hz_control_run(&fds, config);
	hz_config_free(config);
	if (err)
		hz_error("control.failed", "err=%d", err);
	return err ? HZ_EXIT_FAILED : HZ_EXIT_DONE;
}

static_assert(HZ_PIPES <= HZ_MAX_PIPES, "a worker has room for all pipes");

int hz_cli_worker(int argc, char **argv)
{
	const char *level = NULL;
	uint32_t workers = 1;
	const struct hz_cli_option table[] = {
	    {.name = "--log", .text = &level}, {.name = "--workers", .number = &workers}, {.name = NULL}};
	struct hz_worker_fds fds = {.arena = HZ_FD_WORKER_ARENA,
	                            .udp = HZ_FD_WORKER_UDP,
	                            .api = HZ_FD_WORKER_API,
	                            .shelf_in = HZ_FD_WORKER_SHELF_IN,
	                            .shelf_out = HZ_FD_WORKER_SHELF_OUT,
	                            .identity = HZ_FD_WORKER_IDENTITY,
	                            .rings = HZ_FD_WORKER_RINGS,
	                            .taps = HZ_FD_WORKER_TAPS};
	struct hz_worker_options options = {0};
	char name[24];
	int lock;
	char *end = NULL;
	unsigned long index = argc > 1 ? strtoul(argv[1], &end, 10) : HZ_MAX_WORKERS;
	if (index >= HZ_MAX_WORKERS || !end || *end || !is_socket(HZ_FD_WORKER_API))
		return not_by_hand("worker");
	int err = hz_cli_options(argc - 1, argv + 1, table);
	if (err)
		return err;
	if (workers < 1 || workers > HZ_MAX_WORKERS || index >= workers)
		return not_by_hand("worker");
	fds.workers = workers + 1; // the mix is the last
	for (uint32_t i = 0; i < fds.workers; i++)
		fds.wake[i] = HZ_FD_WORKER_WAKE + (int)i;
	for (int i = 0; i < HZ_PIPES; i++) {
		fds.pipe[i].rings = HZ_FD_WORKER_PIPE + 2 * i;
		fds.pipe[i].wake = HZ_FD_WORKER_PIPE + 2 * i + 1;
	}
	fds.pipes = HZ_PIPES;
	options.index = (uint32_t)index;
	snprintf(name, sizeof(name), "worker%u", options.index);
	hz_log_init(name, hz_log_level(level));
	snprintf(name, sizeof(name), "hz-worker%u", options.index);
	prctl(PR_SET_NAME, name);
	// At a takeover this waits until the old worker is gone, everything else being ready.
	err = hz_srtp_init();
	close(HZ_FD_WORKER_WAITING);
	if (!err)
		err = hz_memfd_claim(HZ_FD_WORKER_ARENA, &lock);
	if (!err) {
		seclude();
		err = hz_worker_run(&fds, &options);
		close(lock);
		hz_srtp_done();
	}
	if (err)
		hz_error("worker.failed", "err=%d", err);
	return err ? HZ_EXIT_FAILED : HZ_EXIT_DONE;
}

int hz_cli_recorder(int argc, char **argv)
{
	const char *path = NULL;
	uint32_t workers = 0;
	const struct hz_cli_option table[] = {
	    {.name = "--config", .text = &path}, {.name = "--workers", .number = &workers}, {.name = NULL}};
	struct hz_config *config;
	int lock;
	int err = hz_cli_options(argc, argv, table);
	if (err)
		return err;
	if (workers < 1 || workers > HZ_MAX_WORKERS || !is_socket(HZ_FD_RECORDER_API))
		return not_by_hand("recorder");
	prctl(PR_SET_NAME, "hz-recorder");
	err = hz_cli_config(path, &config);
	if (err)
		return err;
	hz_log_init("recorder", hz_log_level(config->log.level));
	const struct hz_recorder_options options = {.api = HZ_FD_RECORDER_API,
	                                            .taps = HZ_FD_RECORDER_TAPS,
	                                            .workers = workers,
	                                            .ring_bytes = hz_worker_tap_bytes(),
	                                            .dir = config->record.dir,
	                                            .master_key = config->record.master_key,
	                                            .min_free_bytes = (uint64_t)config->record.min_free << 20,
	                                            .memory_bytes = (size_t)config->record.memory << 20,
	                                            .writers = config->record.writers,
	                                            .sandbox = SANDBOX};
	// At a takeover this waits until the old recorder is gone.
	err = hz_memfd_claim(HZ_FD_RECORDER_TAPS, &lock);
	if (!err) {
		seclude();
		err = hz_recorder_run(&options);
		close(lock);
	}
	hz_config_free(config);
	if (err)
		hz_error("recorder.failed", "err=%d", err);
	return err ? HZ_EXIT_FAILED : HZ_EXIT_DONE;
}
