// Whatever a joined client says over its WebSocket: one message a line, the first byte of a line says who speaks.
// No store, no worker: the model alone, with its answers checked against their schemas. The recorder says yes to all.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "gateway/session/brain.h"
#include "gateway/session/call.h"
#include "gateway/session/consult.h"
#include "gateway/session/participant.h"
#include "gateway/session/record/record.h"
#include "signaling/protocol/rpc.h"

#define PEOPLE 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_send(void *socket, const char *text, size_t bytes)
{
	json_t *json = NULL;
	(void)socket;
	if (hz_json_parse(text, bytes, &json))
		abort(); // what we send is JSON
	const char *method = json_string_value(json_object_get(json, "method"));
	if (method && strcmp(method, "state") == 0) {
		char field[HZ_FIELD_BYTES];
		if (hz_rpc_check_push(HZ_PUSH_STATE, json_object_get(json, "params"), field))
			abort();
	}
	json_decref(json);
	return 0;
}

static void on_close(void *socket, int code, const char *reason)
{
	(void)socket;
	(void)code;
	(void)reason;
}

static int64_t on_rtt(void *socket)
{
	return 0;
}

static const struct hz_brain_ops ops = {.send = on_send, .close = on_close, .rtt_us = on_rtt};

static void recorder(struct hz_brain *brain, int fd)
{
	union {
		struct hz_rec_msg head;
		char raw[HZ_REC_MESSAGE_BYTES];
	} m;
	size_t bytes = 0;
	while (hz_seqpacket_recv(fd, &m, sizeof(m), &bytes) == 0) {
		if (bytes < sizeof(m.head) || bytes != m.head.bytes)
			abort();
		struct hz_rec_msg ack = m.head;
		ack.type = HZ_REC_ACK;
		ack.bytes = sizeof(ack);
		ack.value = 0;
		ack.number = 0;
		if (hz_seqpacket_send(fd, &ack, sizeof(ack)))
			return;
	}
	(void)hz_record_link_read(brain->recorder);
}

static struct hz_brain *make(struct hz_conn *conn[PEOPLE], int fd)
{
	static const enum hz_role roles[PEOPLE] = {HZ_ROLE_CLINIC, HZ_ROLE_EXPERT, HZ_ROLE_PATIENT};
	static const char *const names[PEOPLE] = {"clinic", "expert", "patient"};
	struct hz_brain *brain = NULL;
	struct hz_consult *consult = NULL;
	char key[HZ_KEY_CHARS + 1];
	if (hz_brain_new(&brain))
		abort();
	brain->ops = &ops;
	brain->keys = hz_jwt_keys_new();
	brain->address_count = 1;
	strcpy(brain->address[0], "192.0.2.1");
	hz_brain_clock(brain, 1000000, 1800000000000000);
	if (hz_record_link_new(fd, &hz_record_link_brain_ops, brain, &brain->recorder) ||
	    hz_record_load(brain))
		abort();
	hz_record_link_start(brain->recorder);
	if (hz_brain_add_worker(brain, NULL) || hz_consult_create(brain, "c", "T", &consult))
		abort();
	for (unsigned i = 0; i < PEOPLE; i++) {
		struct hz_claims claims = {.role = roles[i], .grants = hz_role_grants(roles[i])};
		struct hz_participant *p = NULL;
		strcpy(claims.sub, names[i]);
		strcpy(claims.name, names[i]);
		claims.needs_admission = hz_role_waits_in_lobby(roles[i]);
		conn[i] = hz_conn_new(brain, brain);
		if (!conn[i] || hz_participant_enter(brain, consult, &claims, &p) ||
		    hz_participant_start_session(brain, p, conn[i], key))
			abort();
	}
	return brain;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_conn *conn[PEOPLE];
	hz_log_init("fuzz", HZ_LOG_ERROR);
	int pair[2];
	if (hz_seqpacket_pair(1 << 18, pair))
		abort();
	struct hz_brain *brain = make(conn, pair[0]);
	int64_t now_us = 1000000;
	while (size > 1) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t line = end ? (size_t)(end - data) : size;
		if (line > 1) {
			char *text = malloc(line);
			memcpy(text, data + 1, line - 1);
			text[line - 1] = '\0';
			hz_call_text(brain, conn[data[0] % PEOPLE], text, line - 1);
			free(text);
			now_us += 100000;
			hz_brain_clock(brain, now_us, 1800000000000000 + now_us);
			hz_brain_turn(brain);
			recorder(brain, pair[1]);
		}
		size_t used = line < size ? line + 1 : size;
		data += used;
		size -= used;
	}
	hz_brain_tick(brain);
	hz_jwt_keys_free(brain->keys);
	hz_brain_free(brain);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
