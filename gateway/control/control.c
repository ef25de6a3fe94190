#include "gateway/session/table/images.h"
#include "gateway/session/table/reading.h"
#include "gateway/session/table/receive.h"
#include "gateway/session/table/studies.h"
#include "gateway/control/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/socket_name.h"
#include "gateway/session/ice/candidates.h"
#include "gateway/session/brain.h"
#include "gateway/session/events.h"
#include "gateway/session/ice/ice_servers.h"
#include "gateway/control/keys.h"
#include "gateway/link/media_link.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/persist.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/composed/picture.h"
#include "gateway/control/process.h"
#include "gateway/session/table/reading.h"
#include "gateway/session/record/record.h"
#include "gateway/session/record/replay.h"
#include "gateway/session/broadcast/targets.h"
#include "gateway/session/theatre.h"
#include "gateway/session/ice/turn.h"
#include "media/transport/identity.h"
#include "signaling/protocol/schema.h"

// Answers that are being sent borrow from the pages: the replaced ones are kept until the next reload, a minute later at
// the earliest; an answer that takes longer was closed by the server.
#define PAGES_EVERY_US 60000000

static void load_pages(struct hz_process *process)
{
	struct hz_static *pages = NULL;
	const char *dir = process->config->web.dir;
	int64_t now_us = hz_now_us();
	if (!dir || !dir[0] || (process->pages && now_us - process->pages_us < PAGES_EVERY_US))
		return;
	int err = hz_static_load(dir, &pages);
	if (err) { // whoever asks for a page is told
		hz_warn("pages.load", "err=%d", -err);
		return;
	}
	hz_static_free(process->old_pages);
	process->old_pages = process->pages;
	process->pages = pages;
	process->pages_us = now_us;
}

int hz_process_configure(struct hz_process *process, char error[HZ_CONFIG_ERROR_BYTES])
{
	const struct hz_config *config = process->config;
	struct hz_brain *brain = process->brain;
	struct hz_jwt_keys *keys = NULL;
	int err = hz_token_keys_load(config, error, &keys);
	if (err)
		return err;
	err = hz_turn_configure(brain, config);
	if (err) {
		hz_jwt_keys_free(keys);
		return err;
	}
	hz_jwt_keys_free(brain->keys);
	brain->keys = keys;
	brain->limits.participants_per_consult = config->limits.participants_per_consult;
	brain->limits.consults = config->limits.consults;
	brain->limits.spread_subscriptions = config->media.spread_subscriptions;
	brain->record_wish = hz_record_wish_parse(config->record.wish);
	brain->audience_keep_days = config->audience.keep_days;
	brain->tcp_port = config->media.tcp_port ? config->media.tcp_port : process->https_port;
	if (!process->tcp || !process->https_port)
		brain->tcp_port = 0;
	hz_local_addresses_find(brain, config->media.address);
	hz_ice_configure(brain, config);
	hz_theatre_configure(brain, config);
	hz_targets_configure(brain, config);
	const char *url = config->links.public_url ? config->links.public_url : "";
	size_t n = strlen(url);
	snprintf(process->rest.public_url, sizeof(process->rest.public_url), "%.*s",
	         (int)(n && url[n - 1] == '/' ? n - 1 : n), url);
	// Behind a reverse proxy the pages' origin is the public one, whatever Host the proxy sends.
	process->origins[0] = process->rest.public_url[0] ? process->rest.public_url : NULL;
	hz_log_init("control", hz_log_level(config->log.level));
	load_pages(process);
	return 0;
}

static int add_workers(struct hz_process *process)
{
	for (unsigned i = 0; i < process->fds->workers; i++) {
		struct hz_media_link *link = NULL;
		int err =
		    hz_media_link_new(process->fds->api[i], i, &hz_events_link_ops, process->brain, &link);
		if (!err)
			err = hz_brain_add_worker(process->brain, link);
		if (err) {
			hz_media_link_free(link);
			return err;
		}
	}
	return 0;
}

static int read_fingerprint(struct hz_process *process)
{
	struct hz_identity *identity = NULL;
	int err = hz_identity_load(process->fds->identity, &identity);
	if (err)
		return err;
	hz_identity_fingerprint(identity, process->brain->fingerprint);
	hz_identity_free(identity);
	return 0;
}

// Without its folder there is no delayed leg; all else goes on.
static void begin_hls(struct hz_process *process)
{
	const struct hz_hls_options options = {.fd = process->fds->pipe[HZ_PIPE_HLS],
	                                       .dir = process->config->hls.dir,
	                                       .disk_mb = process->config->hls.disk_mb,
	                                       .window_s = process->config->hls.window_s};
	int err = options.fd < 0 ? 0 : hz_hls_begin(process->brain, &options);
	if (err)
		hz_error("hls.folder", "err=%d", -err);
}

