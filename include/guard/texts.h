#ifndef GUARD_TEXTS_H
#define GUARD_TEXTS_H

/* The texts of a JSON document that a guard looks at, and putting what became of them back in
 * their places. Pure.
 *
 * Of requests these are prompts, messages, system prompts, instructions, results and arguments of
 * tools, plain-text documents, descriptions of tools, and inputs of embeddings and reranking. Not:
 * what names or steers something (ids, roles, names, URLs), and bytes (images, encoded documents).
 * Arguments that come as a text of JSON count with the texts in it, as they are without escapes. */

#include "base/json.h"

struct guard_nested;

struct guard_text {
    struct guard_text *next;
    struct slice text;       /* as it is, or as it shall be */
    bool changed;            /* … the latter */
    yyjson_val *value;       /* whose text it is; NULL: no value's, its owner knows */
    struct guard_nested *in; /* the document in a text that it is part of; NULL: none */
};

struct guard_texts {
    struct arena *a;
    struct guard_text *first, **tail;
    size_t count, bytes;
    struct guard_nested *nested;
};

/* What is added lies in the arena, which outlives the texts. */
void guard_texts_init(struct guard_texts *t, struct arena *a);

/* A body of OpenAI's or Anthropic's APIs. */
void guard_texts_add_request(struct guard_texts *t, yyjson_val *body);

/* A body of Bedrock's, whose members depend on the model: all but those that steer. Also a whole
 * answer of it. */
void guard_texts_add_native(struct guard_texts *t, yyjson_val *body);

/* A message, or part of one. */
void guard_texts_add_content(struct guard_texts *t, yyjson_val *value);

/* Every text, number and key of a value. */
void guard_texts_add_all(struct guard_texts *t, yyjson_val *value);

/* A text of no document. */
struct guard_text *guard_texts_add(struct guard_texts *t, struct slice text);

/* A text that is JSON, such as arguments of a tool; if it is none, one text. */
struct guard_nested *guard_texts_add_json(struct guard_texts *t, struct slice json);
struct slice guard_nested_text(const struct guard_nested *n); /* after guard_texts_write */

/* Changes `text`; the new one is copied. */
void guard_text_set(struct guard_texts *t, struct guard_text *text, struct slice to);

/* Puts the changed ones into their places. False: nothing was changed. */
bool guard_texts_write(struct guard_texts *t);

#endif
