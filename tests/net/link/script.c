#include "tests/net/link/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MS (24 * 3600 * 1000.0)

// A field of hz_wire_config as a line names it: how its number is scaled and how far it may go.
enum field { RATE, QUEUE, DELAY, JITTER, LOSS, BURST, REORDER };
static const struct {
	const char *name;
	double scale, max;
} FIELDS[] = {
    [RATE] = {"rate", 1, 1e12},       [QUEUE] = {"queue", 1, 1e9},   [DELAY] = {"delay", 1000, 1e6},
    [JITTER] = {"jitter", 1000, 1e6}, [LOSS] = {"loss", 10000, 100}, [BURST] = {"burst", 1000, 1e5},
    [REORDER] = {"reorder", 1, 1},
};

static bool number(const char *text, double max, double *ret_value)
{
	char *end;
	if (!text || *text < '0' || *text > '9')
		return false;
	double value = strtod(text, &end);
	if (*end != '\0' || !(value >= 0 && value <= max))
		return false;
	*ret_value = value;
	return true;
}

static bool directions(const char *text, unsigned *ret_directions)
{
	if (text && strcmp(text, "up") == 0)
		*ret_directions = HZ_SCRIPT_UP;
	else if (text && strcmp(text, "down") == 0)
		*ret_directions = HZ_SCRIPT_DOWN;
	else if (text && strcmp(text, "both") == 0)
		*ret_directions = HZ_SCRIPT_UP | HZ_SCRIPT_DOWN;
	else
		return false;
	return true;
}

static void store(struct hz_wire_config *config, enum field field, double value)
{
	switch (field) {
	case RATE:
		config->rate_bps = (uint64_t)value;
		break;
	case QUEUE:
		config->queue_bytes = (uint32_t)value;
		break;
	case DELAY:
		config->delay_us = (uint32_t)value;
		break;
	case JITTER:
		config->jitter_us = (uint32_t)value;
		break;
	case LOSS:
		config->loss_ppm = (uint32_t)(value + 0.5);
		break;
	case BURST:
		config->burst_permille = (uint32_t)value;
		break;
	case REORDER:
		config->reorder = value > 0;
		break;
	}
}

static bool assign(struct hz_script_command *command, char *word)
{
	double value;
	char *equals = strchr(word, '=');
	if (!equals)
		return false;
	*equals = '\0';
	for (unsigned f = 0; f < sizeof(FIELDS) / sizeof(FIELDS[0]); f++) {
		if (strcmp(word, FIELDS[f].name) != 0)
			continue;
		if (!number(equals + 1, FIELDS[f].max, &value))
			return false;
		store(&command->config, (enum field)f, value * FIELDS[f].scale);
		command->named |= 1U << f;
		return true;
	}
	return false;
}

static const char *parse_set(struct hz_script_command *command, char **rest)
{
	command->verb = HZ_SCRIPT_SET;
	if (!directions(strtok_r(NULL, " \t", rest), &command->directions))
		return "set: up, down or both?";
	for (char *word; (word = strtok_r(NULL, " \t", rest));)
		if (!assign(command, word))
			return "set: no such setting, or its value is out of range";
	return command->named ? NULL : "set: what?";
}

static const char *parse_outage(struct hz_script_command *command, char **rest)
{
	double ms;
	command->verb = HZ_SCRIPT_OUTAGE;
	if (!directions(strtok_r(NULL, " \t", rest), &command->directions))
		return "outage: up, down or both?";
	if (!number(strtok_r(NULL, " \t", rest), MAX_MS, &ms))
		return "outage: how many milliseconds?";
	command->outage_us = (int64_t)(ms * 1000);
	return NULL;
}

static const char *parse_block(struct hz_script_command *command, char **rest)
{
	double port;
	command->verb = HZ_SCRIPT_BLOCK;
	if (!number(strtok_r(NULL, " \t", rest), 65535, &port))
		return "block: which TCP port may pass (0: everything)?";
	command->port = (uint16_t)port;
	return NULL;
}

int hz_script_parse(char *line, struct hz_script_command *ret_command, const char **ret_why)
{
	struct hz_script_command command = {0};
	const char *why = NULL;
	char *rest = NULL;
	double ms = 0;
	line[strcspn(line, "\r\n")] = '\0';
	char *word = strtok_r(line, " \t", &rest);
	if (word && strcmp(word, "at") == 0) {
		if (!number(strtok_r(NULL, " \t", &rest), MAX_MS, &ms))
			return *ret_why = "at: how many milliseconds?", -EINVAL;
		command.after_us = (int64_t)(ms * 1000);
		word = strtok_r(NULL, " \t", &rest);
	}
	if (!word)
		why = "empty line";
	else if (strcmp(word, "set") == 0)
		why = parse_set(&command, &rest);
	else if (strcmp(word, "outage") == 0)
		why = parse_outage(&command, &rest);
	else if (strcmp(word, "block") == 0)
		why = parse_block(&command, &rest);
	else if (strcmp(word, "stats") == 0)
		command.verb = HZ_SCRIPT_STATS;
	else if (strcmp(word, "reset") == 0)
		command.verb = HZ_SCRIPT_RESET;
	else if (strcmp(word, "quit") == 0)
		command.verb = HZ_SCRIPT_QUIT;
	else
		why = "unknown command";
	if (!why && strtok_r(NULL, " \t", &rest))
		why = "more words than expected";
	if (why)
		return *ret_why = why, -EINVAL;
	*ret_command = command;
	return 0;
}

void hz_script_merge(const struct hz_script_command *command, struct hz_wire_config *config)
{
	const struct hz_wire_config *from = &command->config;
	if (command->named & 1U << RATE)
		config->rate_bps = from->rate_bps;
	if (command->named & 1U << QUEUE)
		config->queue_bytes = from->queue_bytes;
	if (command->named & 1U << DELAY)
		config->delay_us = from->delay_us;
	if (command->named & 1U << JITTER)
		config->jitter_us = from->jitter_us;
	if (command->named & 1U << LOSS)
		config->loss_ppm = from->loss_ppm;
	if (command->named & 1U << BURST)
		config->burst_permille = from->burst_permille;
	if (command->named & 1U << REORDER)
		config->reorder = from->reorder;
}
