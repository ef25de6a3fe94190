// The images on the table as a picture, as control does it: when there is something to be had, who gets which encode, what
// huizhen-live is told, which images it is given, and all of it over deaths of either.
#include "gateway/session/composed/easel_internal.h"
#include "gateway/session/ids.h"
#include "tests/unit/session/live_rig.h"
#include "tests/unit/session/web.h"

#define STUDY "1.2.840.1"

static int fd[2]; // control's, huizhen-live's
static struct {
	struct hz_live_room_set room;
	struct hz_live_rendition_set rendition[4];
	struct hz_live_mark_set mark;
	struct hz_live_give give;
	unsigned rooms, renditions, marks, gives, begins, ends;
} heard;

static void live(struct rig *rig)
{
	struct hz_live_status status = {0};
	say_live(fd[1], &status, HZ_LIVE_STATUS, sizeof(status));
	assert_int_equal(hz_easel_link_read(rig->brain->easel), 0);
	rig_advance(rig, 400);
}

static void rendition(const struct hz_live_rendition_set *set)
{
	for (unsigned i = 0; i < heard.renditions; i++) {
		if (heard.rendition[i].rendition == set->rendition) {
			heard.rendition[i] = *set;
			return;
		}
	}
	assert_in_range(heard.renditions, 0, 3);
	heard.rendition[heard.renditions++] = *set;
}

static void gone(uint32_t id)
{
	for (unsigned i = 0; i < heard.renditions; i++)
		if (heard.rendition[i].rendition == id)
			heard.rendition[i] = heard.rendition[--heard.renditions];
}

// What huizhen-live would know.
static void listen_live(struct rig *rig)
{
	_Alignas(8) uint8_t buf[HZ_LIVE_MESSAGE_MOST];
	const struct hz_msg_header *h = (const void *)buf;
	size_t bytes;
	rig_turn(rig);
	while (hz_seqpacket_recv(fd[1], buf, sizeof(buf), &bytes) == 0) {
		heard.begins += h->type == HZ_LIVE_BEGIN;
		heard.ends += h->type == HZ_LIVE_END;
		if (h->type == HZ_LIVE_ROOM_SET) {
			memcpy(&heard.room, buf, sizeof(heard.room));
			heard.rooms = 1;
		} else if (h->type == HZ_LIVE_ROOM_DEL) {
			heard.rooms = 0;
		} else if (h->type == HZ_LIVE_RENDITION_SET) {
			rendition((const void *)buf);
		} else if (h->type == HZ_LIVE_RENDITION_DEL) {
			gone(((const struct hz_live_del *)buf)->id);
		} else if (h->type == HZ_LIVE_MARK_SET) {
			memcpy(&heard.mark, buf, sizeof(heard.mark));
			heard.marks++;
		} else if (h->type == HZ_LIVE_MARK_DEL) {
			heard.marks--;
		} else if (h->type == HZ_LIVE_GIVE) {
			memcpy(&heard.give, buf, sizeof(heard.give));
			heard.gives++;
		}
	}
}

static void begin_easel(struct rig *rig)
{
	assert_int_equal(hz_easel_begin(rig->brain, fd[0]), 0);
	rig->brain->easel_heard_us = rig->brain->now_us;
}

static int setup(void **state)
{
	assert_int_equal(rig_setup_workers(state, 2), 0);
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(hz_seqpacket_pair(1 << 20, fd), 0);
	begin_easel(*state);
	return 0;
}

static int teardown(void **state)
{
	rig_teardown(state);
	close(fd[0]);
	close(fd[1]);
	return 0;
}

static void patch(struct rig *rig, struct rig_socket *s, const char *json)
{
	patch_table(rig, s, json);
	listen_live(rig);
}

static struct rig_socket *enter(struct rig *rig, const char *id, const char *role)
{
	struct rig_socket *s = rig_join(rig, id, role);
	assert_non_null(offer_make(rig, s, (struct offer_spec){.lines = "v:3:recv v:4:recv"}, ""));
	rig_advance(rig, 300);
	return s;
}

static const json_t *ask(struct rig *rig, struct rig_socket *s, const char *track, const char *quality)
{
	const json_t *answer = rig_call(
	    rig, s, "subscribe",
	    json_pack("{s:[{s:s, s:s?, s:s}]}", "items", "mid", "3", "track", track, "quality", quality));
	rig_advance(rig, 100);
	listen_live(rig);
	return answer;
}

static const struct hz_slot *slot_of(const struct rig_socket *s)
{
	const struct hz_slot *slot = s->conn->participant->peers->slots;
	while (slot && strcmp(slot->cmd.mid, "3") != 0)
		slot = slot->next;
	assert_non_null(slot);
	return slot;
}

