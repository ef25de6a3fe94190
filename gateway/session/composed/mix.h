// Mixed sound in a consult (docs/decisions/013-the-mix-pipe.md): who asks for the track `mix` on one of their slots of sound hears
// the others mixed, without themself. While somebody does, there are
//   - on each worker in use a relay peer whose other end is the mix (relay.h; cmd.relay: the number of workers), in
//     consult->mix->links,
//   - for each microphone a pinned subscription to it there, Opus alone; its group names the member,
//   - for each who listens a track there, which their slot shows; `of` is the member,
//   - a wish of each member to the mix (mix_link.h).
// They are media objects like any other: persisted, repeated at a RECONCILE, and of no participant: nobody sees them.
// The listener's slots that show voices of the mix are held: the worker leaves them out while it sends the mix, and sends them
// when that stays away, without control. They go on before it goes. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_COMPOSED_MIX_H
#define HZ_GATEWAY_SESSION_COMPOSED_MIX_H

#include "gateway/link/mix_link.h"
#include "gateway/session/model.h"
#include "media/mix/mixer.h"

#define HZ_MIX "mix" // the track, and the source of WHEP

enum hz_mix_use {
	HZ_MIX_NONE,
	HZ_MIX_WANTED,
	HZ_MIX_LEAVING, // until mix_until_us it is heard beside the voices
};

struct hz_mix_seat;

struct hz_mix_room {
	struct hz_mix_room *next; // of brain->mixed
	struct hz_consult *consult;
	struct hz_peer *links; // one a worker
	struct hz_mix_seat *seats;
	int64_t due_us; // to look at what is held
	char language[HZ_MIXER_LANGUAGES]
	             [HZ_LANGUAGE_BYTES]; // that somebody interprets into, by the mix's number less 1; ""
};

// Makes the way to the mix; before hz_persist_load(). fd as in hz_mix_link_new(). -ENOMEM.
int hz_mix_begin(struct hz_brain *brain, int fd);

// What a client asks of one of its slots of sound; hz_slot_set() is the caller's.
void hz_mix_listen(struct hz_brain *brain, struct hz_slot *slot);
// It shows nothing any more. True: the mix, which goes a little later and by itself.
bool hz_mix_leave(struct hz_brain *brain, struct hz_slot *slot);
// It shows this track of somebody, NULL: nothing.
void hz_mix_show(struct hz_brain *brain, struct hz_slot *slot, struct hz_track *track);

// Makes the consult's objects and wishes what they should be.
void hz_mix_recount(struct hz_brain *brain, struct hz_consult *consult);
// Holds and lets go what is due; returns when to call again, INT64_MAX: not by itself.
int64_t hz_mix_due(struct hz_brain *brain);

// Loading: where its relay peers go (NULL: nothing is mixed, or no memory); a slot (true: it shows the mix); once everything
// is there.
struct hz_peer **hz_mix_links(struct hz_brain *brain, struct hz_consult *consult);
bool hz_mix_load_slot(struct hz_brain *brain, struct hz_slot *slot);
void hz_mix_repair(struct hz_brain *brain, struct hz_consult *consult);

// Frees memory only (at the end of the process, or behind a recount that left nobody).
void hz_mix_free_memory(struct hz_consult *consult);

#endif
