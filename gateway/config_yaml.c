// huizhen.yaml through libyaml's document interface, which knows the line of everything (libcyaml forgets it).
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "gateway/base/secret.h"
#include "gateway/config_table.h"

struct reader {
	struct hz_config *config;
	yaml_document_t doc;
	const char *file;
	char *error;
};

static struct hz_config_place place(const struct reader *r, const yaml_node_t *node)
{
	return (struct hz_config_place){.file = r->file, .line = (unsigned)node->start_mark.line + 1};
}

// -EINVAL spelled out, so that an analyzer of this file alone sees that it is never 0.
#define FAIL(r, node, hint, ...)                                                                             \
	(hz_config_fail((r)->error, &(struct hz_config_place){(r)->file, place(r, node).line}, hint,         \
	                __VA_ARGS__),                                                                        \
	 -EINVAL)

// The text of a scalar without a NUL inside it; else NULL.
static const char *scalar(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE)
		return NULL;
	const char *text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

// A plain `~`, `null` or nothing at all.
static bool is_null(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	const char *text = (const char *)node->data.scalar.value;
	return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

// The key of a pair before `pair` that is `name` too, or NULL.
static const yaml_node_t *earlier(struct reader *r, const yaml_node_t *map, const yaml_node_pair_t *pair,
                                  const char *name)
{
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *other = yaml_document_get_node(&r->doc, p->key);
		const char *text = other ? scalar(other) : NULL;
		if (text && strcmp(text, name) == 0)
			return other;
	}
	return NULL;
}

// The key and value of a pair, the key being a scalar that was not there before.
static int read_pair(struct reader *r, const yaml_node_t *map, const yaml_node_pair_t *pair,
                     const char **ret_name, yaml_node_t **ret_value)
{
	yaml_node_t *key = yaml_document_get_node(&r->doc, pair->key);
	yaml_node_t *value = yaml_document_get_node(&r->doc, pair->value);
	if (!key || !value)
		return FAIL(r, map, "write \"key: value\" lines", "a key or value is missing");
	const char *name = scalar(key);
	if (!name)
		return FAIL(r, key, "write \"key: value\" lines", "a key must be a word");
	const yaml_node_t *twice = earlier(r, map, pair, name);
	if (twice)
		return FAIL(r, key, "keep one of the two", "\"%.40s\" is there twice (first in line %u)",
		            name, place(r, twice).line);
	*ret_name = name;
	*ret_value = value;
	return 0;
}

static int unknown(struct reader *r, const yaml_node_pair_t *pair, const char *section, const char *name)
{
	char hint[96];
	const char *guess = hz_config_guess(section, name);
	if (guess)
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", guess);
	else
		snprintf(hint, sizeof(hint), "remove it (huizhen.yaml in the source lists every key)");
	const yaml_node_t *key = yaml_document_get_node(&r->doc, pair->key);
	return FAIL(r, key, hint, "unknown key %.40s%s%.40s", section ? section : "", section ? "." : "",
	            name);
}

static int read_scalar(struct reader *r, const struct hz_config_entry *entry, const yaml_node_t *value)
{
	char want[HZ_CONFIG_WANT_BYTES] = "one value", hint[HZ_CONFIG_WANT_BYTES + 16];
	const char *text = is_null(value) ? "" : scalar(value);
	int err = text ? hz_config_set(r->config, entry, text, want) : -EINVAL;
	if (err != -EINVAL)
		return err;
	snprintf(hint, sizeof(hint), "it must be %s", want);
	return FAIL(r, value, hint, "%s.%s is \"%.40s\"", entry->section, entry->name,
	            !text                             ? "not one value"
	            : entry->type == HZ_CONFIG_SECRET ? "..."
	                                              : text);
}

static int read_key_field(struct reader *r, struct hz_config_key *key, const char *name, yaml_node_t *value)
{
	bool is_secret = strcmp(name, "secret") == 0;
	char **field = is_secret ? &key->secret : &key->kid;
	const char *text = scalar(value);
	if (!is_secret && strcmp(name, "kid") != 0)
		return FAIL(r, value, "a key has kid and secret", "unknown key tokens.keys.%.40s", name);
	if (!text)
		return FAIL(r, value, "it must be one value", "tokens.keys.%s is not text", name);
	*field = strdup(text);
	if (is_secret)
		hz_wipe(value->data.scalar.value, value->data.scalar.length);
	return *field ? 0 : -ENOMEM;
}

