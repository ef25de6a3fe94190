// What a composed picture says by itself, in Chinese or English. Thread: any.
#ifndef HZ_MEDIA_MOSAIC_WORDS_H
#define HZ_MEDIA_MOSAIC_WORDS_H

#include <stdint.h>

enum hz_word { HZ_WORD_RECORDING, HZ_WORD_MUTED, HZ_WORD_OFF, HZ_WORD_NONE, HZ_WORDS };

const char *hz_mosaic_word(uint8_t language,
                           enum hz_word word); // enum hz_mosaic_language; anything else: Chinese

#endif
