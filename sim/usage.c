/* Counting, and the memory of cached prefixes.
 *
 * Happy path: the request is laid out as a row of blocks, each with the tokens up to its end, a
 * chained digest and a mark where a cache point follows; the last point with a known prefix decides
 * what is read, the last point that is long enough decides what is written.
 * Failure modes: a prefix shorter than the model's minimum is not cached; a full memory forgets the
 * prefix used longest ago. */

#include "usage.h"

#include "wire/crypto.h"

#include <string.h>

#define BYTES_PER_TOKEN 4
#define IMAGE_TOKENS    1500
#define MESSAGE_TOKENS  4  /* what a role costs */
#define LOOK_BACK       20 /* blocks before a point where a known prefix may end */
#define TTL_MS          (5 * 60 * 1000)
#define TTL_HOUR_MS     (60 * 60 * 1000)

struct block {
    int64_t tokens; /* of the request, up to the end of this block */
    uint8_t digest[PREFIX_DIGEST_SIZE];
    bool point, hour; /* a cache point follows; with a TTL of an hour */
};

struct row {
    struct arena *arena;
    struct block *v;
    size_t n, size;
    int64_t tokens;
    struct buf scratch; /* previous digest and the JSON of a block */
    bool digests;       /* wanted: there are cache points */
};

/* ---- counting ------------------------------------------------------------------------------ */

int64_t usage_tokens(size_t bytes)
{
    return (int64_t)((bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN);
}

static size_t weight(yyjson_val *v)
{
    size_t i, n, sum = 0;
    yyjson_val *key, *item;
    if (yyjson_is_str(v) || yyjson_is_raw(v))
        return yyjson_get_len(v);
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, n, item)
        {
            sum += weight(item);
        }
        return sum;
    }
    yyjson_obj_foreach(v, i, n, key, item)
    {
        const bool media = yyjson_equals_str(key, "bytes") && yyjson_is_str(item);
        sum += media ? IMAGE_TOKENS * BYTES_PER_TOKEN : weight(item);
        sum += yyjson_equals_str(key, "text") ? 0 : yyjson_get_len(key);
    }
    return sum;
}

/* ---- the row ------------------------------------------------------------------------------- */

static void chain(struct row *row, struct block *b, yyjson_val *v)
{
    struct json_writer w;
    uint8_t digest[SHA256_SIZE];
    buf_reset(&row->scratch);
    if (row->n)
        buf_add(&row->scratch,
                slice_make((const char *)row->v[row->n - 1].digest, PREFIX_DIGEST_SIZE));
    json_begin(&w, &row->scratch);
    json_value(&w, v);
    sha256(buf_slice(&row->scratch), digest);
    memcpy(b->digest, digest, PREFIX_DIGEST_SIZE);
}

static void add_block(struct row *row, yyjson_val *v)
{
    if (row->n == row->size) {
        const size_t size = row->size ? row->size * 2 : 64;
        row->v =
            arena_realloc(row->arena, row->v, row->size * sizeof(*row->v), size * sizeof(*row->v));
        row->size = size;
    }
    row->tokens += usage_tokens(weight(v));
    struct block b = {.tokens = row->tokens};
    if (row->digests)
        chain(row, &b, v);
    row->v[row->n++] = b;
}

static void add_list(struct row *row, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *block, *value;
    yyjson_arr_foreach(list, i, n, block)
    {
        if (block_kind(block, &value) != BLOCK_CACHE_POINT) {
            add_block(row, block);
        } else if (row->n) {
            row->v[row->n - 1].point = true;
            row->v[row->n - 1].hour = slice_eq(json_get_slice(value, "ttl"), SLICE("1h"));
        }
    }
}

static void lay_out(struct row *row, yyjson_val *body)
{
    size_t i, n;
    yyjson_val *message;
    add_list(row, body_tools(body));
    add_list(row, json_get(body, "system"));
    yyjson_arr_foreach(json_get(body, "messages"), i, n, message)
    {
        row->tokens += MESSAGE_TOKENS;
        add_list(row, message_content(message));
    }
}

/* ---- the memory ---------------------------------------------------------------------------- */

void prefix_cache_init(struct prefix_cache *cache)
{
    list_init(&cache->used);
    for (size_t i = 0; i < PREFIX_BUCKETS; i++)
        list_init(&cache->buckets[i]);
    cache->count = 0;
}

static struct list *bucket_of(struct prefix_cache *cache, const uint8_t *digest)
{
    return &cache->buckets[(digest[0] | (size_t)digest[1] << 8) % PREFIX_BUCKETS];
}

