#include "media/transport/agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/transport/agent_internal.h"
#include "media/transport/demux.h"
#include "media/transport/stun.h"
#include "media/transport/udp.h"

#define COMPONENT     1
#define STUN_FIRST_MS 200 // until a request is repeated; doubles
#define STUN_REPEATS  4
#define SETTLED_MS    1000 // nothing to check any more: then its timer of 20 ms stops
#define BUFFER_BYTES  (1 << 20)
#define PREFLEXIVE    110u // type preference of RFC 8445 section 5.1.2.2
#define CHECKS_MAX    60   // pairs of an agent: 3 or so candidates of ours, HZ_MAX_CANDIDATES of theirs

// --- addresses

static bool is_v4(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address);
}

static void to_nice(const struct in6_addr *address, uint16_t port, NiceAddress *ret)
{
	nice_address_init(ret);
	if (is_v4(address)) {
		uint32_t v4;
		memcpy(&v4, &address->s6_addr[12], sizeof(v4));
		nice_address_set_ipv4(ret, ntohl(v4));
	} else {
		nice_address_set_ipv6(ret, address->s6_addr);
	}
	nice_address_set_port(ret, port);
}

static void from_nice(const NiceAddress *address, struct in6_addr *ret)
{
	struct sockaddr_in6 in6 = {0};
	struct sockaddr_in in;
	if (nice_address_ip_version(address) == 6) {
		nice_address_copy_to_sockaddr(address, (struct sockaddr *)&in6);
		*ret = in6.sin6_addr;
		return;
	}
	nice_address_copy_to_sockaddr(address, (struct sockaddr *)&in);
	memset(ret, 0, sizeof(*ret));
	ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
	memcpy(&ret->s6_addr[12], &in.sin_addr, sizeof(in.sin_addr));
}

// --- what libnice tells

static void on_candidate(NiceAgent *nice, NiceCandidate *candidate, struct hz_agent *agent)
{
	(void)nice;
	(void)candidate;
	if (!agent->leaving)
		agent->options.local(agent->options.user);
}

static void on_gathered(NiceAgent *nice, guint stream, struct hz_agent *agent)
{
	(void)nice;
	(void)stream;
	agent->done = true;
	if (!agent->leaving)
		agent->options.local(agent->options.user);
}

static void on_state(NiceAgent *nice, guint stream, guint component, guint state, struct hz_agent *agent)
{
	enum hz_agent_state now = agent->state;
	(void)nice;
	(void)stream;
	(void)component;
	if (state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY)
		now = HZ_AGENT_CONNECTED;
	else if (state == NICE_COMPONENT_STATE_FAILED)
		now = HZ_AGENT_FAILED;
	if (now == agent->state || agent->leaving)
		return;
	agent->state = now;
	agent->options.state(agent->options.user, now);
}

// To hz_agent_nominate(): libnice knows nothing of those checks.
static bool is_response(const uint8_t *data, size_t bytes)
{
	struct hz_stun_peek peek;
	return hz_demux(data, bytes) == HZ_DEMUX_STUN && hz_stun_peek(data, bytes, &peek) == 0 &&
	       peek.kind == HZ_STUN_RESPONSE;
}

static void on_packet(NiceAgent *nice, guint stream, guint component, guint bytes, gchar *data, gpointer user)
{
	struct hz_agent *agent = user;
	(void)nice;
	(void)stream;
	(void)component;
	if (bytes <= HZ_UDP_MAX_BYTES && !agent->leaving && !is_response((const uint8_t *)data, bytes))
		agent->options.packet(agent->options.user, (uint8_t *)data, bytes);
}

// --- life

