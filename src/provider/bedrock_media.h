#ifndef PROVIDER_BEDROCK_MEDIA_H
#define PROVIDER_BEDROCK_MEDIA_H

/* Images, documents and videos in the words of Converse, for the writer of the request. */

#include "llm/request.h"

struct bedrock_name;

/* The documents of one request so far: their names must differ. Zeroed but for the arena. */
struct bedrock_media {
    struct arena *arena;
    struct bedrock_name *names;
};

/* One content block: {"image": …}, {"document": …} or {"video": …}. What its URL leads to must have
 * been fetched (s3: excepted). */
void bedrock_write_media(struct json_writer *w, const struct llm_block *b, struct bedrock_media *m);

/* A string with its padding: optional in what clients send, but not for every upstream. */
void bedrock_write_base64(struct json_writer *w, struct slice data);

#endif
