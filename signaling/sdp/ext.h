// The header extensions that we know, and where their ids stand in struct hz_ext_ids. For this folder only.
#ifndef HZ_SIGNALING_SDP_EXT_H
#define HZ_SIGNALING_SDP_EXT_H

#define HZ_SDP_EXT_COUNT 10

struct hz_sdp_ext {
	unsigned offset; // of the id in struct hz_ext_ids, and of its direction in ext_direction
	const char *uri;
};

extern const struct hz_sdp_ext hz_sdp_exts[HZ_SDP_EXT_COUNT];

#endif