static int check_key(struct reader *r, const yaml_node_t *node, const struct hz_config_key *key)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t kid = key->kid ? strlen(key->kid) : 0, secret = key->secret ? strlen(key->secret) : 0;
	if (kid < 1 || kid > 64 || strspn(key->kid, allowed) != kid)
		return FAIL(r, node, "give it 1 to 64 of A-Z a-z 0-9 . _ -",
		            "tokens.keys.kid is missing or wrong");
	if (secret < 32 || secret > HZ_CONFIG_TEXT_BYTES)
		return FAIL(r, node, "make one with: openssl rand -base64 48",
		            "tokens.keys.secret of \"%.40s\" must have 32 to 1024 bytes", key->kid);
	for (unsigned i = 0; i + 1 < r->config->tokens.keys_count; i++)
		if (strcmp(r->config->tokens.keys[i].kid, key->kid) == 0)
			return FAIL(r, node, "give each its own", "tokens.keys.kid \"%.40s\" is there twice",
			            key->kid);
	return 0;
}

static int read_key(struct reader *r, const yaml_node_t *node)
{
	struct hz_config_key *key = &r->config->tokens.keys[r->config->tokens.keys_count++];
	if (node->type != YAML_MAPPING_NODE)
		return FAIL(r, node, "write \"- kid: NAME\" and below it \"secret: TEXT\"",
		            "tokens.keys has an odd item");
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		const char *name;
		yaml_node_t *value;
		int err = read_pair(r, node, p, &name, &value);
		if (!err)
			err = read_key_field(r, key, name, value);
		if (err)
			return err;
	}
	return check_key(r, node, key);
}

static int read_keys(struct reader *r, const yaml_node_t *node)
{
	if (is_null(node))
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return FAIL(r, node, "write \"- kid: NAME\" and below it \"secret: TEXT\"",
		            "tokens.keys is not a list");
	size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count == 0)
		return 0;
	if (count > HZ_CONFIG_MAX_KEYS)
		return FAIL(r, node, "remove old ones", "tokens.keys has more than %d keys",
		            HZ_CONFIG_MAX_KEYS);
	r->config->tokens.keys = calloc(count, sizeof(*r->config->tokens.keys));
	if (!r->config->tokens.keys)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *item = yaml_document_get_node(&r->doc, node->data.sequence.items.start[i]);
		int err = read_key(r, item ? item : node);
		if (err)
			return err;
	}
	return 0;
}

static int read_section(struct reader *r, const char *section, const yaml_node_t *node)
{
	if (is_null(node)) // all of its keys are commented out
		return 0;
	if (node->type != YAML_MAPPING_NODE)
		return FAIL(r, node, "write its keys indented below it", "%s is not a section", section);
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		const char *name;
		yaml_node_t *value;
		int err = read_pair(r, node, p, &name, &value);
		if (err)
			return err;
		const struct hz_config_entry *entry = hz_config_find(section, name);
		if (entry)
			err = read_scalar(r, entry, value);
		else if (strcmp(section, "tokens") == 0 && strcmp(name, "keys") == 0)
			err = read_keys(r, value);
		else
			err = unknown(r, p, section, name);
		if (err)
			return err;
	}
	return 0;
}

static int read_root(struct reader *r)
{
	yaml_node_t *root = yaml_document_get_root_node(&r->doc);
	if (!root || is_null(root)) // an empty file: all defaults
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return FAIL(r, root, "write \"section:\" and its keys indented below it",
		            "this is not a configuration");
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		const char *name;
		yaml_node_t *value;
		int err = read_pair(r, root, p, &name, &value);
		if (err)
			return err;
		err = hz_config_find_section(name) ? read_section(r, name, value) : unknown(r, p, NULL, name);
		if (err)
			return err;
	}
	return 0;
}

static int syntax_error(struct reader *r, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	struct hz_config_place at = {.file = r->file, .line = (unsigned)parser->problem_mark.line + 1};
	return hz_config_fail(r->error, &at, "correct the YAML there", "%.100s",
	                      parser->problem ? parser->problem : "the file is not YAML");
}

static int read_second(struct reader *r, yaml_parser_t *parser)
{
	yaml_document_t second;
	if (!yaml_parser_load(parser, &second))
		return syntax_error(r, parser);
	const yaml_node_t *root = yaml_document_get_root_node(&second);
	int err = root ? FAIL(r, root, "remove the line \"---\"", "a second document begins") : 0;
	yaml_document_delete(&second);
	return err;
}

int hz_config_yaml(struct hz_config *config, const char *file, const char *text, size_t bytes,
                   char error[HZ_CONFIG_ERROR_BYTES])
{
	struct reader r = {.config = config, .file = file, .error = error};
	yaml_parser_t parser;
	int err;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
	if (!yaml_parser_load(&parser, &r.doc)) {
		err = syntax_error(&r, &parser);
		goto out;
	}
	bool empty = !yaml_document_get_root_node(&r.doc);
	err = read_root(&r);
	yaml_document_delete(&r.doc);
	if (!err && !empty)
		err = read_second(&r, &parser);
out:
	yaml_parser_delete(&parser);
	return err;
}