static struct prefix *find(struct prefix_cache *cache, const uint8_t *digest, int64_t now)
{
    struct list *head = bucket_of(cache, digest);
    for (struct list *l = head->next; l != head; l = l->next) {
        struct prefix *p = LIST_ENTRY(l, struct prefix, bucket);
        if (memcmp(p->digest, digest, PREFIX_DIGEST_SIZE) == 0)
            return p->expires > now ? p : NULL;
    }
    return NULL;
}

static struct prefix *fresh(struct prefix_cache *cache)
{
    struct prefix *p;
    if (cache->count < PREFIXES_MAX) {
        p = &cache->entries[cache->count++];
        list_init(&p->bucket);
        return p;
    }
    p = LIST_ENTRY(list_pop(&cache->used), struct prefix, use);
    list_del(&p->bucket);
    return p;
}

static void remember(struct prefix_cache *cache, const struct block *b, int64_t now)
{
    struct prefix *p = find(cache, b->digest, INT64_MIN);
    if (p) {
        list_del(&p->use);
    } else {
        p = fresh(cache);
        memcpy(p->digest, b->digest, PREFIX_DIGEST_SIZE);
        list_add(bucket_of(cache, b->digest), &p->bucket);
    }
    list_add(&cache->used, &p->use);
    p->expires = now + (b->hour ? TTL_HOUR_MS : TTL_MS);
}

/* ---- reads and writes ---------------------------------------------------------------------- */

static int64_t find_read(const struct row *row, struct prefix_cache *cache, int64_t now)
{
    for (size_t i = row->n; i > 0; i--) {
        if (!row->v[i - 1].point)
            continue;
        for (size_t back = 0; back <= LOOK_BACK && back < i; back++)
            if (find(cache, row->v[i - 1 - back].digest, now))
                return row->v[i - 1 - back].tokens;
    }
    return 0;
}

static void account(const struct row *row, const struct model *model, struct prefix_cache *cache,
                    int64_t now, struct usage *u)
{
    int64_t end = u->read = find_read(row, cache, now);
    for (size_t i = 0; i < row->n; i++) {
        const struct block *b = &row->v[i];
        if (!b->point || b->tokens < model->cache_min)
            continue;
        remember(cache, b, now);
        if (b->tokens <= end)
            continue;
        u->write += b->tokens - end;
        u->write_hour += b->hour ? b->tokens - end : 0;
        end = b->tokens;
    }
    u->input -= u->read + u->write;
}

static bool has_points(yyjson_val *body)
{
    size_t i, n, j, m;
    yyjson_val *list, *block;
    yyjson_val *lists[] = {body_tools(body), json_get(body, "system")};
    for (i = 0; i < 2; i++) {
        yyjson_arr_foreach(lists[i], j, m, block)
        {
            if (block_kind(block, NULL) == BLOCK_CACHE_POINT)
                return true;
        }
    }
    yyjson_arr_foreach(json_get(body, "messages"), i, n, list)
    {
        if (message_count(list, BLOCK_CACHE_POINT))
            return true;
    }
    return false;
}

struct usage usage_of_request(yyjson_val *body, const struct model *model,
                              struct prefix_cache *cache, int64_t now, struct arena *a)
{
    struct row row = {.arena = a, .digests = cache && model->cache_min && has_points(body)};
    struct usage u = {.cached = model->cache_min > 0};
    buf_init(&row.scratch, SIZE_MAX / 2);
    lay_out(&row, body);
    u.input = row.tokens;
    if (row.digests)
        account(&row, model, cache, now, &u);
    buf_fini(&row.scratch);
    return u;
}

int64_t usage_total(const struct usage *u)
{
    return u->input + u->output + u->read + u->write;
}

static void write_detail(struct json_writer *w, struct slice ttl, int64_t tokens)
{
    if (!tokens)
        return;
    json_object(w);
    json_member_string(w, "ttl", ttl);
    json_member_integer(w, "inputTokens", tokens);
    json_object_end(w);
}

void usage_write(struct json_writer *w, const struct usage *u)
{
    json_object(w);
    json_member_integer(w, "inputTokens", u->input);
    json_member_integer(w, "outputTokens", u->output);
    json_member_integer(w, "totalTokens", usage_total(u));
    if (u->cached) {
        json_member_integer(w, "cacheReadInputTokens", u->read);
        json_member_integer(w, "cacheWriteInputTokens", u->write);
    }
    if (u->write) {
        json_key(w, "cacheDetails");
        json_array(w);
        write_detail(w, SLICE("1h"), u->write_hour);
        write_detail(w, SLICE("5m"), u->write - u->write_hour);
        json_array_end(w);
    }
    json_object_end(w);
}