static bool offered(const struct rig_socket *s)
{
	return json_is_true(json_object_get(json_object_get(s->state, "consult"), "image"));
}

#define PUT                                                                                                  \
	"{\"studies\":{\"put\":[{\"pacs\":\"main\",\"study\":\"" STUDY "\"}]},\"viewports\":[{\"at\":0,"     \
	"\"image\":{\"pacs\":\"main\",\"study\":\"" STUDY "\",\"series\":\"1.5\"},\"frame\":7,"              \
	"\"center\":40,\"width\":400,\"zoom\":2,\"flip\":true}]}"

// A clinic with a study on the table, a phone that watches.
static struct rig_socket *watches(struct rig *rig, struct rig_socket **ret_clinic)
{
	rig_consult(rig, "c1");
	*ret_clinic = enter(rig, "a", "clinic");
	struct rig_socket *phone = enter(rig, "b", "observer");
	rig_result(rig_call(rig, *ret_clinic, "table.floor", json_pack("{s:s}", "action", "take")));
	rig_result(ask(rig, phone, "image", "high"));
	assert_int_equal(heard.rooms, 0); // nothing is there
	assert_int_equal(slot_of(phone)->cmd.track, 0);
	patch(rig, *ret_clinic, PUT);
	live(rig);
	listen_live(rig);
	return phone;
}

static void something_on_the_table_and_somebody_who_watches(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *clinic, *phone = watches(rig, &clinic);
	assert_true(offered(phone));
	assert_int_equal(heard.rooms, 1);
	assert_int_equal(heard.room.panes, 1);
	assert_string_equal(heard.room.pane[0].image.series, "1.5");
	assert_int_equal(heard.room.pane[0].frame, 7);
	assert_true(heard.room.pane[0].windowed && heard.room.pane[0].flip && heard.room.pane[0].zoom == 2);
	assert_int_equal(heard.renditions, 1);
	assert_int_equal(heard.rendition[0].side, 896);
	assert_in_range(heard.rendition[0].bitrate_bps, 150000, 2000000);
	const struct hz_slot *slot = slot_of(phone);
	const struct hz_track *track =
	    hz_ids_get(&rig->brain->worker[slot->peer->worker].tracks, slot->cmd.track);
	assert_non_null(track);
	assert_int_equal(track->peer->cmd.relay, HZ_EASEL_RELAY);
	assert_int_equal(track->cmd.ssrc[0], heard.rendition[0].ssrc);
	assert_int_equal(heard.rendition[0].workers, 1ull << slot->peer->worker);
	// Another window is said at once; another size for who wants less.
	patch(rig, clinic, "{\"viewports\":[{\"at\":0,\"center\":50}]}");
	assert_true(heard.room.pane[0].center == 50);
	rig_result(ask(rig, clinic, "image", "low"));
	assert_int_equal(heard.renditions, 2);
	assert_int_equal(heard.rendition[1].side, 512);
	// Taken away: nobody gets anything, and it is said.
	patch(rig, clinic, "{\"studies\":{\"remove\":[{\"pacs\":\"main\",\"study\":\"" STUDY "\"}]}}");
	live(rig);
	assert_false(offered(phone));
	assert_int_equal(slot_of(phone)->cmd.track, 0);
	for (int i = 0; i < 30; i++)
		live(rig);
	listen_live(rig);
	assert_int_equal(heard.renditions, 0);
	assert_int_equal(heard.rooms, 0);
	const struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	assert_null(consult->easel);
}

static void left_and_asked_wrongly(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *clinic, *phone = watches(rig, &clinic);
	rig_result(ask(rig, phone, NULL, "off"));
	assert_int_equal(slot_of(phone)->cmd.track, 0);
	assert_false(slot_of(phone)->easel);
	for (int i = 0; i < 30; i++)
		live(rig);
	listen_live(rig);
	assert_int_equal(heard.rooms, 0);
	struct rig_socket *patient = rig_join(rig, "p", "patient");
	assert_int_equal(rig_code(ask(rig, patient, "image", "high")), HZ_RPC_NOT_ADMITTED);
	assert_int_equal(rig_code(ask(rig, phone, "nobody", "high")), HZ_RPC_INVALID_PARAMS);
}

