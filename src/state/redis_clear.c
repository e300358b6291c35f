#include "redis_clear.h"

#include "base/buf.h"

#include <stdlib.h>

#define SCAN_COUNT "512" /* keys looked at in one go */
#define BATCH_MAX  512   /* deleted in one go */

struct clear {
    struct list link;
    struct redis *redis;
    shared_done *done; /* NULL: forgotten */
    void *user;
    struct buf pattern;
    char cursor[SLICE_DIGITS + 1];
    int64_t n;
};

static void finish(struct clear *c, int64_t n)
{
    list_del(&c->link);
    if (c->done)
        c->done(c->user, n);
    buf_fini(&c->pattern);
    free(c);
}

static void on_scanned(void *user, const struct redisReply *reply);

static void scan(struct clear *c)
{
    const struct slice words[] = {SLICE("SCAN"),          slice_of(c->cursor), SLICE("MATCH"),
                                  buf_slice(&c->pattern), SLICE("COUNT"),      SLICE(SCAN_COUNT)};
    if (!redis_send(c->redis, words, sizeof(words) / sizeof(*words), on_scanned, c))
        finish(c, -1);
}

static void go_on(struct clear *c)
{
    if (slice_eq(slice_of(c->cursor), SLICE("0")))
        finish(c, c->n);
    else
        scan(c);
}

static void on_deleted(void *user, const struct redisReply *reply)
{
    struct clear *c = user;
    c->n += reply ? redis_integer(reply) : 0;
    if (!reply || redis_kind(reply) == REDIS_ERROR)
        finish(c, -1);
    else
        go_on(c);
}

/* SCAN answers about as many as it looks at, now and then more: the last batch is waited for. */
static bool delete (struct clear *c, const struct redisReply *keys)
{
    struct slice words[1 + BATCH_MAX] = {SLICE("UNLINK")};
    size_t n = redis_count(keys);
    for (size_t at = 0; at < n;) {
        size_t size = n - at < BATCH_MAX ? n - at : BATCH_MAX;
        for (size_t i = 0; i < size; i++)
            words[1 + i] = redis_text(redis_element(keys, at + i));
        at += size;
        if (!redis_send(c->redis, words, 1 + size, at == n ? on_deleted : NULL, c))
            return false;
        c->n += at == n ? 0 : (int64_t)size;
    }
    return true;
}

static void on_scanned(void *user, const struct redisReply *reply)
{
    struct clear *c = user;
    struct slice cursor;
    if (!reply || redis_count(reply) != 2) {
        finish(c, -1);
        return;
    }
    cursor = redis_text(redis_element(reply, 0));
    if (!cursor.n || cursor.n >= sizeof(c->cursor)) {
        finish(c, -1);
        return;
    }
    memcpy(c->cursor, cursor.p, cursor.n);
    c->cursor[cursor.n] = 0;
    if (!redis_count(redis_element(reply, 1)))
        go_on(c);
    else if (!delete (c, redis_element(reply, 1)))
        finish(c, -1);
}

/* MATCH takes glob patterns. */
static void add_literally(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (strchr("*?[]\\^-", s.p[i]) && s.p[i])
            buf_add_char(b, '\\');
        buf_add_char(b, s.p[i]);
    }
}

void redis_clear_start(struct list *all, struct redis *redis, struct slice prefix,
                       shared_done *done, void *user)
{
    struct clear *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    *c = (struct clear){.redis = redis, .done = done, .user = user, .cursor = "0"};
    list_add(all, &c->link);
    buf_init(&c->pattern, SIZE_MAX);
    add_literally(&c->pattern, prefix);
    buf_add_char(&c->pattern, '*');
    scan(c);
}

void redis_clear_forget(struct list *all, void *user)
{
    for (struct list *l = all->next; l != all; l = l->next) {
        struct clear *c = LIST_ENTRY(l, struct clear, link);
        if (!user || c->user == user)
            c->done = NULL;
    }
}
