#include "media/dicomweb/belongs.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"

#define PLACES  ((size_t)1 << 18) // a power of two, more than twice as many as there may be
#define AT_ONCE 1024              // objects of a list: more than most series have

struct hz_belongs {
	uint64_t seed;
	unsigned count, forgot;
	uint64_t known[PLACES]; // 0: free
};

int hz_belongs_new(struct hz_belongs **ret)
{
	struct hz_belongs *b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	hz_random(&b->seed, sizeof(b->seed));
	*ret = b;
	return 0;
}

void hz_belongs_free(struct hz_belongs *b)
{
	free(b);
}

// FNV-1a, begun somewhere else in each run, and stirred.
static uint64_t hash_of(const struct hz_belongs *b, const struct hz_dweb_request *r, const char *instance,
                        size_t bytes)
{
	uint64_t hash = 14695981039346656037u ^ b->seed;
	const char *const texts[] = {r->pacs, "/", r->study, "/"};
	for (unsigned i = 0; i < 4; i++) {
		for (const char *at = texts[i]; *at; at++)
			hash = (hash ^ (unsigned char)*at) * 1099511628211u;
	}
	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ (unsigned char)instance[i]) * 1099511628211u;
	hash ^= hash >> 31;
	hash *= 0x9e3779b97f4a7c15u;
	return hash ? hash : 1;
}

unsigned hz_belongs_forgot(const struct hz_belongs *b)
{
	return b->forgot;
}

// Its place, or the free one where it would be.
static size_t place_of(const struct hz_belongs *b, uint64_t hash)
{
	size_t at = (size_t)(hash >> 20) & (PLACES - 1);
	while (b->known[at] && b->known[at] != hash)
		at = (at + 1) & (PLACES - 1);
	return at;
}

bool hz_belongs_knows(const struct hz_belongs *b, const struct hz_dweb_request *r)
{
	return b->known[place_of(b, hash_of(b, r, r->instance, strlen(r->instance)))] != 0;
}

static void add(struct hz_belongs *b, uint64_t hash)
{
	if (b->count >= HZ_BELONGS_MOST) {
		memset(b->known, 0, sizeof(b->known));
		b->count = 0;
		b->forgot++;
	}
	size_t at = place_of(b, hash);
	b->count += !b->known[at];
	b->known[at] = hash;
}

// --- the two attributes of each object in a list, and nothing else of it: megabytes come, and others wait.

struct word {
	const char *text;
	size_t bytes;
};

struct scan {
	const char *at, *end;
	unsigned depth;              // of braces and brackets
	struct word key;             // of the object of the list that we are in: "00080018"
	bool value;                  // within its "Value"
	struct word study, instance; // of this object
};

static bool is(const struct word *word, const char *text)
{
	return word->bytes == strlen(text) && memcmp(word->text, text, word->bytes) == 0;
}

// What is between two quotes, with escapes as they are.
static bool string(struct scan *s, struct word *ret)
{
	const char *at = s->at + 1, *end = s->end;
	while (at < end && *at != '"')
		at += *at == '\\' ? 2 : 1;
	if (at >= end)
		return false;
	*ret = (struct word){.text = s->at + 1, .bytes = (size_t)(at - s->at - 1)};
	s->at = at + 1;
	return true;
}

static bool before_colon(const struct scan *s)
{
	const char *at = s->at;
	while (at < s->end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at < s->end && *at == ':';
}

static void on_string(struct scan *s, const struct word *word)
{
	if (s->depth < 2 || s->depth > 4)
		return;
	if (before_colon(s)) {
		if (s->depth == 2)
			s->key = *word;
		if (s->depth == 3)
			s->value = is(word, "Value");
		return;
	}
	if (s->depth != 4 || !s->value)
		return;
	if (is(&s->key, "0020000D") || is(&s->key, "0020000d"))
		s->study = *word;
	if (is(&s->key, "00080018"))
		s->instance = *word;
}

// To the end of the next object of the list. false: there is none.
static bool next_object(struct scan *s)
{
	s->study = s->instance = (struct word){.text = NULL};
	while (s->at < s->end) {
		struct word word;
		if (*s->at == '"') {
			if (!string(s, &word))
				return false;
			on_string(s, &word);
			continue;
		}
		char c = *s->at++;
		if (c == '{' || c == '[')
			s->depth++;
		if ((c == '}' || c == ']') && s->depth)
			s->depth--;
		if (c == '}' && s->depth == 1)
			return true;
	}
	return false;
}

// All of them are looked at before the first one is learned: twice, where they are many.
bool hz_belongs_learn(struct hz_belongs *b, const struct hz_dweb_request *r, const char *json, size_t bytes)
{
	uint64_t found[AT_ONCE];
	size_t count = 0;
	struct scan s = {.at = json, .end = json + bytes};
	while (next_object(&s)) {
		if (s.study.text && !is(&s.study, r->study))
			return false;
		if (s.instance.text && count++ < AT_ONCE)
			found[count - 1] = hash_of(b, r, s.instance.text, s.instance.bytes);
	}
	for (size_t i = 0; i < count && i < AT_ONCE; i++)
		add(b, found[i]);
	s = (struct scan){.at = json, .end = json + bytes};
	for (size_t i = 0; count > AT_ONCE && next_object(&s);) {
		if (s.instance.text && i++ >= AT_ONCE)
			add(b, hash_of(b, r, s.instance.text, s.instance.bytes));
	}
	return true;
}