static void drawings(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *clinic;
	(void)watches(rig, &clinic);
	patch(rig, clinic,
	      "{\"put\":[{\"id\":\"x\",\"kind\":\"line\",\"on\":{\"pacs\":\"main\",\"study\":\"" STUDY
	      "\",\"series\":\"1.5\",\"instance\":\"1.6\",\"frame\":3},\"points\":[[1,2],[3.5,4]],\"value\":"
	      "12.34,"
	      "\"unit\":\"mm\",\"color\":255}]}");
	assert_int_equal(heard.marks, 1);
	assert_int_equal(heard.mark.kind, HZ_LIVE_LINE);
	assert_int_equal(heard.mark.points, 2);
	assert_true(heard.mark.point[1][0] == 3.5f);
	assert_int_equal(heard.mark.frame, 3);
	assert_int_equal(heard.mark.colour, 255);
	assert_string_equal(heard.mark.on.instance, "1.6");
	assert_string_equal(heard.mark.text, "12.3 mm");
	patch(rig, clinic, "{\"remove\":[\"x\"]}");
	assert_int_equal(heard.marks, 0);
}

static void want(struct rig *rig, const char *study, const char *instance, uint64_t id, uint32_t consult)
{
	struct hz_live_want w = {.id = id, .consult = consult, .kind = HZ_LIVE_OBJECT};
	strcpy(w.what.pacs, "main");
	snprintf(w.what.study, sizeof(w.what.study), "%s", study);
	strcpy(w.what.series, "1.5");
	strcpy(w.what.instance, instance);
	heard.gives = 0;
	say_live(fd[1], &w, HZ_LIVE_WANT, sizeof(w));
	assert_int_equal(hz_easel_link_read(rig->brain->easel), 0);
	listen_live(rig);
}

// Images are given of what lies on the table, to nobody else; a huizhen-live that was taken over gets nothing by asking.
static void images_of_the_table_only(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *clinic;
	(void)watches(rig, &clinic);
	uint32_t consult = clinic->conn->participant->consult->number;
	want(rig, "1.2.840.999", "1.6", 5, consult);
	assert_int_equal(heard.gives, 1);
	assert_int_equal(heard.give.id, 5);
	assert_int_not_equal(heard.give.result, 0);
	want(rig, STUDY, "1.6", 6, consult + 1);
	assert_int_equal(heard.gives, 1);
	assert_int_not_equal(heard.give.result, 0);
	struct hz_live_want bad = {.consult = consult};
	memset(&bad.what, 'x', sizeof(bad.what)); // texts that do not end
	heard.gives = 0;
	say_live(fd[1], &bad, HZ_LIVE_WANT, sizeof(bad));
	assert_int_equal(hz_easel_link_read(rig->brain->easel), 0);
	listen_live(rig);
	assert_int_equal(heard.gives, 0);
}

static void deaths(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *clinic;
	(void)watches(rig, &clinic);
	uint32_t ssrc = heard.rendition[0].ssrc, id = heard.rendition[0].rendition;
	struct hz_live_ref what = {.study = STUDY, .instance = "1.6"};
	for (int i = 0; i < 2; i++) { // it dies of the same image twice
		struct hz_live_try try = {.what = what};
		struct hz_live_hello hello = {.pid = 2};
		assert_false(hz_easel_link_deadly(rig->brain->easel, &what));
		say_live(fd[1], &try, HZ_LIVE_TRY, sizeof(try));
		say_live(fd[1], &hello, HZ_LIVE_HELLO, sizeof(hello));
		memset(&heard, 0, sizeof(heard));
		assert_int_equal(hz_easel_link_read(rig->brain->easel), 0);
		listen_live(rig);
		assert_int_equal(heard.begins, 1);
		assert_int_equal(heard.ends, 1);
		assert_int_equal(heard.rooms, 1);
		assert_int_equal(heard.renditions, 1);
		assert_int_equal(heard.rendition[0].rendition, id);
		assert_int_not_equal(heard.rendition[0].ssrc, ssrc); // its numbers begin anew
		ssrc = heard.rendition[0].ssrc;
	}
	assert_true(hz_easel_link_deadly(rig->brain->easel, &what));
	live(rig);
	assert_true(offered(clinic));
	rig->brain->easel_heard_us -= 10000000; // not a word for 10 s
	assert_false(hz_easel_available(rig->brain, clinic->conn->participant->consult));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(something_on_the_table_and_somebody_who_watches, setup, teardown),
	    cmocka_unit_test_setup_teardown(left_and_asked_wrongly, setup, teardown),
	    cmocka_unit_test_setup_teardown(drawings, setup, teardown),
	    cmocka_unit_test_setup_teardown(images_of_the_table_only, setup, teardown),
	    cmocka_unit_test_setup_teardown(deaths, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
