// Whether a consult is recorded by itself: what its maker wishes. Thread: any.
#ifndef HZ_SIGNALING_AUTH_WISH_H
#define HZ_SIGNALING_AUTH_WISH_H

enum hz_record_wish {
	HZ_RECORD_UNSAID = 0, // as record.default says
	HZ_RECORD_OFF,        // only when somebody with the grant `record` starts it
	HZ_RECORD_ON,         // from the first admitted participant who consents
	HZ_RECORD_AUTOMATIC,  // the same, once two are there
};

const char *hz_record_wish_name(enum hz_record_wish wish);  // "off", also for anything unknown
enum hz_record_wish hz_record_wish_parse(const char *name); // HZ_RECORD_UNSAID: NULL or none of the three

#endif
