// What the supervisor hands to the processes it starts, and what they say to each other.
// A child is this same binary, re-executed: `huizhen worker INDEX`, `huizhen control`, `huizhen recorder` and
// `huizhen archive`; or huizhen-mix, or a pipe's program (pipes.h). All with these descriptors open.
#ifndef HZ_GATEWAY_CHILD_H
#define HZ_GATEWAY_CHILD_H

#include <stdint.h>

#define HZ_MAX_WORKERS 64

// Programs of their own that make, take or change media, one process a kind, with rings of their own to every worker
// (gateway/base/ring_grid.h). Numbers are those of a takeover's wire and of relay peers (HZ_RELAY_PIPES): never used anew.
enum hz_pipe_kind {
	HZ_PIPE_MOSAIC,  // huizhen-mosaic: one picture of a consult
	HZ_PIPE_HLS,     // huizhen-hls: a broadcast as plain files
	HZ_PIPE_INGEST,  // huizhen-ingest: cameras and encoders
	HZ_PIPE_IMAGING, // huizhen-imaging: DICOM
	HZ_PIPE_LIVE,    // huizhen-live: the images on a table as a picture
	HZ_PIPE_STUDIES, // huizhen-studies: DICOM that came without a PACS
	HZ_PIPE_RECEIVE, // huizhen-receive: C-STORE
	HZ_PIPE_PUSH,    // huizhen-push: broadcasts to other people's platforms
	HZ_PIPES,
};

enum { // worker
	HZ_FD_WORKER_ARENA = 3,
	HZ_FD_WORKER_UDP = 4,
	HZ_FD_WORKER_API = 5,
	HZ_FD_WORKER_IDENTITY = 6,
	HZ_FD_WORKER_WAITING =
	    7, // pipe: closed when the worker waits for its arena (at a takeover); else /dev/null
	// The shelf: both ends of a SOCK_SEQPACKET pair in which the worker leaves copies of its TCP connections'
	// descriptors, so that its successor finds them (media/worker/shelf.h).
	HZ_FD_WORKER_SHELF_IN = 8,
	HZ_FD_WORKER_SHELF_OUT = 9,
	HZ_FD_WORKER_RINGS = 10, // memfd: the rings between the workers and the mix (media/worker/relay.h)
	HZ_FD_WORKER_WAKE = 11,  // + worker index, behind them the mix: eventfds
	HZ_FD_WORKER_TAPS = 76,  // memfd: the rings to the recorder (media/worker/tap.h)
	HZ_FD_WORKER_PIPE =
	    77, // + 2 * enum hz_pipe_kind: memfd with a pipe's rings, behind it the pipe's eventfd
};

enum {                                // control
	HZ_FD_CONTROL_SUPERVISOR = 3, // SOCK_SEQPACKET of struct hz_child_msg
	HZ_FD_CONTROL_IDENTITY = 4,
	HZ_FD_CONTROL_HTTP = 5,  // listening, or /dev/null when switched off
	HZ_FD_CONTROL_HTTPS = 6, // listening, or /dev/null when switched off
	HZ_FD_CONTROL_CONFIG =
	    7, // memfd: the text of the last configuration file that was right and zeros behind it; read only, the
	       // supervisor writes it anew at a reload
	HZ_FD_CONTROL_RECORDER = 8, // SOCK_SEQPACKET of recorder/api.h
	HZ_FD_CONTROL_MIX = 9,      // SOCK_SEQPACKET of media/mix/api.h
	HZ_FD_CONTROL_API = 10,     // + worker index
	HZ_FD_CONTROL_PIPE = 74,    // + enum hz_pipe_kind: SOCK_SEQPACKET of that pipe's api.h
};

enum {                             // recorder
	HZ_FD_RECORDER_API = 3,    // SOCK_SEQPACKET to control (recorder/api.h)
	HZ_FD_RECORDER_CONFIG = 4, // as HZ_FD_CONTROL_CONFIG
	HZ_FD_RECORDER_TAPS =
	    5, // memfd: a ring for each worker (media/worker/tap.h); claimed by the one that reads
};

enum {                       // mix, as huizhen-mix expects them
	HZ_FD_MIX_API = 3,   // SOCK_SEQPACKET to control (media/mix/api.h)
	HZ_FD_MIX_RINGS = 4, // as HZ_FD_WORKER_RINGS; claimed by the one that mixes
	HZ_FD_MIX_WAKE = 5,  // + worker index, behind them its own: eventfds
};

enum {                        // a pipe, as its program expects them; argv: its name, the number of workers
	HZ_FD_PIPE_API = 3,   // SOCK_SEQPACKET to control
	HZ_FD_PIPE_RINGS = 4, // memfd of its rings; claimed by the one that runs (hz_memfd_claim)
	HZ_FD_PIPE_WAKE = 5,  // + worker index, behind them its own: eventfds
};

enum {                            // archive: nothing but this, which its own children read, too
	HZ_FD_ARCHIVE_CONFIG = 3, // as HZ_FD_CONTROL_CONFIG
};

enum hz_child_msg_type {
	HZ_CHILD_READY = 1, // control -> supervisor: listening, reconciled
	HZ_CHILD_STATUS,    // control -> supervisor, every 2 s: value = consults with somebody connected
	HZ_CHILD_DRAIN, // supervisor -> control: take no new consults, tell clients; exit when the last is over
	HZ_CHILD_RELOAD, // supervisor -> control: hz_config_load(config->path) again; it was checked already
	HZ_CHILD_STOP,   // supervisor -> control: close sockets with 1001 and exit 0 now (restart, takeover)
};

struct hz_child_msg {
	uint32_t type;
	uint32_t value;
};

#endif
