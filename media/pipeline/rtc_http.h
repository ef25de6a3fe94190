// One HTTP request on a thread of its own: a main loop never waits for the network.
#ifndef HZ_MEDIA_PIPELINE_RTC_HTTP_H
#define HZ_MEDIA_PIPELINE_RTC_HTTP_H

#include <stdbool.h>

struct hz_rtc_http; // opaque

struct hz_rtc_request {
	const char *method; // "POST" or "DELETE"; static
	const char *url;
	const char *token;
	const char *sdp; // body, or NULL
	bool insecure;
	unsigned timeout_s;
};

struct hz_rtc_response {
	int status;     // 0: no connection
	char *body;     // owned; NULL when empty or over 256 KiB
	char *location; // owned; absolute, of the request's own origin; else NULL
};

// Copies the request and starts. NULL: no thread.
struct hz_rtc_http *hz_rtc_http_start(const struct hz_rtc_request *request);

bool hz_rtc_http_done(struct hz_rtc_http *http);

// Waits for the end and frees http; *ret is the caller's: hz_rtc_response_done().
void hz_rtc_http_finish(struct hz_rtc_http *http, struct hz_rtc_response *ret);

void hz_rtc_response_done(struct hz_rtc_response *response);

#endif
