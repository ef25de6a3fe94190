#include "media/mosaic/words.h"

#include "media/mosaic/api.h"

const char *hz_mosaic_word(uint8_t language, enum hz_word word)
{
	static const char *const words[HZ_WORDS][2] = {
	    [HZ_WORD_RECORDING] = {"录制中", "Recording"},
	    [HZ_WORD_MUTED] = {"静音", "muted"},
	    [HZ_WORD_OFF] = {"摄像头已关", "Camera off"},
	    [HZ_WORD_NONE] = {"画面中断", "No picture"},
	};
	return words[word][language == HZ_MOSAIC_EN];
}
