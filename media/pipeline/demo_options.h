// The command line of huizhen-demo.
#ifndef HZ_MEDIA_PIPELINE_DEMO_OPTIONS_H
#define HZ_MEDIA_PIPELINE_DEMO_OPTIONS_H

#include <stdbool.h>

#define HZ_DEMO_MAX_SUBSCRIPTIONS 16

struct hz_demo_options {
	const char *url; // of the gateway, without a path; default http://127.0.0.1:8080
	char *token;     // owned; from --token, --token-file or HUIZHEN_TOKEN
	const char *consult;
	const char *kind;  // clinic, expert, patient: what it looks and sounds like
	const char *label; // shown in the picture, default: kind
	bool vp8;          // else H.264
	bool publish;
	bool decode;         // decode what is received, and count pictures instead of frames
	bool insecure;       // accept any TLS certificate
	bool loopback;       // the url names this machine: use all of its addresses, loopback too
	unsigned duration_s; // 0: until SIGTERM
	unsigned subscription_count;
	const char *subscriptions[HZ_DEMO_MAX_SUBSCRIPTIONS];
};

// 0; 1 when help was asked for (printed); -EINVAL with a line on stderr. *ret borrows argv's strings.
int hz_demo_options_parse(int argc, char **argv, struct hz_demo_options *ret);

// Wipes and frees the token.
void hz_demo_options_done(struct hz_demo_options *options);

#endif