// A TURN server tells our address as a STUN server does, and is asked in a form that all of them know: libnice asks STUN
// servers as RFC 3489 has it, which coturn does not answer, and would wait for that.
static void set_servers(struct hz_agent *agent)
{
	const struct hz_agent_options *o = &agent->options;
	bool stun = false;
	for (unsigned i = 0; i < o->server_count; i++)
		stun =
		    stun || (o->server[i].kind != HZ_ICE_STUN && is_v4(&o->server[i].address) == agent->v4);
	for (unsigned i = 0; i < o->server_count; i++) {
		const struct hz_ice_server *server = &o->server[i];
		NiceAddress address;
		gchar text[NICE_ADDRESS_STRING_LEN];
		if (is_v4(&server->address) != agent->v4)
			continue;
		to_nice(&server->address, server->port, &address);
		nice_address_to_string(&address, text);
		if (server->kind == HZ_ICE_STUN && !stun) {
			stun = true;
			g_object_set(agent->nice, "stun-server", text, "stun-server-port",
			             (guint)server->port, NULL);
		} else if (server->kind == HZ_ICE_TURN_UDP || server->kind == HZ_ICE_TURN_TCP) {
			nice_agent_set_relay_info(agent->nice, agent->stream, COMPONENT, text, server->port,
			                          o->username, o->password,
			                          server->kind == HZ_ICE_TURN_UDP ? NICE_RELAY_TYPE_TURN_UDP
			                                                          : NICE_RELAY_TYPE_TURN_TCP);
		}
	}
}

// For a picture's worth of packets: the default holds 90.
static void size_buffers(struct hz_agent *agent)
{
	GPtrArray *sockets = nice_agent_get_sockets(agent->nice, agent->stream, COMPONENT);
	for (guint i = 0; sockets && i < sockets->len; i++) {
		int fd = g_socket_get_fd(g_ptr_array_index(sockets, i)), bytes = BUFFER_BYTES;
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) ||
		    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)))
			hz_warn("agent.buffers", "err=%d", errno);
	}
	if (sockets)
		g_ptr_array_unref(sockets);
}

static int start(struct hz_agent *agent)
{
	const struct hz_agent_options *o = &agent->options;
	NiceAddress address;
	to_nice(o->address, 0, &address);
	g_object_set(agent->nice, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode", !o->controlled,
	             "stun-initial-timeout", STUN_FIRST_MS, "stun-max-retransmissions", STUN_REPEATS,
	             "max-connectivity-checks", CHECKS_MAX, "idle-timeout", SETTLED_MS, NULL);
	g_signal_connect(agent->nice, "new-candidate-full", G_CALLBACK(on_candidate), agent);
	g_signal_connect(agent->nice, "candidate-gathering-done", G_CALLBACK(on_gathered), agent);
	g_signal_connect(agent->nice, "component-state-changed", G_CALLBACK(on_state), agent);
	if (!nice_agent_add_local_address(agent->nice, &address))
		return -EADDRNOTAVAIL;
	agent->stream = nice_agent_add_stream(agent->nice, 1);
	if (!agent->stream)
		return -ENOMEM;
	set_servers(agent);
	if (!nice_agent_set_local_credentials(agent->nice, agent->stream, o->local_ufrag, o->local_pwd) ||
	    !nice_agent_set_remote_credentials(agent->nice, agent->stream, o->remote_ufrag, o->remote_pwd) ||
	    !nice_agent_attach_recv(agent->nice, agent->stream, COMPONENT, agent->context, on_packet, agent))
		return -EINVAL;
	if (!nice_agent_gather_candidates(agent->nice, agent->stream))
		return -EADDRNOTAVAIL;
	size_buffers(agent);
	return 0;
}

// What is not kept would be a dangling pointer.
static void keep_texts(struct hz_agent *agent)
{
	struct hz_agent_options *o = &agent->options;
	snprintf(agent->local_ufrag, sizeof(agent->local_ufrag), "%s", o->local_ufrag);
	snprintf(agent->remote_ufrag, sizeof(agent->remote_ufrag), "%s", o->remote_ufrag);
	snprintf(agent->remote_pwd, sizeof(agent->remote_pwd), "%s", o->remote_pwd);
	o->local_ufrag = o->local_pwd = o->remote_ufrag = o->remote_pwd = o->username = o->password = NULL;
	o->address = NULL;
	o->server = NULL;
}

