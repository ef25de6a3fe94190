// huizhen.yaml: every key has a default that works; unknown keys are errors with their line;
// HUIZHEN_SECTION_KEY in the environment overrides a key.
#ifndef HZ_GATEWAY_CONFIG_H
#define HZ_GATEWAY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define HZ_CONFIG_ERROR_BYTES  256
#define HZ_CONFIG_MAX_ICE_URLS 8

struct hz_config_key { // tokens.keys
	char *kid;
	char *secret; // at least 32 bytes
};

struct hz_config {
	char *path; // the file that was read; NULL: none, only defaults and the environment
	struct {
		char *dir; // data.dir: store, certificates, run/ sockets. Default ./var
	} data;
	struct {
		char *address; // http.address, default 127.0.0.1
		uint16_t port; // http.port, default 8080; 0: off
	} http;
	struct {
		char *address; // https.address, default :: (everywhere)
		uint16_t port; // https.port, default 8443; 0: off
		char
		    *certificate; // https.certificate, https.key: PEM files. Not configured: the two that the
		char *key;        // supervisor makes under data.dir; filled in here, so never empty
		bool generated;   // not configured
	} https;
	struct {
		uint16_t port;    // media.port, default 20000; worker i has port + i
		uint32_t workers; // media.workers, default 0: one a core
		uint32_t
		    spread_subscriptions; // media.spread_subscriptions, default 1000: see gateway/session/placement.h
		char *
		    address; // media.address: comma-separated addresses told to clients; empty: those of the interfaces
		bool tcp;          // media.tcp, default true: media over TCP on https.port, too
		uint16_t tcp_port; // media.tcp_port: told to clients; default 0: https.port
	} media;
	struct {
		char *
		    urls; // turn.urls: comma-separated stun:, turn: and turns: URLs told to clients; empty: none
		char *secret;      // turn.secret: shared with the TURN server (coturn: static-auth-secret)
		char *secret_file; // turn.secret_file: instead; its first line is filled in as secret
		uint32_t ttl;      // turn.ttl: seconds that credentials are good for, default 43200
	} turn;
	struct {
		char
		    *agent; // ice.agent: lite (default), or full: agents of our own, for a gateway behind NAT
		char *
		    addresses; // ice.addresses: comma-separated addresses that they use; empty: the interfaces'
		char *servers; // ice.servers: comma-separated stun: and turn: URLs; empty: turn.urls
	} ice;
	struct {
		char *
		    public_url; // links.public_url: https://host[:port] that links are made with; empty: from the request
	} links;
	struct {
		struct hz_config_key
		    *keys; // none configured: one is made at first start under data.dir/keys.json
		unsigned keys_count;
		char *oidc_issuer;    // tokens.oidc_issuer: expected `iss`; empty: off
		char *oidc_jwks_file; // tokens.oidc_jwks_file: JWKS of that issuer
		char *oidc_audience;
	} tokens;
	struct {
		uint32_t participants_per_consult; // limits.*: default 100
		uint32_t consults;                 // default 1000
		uint32_t connections;              // default 4000
		uint32_t connections_per_address;  // default 200
		uint32_t requests_per_second;      // per address, default 50
	} limits;
	struct {
		char *
		    dir; // web.dir: built pages. Not configured: filled in when found next to the binary, in the
		         // source tree of the build or in /usr/share/huizhen/web; else ""
	} web;
	struct
	{ // in the file they are keys of record: what the archive does with finished records (recorder/archive)
		char *pacs_url; // record.pacs_url: DICOMweb root of the PACS; empty: none
		char *pacs_user, *pacs_password, *pacs_token; // basic authentication, or a bearer token
		char *pacs_ca, *pacs_certificate,
		    *pacs_key; // PEM files: trusted, and the client's own (mTLS)
		bool
		    pacs_composed; // record.pacs_composed: the composed picture always; else only where a track cannot go
		char *character_set; // record.character_set: utf-8 or gb18030
		char *emr_url;       // record.emr_url: base of a FHIR R4 server; empty: none
		char *emr_user, *emr_password, *emr_token;
		char *emr_ca, *emr_certificate, *emr_key;
		char *emr_token_url, *emr_client_id, *emr_client_secret,
		    *emr_scope;            // OAuth 2.0 client credentials
		char *emr_patient_system;  // record.emr_patient_system: of patient ids that name none
		bool emr_create_patient;   // record.emr_create_patient, default true
		char *signature;           // record.signature: es256 or sm2
		uint32_t media_days, days; // record.retention_media_days, record.retention_days; 0: for ever
		uint32_t retry_seconds;    // record.retry_seconds: the longest pause, default 900
	} archive;
	struct {
		bool enabled; // record.enabled, default true: consults can be recorded
		char *wish;   // record.default: off, on or automatic, of consults whose maker does not say
		char *
		    dir; // record.dir: the record store (recorder/store.h). Not configured: <data.dir>/record
		char *master_key; // record.master_key: its file. Not configured: <record.dir>/master.key
		uint32_t
		    min_free; // record.min_free: MiB of the disk, less is told as HZ_REC_DISK_LOW; default 2048
		uint32_t memory;  // record.memory: MiB of media that wait for the disk at most; default 256
		bool compose;     // record.compose, default true: a composed picture of each record
		bool captions;    // record.captions, default true: names in it
		uint32_t writers; // record.writers: threads that seal and write; default 2
	} record;
	struct {
		bool enabled; // mix.enabled, default true: who wants hears one mixed sound (media/mix)
	} mix;
	struct { // the pipes (gateway/child.h): whether each is started
		bool enabled;
	} mosaic, imaging;
	struct {            // the rest of imaging
		char *pacs; // imaging.pacs: name=root, ...; empty: record.pacs_url as "main"
		char *user, *password, *token, *ca, *certificate, *key; // as record.pacs_*, of all of them
		uint32_t cache_gb;                                      // imaging.cache_gb; default 20
		bool live;     // imaging.live, default true: who wants sees them as a picture (media/live)
		char *forward; // imaging.forward: the PACS that what comes without one goes to; empty: none
		uint32_t
		    local_gb; // imaging.local_gb; default 20: of studies that come without a PACS. 0: none are taken
	} dicomweb;
	struct {
		uint16_t port; // receive.port, default 0: off
		char *ae_title, *callers, *allow;
	} receive; // C-STORE (media/receive)
	struct {
		bool enabled;      // hls.enabled, default true: broadcasts go out as files, too (media/hls)
		char *dir;         // hls.dir. Not configured: <data.dir>/hls
		uint32_t window_s; // hls.window: how far viewers can go back; default 1800
		uint32_t disk_mb;  // hls.disk_mb: of all files together; default 8192
	} hls;
	struct {
		uint32_t
		    keep_days; // audience.keep_days: what viewers said, after the consult was closed; default 0: for ever
	} audience;
	struct {
		bool enabled; // ingest.enabled, default true: theatre sources (media/ingest)
		char *allow;  // ingest.allow: networks that they may be in (media/ingest/allow.h)
		char *folder; // ingest.folder: of file sources; empty: none
	} ingest;
	struct {
		bool
		    enabled; // push.enabled, default true: broadcasts to other people's platforms (media/push)
		char *allow; // push.allow: networks that these may be in (media/ingest/allow.h)
		char *ca;    // push.ca: PEM of authorities that RTMPS believes; empty: the system's
	} push;
	struct {
		char *level; // log.level: debug info warn error
	} log;
};

// Reads path (NULL: defaults, or ./huizhen.yaml or /etc/huizhen/huizhen.yaml when there), then the environment,
// then checks ranges. On failure returns -errno and writes one line "what, where, what to do" into ret_error.
// Text that is not configured is "", never NULL (but path). *ret is owned by the caller: hz_config_free(), which
// wipes the secrets. Errors: -ENOENT and so on for the file, -EINVAL for what is in it, -ENOMEM. Thread: any.
int hz_config_load(const char *path, char ret_error[HZ_CONFIG_ERROR_BYTES], struct hz_config **ret);
void hz_config_free(struct hz_config *config);

// The keys marked [restart] in huizhen.yaml whose values differ: say() once for each.
void hz_config_restarts(const struct hz_config *started, const struct hz_config *fresh,
                        void (*say)(const char *section, const char *name));

// The number of media workers: media.workers, or the cores this process may use; 1 to HZ_MAX_WORKERS (child.h).
unsigned hz_config_workers(const struct hz_config *config);

#endif