// What an earlier control process left behind, and a commit of what that changed.
static int load(struct hz_process *process)
{
	unsigned skipped = 0;
	hz_process_clock(process);
	int err = process->fds->mix < 0 ? 0 : hz_mix_begin(process->brain, process->fds->mix);
	if (!err && process->fds->pipe[HZ_PIPE_MOSAIC] >= 0)
		err = hz_picture_begin(process->brain, process->fds->pipe[HZ_PIPE_MOSAIC]);
	if (!err && process->fds->pipe[HZ_PIPE_LIVE] >= 0)
		err = hz_easel_begin(process->brain, process->fds->pipe[HZ_PIPE_LIVE]);
	if (!err)
		begin_hls(process);
	if (!err)
		err = hz_persist_load(process->brain, &skipped);
	if (!err)
		err = hz_theatre_load(process->brain);
	if (!err && process->fds->recorder >= 0)
		err = hz_record_link_new(process->fds->recorder, &hz_record_link_brain_ops, process->brain,
		                         &process->brain->recorder);
	if (!err)
		err = hz_record_load(process->brain);
	if (!err)
		hz_info("control.loaded", "consults=%u skipped=%u", hz_map_count(process->brain->consults),
		        skipped);
	return err;
}

// Our sockets outlive us and every reload: what they are bound to is told, whatever the file says by now.
static void find_ports(struct hz_process *process)
{
	const struct hz_control_fds *fds = process->fds;
	char address[INET6_ADDRSTRLEN];
	if (hz_socket_name(fds->https, address, &process->https_port))
		process->https_port = 0;
	process->tcp = process->config->media.tcp;
	process->brain->media_port = fds->media_port ? fds->media_port : process->config->media.port;
	hz_theatre_find_base(process->brain, fds->http, fds->https);
}

static int open_brain(struct hz_process *process)
{
	char error[HZ_CONFIG_ERROR_BYTES] = "";
	int err = hz_brain_new(&process->brain);
	if (err)
		return err;
	process->brain->ops = &hz_process_brain_ops;
	err = hz_theatre_new(process->brain, process->fds->pipe[HZ_PIPE_INGEST]);
	if (!err)
		err = hz_targets_new(process->brain, process->fds->pipe[HZ_PIPE_PUSH]);
	if (err)
		return err;
	find_ports(process);
	process->rest.brain = process->brain;
	process->door.brain = process->brain;
	err = hz_process_configure(process, error);
	if (!err)
		err = hz_store_open(process->config->data.dir, error, &process->brain->store);
	if (err) {
		hz_error("control.start", "err=%d message=\"%s\"", -err, error);
		return err;
	}
	err = hz_replay_new(process->config->record.dir, &process->brain->replay);
	if (!err && process->fds->pipe[HZ_PIPE_IMAGING] >= 0)
		err = hz_images_new(process->fds->pipe[HZ_PIPE_IMAGING], process->config,
		                    &process->brain->images);
	if (!err && process->brain->images)
		hz_images_listen(process->brain->images, hz_reading_on_kept, process->brain);
	if (!err && process->fds->pipe[HZ_PIPE_STUDIES] >= 0)
		err = hz_studies_new(process->fds->pipe[HZ_PIPE_STUDIES], process->config,
		                     &process->brain->studies);
	if (!err && process->brain->studies && process->brain->images)
		hz_studies_forward(process->brain->studies, process->brain->images,
		                   process->fds->pipe[HZ_PIPE_IMAGING]);
	if (!err && process->fds->pipe[HZ_PIPE_RECEIVE] >= 0 && process->brain->studies)
		err = hz_receive_new(process->fds->pipe[HZ_PIPE_RECEIVE], process->config,
		                     process->brain->studies, &process->brain->receive);
	if (!err)
		err = add_workers(process);
	if (!err)
		err = read_fingerprint(process);
	return err ? err : load(process);
}

static int open_server(struct hz_process *process)
{
	const struct hz_config *config = process->config;
	const struct hz_server_options options = {
	    .http_fd = process->fds->http,
	    .https_fd = process->fds->https,
	    .cert = config->https.certificate,
	    .key = config->https.key,
	    .origins = process->origins,
	    .limits = {.connections = config->limits.connections,
	               .connections_per_address = config->limits.connections_per_address,
	               .requests_per_second = config->limits.requests_per_second},
	    .ops = {.on_request = hz_process_on_request,
	            .on_upload = hz_process_on_upload,
	            .on_ws_open = hz_process_on_ws_open,
	            .on_ws_text = hz_process_on_ws_text,
	            .on_ws_close = hz_process_on_ws_close,
	            .on_ice_tcp = process->tcp ? hz_process_on_ice_tcp : NULL},
	    .ctx = process,
	};
	int err = hz_server_new(&options, &process->server);
	return err ? err : hz_process_start_loop(process);
}

static void close_all(struct hz_process *process)
{
	struct hz_jwt_keys *keys = process->brain ? process->brain->keys : NULL;
	struct hz_store *store = process->brain ? process->brain->store : NULL;
	if (process->server) {
		hz_process_stop_loop(process);
		hz_server_free(process->server); // the sockets' participants are away from now on
	}
	if (store) {
		hz_reading_save(process->brain);
		hz_persist_flush(process->brain);
	}
	hz_brain_free(process->brain);
	hz_store_close(store);
	hz_jwt_keys_free(keys);
	hz_static_free(process->pages);
	hz_static_free(process->old_pages);
	if (process->reloaded)
		hz_config_free(process->config);
	hz_schema_done();
}

int hz_control_run(const struct hz_control_fds *fds, struct hz_config *config)
{
	struct hz_process *process = calloc(1, sizeof(*process));
	if (!process)
		return -ENOMEM;
	process->fds = fds;
	process->config = config;
	process->started = config;
	int err = hz_schema_init();
	if (!err)
		err = open_brain(process);
	if (!err)
		err = open_server(process);
	if (!err)
		err = hz_server_run(process->server);
	close_all(process);
	free(process);
	return err;
}
