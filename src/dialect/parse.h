#ifndef DIALECT_PARSE_H
#define DIALECT_PARSE_H

/* What the request sides of the dialects share: errors that name the member at fault, the walk over
 * the members of a body, members that mean the same in several APIs.
 *
 * A dialect has a table of its members with their handlers; those that steer the gateway are added
 * to every dialect's. null counts as absent, as LiteLLM and OpenAI treat it, and of duplicates the
 * last one counts. What no row names goes into request->extra, for the provider to judge. */

#include "dialect/dialect.h"

/* What a parse carries along. */
struct parse {
    struct arena *a;
    struct llm_request *r;
    struct failure *f;
    unsigned function_calls; /* legacy calls without ids so far */
};

struct parse_member {
    const char *name;
    bool (*parse)(struct parse *p, yyjson_val *v); /* false: see failure */
};

#define PARSE_ROWS_MAX 96 /* a dialect's rows and the gateway's together */

/* Every member of the object through its row, in the order of the rows. False: see failure. */
bool parse_members(struct parse *p, yyjson_val *object, const struct parse_member *rows,
                   size_t count);

/* Members that steer the gateway: LiteLLM's own, and Bedrock's that every API takes
 * (parse_gateway.c). */
extern const struct parse_member parse_gateway[];
extern const size_t parse_gateway_count;

/* Keeps a member for the provider to judge. */
bool parse_extra(struct parse *p, struct slice name, yyjson_val *value);

/* ---- errors: all return false ---------------------------------------------------------------- */

/* 400 naming the member: the message becomes "path: text". `path` is followed by a NUL (a literal,
 * or from arena_printf). */
bool parse_refuse(struct parse *p, struct slice path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "expected X, got Y" for a member of the wrong type. */
bool parse_refuse_type(struct parse *p, struct slice path, const char *expected, yyjson_val *v);

/* Paths for errors, made for every part of every message: "base.member" and "base[i]". */
struct slice parse_path_member(struct parse *p, struct slice base, struct slice member);
struct slice parse_path_item(struct parse *p, struct slice base, size_t i);

/* ---- values ---------------------------------------------------------------------------------- */

/* A boolean; LiteLLM's clients write "true" here and there. */
bool parse_flag(struct parse *p, const char *name, yyjson_val *v, bool *flag);

bool parse_limit(struct parse *p, const char *name, yyjson_val *v, int64_t *limit); /* from 1 on */
bool parse_number(struct parse *p, const char *name, yyjson_val *v, double low, double high,
                  yyjson_val **out);

/* ---- members of several APIs (parse_params.c) ------------------------------------------------ */

bool parse_model(struct parse *p, yyjson_val *v);
bool parse_stream(struct parse *p, yyjson_val *v);
bool parse_max_tokens(struct parse *p, yyjson_val *v);
bool parse_top_p(struct parse *p, yyjson_val *v);
bool parse_top_k(struct parse *p, yyjson_val *v);
bool parse_temperature(struct parse *p, yyjson_val *v);
bool parse_thinking(struct parse *p, yyjson_val *v);      /* Anthropic's */
bool parse_output_config(struct parse *p, yyjson_val *v); /* likewise */

/* Stop sequences: a string, or a list of them. */
bool parse_stop(struct parse *p, const char *name, yyjson_val *v);

/* OpenAI's "auto", "none", "required". False: another word; nothing was set. */
bool parse_tool_choice_word(struct parse *p, struct slice word);

/* ---- content (parse_media.c) ----------------------------------------------------------------- */

/* A part of a message that is an image, a document or a video, in the spellings clients use:
 * appends a block. */
bool parse_is_media(struct slice type);
bool parse_media(struct parse *p, struct slice path, yyjson_val *part, struct llm_block ***tail);

#endif
