#include "observe/record.h"

#include <string.h>

_Static_assert(sizeof(struct record_texts) % sizeof(struct slice) == 0, "nothing but slices");
#define TEXTS (sizeof(struct record_texts) / sizeof(struct slice))

/* ---- one allocation ------------------------------------------------------------------------- */

static struct slice *texts_of(struct record *r)
{
    return (struct slice *)(void *)&r->text;
}

/* Of an attempt; nothing but slices too, at its beginning. */
_Static_assert(offsetof(struct record_attempt, status) % sizeof(struct slice) == 0, "only slices");

static struct slice *texts_of_attempt(struct record_attempt *a)
{
    return (struct slice *)(void *)a;
}

static size_t size_of(const struct slice *texts, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += texts[i].n;
    return size;
}

static char *pack(struct slice *texts, size_t n, char *room)
{
    for (size_t i = 0; i < n; i++) {
        if (texts[i].n)
            memcpy(room, texts[i].p, texts[i].n);
        texts[i].p = room;
        room += texts[i].n;
    }
    return room;
}

struct record *record_new(const struct record *draft)
{
    size_t attempts = draft->attempt_count * sizeof(*draft->attempts);
    size_t size = sizeof(*draft) + attempts +
                  size_of((const struct slice *)(const void *)&draft->text, TEXTS);
    for (size_t i = 0; i < draft->attempt_count; i++)
        size += size_of(texts_of_attempt(&draft->attempts[i]), RECORD_ATTEMPT_TEXTS);
    struct record *r = (struct record *)(void *)parcel_new(size);
    struct parcel parcel = r->parcel;
    *r = *draft;
    r->parcel = parcel;
    r->stages = NULL;
    r->stage_count = 0;
    r->user_alias = SLICE("");
    r->limit = NULL;
    r->attempts = (struct record_attempt *)(void *)(r + 1);
    if (attempts)
        memcpy(r->attempts, draft->attempts, attempts);
    char *room = pack(texts_of(r), TEXTS, (char *)(r + 1) + attempts);
    for (size_t i = 0; i < r->attempt_count; i++)
        room = pack(texts_of_attempt(&r->attempts[i]), RECORD_ATTEMPT_TEXTS, room);
    return r;
}

int64_t record_tokens(const struct record *r)
{
    return llm_usage_prompt(&r->usage) + r->usage.output;
}

int record_error_status(const struct record *r)
{
    const struct record_attempt *last =
        r->attempt_count ? &r->attempts[r->attempt_count - 1] : NULL;
    return r->status < 400 && last && last->error_class.n ? last->status : r->status;
}
