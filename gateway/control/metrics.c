#include "gateway/session/composed/easel.h"
#include "gateway/control/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/session/consult.h"
#include "gateway/link/media_link.h"
#include "gateway/session/table/images.h"
#include "gateway/link/mix_link.h"
#include "gateway/session/composed/picture.h"
#include "gateway/link/pipe_link.h"
#include "gateway/session/record/record.h"
#include "gateway/session/table/studies.h"

static void family(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# TYPE huizhen_%s %s\n# HELP huizhen_%s %s\n", name, type, name, help);
}

static void counter(FILE *f, const char *name, const char *help, uint64_t value)
{
	family(f, name, "counter", help);
	fprintf(f, "huizhen_%s_total %llu\n", name, (unsigned long long)value);
}

static void gauge(FILE *f, const char *name, const char *help, double value)
{
	family(f, name, "gauge", help);
	fprintf(f, "huizhen_%s %.9g\n", name, value);
}

static void labelled(FILE *f, const char *name, const char *label, const char *key, uint64_t value)
{
	fprintf(f, "huizhen_%s_total{%s=\"%s\"} %llu\n", name, label, key, (unsigned long long)value);
}

static unsigned open_files(void)
{
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count > 3 ? count - 3 : 0; // ".", ".." and the folder itself
}