int hz_agent_new(struct hz_agents *agents, const struct hz_agent_options *options, int64_t now_us,
                 struct hz_agent **ret)
{
	struct hz_agent *agent = calloc(1, sizeof(*agent));
	if (!agent)
		return -ENOMEM;
	int err = hz_agents_add(agents, agent);
	if (err) {
		free(agent);
		return err;
	}
	hz_agent_turn(options->priority);
	agent->options = *options;
	agent->v4 = is_v4(options->address);
	agent->context = g_main_context_new_with_flags(G_MAIN_CONTEXT_FLAGS_OWNERLESS_POLLING);
	agent->nice =
	    nice_agent_new_full(agent->context, NICE_COMPATIBILITY_RFC5245,
	                        NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_CONSENT_FRESHNESS);
	err = start(agent);
	keep_texts(agent);
	if (err) {
		hz_agent_dispose(agent);
		return err;
	}
	hz_agents_arm(agent, now_us);
	*ret = agent;
	return 0;
}

void hz_agent_dispose(struct hz_agent *agent)
{
	hz_agents_remove(agent);
	g_signal_handlers_disconnect_by_data(agent->nice, agent);
	g_object_unref(agent->nice);
	g_main_context_unref(agent->context);
	hz_wipe(agent, sizeof(*agent));
	free(agent);
}

static void on_goodbye(GObject *nice, GAsyncResult *result, gpointer user)
{
	struct hz_agent *agent = user;
	(void)nice;
	(void)result;
	agent->said_goodbye = true;
}

static bool has_relay(struct hz_agent *agent)
{
	struct hz_candidate mine[HZ_MAX_CANDIDATES];
	bool done;
	unsigned count = hz_agent_local(agent, mine, HZ_MAX_CANDIDATES, &done);
	for (unsigned i = 0; i < count; i++)
		if (mine[i].type == HZ_CANDIDATE_RELAY)
			return true;
	return false;
}

void hz_agent_free(struct hz_agent *agent)
{
	if (!agent)
		return;
	if (!has_relay(agent)) {
		hz_agent_dispose(agent);
		return;
	}
	agent->leaving = true;
	// Its task ends in the context that is the thread's default now, and holds the agent until then.
	g_main_context_push_thread_default(agent->context);
	nice_agent_close_async(agent->nice, on_goodbye, agent);
	g_main_context_pop_thread_default(agent->context);
	hz_agents_arm(agent, hz_agents_now(agent->set));
}

// --- candidates

void hz_agent_remote(struct hz_agent *agent, const struct hz_candidate *candidate, unsigned count)
{
	static const NiceCandidateType types[] = {
	    NICE_CANDIDATE_TYPE_HOST, NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE,
	    NICE_CANDIDATE_TYPE_PEER_REFLEXIVE, NICE_CANDIDATE_TYPE_RELAYED};
	GSList *list = NULL;
	for (unsigned i = 0; i < count && agent->remotes < HZ_AGENT_REMOTES; i++) {
		const struct hz_candidate *c = &candidate[i];
		if (!c->port || c->type > HZ_CANDIDATE_RELAY || is_v4(&c->address) != agent->v4)
			continue;
		NiceCandidate *one = nice_candidate_new(types[c->type]);
		one->component_id = COMPONENT;
		one->stream_id = agent->stream;
		one->transport = NICE_CANDIDATE_TRANSPORT_UDP;
		one->priority = c->priority;
		to_nice(&c->address, c->port, &one->addr);
		one->base_addr = one->addr;
		snprintf(one->foundation, sizeof(one->foundation), "r%u", ++agent->remotes);
		list = g_slist_prepend(list, one);
	}
	hz_agent_turn(agent->options.priority);
	if (list)
		nice_agent_set_remote_candidates(agent->nice, agent->stream, COMPONENT, list);
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	hz_agents_arm(agent, hz_agents_now(agent->set));
}

