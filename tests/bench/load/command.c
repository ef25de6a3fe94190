#include "tests/bench/load/command.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_stream(const char *text, struct load_stream *stream)
{
	const char *comma = strchr(text, ',');
	if (!comma)
		return -EINVAL;
	stream->pt = (uint8_t)strtoul(text, NULL, 10);
	snprintf(stream->mid, sizeof(stream->mid), "%s", comma + 1);
	return 0;
}

static int read_address(char *text, struct sockaddr_in *ret)
{
	char *colon = strrchr(text, ':');
	if (!colon)
		return -EINVAL;
	*colon = '\0';
	ret->sin_family = AF_INET;
	ret->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	return inet_pton(AF_INET, text, &ret->sin_addr) == 1 ? 0 : -EINVAL;
}

static int read_fid(const char *text, struct load_setup *setup)
{
	const char *colon = strchr(text, ':');
	for (unsigned i = 0; colon && i < LOAD_MAX_FID; i++) {
		if (setup->fid[i][0])
			continue;
		setup->fid[i][0] = (uint32_t)strtoul(text, NULL, 10);
		setup->fid[i][1] = (uint32_t)strtoul(colon + 1, NULL, 10);
		return 0;
	}
	return -EINVAL;
}

static uint8_t *number_of(const char *key, struct load_setup *s)
{
	const struct {
		const char *key;
		uint8_t *at;
	} known[] = {{"mid", &s->ext.mid},     {"twcc", &s->ext.twcc}, {"level", &s->ext.audio_level},
	             {"rvideo", &s->video_pt}, {"rrtx", &s->rtx_pt},   {"rtwcc", &s->twcc_id}};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(key, known[i].key) == 0)
			return known[i].at;
	return NULL;
}

static int read_word(const char *key, char *value, struct load_setup *s)
{
	uint8_t *number = number_of(key, s);
	if (number)
		*number = (uint8_t)strtoul(value, NULL, 10);
	else if (strcmp(key, "role") == 0)
		s->controlling = strcmp(value, "controlling") == 0;
	else if (strcmp(key, "dtls") == 0)
		s->client = strcmp(value, "client") == 0;
	else if (strcmp(key, "ufrag") == 0)
		snprintf(s->remote_ufrag, sizeof(s->remote_ufrag), "%s", value);
	else if (strcmp(key, "pwd") == 0)
		snprintf(s->remote_pwd, sizeof(s->remote_pwd), "%s", value);
	else if (strcmp(key, "start") == 0)
		s->start_us = strtoll(value, NULL, 10);
	else if (strcmp(key, "addr") == 0)
		return read_address(value, &s->remote);
	else if (strcmp(key, "audio") == 0)
		return read_stream(value, &s->audio);
	else if (strcmp(key, "video") == 0)
		return read_stream(value, &s->video);
	else if (strcmp(key, "fid") == 0)
		return read_fid(value, s);
	else
		return -EINVAL;
	return 0;
}

int load_command_connect(char *words, struct load_setup *ret)
{
	char *save = NULL;
	struct load_setup setup = {0};
	for (char *word = strtok_r(words, " \r\n", &save); word; word = strtok_r(NULL, " \r\n", &save)) {
		char *value = strchr(word, '=');
		if (!value)
			return -EINVAL;
		*value++ = '\0';
		int err = read_word(word, value, &setup);
		if (err != 0)
			return err;
	}
	if (!setup.remote_ufrag[0] || !setup.remote_pwd[0] || !setup.remote.sin_port)
		return -EDESTADDRREQ;
	*ret = setup;
	return 0;
}
