// Between the files that make what is kept. C++; throws std::bad_alloc where DCMTK does not take a value.
#ifndef HZ_MEDIA_IMAGING_SHOWN_INTERNAL_H
#define HZ_MEDIA_IMAGING_SHOWN_INTERNAL_H

#include "media/imaging/shown.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

// What a UID is for: hz_shown_uid_of().
enum { HZ_SHOWN_N_PR_SERIES = 1, HZ_SHOWN_N_KO_SERIES, HZ_SHOWN_N_KO, HZ_SHOWN_N_PR = 16 };

struct hz_shown_groups {
	unsigned count;
	int of[HZ_SHOWN_IMAGES]; // which presentation state an image is in; -1: none
};

OFString hz_shown_uid_of(const struct hz_shown &kept, unsigned n);
void hz_shown_put(DcmItem &item, const DcmTagKey &tag, const OFString &value);
void hz_shown_put_us(DcmItem &item, const DcmTagKey &tag, unsigned value);
DcmItem &hz_shown_item(DcmItem &item, const DcmTagKey &sequence); // a new last one
DcmItem &hz_shown_series(DcmItem &item, const DcmTagKey &sequence, const OFString &uid);
void hz_shown_reference(DcmItem &item, const DcmTagKey &sequence, const struct hz_shown_image &image);
// Patient, study, series, equipment.
void hz_shown_begin(DcmItem &set, const struct hz_shown &kept, const char *modality, const char *description);

void hz_shown_group(const struct hz_shown &kept, struct hz_shown_groups *ret);
void hz_shown_state(DcmItem &set, const struct hz_shown &kept, const struct hz_shown_groups &groups,
                    unsigned at);

#endif
