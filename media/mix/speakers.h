// Who is heard: the loudest few, with hysteresis; interpreters beside them.
#ifndef HZ_MEDIA_MIX_SPEAKERS_H
#define HZ_MEDIA_MIX_SPEAKERS_H

#include "media/mix/state.h"

// After all inputs have been measured: sets `heard`. ready() says whether the mix of a listener who begins to be heard can be
// made apart; who is not ready waits.
void hz_speakers_choose(struct hz_mixer *mixer, bool (*ready)(struct hz_mixer *mixer, int member));

#endif