static bool told(const struct hz_candidate *list, unsigned count, const struct hz_candidate *one)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].port == one->port &&
		    !memcmp(&list[i].address, &one->address, sizeof(one->address)))
			return true;
	return false;
}

unsigned hz_agent_local(struct hz_agent *agent, struct hz_candidate *ret, unsigned max, bool *ret_done)
{
	GSList *list = nice_agent_get_local_candidates(agent->nice, agent->stream, COMPONENT);
	unsigned count = 0;
	for (const GSList *at = list; at && count < max; at = at->next) {
		const NiceCandidate *c = at->data;
		struct hz_candidate one = {.priority = c->priority,
		                           .port = (uint16_t)nice_address_get_port(&c->addr)};
		from_nice(&c->addr, &one.address);
		one.type = c->type == NICE_CANDIDATE_TYPE_HOST               ? HZ_CANDIDATE_HOST
		           : c->type == NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE ? HZ_CANDIDATE_SRFLX
		           : c->type == NICE_CANDIDATE_TYPE_RELAYED          ? HZ_CANDIDATE_RELAY
		                                                             : HZ_CANDIDATE_PRFLX;
		if (c->transport == NICE_CANDIDATE_TRANSPORT_UDP && one.type != HZ_CANDIDATE_PRFLX &&
		    one.port && !told(ret, count, &one))
			ret[count++] = one;
	}
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	*ret_done = agent->done;
	return count;
}

// --- packets

enum hz_agent_state hz_agent_state(const struct hz_agent *agent)
{
	return agent->state;
}

int hz_agent_send(struct hz_agent *agent, const uint8_t *data, size_t bytes)
{
	GOutputVector vector = {.buffer = data, .size = bytes};
	const NiceOutputMessage message = {.buffers = &vector, .n_buffers = 1};
	if (agent->state != HZ_AGENT_CONNECTED)
		return -ENOTCONN;
	GError *error = NULL;
	gint sent = nice_agent_send_messages_nonblocking(agent->nice, agent->stream, COMPONENT, &message, 1,
	                                                 NULL, &error);
	int err = sent == 1                                                              ? 0
	          : error && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) ? -ENOTCONN
	                                                                                 : -EAGAIN;
	g_clear_error(&error);
	return err;
}

// Of a peer-reflexive candidate with the same base (RFC 8445 section 7.1.1), as in libnice's own checks; a relayed one
// stays behind those.
static uint32_t priority_of(struct hz_agent *agent)
{
	NiceCandidate *local, *remote;
	if (agent->options.priority ||
	    !nice_agent_get_selected_pair(agent->nice, agent->stream, COMPONENT, &local, &remote))
		return agent->options.priority;
	return local->type == NICE_CANDIDATE_TYPE_RELAYED ? local->priority
	                                                  : PREFLEXIVE << 24 | (local->priority & 0xffffff);
}

int hz_agent_nominate(struct hz_agent *agent)
{
	uint8_t data[HZ_STUN_MAX_BYTES];
	size_t bytes;
	struct hz_stun_check check = {.remote_ufrag = agent->remote_ufrag,
	                              .local_ufrag = agent->local_ufrag,
	                              .remote_pwd = agent->remote_pwd,
	                              .priority = priority_of(agent),
	                              .tie_breaker = UINT64_MAX, // as agent_tie.c has it
	                              .use_candidate = true};
	if (agent->state != HZ_AGENT_CONNECTED)
		return -ENOTCONN;
	hz_random(check.id, sizeof(check.id));
	int err = hz_stun_request(&check, data, sizeof(data), &bytes);
	return err ? err : hz_agent_send(agent, data, bytes);
}
