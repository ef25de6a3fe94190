// UIDs made of names (PS3.5 B.2): the same for the same. Pure. Thread: any.
#ifndef HZ_MEDIA_STUDIES_UID_H
#define HZ_MEDIA_STUDIES_UID_H

// "2.25." and a number made of a hash of these two; ret has 65 bytes.
void hz_photo_uid(const char *what, const char *of, char *ret);

#endif
