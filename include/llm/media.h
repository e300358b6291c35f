#ifndef LLM_MEDIA_H
#define LLM_MEDIA_H

/* Images, documents and videos that models take: what clients call them (media types, file names)
 * and what their first bytes say. Const tables; pure. */

#include "llm/request.h"

struct media {
    enum llm_block_kind kind;    /* LLM_IMAGE, LLM_DOCUMENT or LLM_VIDEO */
    const char *format;          /* "png", "docx", …: its usual extension */
    const char *const *types;    /* media types, lower case, the right one first; ends with NULL */
    const char *const *suffixes; /* of file names; ends with NULL */
};

/* By media type; case and parameters ("; charset=…") do not matter. Text of any kind that is not
 * in the table is plain text. NULL: unknown, or says nothing (application/octet-stream). */
const struct media *media_by_type(struct slice type);
/* Whether a media type says nothing: empty, or bytes of any kind. */
bool media_type_is_vague(struct slice type);

/* By the extension of a file's name, or of a URL's path. NULL: unknown. */
const struct media *media_by_name(struct slice name);

/* By the first bytes: images and PDF. NULL: something else. */
#define MEDIA_HEAD 12 /* bytes are enough */
const struct media *media_by_bytes(struct slice head);

/* What a thing is that says of itself: it is of `type` and called `name` (both may be empty). Where
 * the bytes are known for what they are, they are right. NULL: nothing that a model takes. */
const struct media *media_decide(struct slice type, struct slice name, struct slice head);

#endif
