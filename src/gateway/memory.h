#ifndef GATEWAY_MEMORY_H
#define GATEWAY_MEMORY_H

/* The gateway's memory of thinking. Claude wants the signed thinking of a tool call back with the
 * call's result; clients that speak OpenAI's API drop it. So what an answer with tool calls thought
 * is kept under the id of each call (memory_keep), and put back into the assistant messages of a
 * later request that lack it, or have lost parts of it (memory_recall_…).
 *
 * A scope is the caller's key and the base model: no tenant sees another's thinking, and a
 * signature only comes back to the model that made it. What is recalled lives on for another time
 * to live, so that a long conversation keeps its beginning.
 *
 * Recalling is asynchronous, because the shared state behind it may be. It asks for one call of
 * each message, the last RECALL_MESSAGES_MAX of them, in questions of SHARED_KEYS_MAX, and goes on
 * without what has not come after RECALL_PATIENCE_MS. */

#include "io/turn.h"
#include "state/shared.h"
#include "thinking.h"
#include "wire/crypto.h"

#define RECALL_PATIENCE_MS  50
#define RECALL_MESSAGES_MAX 4096
#define RECALL_BYTES_MAX    (16 * 1024 * 1024) /* of records, for one request */

struct memory;

/* The shared state outlives it. */
struct memory *memory_new(struct turn *turn, struct shared *shared);
void memory_free(struct memory *m); /* no recall is under way; run the loop once more after */

struct memory_stats {
    struct shared_stats shared;
    uint64_t hits, misses; /* of what was recalled */
    uint64_t unkept;       /* answers whose thinking could not be kept */
    uint64_t late;         /* recalls that went on without an answer */
};
void memory_stats(const struct memory *m, struct memory_stats *stats);

struct memory_scope {
    uint8_t digest[SHA256_SIZE];
};
struct memory_scope memory_scope_of(struct slice key, struct slice model);

/* The captured answer is complete. */
void memory_keep(struct memory *m, const struct memory_scope *scope, struct thinking_capture *c,
                 int64_t ttl_ms);

/* ---- recalling ------------------------------------------------------------------------------- */

struct recall_want;

/* Part of whoever waits; cleared before the first begin. */
struct memory_recall {
    struct memory *memory; /* NULL: never begun */
    struct list link;      /* in memory->waiting, while a question is open */
    bool waiting;          /* for the answer to a question */
    bool late;
    bool asking; /* the question is being asked at this moment */
    const struct memory_scope *scope;
    struct arena *arena;
    struct turn_item *item;
    struct recall_want *wants; /* messages that lack their thinking, in order */
    size_t count;
    size_t left;  /* not asked for yet: the first so many */
    size_t bytes; /* of records so far */
    int64_t ttl_ms, deadline;
};

/* What a request is to be given: its messages, the arena they live in, and the item to mark when
 * there is something to do. Everything outlives the recall. */
struct recall_request {
    struct llm_message *messages;
    struct arena *arena;
    const struct memory_scope *scope;
    struct turn_item *item;
    int64_t ttl_ms;
};

/* Looks for messages that lack their thinking. */
void memory_recall_begin(struct memory_recall *r, struct memory *m, const struct recall_request *q);

/* Goes on. True: the messages are complete as far as can be. False: the item will be marked. */
bool memory_recall_step(struct memory_recall *r);

/* Nothing comes any more. Harmless at any time, also when never begun. */
void memory_recall_cancel(struct memory_recall *r);

#endif