static double resident_bytes(void)
{
	char text[128], *second = text; // "size resident shared ...", in pages
	long resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f)
		return 0;
	if (fgets(text, sizeof(text), f)) {
		strtol(text, &second, 10);
		resident = strtol(second, NULL, 10);
	}
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void process(FILE *f)
{
	struct rusage usage;
	if (getrusage(RUSAGE_SELF, &usage) == 0) {
		family(f, "process_cpu_seconds", "counter", "CPU time of control");
		fprintf(f, "huizhen_process_cpu_seconds_total %.6f\n",
		        (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		            (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	}
	gauge(f, "process_resident_memory_bytes", "Memory of control", resident_bytes());
	gauge(f, "process_open_fds", "Descriptors of control", open_files());
}

static void people(FILE *f, struct hz_brain *brain)
{
	unsigned present = 0, away = 0, lobby = 0, peers = 0;
	const struct hz_consult *consult;
	uint32_t at = 0;
	while ((consult = hz_map_next(brain->consults, &at))) {
		for (const struct hz_participant *p = consult->participants; p; p = p->next) {
			lobby += p->status == HZ_STATUS_LOBBY;
			present += p->status == HZ_STATUS_ADMITTED;
			away += p->has_session && !p->conn;
			peers += p->peer_count;
		}
	}
	gauge(f, "consults", "Open consults", hz_map_count(brain->consults));
	gauge(f, "consults_busy", "Open consults with somebody in them", hz_consults_busy(brain));
	gauge(f, "participants", "Admitted participants, away ones too", present);
	gauge(f, "participants_away", "Participants whose socket is lost, within their minute", away);
	gauge(f, "lobby", "Participants waiting in a lobby", lobby);
	gauge(f, "peers", "Media transports as control knows them", peers);
	gauge(f, "feed_waits", "Viewers of broadcasts whose answer waits for news", brain->feed_waits);
	gauge(f, "store_healthy", "1: runtime state is written", brain->store_sick ? 0 : 1);
}

static void sessions(FILE *f, const struct hz_brain *brain)
{
	const struct hz_counters *c = &brain->count;
	counter(f, "joins", "Joins with a token", c->joins);
	counter(f, "resumes", "Joins with a resume key", c->resumes);
	counter(f, "leaves", "Participants who left", c->leaves);
	counter(f, "sessions_expired", "Sessions that were not resumed in time", c->expired);
	counter(f, "admissions", "Participants let in from the lobby", c->admissions);
	counter(f, "lobby_returns", "Participants sent back to the lobby", c->returns);
	counter(f, "removals", "Participants removed", c->removals);
	counter(f, "links_redeemed", "Links turned into tokens", c->links_redeemed);
	counter(f, "links_refused", "Links refused", c->links_refused);
	counter(f, "offers", "SDP offers", c->offers);
	counter(f, "offers_refused", "SDP offers refused", c->offers_refused);
	counter(f, "codec_changes", "Publishers asked for another codec", c->codec_changes);
	counter(f, "whip_resources", "WHIP resources made", c->whip);
	counter(f, "whep_resources", "WHEP resources made", c->whep);
	counter(f, "chat_messages", "Chat messages", c->chat);
	counter(f, "audience_messages", "Questions and chat of viewers of broadcasts", c->audience_said);
	counter(f, "audience_refused", "Those refused: too fast, too many, not now", c->audience_refused);
	counter(f, "audience_dropped", "Those dropped before anybody looked at them", c->audience_dropped);
	counter(f, "pushes", "Messages pushed to clients", c->pushes);
	counter(f, "peers_failed", "Media transports that failed or closed", c->peers_failed);
	counter(f, "visit_events_dropped", "Events beyond a participant's rate, not in the visit's log",
	        c->visit_dropped);
	counter(f, "store_errors", "Writes that the store refused", c->store_errors);
	counter(f, "worker_refusals", "Commands that workers refused", c->media_errors);
	family(f, "tokens_refused", "counter", "Tokens refused, by reason");
	for (int i = HZ_JWT_OK + 1; i < HZ_JWT_RESULT_COUNT; i++)
		labelled(f, "tokens_refused", "reason", hz_jwt_result_name((enum hz_jwt_result)i),
		         c->token_refused[i]);
	labelled(f, "tokens_refused", "reason", "used", c->token_used);
	labelled(f, "tokens_refused", "reason", "removed", c->token_removed);
	labelled(f, "tokens_refused", "reason", "consult", c->token_consult);
	labelled(f, "tokens_refused", "reason", "link", c->token_link);
	labelled(f, "tokens_refused", "reason", "resume", c->resume_refused);
}

static void recorder(FILE *f, const struct hz_record_link_counters *link)
{
	const struct hz_rec_stats *s = &link->recorder;
	counter(f, "recorder_packets", "Media packets on disk, since the recorder's start", s->packets);
	counter(f, "recorder_bytes", "Media bytes on disk", s->bytes);
	counter(f, "recorder_chunks", "Chunks sealed and on disk", s->chunks);
	counter(f, "recorder_events", "Events on disk", s->events);
	counter(f, "recorder_tap_dropped", "Packets that full rings did not take", s->dropped);
	counter(f, "recorder_refused", "Media of tracks that were not open to the recorder", s->refused);
	counter(f, "recorder_lost_packets", "Packets lost before they reached the disk", s->lost_packets);
	gauge(f, "recorder_free_bytes", "Free on the disk of the record store", (double)s->free_bytes);
	gauge(f, "recorder_behind_seconds", "Age of the oldest packet that is not on disk",
	      s->behind_ms / 1000.0);
	gauge(f, "recorder_tracks", "Tracks that are open to the recorder", link->tracks);
	counter(f, "recorder_hellos", "Starts of the recorder that control has seen", link->hellos);
	counter(f, "recorder_refusals", "Messages that the recorder refused", link->refused);
}

static void mix(FILE *f, const struct hz_brain *brain)
{
	const struct hz_mix_status *s = brain->mix ? hz_mix_link_status(brain->mix) : NULL;
	if (!s)
		return;
	gauge(f, "mix_ready", "1: the mix has confirmed everything", hz_mix_link_pipe(brain->mix)->ready);
	gauge(f, "mix_rooms", "Consults that are mixed", s->rooms);
	gauge(f, "mix_members", "Who speaks or listens in them", s->members);
	gauge(f, "mix_speakers", "Who is heard now", s->speakers);
	counter(f, "mix_packets_in", "Packets of voices, since the mix's start", s->packets_in);
	counter(f, "mix_packets_out", "Packets of mixes", s->packets_out);
	counter(f, "mix_encodes", "Frames encoded", s->encodes);
	counter(f, "mix_refused", "Packets that were not Opus, or too old", s->refused);
	counter(f, "mix_skipped", "Ticks that the machine was too slow for", s->skipped);
}

static void picture(FILE *f, const struct hz_brain *brain)
{
	const struct hz_mosaic_status *s = brain->picture ? hz_picture_link_status(brain->picture) : NULL;
	if (!s)
		return;
	gauge(f, "mosaic_ready", "1: the mosaic has confirmed everything",
	      hz_picture_link_pipe(brain->picture)->ready);
	gauge(f, "mosaic_rooms", "Consults with a composed picture", s->rooms);
	gauge(f, "mosaic_members", "Sources in them", s->members);
	gauge(f, "mosaic_renditions", "Sizes that are encoded", s->renditions);
	gauge(f, "mosaic_latency_seconds", "From capture, or arrival, to the composed packet",
	      s->latency_us / 1e6);
	counter(f, "mosaic_packets_in", "Packets of pictures, since the mosaic's start", s->packets_in);
	counter(f, "mosaic_packets_out", "Packets of composed pictures", s->packets_out);
	counter(f, "mosaic_decoded", "Pictures decoded", s->decoded);
	counter(f, "mosaic_encoded", "Pictures encoded", s->encoded);
	counter(f, "mosaic_broken", "Pictures that were left out or concealed", s->broken);
	counter(f, "mosaic_refused", "Packets of no codec of ours, or too old", s->refused);
	counter(f, "mosaic_skipped", "Ticks that the machine was too slow for", s->skipped);
}

static void live(FILE *f, const struct hz_brain *brain)
{
	const struct hz_live_status *s = brain->easel ? hz_easel_link_status(brain->easel) : NULL;
	if (!s)
		return;
	gauge(f, "live_rooms", "Consults whose images are drawn as a picture", s->rooms);
	gauge(f, "live_renditions", "Sizes that are encoded", s->renditions);
	gauge(f, "live_waiting", "Images that it waits for", s->waiting);
	gauge(f, "live_kept_bytes", "Images that it keeps", (double)s->kept_bytes);
	counter(f, "live_packets_out", "Packets of these pictures, since its start", s->packets_out);
	counter(f, "live_encoded", "Pictures encoded", s->encoded);
	counter(f, "live_keyframes", "Keyframes made", s->keyframes_made);
	counter(f, "live_decoded", "Images decoded", s->decoded);
	counter(f, "live_failed", "Images that could not be had or shown", s->failed);
}

static void images(FILE *f, const struct hz_brain *brain)
{
	const struct hz_dweb_status *s = brain->images ? hz_images_status(brain->images) : NULL;
	if (!s)
		return;
	gauge(f, "images_asked", "Requests of participants that wait for an image",
	      hz_images_waiting(brain->images));
	gauge(f, "images_waiting", "Requests to PACS, under way or not yet", s->waiting);
	gauge(f, "images_turning", "Frames that are becoming HTJ2K", s->turning);
	gauge(f, "images_cache_bytes", "What is kept on the disk", s->cache_bytes);
	counter(f, "images_hits", "Requests that the cache answered, since the pipe's start", s->hits);
	counter(f, "images_misses", "Requests that it did not", s->misses);
	counter(f, "images_fetched", "Good answers of PACS", s->fetched);
	counter(f, "images_refused", "Answers of PACS that were none, or bad", s->refused);
	counter(f, "images_turned", "Frames that became HTJ2K", s->turned);
	counter(f, "images_as_they_came", "Frames that were to, and went out as stored", s->as_they_came);
}

static void studies(FILE *f, const struct hz_brain *brain)
{
	const struct hz_local_status *s = brain->studies ? hz_studies_status(brain->studies) : NULL;
	if (!s)
		return;
	gauge(f, "studies", "Studies that came without a PACS and are here", s->studies);
	gauge(f, "studies_bytes", "What they take on the disk", (double)s->bytes);
	gauge(f, "studies_uploads", "Files that are being looked at", hz_studies_reading(brain->studies));
	gauge(f, "forward_waiting", "Objects that are to go to a PACS and are not there yet", s->waiting);
	gauge(f, "forward_done", "Objects that are there, and here still", s->forwarded);
	gauge(f, "forward_refused", "Objects that a PACS did not take", s->refused);
}

static void records(FILE *f, const struct hz_brain *brain)
{
	static const char *const signs[] = {"off", "starting", "on", "interrupted"};
	static const char *const consents[] = {"given", "refused", "withdrawn"};
	unsigned count[4] = {0};
	const struct hz_consult *consult;
	uint32_t at = 0;
	while ((consult = hz_map_next(brain->consults, &at)))
		count[hz_record_sign(brain, consult)]++;
	family(f, "records_running", "gauge", "Consults by what their recording sign says");
	for (unsigned i = HZ_SIGN_STARTING; i <= HZ_SIGN_INTERRUPTED; i++)
		fprintf(f, "huizhen_records_running{state=\"%s\"} %u\n", signs[i], count[i]);
	gauge(f, "recorder_ready", "1: the recorder has confirmed everything", brain->recorder_ready);
	gauge(f, "recorder_disk", "1 good, 2 slow, 3 nearly full, 4 full, 0 not told", brain->recorder_disk);
	gauge(f, "record_events_waiting", "Events that are not known to be in a journal",
	      brain->record_events);
	if (brain->recorder) {
		struct hz_record_link_counters link;
		hz_record_link_counters(brain->recorder, &link);
		recorder(f, &link);
	}
	counter(f, "records", "Records begun", brain->count.records);
	counter(f, "record_failures", "Records that could not begin", brain->count.record_failures);
	counter(f, "record_events_lost", "Events beyond the bounds, in no journal",
	        brain->count.record_events_lost);
	counter(f, "record_viewings", "Viewings of records, a file of each counted once",
	        brain->count.viewings);
	counter(f, "record_viewings_refused",
	        "Records asked for by somebody who may not see them, or that are not there",
	        brain->count.viewings_refused);
	family(f, "consents", "counter", "Answers to the question whether one may be recorded");
	for (unsigned i = 0; i < 3; i++)
		labelled(f, "consents", "state", consents[i], brain->count.consents[HZ_CONSENT_GIVEN + i]);
}

static void http(FILE *f, const struct hz_server_counters *s)
{
	counter(f, "connections_accepted", "Connections, all", s->accepted);
	counter(f, "connections_refused", "Connections beyond a limit",
	        s->refused_total + s->refused_address + s->refused_handshakes);
	counter(f, "tls_failed", "TLS handshakes that failed", s->tls_failed);
	counter(f, "ice_tcp_accepted", "Connections for media handed to a worker", s->ice_tcp_accepted);
	counter(f, "ice_tcp_refused", "Connections for media of nobody here", s->ice_tcp_refused);
	counter(f, "ice_tcp_junk", "Connections to the HTTPS port that began with neither TLS nor ICE",
	        s->ice_tcp_junk);
	counter(f, "http_requests", "HTTP requests", s->requests);
	family(f, "http_responses", "counter", "HTTP responses by class");
	labelled(f, "http_responses", "class", "2xx", s->status_2xx);
	labelled(f, "http_responses", "class", "3xx", s->status_3xx);
	labelled(f, "http_responses", "class", "4xx", s->status_4xx);
	labelled(f, "http_responses", "class", "5xx", s->status_5xx);
	counter(f, "http_rate_limited", "Requests answered 429", s->rate_limited);
	counter(f, "http_bad_requests", "Requests that are not HTTP", s->bad_requests);
	counter(f, "ws_opened", "WebSockets opened", s->ws_opened);
	counter(f, "ws_refused", "WebSockets refused", s->ws_refused);
	counter(f, "ws_messages_in", "WebSocket messages received", s->ws_messages_in);
	counter(f, "ws_messages_out", "WebSocket messages sent", s->ws_messages_out);
	family(f, "ws_dropped", "counter", "WebSockets closed by the gateway, by reason");
	labelled(f, "ws_dropped", "reason", "slow", s->ws_slow);
	labelled(f, "ws_dropped", "reason", "flooding", s->ws_flooding);
	labelled(f, "ws_dropped", "reason", "too_large", s->ws_too_large);
	labelled(f, "ws_dropped", "reason", "bad_frame", s->ws_bad_frames);
	labelled(f, "ws_dropped", "reason", "dead", s->ws_dead);
	gauge(f, "connections", "Open connections", s->connections);
	gauge(f, "websockets", "Open WebSockets", s->websockets);
	gauge(f, "websockets_queued_bytes", "Bytes waiting for slow readers",
	      (double)s->websockets_queued_bytes);
}

// One line a worker.
#define WORKER_COUNTER(name, help, expr)                                                                     \
	do {                                                                                                 \
		family(f, "worker_" name, "counter", help);                                                  \
		for (unsigned i = 0; i < brain->workers; i++) {                                              \
			const struct hz_ev_worker_stats *s = &brain->worker[i].stats;                        \
			fprintf(f, "huizhen_worker_" name "_total{worker=\"%u\"} %llu\n", i,                 \
			        (unsigned long long)(expr));                                                 \
		}                                                                                            \
	} while (0)
#define WORKER_GAUGE(name, help, expr)                                                                       \
	do {                                                                                                 \
		family(f, "worker_" name, "gauge", help);                                                    \
		for (unsigned i = 0; i < brain->workers; i++) {                                              \
			const struct hz_ev_worker_stats *s = &brain->worker[i].stats;                        \
			(void)s;                                                                             \
			fprintf(f, "huizhen_worker_" name "{worker=\"%u\"} %.9g\n", i, (double)(expr));      \
		}                                                                                            \
	} while (0)

static void worker_gauges(FILE *f, const struct hz_brain *brain)
{
	WORKER_GAUGE("ready", "1: it has confirmed everything",
	             brain->worker[i].link && hz_media_link_ready(brain->worker[i].link));
	WORKER_GAUGE("incarnation", "Starts of the worker", brain->worker[i].incarnation);
	WORKER_GAUGE("peers", "Media transports", s->peers);
	WORKER_GAUGE("tracks", "Published tracks", s->tracks);
	WORKER_GAUGE("subs", "Subscriptions", s->subs);
	WORKER_GAUGE("tcp_connections", "TCP connections with media", s->tcp_connections);
	WORKER_GAUGE("handshakes_open", "Unfinished DTLS handshakes", s->half_open);
	family(f, "worker_forward_seconds", "gauge", "From socket read to socket write, over 2 s");
	for (unsigned i = 0; i < brain->workers; i++) {
		const struct hz_ev_worker_stats *s = &brain->worker[i].stats;
		fprintf(f, "huizhen_worker_forward_seconds{worker=\"%u\",quantile=\"0.5\"} %.6f\n", i,
		        s->forward_p50_us / 1e6);
		fprintf(f, "huizhen_worker_forward_seconds{worker=\"%u\",quantile=\"0.99\"} %.6f\n", i,
		        s->forward_p99_us / 1e6);
	}
}

static void workers(FILE *f, const struct hz_brain *brain)
{
	WORKER_COUNTER("rx_packets", "Packets received", s->rx_packets);
	WORKER_COUNTER("rx_bytes", "Bytes received", s->rx_bytes);
	WORKER_COUNTER("tx_packets", "Packets sent", s->tx_packets);
	WORKER_COUNTER("tx_bytes", "Bytes sent", s->tx_bytes);
	WORKER_COUNTER("tx_dropped", "Packets that the kernel did not take", s->tx_dropped);
	WORKER_COUNTER("stun_bad", "STUN messages that failed a check", s->stun_bad);
	WORKER_COUNTER("stun_unknown", "STUN for nobody", s->stun_unknown);
	WORKER_COUNTER("dtls_bad",
	               "DTLS records that failed, or came from where nobody is (a goodbye after the leave)",
	               s->dtls_bad);
	WORKER_COUNTER("srtp_auth_failed", "SRTP packets that failed authentication", s->srtp_auth_failed);
	WORKER_COUNTER("srtp_replayed", "SRTP packets seen before", s->srtp_replayed);
	WORKER_COUNTER("rtp_bad", "RTP packets malformed", s->rtp_bad);
	WORKER_COUNTER("rtcp_bad", "RTCP packets malformed", s->rtcp_bad);
	WORKER_COUNTER("unmatched", "RTP packets of no track", s->unmatched);
	WORKER_COUNTER("events_dropped", "Statistics that control did not take", s->events_dropped);
	WORKER_COUNTER("recoveries", "Peers taken over from an earlier incarnation", s->recoveries);
	WORKER_COUNTER("fec_recovered", "Lost video packets made from the publisher's FEC", s->fec_recovered);
	WORKER_COUNTER("late", "Media packets not shown because the worker had stood still", s->late);
	WORKER_COUNTER("handshakes_done", "DTLS handshakes finished", s->handshakes_done);
	WORKER_COUNTER("handshakes_failed", "DTLS handshakes failed", s->handshakes_failed);
	WORKER_COUNTER("handshakes_refused", "DTLS handshakes beyond the limit", s->handshakes_refused);
	WORKER_COUNTER("tcp_accepted", "TCP connections taken over", s->tcp_accepted);
	WORKER_COUNTER("tcp_refused", "TCP connections that found no room or no peer", s->tcp_refused);
	WORKER_COUNTER("tcp_dropped", "Packets left out because a TCP connection was slow", s->tcp_dropped);
	worker_gauges(f, brain);
}

char *hz_metrics_text(struct hz_brain *brain, const struct hz_server_counters *server)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *f = open_memstream(&text, &bytes);
	if (!f)
		return NULL;
	process(f);
	people(f, brain);
	sessions(f, brain);
	records(f, brain);
	mix(f, brain);
	picture(f, brain);
	images(f, brain);
	studies(f, brain);
	live(f, brain);
	if (server)
		http(f, server);
	workers(f, brain);
	fputs("# EOF\n", f);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
