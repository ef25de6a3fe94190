// `huizhen doctor`: what would stop a consult, what would make it worse, and what to do about it. Changes nothing.
#ifndef HZ_GATEWAY_DOCTOR_H
#define HZ_GATEWAY_DOCTOR_H

#include <stdbool.h>

#include "gateway/config.h"

#define HZ_DOCTOR_MAX 56

enum hz_verdict { HZ_VERDICT_OK, HZ_VERDICT_OFF, HZ_VERDICT_WARN, HZ_VERDICT_FAIL }; // OFF: not configured

struct hz_finding {
	const char *name; // "disk"
	enum hz_verdict verdict;
	char text[200]; // what there is
	char todo[200]; // what to do; "" when all is well
};

struct hz_doctor {
	const struct hz_config *config;
	bool running; // a gateway has the lock of data.dir
	char pid[16]; // its process id
	unsigned count;
	struct hz_finding finding[HZ_DOCTOR_MAX];
};

// Adds a finding; one too many is dropped. fmt is the text; todo is fixed text, NULL: nothing to do.
void hz_doctor_add(struct hz_doctor *doctor, const char *name, enum hz_verdict verdict, const char *todo,
                   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

// Runs every check. Takes up to some seconds.
void hz_doctor_run(struct hz_doctor *doctor, const struct hz_config *config);

void hz_doctor_system(
    struct hz_doctor *doctor); // data folder, disk, descriptors, buffers, clock (doctor_system.c)
void hz_doctor_network(struct hz_doctor *doctor); // ports, UDP, a running gateway (doctor_network.c)
void hz_doctor_record(struct hz_doctor *doctor);  // the record store: folder, disk, key (doctor_record.c)
void hz_doctor_turn(struct hz_doctor *doctor);    // turn.urls: an allocation from each (doctor_turn.c)
void hz_doctor_archive(struct hz_doctor *doctor); // PACS, EMR, outbox, retention (doctor_archive.c)
void hz_doctor_imaging(
    struct hz_doctor *doctor); // its programs, PACS, studies without one, C-STORE (doctor_imaging.c)
// A port that is to be listened on; 0: switched off.
void hz_doctor_tcp(struct hz_doctor *doctor, const char *name, const char *address, uint16_t port);
struct hz_doctor_ask { // of a service, over HTTP
	const char *name, *url, *accept, *user, *password, *token, *ca, *certificate, *key;
	const char *keys; // where its credentials are configured, "record.*"
};
void hz_doctor_ask(struct hz_doctor *doctor, const struct hz_doctor_ask *ask); // up to 5 s
void hz_doctor_ice(struct hz_doctor *doctor);   // ice.agent: full (doctor_ice.c)
void hz_doctor_media(struct hz_doctor *doctor); // certificate, libraries, GCM, codecs, pages (doctor_media.c)

// The worst verdict.
enum hz_verdict hz_doctor_verdict(const struct hz_doctor *doctor);

#endif
