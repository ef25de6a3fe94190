#include "media/rtp/dependency.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bits.h"

enum { NEXT_SAME = 0, NEXT_TEMPORAL = 1, NEXT_SPATIAL = 2, NEXT_NONE = 3 };

static int read_layers(struct hz_bits *b, struct hz_dd_structure *s)
{
	unsigned spatial = 0, temporal = 0, next;
	do {
		if (s->template_count == HZ_DD_MAX_TEMPLATES || spatial >= HZ_DD_MAX_SPATIAL ||
		    temporal >= HZ_DD_MAX_TEMPORAL)
			return -EBADMSG;
		s->spatial[s->template_count] = (uint8_t)spatial;
		s->temporal[s->template_count++] = (uint8_t)temporal;
		if (temporal > s->max_temporal)
			s->max_temporal = (uint8_t)temporal;
		next = hz_bits_get(b, 2);
		if (next == NEXT_TEMPORAL)
			temporal++;
		if (next == NEXT_SPATIAL) {
			temporal = 0;
			spatial++;
		}
	} while (next != NEXT_NONE && !b->bad);
	s->max_spatial = (uint8_t)spatial;
	return b->bad ? -EBADMSG : 0;
}

static uint64_t read_dtis(struct hz_bits *b, unsigned targets)
{
	uint64_t dti = 0;
	for (unsigned i = 0; i < targets; i++)
		dti |= (uint64_t)hz_bits_get(b, 2) << (2 * i);
	return dti;
}

static int read_chains(struct hz_bits *b, struct hz_dd_structure *s)
{
	s->chain_count = (uint8_t)hz_bits_ns(b, s->target_count + 1u);
	if (!s->chain_count || b->bad)
		return b->bad ? -EBADMSG : 0;
	for (unsigned i = 0; i < s->target_count; i++)
		s->protected_by[i] = (uint8_t)hz_bits_ns(b, s->chain_count);
	for (unsigned i = 0; i < s->template_count; i++)
		for (unsigned c = 0; c < s->chain_count; c++)
			(void)hz_bits_get(b, 4); // we forward; what a receiver lacks it asks for
	return b->bad ? -EBADMSG : 0;
}

static void derive_targets(struct hz_dd_structure *s)
{
	for (unsigned i = 0; i < s->target_count; i++) {
		for (unsigned t = 0; t < s->template_count; t++) {
			if (hz_dd_dti(s->dti[t], i) == HZ_DTI_NOT_PRESENT)
				continue;
			if (s->spatial[t] > s->target_spatial[i])
				s->target_spatial[i] = s->spatial[t];
			if (s->temporal[t] > s->target_temporal[i])
				s->target_temporal[i] = s->temporal[t];
		}
	}
}

static int read_structure(struct hz_bits *b, struct hz_dd_structure *s)
{
	memset(s, 0, sizeof(*s));
	s->id_offset = (uint8_t)hz_bits_get(b, 6);
	s->target_count = (uint8_t)(hz_bits_get(b, 5) + 1);
	int err = read_layers(b, s);
	if (err)
		return err;
	for (unsigned i = 0; i < s->template_count; i++)
		s->dti[i] = read_dtis(b, s->target_count);
	for (unsigned i = 0; i < s->template_count; i++)
		while (hz_bits_get(b, 1))
			(void)hz_bits_get(b, 4); // fdiff_minus_one
	err = read_chains(b, s);
	if (err)
		return err;
	derive_targets(s);
	s->resolutions = hz_bits_get(b, 1);
	for (unsigned i = 0; s->resolutions && i <= s->max_spatial; i++) {
		s->width[i] = (uint16_t)(hz_bits_get(b, 16) + 1);
		s->height[i] = (uint16_t)(hz_bits_get(b, 16) + 1);
	}
	return b->bad ? -EBADMSG : 0;
}

struct custom {
	bool dtis, fdiffs, chains;
};

// frame_dependency_definition()
static int read_frame(struct hz_bits *b, const struct hz_dd_structure *s, const struct custom *custom,
                      struct hz_dd *d)
{
	unsigned t = (d->template_id + 64u - s->id_offset) % 64u;
	if (t >= s->template_count)
		return -ENOENT;
	d->spatial = s->spatial[t];
	d->temporal = s->temporal[t];
	d->dti = custom->dtis ? read_dtis(b, s->target_count) : s->dti[t];
	if (custom->fdiffs) {
		unsigned size;
		while ((size = hz_bits_get(b, 2))) {
			(void)hz_bits_get(b, 4 * size);
			d->fdiff_count++;
		}
	}
	for (unsigned c = 0; custom->chains && c < s->chain_count; c++)
		(void)hz_bits_get(b, 8);
	return b->bad ? -EBADMSG : 0;
}

int hz_dd_parse(const uint8_t *data, size_t bytes, const struct hz_dd_structure *known, struct hz_dd *ret,
                struct hz_dd_structure *ret_structure)
{
	struct hz_bits b = hz_bits_begin(data, bytes);
	struct hz_dd_structure fresh;
	struct custom custom = {0};
	struct hz_dd d = {0};
	if (bytes < 3)
		return -EBADMSG;
	d.start = hz_bits_get(&b, 1);
	d.end = hz_bits_get(&b, 1);
	d.template_id = (uint8_t)hz_bits_get(&b, 6);
	d.frame_number = (uint16_t)hz_bits_get(&b, 16);
	if (bytes > 3) {
		d.has_structure = hz_bits_get(&b, 1);
		d.has_active = hz_bits_get(&b, 1);
		custom.dtis = hz_bits_get(&b, 1);
		custom.fdiffs = hz_bits_get(&b, 1);
		custom.chains = hz_bits_get(&b, 1);
	}
	if (d.has_structure) {
		int err = read_structure(&b, &fresh);
		if (err)
			return err;
		known = &fresh;
		d.active = (uint32_t)((1ull << fresh.target_count) - 1);
	}
	if (!known->template_count) {
		*ret = d;
		ret->has_active = false; // how many bits it has is not known
		return -ENOENT;
	}
	if (d.has_active)
		d.active = hz_bits_get(&b, known->target_count);
	int err = read_frame(&b, known, &custom, &d);
	if (err == -EBADMSG)
		return err;
	d.has_active = d.has_active || d.has_structure;
	*ret = d;
	if (!err && d.has_structure)
		*ret_structure = fresh;
	return err;
}

int hz_dd_target(const struct hz_dd_structure *s, unsigned spatial, unsigned temporal)
{
	int best = -1;
	for (unsigned i = 0; i < s->target_count; i++) {
		if (s->target_spatial[i] > spatial || s->target_temporal[i] > temporal)
			continue;
		if (best < 0 || s->target_spatial[i] > s->target_spatial[best] ||
		    (s->target_spatial[i] == s->target_spatial[best] &&
		     s->target_temporal[i] > s->target_temporal[best]))
			best = (int)i;
	}
	return best;
}
