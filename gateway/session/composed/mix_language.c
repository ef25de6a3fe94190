// Languages of a mixed consult: clients name them, the mix numbers them (media/mix/mixer.h). A language has a number while somebody
// interprets into it; one more than there are numbers has none, and its interpreter is a voice like any other.
#include <stdio.h>
#include <string.h>

#include "gateway/session/composed/mix_internal.h"

unsigned hz_mix_language(const struct hz_mix_room *room, const char *language)
{
	for (unsigned i = 0; *language && i < HZ_MIXER_LANGUAGES; i++) {
		if (strcmp(room->language[i], language) == 0)
			return i + 1;
	}
	return 0;
}

// A number stays a language's as long as it has an interpreter: listeners change only where they chose to.
void hz_mix_languages(struct hz_mix_room *room)
{
	const struct hz_track *voice;
	bool kept[HZ_MIXER_LANGUAGES] = {false};
	for (const struct hz_participant *p = room->consult->participants; p; p = p->next) {
		voice = hz_mix_voice(p);
		unsigned n = voice ? hz_mix_language(room, voice->language) : 0;
		if (n)
			kept[n - 1] = true;
	}
	for (unsigned i = 0; i < HZ_MIXER_LANGUAGES; i++) {
		if (!kept[i])
			room->language[i][0] = '\0';
	}
	for (const struct hz_participant *p = room->consult->participants; p; p = p->next) {
		voice = hz_mix_voice(p);
		if (!voice || !voice->language[0] || hz_mix_language(room, voice->language))
			continue;
		for (unsigned i = 0; i < HZ_MIXER_LANGUAGES; i++) {
			if (room->language[i][0])
				continue;
			memcpy(room->language[i], voice->language, sizeof(room->language[i]));
			break;
		}
	}
}
