// The control process: HTTP, WebSocket, consults, participants, tokens, database; commands the media workers.
#ifndef HZ_GATEWAY_CONTROL_CONTROL_H
#define HZ_GATEWAY_CONTROL_CONTROL_H

#include "gateway/config.h"

struct hz_control_fds {
	int supervisor;  // SOCK_SEQPACKET of struct hz_child_msg (gateway/child.h)
	int identity;    // memfd of the DTLS certificate, for its fingerprint
	int http, https; // listening sockets, -1 when off
	int recorder;    // SOCK_SEQPACKET to the recorder (recorder/api.h), -1: record.enabled is off
	int mix;         // SOCK_SEQPACKET to the mix (media/mix/api.h), -1: mix.enabled is off
	int pipe[8];     // by enum hz_pipe_kind: SOCK_SEQPACKET to the pipe, -1: it is switched off
	int api[64];     // one SOCK_SEQPACKET per worker (media/api.h)
	unsigned workers;
	uint16_t media_port; // where worker 0's UDP socket is; 0: at media.port
};

// Runs until STOP or drained (returns 0) or an error (returns -errno). config is not kept past the call.
int hz_control_run(const struct hz_control_fds *fds, struct hz_config *config);

#endif
