// H.264 and AAC to somebody else's server: FLV over RTMP or RTMPS, MPEG-TS over SRT. libavformat connects and writes, and everything
// waits: `interrupted` is asked meanwhile, at least every tenth of a second. libavformat's log is swallowed, because addresses and
// keys stand in it. Thread: one.
#ifndef HZ_MEDIA_CODEC_OUTLET_H
#define HZ_MEDIA_CODEC_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_outlet;

enum hz_outlet_kind { HZ_OUTLET_RTMP, HZ_OUTLET_RTMPS, HZ_OUTLET_SRT };

struct hz_outlet_open {
	enum hz_outlet_kind kind;
	const char *host; // a name, or a numeric address; of SRT numeric: nobody is asked for it
	uint16_t port;
	const char *app, *key;         // of RTMP
	const char *ca;                // of RTMPS: PEM of the authorities that are believed
	const char *streamid;          // of SRT, as all below; "": none
	const char *passphrase;        // "": none
	unsigned pbkeylen, latency_ms; // 0: the library's
	void *ctx;
	bool (*interrupted)(void *ctx); // true: give up
};

// What it said before it failed, as far as libavformat tells.
enum hz_outlet_fault {
	HZ_OUTLET_SILENT,      // nothing of the below
	HZ_OUTLET_GARBAGE,     // not this protocol
	HZ_OUTLET_DENIED,      // its server said no
	HZ_OUTLET_CERTIFICATE, // not one that is believed
};

// Connects, up to where the server has taken the stream's name. -errno; -EINTR: interrupted.
int hz_outlet_new(const struct hz_outlet_open *with, struct hz_outlet **ret);
void hz_outlet_free(struct hz_outlet *o);   // takes leave; NULL allowed
enum hz_outlet_fault hz_outlet_fault(void); // of the newest hz_outlet_new()

struct hz_outlet_media {
	const uint8_t *avcc, *aac; // avcC of the picture, AudioSpecificConfig
	size_t avcc_bytes, aac_bytes;
};
// Before the first frame. -errno.
int hz_outlet_begin(struct hz_outlet *o, const struct hz_outlet_media *media);

struct hz_outlet_frame {
	const uint8_t *data, *avcc; // avcc: of a keyframe; NULL: none
	size_t bytes, avcc_bytes;
	int64_t pts_us, dts_us;
	bool key;
};
// 0, also of one whose time is not behind that before: it is left out, and pictures up to the next keyframe. -errno: it is over.
int hz_outlet_video(struct hz_outlet *o, const struct hz_outlet_frame *frame);
int hz_outlet_sound(struct hz_outlet *o, const struct hz_outlet_frame *frame);
uint64_t hz_outlet_bytes(const struct hz_outlet *o); // written

#endif
