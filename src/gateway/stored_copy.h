#ifndef GATEWAY_STORED_COPY_H
#define GATEWAY_STORED_COPY_H

/* What the database adds to the configuration (stored.h), kept in a file for a start without the
 * database: DIRECTORY/stored.sealed, one text, all of it sealed (wire/secretbox.h). It is written
 * beside its place and moved there, on a thread of libuv's pool; of several changes at once the
 * last one is. Without a salt key there is no copy: its seal would be none.
 *
 * Keys are not in it: one that was taken away meanwhile would be valid again. */

#include "base/arena.h"

#include <uv.h>

#define STORED_COPY_MAX (32 * 1024 * 1024) /* bytes of the text; a longer one is not kept */

struct stored_copy;

struct stored_copy *stored_copy_new(uv_loop_t *loop, const char *directory);
/* What was put is still written: run the loop until nothing is left. NULL is fine. */
void stored_copy_free(struct stored_copy *c);

/* The text from now on; of the same text again nothing is written. */
void stored_copy_put(struct stored_copy *c, struct slice text, struct slice salt_key);

/* The text that lies there, in the arena, and when it was written. False: `why`, for people. Reads
 * the disk: before the first client only. */
bool stored_copy_get(const struct stored_copy *c, struct slice salt_key, struct arena *a,
                     struct slice *text, int64_t *unix_ms, const char **why);

#endif
