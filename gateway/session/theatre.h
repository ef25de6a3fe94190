// Theatre sources: cameras, encoders and files that publish into a consult by themselves. What is wanted is here and in the
// store; huizhen-ingest reads them (media/ingest/api.h) and publishes each by WHIP as a participant of its own, with a token that is
// made here. So workers, records and lists see one more participant of role theatre. docs/decisions/015-theatre-in.md.
// Thread: control's.
#ifndef HZ_GATEWAY_SESSION_THEATRE_H
#define HZ_GATEWAY_SESSION_THEATRE_H

#include <jansson.h>
#include <limits.h>

#include "gateway/config.h"
#include "gateway/session/model.h"
#include "gateway/link/pipe_link.h"
#include "media/ingest/api.h"

#define HZ_THEATRE_PER_CONSULT 16

struct hz_theatre_source {
	struct hz_theatre_source *next;
	char consult[HZ_ID_TEXT_BYTES], id[HZ_ID_TEXT_BYTES]; // id: the participant's, too
	char name[HZ_NAME_TEXT_BYTES];
	uint8_t kind; // enum hz_source of its picture
	bool loop, enabled;
	unsigned sync_ms; // struct hz_ingest_source_set
	char url
	    [HZ_INGEST_URL_BYTES]; // with passwords: never given out, never logged; here as long as it may have to be said again
	bool locked; // url is "": its row was sealed with another key
	bool plain;  // its row is not sealed yet

	uint32_t number; // of media/ingest/api.h; the same after a restart of control
	bool unsaid;
	int64_t token_us; // when its token was made; 0: none
	struct hz_ingest_status status;
	int64_t since_ms;   // of status.state
	int64_t changed_us; // its address, or whether it is enabled; 0: never
	uint8_t *picture;   // owned; NULL: none
	uint32_t picture_bytes;
	int64_t picture_ms;
};

#define HZ_SEALED_BYTES (2 * (32 + HZ_INGEST_URL_BYTES)) // hexadecimal, with nonce, tag and NUL

struct hz_theatre {
	struct hz_pipe_link pipe; // to huizhen-ingest; its fd -1: ingest.enabled is off
	struct hz_theatre_source *sources;
	unsigned count;
	char base[128]; // of our own WHIP
	char folder[HZ_INGEST_FOLDER_BYTES];
	char master_key[PATH_MAX], record_dir[PATH_MAX]; // the file of the record store's key; its folder
	struct hz_cipher *cipher;                        // for addresses; NULL: not needed yet
	struct hz_ingest_network network[HZ_INGEST_NETWORKS];
	uint8_t network_count;
};

// brain->theatre; fd is borrowed. -ENOMEM.
int hz_theatre_new(struct hz_brain *brain, int fd);
void hz_theatre_free(struct hz_brain *brain);
// Where its pipe reaches our own WHIP: from the listening sockets, -1: off. Once, at the start.
void hz_theatre_find_base(struct hz_brain *brain, int http, int https);
// From ingest.*; at the start and at each reload.
void hz_theatre_configure(struct hz_brain *brain, const struct hz_config *config);
int hz_theatre_load(struct hz_brain *brain); // once consults are there

struct hz_theatre_source *hz_theatre_find(const struct hz_brain *brain, const char *consult, const char *id);

// theatre_wish.c. What a body says (schemas source.create and source.update, checked); what it leaves out, and an address as
// hz_theatre_json() shows it, stays as it is in *wish. -EINVAL: *ret_field and *ret_why say what is wrong.
int hz_theatre_parse(const json_t *body, struct hz_theatre_source *wish, const char **ret_field,
                     const char **ret_why);
// Does url listen where another source than self does? Of whichever consult: they would take turns at the port, and who calls would come
// into the wrong room.
bool hz_theatre_listens(const struct hz_theatre *theatre, const char *url,
                        const struct hz_theatre_source *self);
// Durable on return. -EEXIST (also somebody else of this id), -EADDRINUSE (hz_theatre_listens), -ENOSPC (of the consult, or of all),
// -ENOMEM, -ENOKEY (its address is locked and was not said again, or there is no key), -errno of the store.
int hz_theatre_add(struct hz_brain *brain, struct hz_consult *consult, const struct hz_theatre_source *wish,
                   struct hz_theatre_source **ret);
int hz_theatre_change(struct hz_brain *brain, struct hz_theatre_source *s,
                      const struct hz_theatre_source *wish);
int hz_theatre_remove(struct hz_brain *brain, struct hz_theatre_source *s);

// theatre_json.c. NULL: out of memory.
json_t *hz_theatre_json(const struct hz_brain *brain, const struct hz_theatre_source *s);
json_t *hz_theatre_definition(const struct hz_theatre_source *s, const char *key, const char *address);
// Its small picture may tell who the patient is: it has masks in its consult's broadcast, or needs them. Masks are painted for viewers
// (decision 023), not on small pictures.
bool hz_theatre_withheld(const struct hz_brain *brain, const struct hz_theatre_source *s);

// theatre_seal.c. Durable on return; there false: it is removed. -ENOKEY, -errno of key and store.
int hz_theatre_save(struct hz_brain *brain, const struct hz_theatre_source *s, bool there);
// What the store has. 0 also where the address cannot be opened: wish->locked. -EINVAL.
int hz_theatre_read_row(struct hz_brain *brain, const char *text, struct hz_theatre_source *wish);
void hz_theatre_seal_rows(struct hz_brain *brain); // that are not; once all are loaded
void hz_theatre_wipe_url(json_t *json);            // of a body, before it is given up
// Any text shorter than HZ_INGEST_URL_BYTES with the same key; name: what it belongs to. -ENOKEY, -EKEYREJECTED, -EINVAL.
int hz_theatre_seal_text(struct hz_theatre *theatre, const char *name, const char *text,
                         char ret[HZ_SEALED_BYTES]);
int hz_theatre_open_text(struct hz_theatre *theatre, const char *name, const char *sealed,
                         char ret[HZ_INGEST_URL_BYTES]);

// The participant was removed by a host: its source stays, switched off.
void hz_theatre_disable(struct hz_brain *brain, const char *consult, const char *id);
// The consult is closed.
void hz_theatre_forget(struct hz_brain *brain, const struct hz_consult *consult);
// What WHIP's nth picture of this participant is: HZ_SOURCE_COUNT: not one of ours.
uint8_t hz_theatre_kind(const struct hz_brain *brain, const struct hz_participant *p);

// --- theatre_link.c

extern const struct hz_pipe_api hz_theatre_api; // ctx: the brain
int hz_theatre_read(struct hz_brain *brain);    // -EPIPE: nobody is there any more
void hz_theatre_tick(struct hz_brain *brain);   // once a second or so: tokens grow old

#endif
