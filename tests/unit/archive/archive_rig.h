// An archive whose children are shell scripts: what it asks of them, in which order.
#ifndef HZ_TESTS_ARCHIVE_RIG_H
#define HZ_TESTS_ARCHIVE_RIG_H
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/archive/archive.h"
#include "recorder/archive/internal.h"
#include "recorder/record/files.h"
#include "recorder/store.h"

#define A "0190a5c2-7b1e-7c3a-9f00-00000000000a"
#define B "0190a5c2-7b1e-7c3a-9f00-00000000000b"

// Says what it was asked for; "fail" and "altered" beside the record make it do so.
static const char script[] = "#!/bin/sh\n"
                             "echo \"$@\" | sed 's,/tmp/[^ ]*/,,g' >>${0%/*}/asked\n"
                             "if [ \"$1\" = record ]; then folder=$3; else folder=$2; fi\n"
                             "[ -e $folder/fail ] && exit 3\n"
                             "[ -e $folder/altered ] && { sed -i 's/finalising/failed/; s/\"error\": "
                             "\"\"/\"error\": \"altered at 0001.hzj\"/' $folder/state.json; exit 1; }\n"
                             "[ \"$1\" = record ] || exit 0\n"
                             "[ -e $folder/slow ] && sleep 30\n"
                             "id=${folder##*/}\n"
                             "echo "
                             "\"{\\\"version\\\":1,\\\"record\\\":\\\"$id\\\",\\\"consult\\\":\\\"c\\\","
                             "\\\"started_ms\\\":1000,\\\"ended_ms\\\":2000}\" >$folder/manifest.json\n";

// Composes by saying so in the manifest; "broken" beside the record makes it fail with words and leave what it had begun, "long"
// take its time.
static const char composer[] = "#!/bin/sh\n"
                               "case $1 in --*) echo \"$1\" >>${0%/*}/asked; shift;; esac\n"
                               "echo \"compose ${1##*/}\" >>${0%/*}/asked\n"
                               "[ -e $1/broken ] && { echo x >$1/composed.mp4.part; echo x "
                               ">$1/poster.jpg.part; echo 'an earlier line' >&2; echo \"huizhen-compose: "
                               "tracks/a.mp4: cut off, in $1\" >&2; exit 1; }\n"
                               "[ -e $1/long ] && sleep 30\n"
                               "sed -i 's/\"ended_ms\":2000}/\"ended_ms\":2001}/' $1/manifest.json\n";

struct rig {
	char store[64], self[96], composer[96];
	struct hz_archive_settings settings;
	pthread_t thread;
	int stop_fd, result;
};
static struct rig rig;

static inline void *run(void *arg)
{
	rig.result = hz_archive_run(&rig.settings, rig.stop_fd);
	return NULL;
}

static inline int set_up(void **state)
{
	snprintf(rig.store, sizeof(rig.store), "/tmp/hz-archive-XXXXXX");
	if (!mkdtemp(rig.store))
		return -1;
	snprintf(rig.self, sizeof(rig.self), "%s/self", rig.store);
	int err = hz_document_write(rig.self, script, strlen(script), 0700);
	snprintf(rig.composer, sizeof(rig.composer), "%s/composer", rig.store);
	err = err ? err : hz_document_write(rig.composer, composer, strlen(composer), 0700);
	rig.settings = (struct hz_archive_settings){.store = rig.store,
	                                            .composer = rig.composer,
	                                            .self = rig.self,
	                                            .retry_first_ms = 10,
	                                            .retry_most_ms = 100,
	                                            .abandoned_s = 5};
	rig.settings.fhir = (struct hz_fhir_settings){.public_url = "", .patient_system = ""};
	rig.settings.pacs.url = rig.settings.emr.target.url = "";
	return err;
}

static inline int tear_down(void **state)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s", rig.store);
	return system(command);
}

static inline void start(void)
{
	rig.stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pthread_create(&rig.thread, NULL, run, NULL), 0);
}

static inline void stop(void)
{
	uint64_t one = 1;
	assert_int_equal(write(rig.stop_fd, &one, sizeof(one)), sizeof(one));
	pthread_join(rig.thread, NULL);
	close(rig.stop_fd);
	assert_int_equal(rig.result, 0);
}

static inline void put(const char *id, enum hz_record_phase phase, int64_t ended_ms, const char *beside,
                       char ret[HZ_RECORD_PATH_BYTES])
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	struct hz_record_state s = {.phase = phase,
	                            .started_ms = 1763700000000,
	                            .ended_ms = ended_ms,
	                            .changed_ms = hz_wall_us() / 1000};
	snprintf(s.id, sizeof(s.id), "%s", id);
	snprintf(s.consult, sizeof(s.consult), "c");
	assert_int_equal(hz_record_folder(rig.store, id, s.started_ms, ret), 0);
	snprintf(path, sizeof(path), "mkdir -p %s/journal", ret);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/%s", ret, beside);
	if (*beside)
		assert_int_equal(hz_document_write(path, "", 0, 0600), 0);
	assert_int_equal(hz_record_state_write(ret, &s), 0);
}

static inline struct hz_record_state wait_for(const char *folder, enum hz_record_phase phase,
                                              unsigned attempts)
{
	struct hz_record_state s = {.phase = 0};
	for (int i = 0; i < 1000; i++) {
		const struct timespec ts = {.tv_nsec = 10000000};
		if (hz_record_state_read(folder, &s) == 0 && s.phase == phase && s.attempts == attempts)
			return s;
		nanosleep(&ts, NULL);
	}
	fail_msg("it is %s, attempt %u: %s", hz_record_phase_name(s.phase), s.attempts, s.error);
	return s;
}

static inline void asked(const char *want)
{
	char path[128], *text;
	snprintf(path, sizeof(path), "%s/asked", rig.store);
	assert_int_equal(hz_document_read(path, 1 << 20, &text, NULL), 0);
	assert_string_equal(text, want);
	free(text);
}

#endif
