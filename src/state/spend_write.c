/* Requests → statements.
 *
 * Happy path: each request becomes a row of LiteLLM_SpendLogs, and tallies: so much more for this
 * key, this team, this day of that user. Tallies of the same row are summed, and sorted, so that a
 * batch touches each row once and every process touches rows in the same order.
 *
 * Failure modes: none here. Tokens beyond what LiteLLM's 32-bit columns hold are cut to that. */

#include "spend_write.h"

#include "base/date.h"
#include "base/text.h"

#include <stdlib.h>

/* ---- rows of SpendLogs ----------------------------------------------------------------------- */

static const char *const row_columns[] = {
    "request_id",
    "call_type",
    "api_key",
    "spend",
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "startTime",
    "endTime",
    "completionStartTime",
    "model",
    "model_id",
    "model_group",
    "custom_llm_provider",
    "api_base",
    "user",
    "metadata",
    "cache_hit",
    "cache_key",
    "request_tags",
    "team_id",
    "end_user",
    "requester_ip_address",
    "messages",
    "response",
    "proxy_server_request",
    "session_id",
    "status",
    "organization_id",
    "agent_id",
    "request_duration_ms",
    "litellm_call_id",
};

#define ROW_COLUMNS (sizeof(row_columns) / sizeof(*row_columns))

static struct store_value narrow(int64_t n)
{
    return store_integer(n > INT32_MAX ? INT32_MAX : n < 0 ? 0 : n);
}

static struct store_value text_or_null(struct slice s)
{
    return s.n ? store_text(s) : (struct store_value){.type = STORE_TEXT, .null = true};
}

static struct store_value json_or(struct slice json, struct slice otherwise)
{
    return store_json(json.n ? json : otherwise);
}

static struct store_value time_or_null(int64_t ms)
{
    return ms ? store_time(ms) : (struct store_value){.type = STORE_TIME, .null = true};
}

/* In the order of row_columns. */
static void fill_row(const struct spend *s, struct store_value *v)
{
    const struct slice object = SLICE("{}");
    *v++ = store_text(s->request_id);
    *v++ = store_text(s->call_type);
    *v++ = store_text(s->key);
    *v++ = store_number(s->cost);
    *v++ = narrow(s->prompt_tokens + s->completion_tokens);
    *v++ = narrow(s->prompt_tokens);
    *v++ = narrow(s->completion_tokens);
    *v++ = store_time(s->start_ms);
    *v++ = store_time(s->end_ms);
    *v++ = time_or_null(s->first_ms);
    *v++ = store_text(s->model);
    *v++ = store_text(s->model_id);
    *v++ = store_text(s->model_group);
    *v++ = store_text(s->provider);
    *v++ = store_text(s->api_base);
    *v++ = store_text(s->user);
    *v++ = json_or(s->metadata, object);
    *v++ = store_text(s->cache_hit);
    *v++ = store_text(s->cache_key);
    *v++ = json_or(s->tags, SLICE("[]"));
    *v++ = text_or_null(s->team);
    *v++ = text_or_null(s->end_user);
    *v++ = text_or_null(s->requester_ip);
    *v++ = json_or(s->messages, object);
    *v++ = json_or(s->response, object);
    *v++ = json_or(s->request, object);
    *v++ = text_or_null(s->session_id);
    *v++ = store_text(s->failed ? SLICE("failure") : SLICE("success"));
    *v++ = text_or_null(s->organization);
    *v++ = text_or_null(s->agent);
    *v++ = narrow(s->end_ms - s->start_ms);
    *v++ = text_or_null(s->call_id);
}

static void add_rows(struct store_job *job, const struct spend *spends, size_t n)
{
    struct store_value *values = arena_alloc(&job->arena, (n + 1) * ROW_COLUMNS * sizeof(*values));
    size_t rows = 0;
    for (size_t i = 0; i < n; i++)
        if (!spends[i].no_row)
            fill_row(&spends[i], values + rows++ * ROW_COLUMNS);
    if (rows)
        store_insert_rows(job, STATEMENT_INSERT_NEW, TABLE_SPEND_LOGS, row_columns, NULL,
                          ROW_COLUMNS, values, rows);
}

/* ---- tallies --------------------------------------------------------------------------------- */

enum target { /* in the order of writing */
              OF_KEY,
              OF_USER,
              OF_TEAM,
              OF_MEMBER,
              OF_ORGANIZATION,
              OF_PROJECT,
              OF_TAG,
              OF_END_USER,
              DAY_OF_USER,
              DAY_OF_TEAM,
              DAY_OF_ORGANIZATION,
              DAY_OF_END_USER,
              DAY_OF_TAG,
              DAY_OF_ALL,
              DAY_OF_CALLS
};

static const enum store_table_id target_tables[] = {
    [OF_KEY] = TABLE_VERIFICATION_TOKEN,
    [OF_USER] = TABLE_USER_TABLE,
    [OF_TEAM] = TABLE_TEAM_TABLE,
    [OF_MEMBER] = TABLE_TEAM_MEMBERSHIP,
    [OF_ORGANIZATION] = TABLE_ORGANIZATION_TABLE,
    [OF_PROJECT] = TABLE_PROJECT_TABLE,
    [OF_TAG] = TABLE_TAG_TABLE,
    [OF_END_USER] = TABLE_END_USER_TABLE,
    [DAY_OF_USER] = TABLE_DAILY_USER_SPEND,
    [DAY_OF_TEAM] = TABLE_DAILY_TEAM_SPEND,
    [DAY_OF_ORGANIZATION] = TABLE_DAILY_ORGANIZATION_SPEND,
    [DAY_OF_END_USER] = TABLE_DAILY_END_USER_SPEND,
    [DAY_OF_TAG] = TABLE_DAILY_TAG_SPEND,
    [DAY_OF_ALL] = TABLE_DAILY_GLOBAL_SPEND,
    [DAY_OF_CALLS] = TABLE_LINTEL_DAILY_CALLS,
};

struct tally {
    enum target target;
    struct slice key[STORE_KEY_MAX]; /* as the table's */
    struct slice model_group;        /* any of them, where it is not in the key */
    double spend, savings;
    int64_t prompt, completion, cache_read, cache_write;
    int64_t requests, failed, ms, last_ms;
    int64_t hits, cached; /* of the response cache; completion tokens that it gave */
};

struct tallies {
    struct arena *arena;
    struct tally *list;
    size_t count, size;
};

static bool is_hit(const struct spend *s)
{
    return slice_eq(s->cache_hit, SLICE("True"));
}

static struct tally *add_tally(struct tallies *t, enum target target, const struct spend *s)
{
    if (t->count == t->size) {
        size_t size = t->size ? t->size * 2 : 256;
        t->list =
            arena_realloc(t->arena, t->list, t->size * sizeof(*t->list), size * sizeof(*t->list));
        t->size = size;
    }
    t->list[t->count] = (struct tally){
        .target = target,
        .model_group = s->model_group,
        .spend = s->cost,
        .savings = s->caching_savings,
        .prompt = s->prompt_tokens,
        .completion = s->completion_tokens,
        .cache_read = s->cache_read_tokens,
        .cache_write = s->cache_write_tokens,
        .requests = 1,
        .failed = s->failed,
        .ms = s->end_ms - s->start_ms,
        .last_ms = s->end_ms,
        .hits = is_hit(s),
        .cached = is_hit(s) ? s->completion_tokens : 0,
    };
    return &t->list[t->count++];
}

static void tally_one(struct tallies *t, enum target target, const struct spend *s, struct slice id)
{
    if (id.n)
        add_tally(t, target, s)->key[0] = id;
}

/* Keys as in the tables: whose, date, api_key, model, custom_llm_provider, (MCP) tool, endpoint. */
static void tally_day(struct tallies *t, enum target target, const struct spend *s, struct slice id,
                      struct slice date)
{
    const struct slice none = SLICE("");
    struct slice key[STORE_KEY_MAX] = {id, date, s->key, s->model, s->provider, none, s->endpoint};
    memcpy(add_tally(t, target, s)->key, key, sizeof(key));
}

static void tally_day_of_all(struct tallies *t, const struct spend *s, struct slice date)
{
    const struct slice none = SLICE("");
    struct slice key[STORE_KEY_MAX] = {date,        s->model, s->model_group,
                                       s->provider, none,     s->endpoint};
    memcpy(add_tally(t, DAY_OF_ALL, s)->key, key, sizeof(key));
}

static void tally_calls(struct tallies *t, const struct spend *s, struct slice date)
{
    struct slice key[STORE_KEY_MAX] = {date,           s->key,      s->call_type, s->model,
                                       s->model_group, s->api_base, s->error};
    memcpy(add_tally(t, DAY_OF_CALLS, s)->key, key, sizeof(key));
}

static void tally_tags(struct tallies *t, const struct spend *s, struct slice date)
{
    size_t i, n;
    yyjson_val *tag, *tags = json_parse(s->tags, t->arena, NULL);
    yyjson_arr_foreach(tags, i, n, tag)
    {
        struct slice name = json_slice(tag);
        if (i == SPEND_TAGS_MAX)
            break;
        name.n = spend_name_length(name);
        tally_one(t, OF_TAG, s, name);
        if (name.n)
            tally_day(t, DAY_OF_TAG, s, name, date);
    }
}

static void tally(struct tallies *t, const struct spend *s)
{
    char text[DATE_SIZE];
    date_format(s->start_ms, text);
    struct slice date = arena_dup(t->arena, slice_make(text, strlen("2026-11-21")));
    tally_one(t, OF_KEY, s, s->key);
    tally_one(t, OF_USER, s, s->user);
    tally_one(t, OF_TEAM, s, s->team);
    if (s->team.n && s->user.n) {
        struct tally *member = add_tally(t, OF_MEMBER, s);
        member->key[0] = s->user;
        member->key[1] = s->team;
    }
    tally_one(t, OF_ORGANIZATION, s, s->organization);
    tally_one(t, OF_PROJECT, s, s->project);
    tally_one(t, OF_END_USER, s, s->end_user);
    tally_day(t, DAY_OF_USER, s, s->user, date);
    if (s->team.n)
        tally_day(t, DAY_OF_TEAM, s, s->team, date);
    if (s->organization.n)
        tally_day(t, DAY_OF_ORGANIZATION, s, s->organization, date);
    if (s->end_user.n)
        tally_day(t, DAY_OF_END_USER, s, s->end_user, date);
    if (s->tags.n)
        tally_tags(t, s, date);
    tally_day_of_all(t, s, date);
    tally_calls(t, s, date);
}

static int compare(const void *left, const void *right)
{
    const struct tally *a = left, *b = right;
    int order = (a->target > b->target) - (a->target < b->target);
    for (size_t i = 0; !order && i < STORE_KEY_MAX; i++)
        order = text_compare(a->key[i], b->key[i]);
    return order;
}

static void sum(struct tally *into, const struct tally *t)
{
    into->spend += t->spend;
    into->savings += t->savings;
    into->prompt += t->prompt;
    into->completion += t->completion;
    into->cache_read += t->cache_read;
    into->cache_write += t->cache_write;
    into->requests += t->requests;
    into->failed += t->failed;
    into->hits += t->hits;
    into->cached += t->cached;
    into->ms += t->ms;
    into->last_ms = t->last_ms > into->last_ms ? t->last_ms : into->last_ms;
}

static void sort_and_sum(struct tallies *t)
{
    size_t kept = 0;
    if (t->count)
        qsort(t->list, t->count, sizeof(*t->list), compare);
    for (size_t i = 0; i < t->count; i++)
        if (kept && compare(&t->list[kept - 1], &t->list[i]) == 0)
            sum(&t->list[kept - 1], &t->list[i]);
        else
            t->list[kept++] = t->list[i];
    t->count = kept;
}

/* ---- tallies → statements -------------------------------------------------------------------- */

/* Rows that are not there are left so: a key of the configuration file has none. */
static void add_updates(struct store_job *job, const struct tally *t, size_t n)
{
    static const char *const sums[] = {"spend", "total_spend", "last_active"};
    static const enum store_change changes[] = {STORE_ADD, STORE_ADD, STORE_SET};
    enum store_table_id table = target_tables[t->target];
    size_t keys = t->target == OF_MEMBER ? 2 : 1;
    size_t count = keys + (t->target == OF_KEY ? 3 : t->target == OF_MEMBER ? 2 : 1);
    struct store_value *values = arena_alloc(&job->arena, n * count * sizeof(*values)), *v = values;
    const char *names[5];
    enum store_change how[5];
    for (size_t i = 0; i < count; i++) {
        names[i] = i < keys ? store_table(table)->key[i] : sums[i - keys];
        how[i] = i < keys ? STORE_SET : changes[i - keys];
    }
    for (size_t i = 0; i < n; i++) {
        struct store_value added[] = {store_number(t[i].spend), store_number(t[i].spend),
                                      store_time(t[i].last_ms)};
        for (size_t k = 0; k < keys; k++)
            *v++ = store_text(t[i].key[k]);
        memcpy(v, added, (count - keys) * sizeof(*v));
        v += count - keys;
    }
    store_update_rows(job, table, names, how, count, values, n);
}

static void add_end_users(struct store_job *job, const struct tally *t, size_t n)
{
    static const char *const columns[] = {"user_id", "spend"};
    static const enum store_change changes[] = {STORE_ONCE, STORE_ADD};
    struct store_value *values = arena_alloc(&job->arena, n * 2 * sizeof(*values));
    for (size_t i = 0; i < n; i++) {
        values[i * 2] = store_text(t[i].key[0]);
        values[i * 2 + 1] = store_number(t[i].spend);
    }
    store_insert_rows(job, STATEMENT_UPSERT, TABLE_END_USER_TABLE, columns, changes, 2, values, n);
}

static const char *const day_sums[] = {
    "prompt_tokens",
    "completion_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "spend",
    "prompt_caching_savings_spend",
    "api_requests",
    "successful_requests",
    "failed_requests",
    "total_response_time_ms",
    "timed_requests",
};

#define DAY_SUMS        (sizeof(day_sums) / sizeof(*day_sums))
#define DAY_COLUMNS_MAX (STORE_KEY_MAX + 1 + DAY_SUMS)

/* Columns of the rows per day: the key, the group beside it, the sums. */
struct day_columns {
    const char *names[DAY_COLUMNS_MAX];
    enum store_change changes[DAY_COLUMNS_MAX];
    size_t keys, count;
};

static void add_day_column(struct day_columns *c, const char *name, enum store_change change)
{
    c->names[c->count] = name;
    c->changes[c->count++] = change;
}

static struct day_columns day_columns_of(enum target target)
{
    struct day_columns c = {.count = 0};
    for (const char *const *k = store_table(target_tables[target])->key; *k; k++)
        add_day_column(&c, *k, STORE_ONCE);
    c.keys = c.count;
    if (target != DAY_OF_ALL)
        add_day_column(&c, "model_group", STORE_ONCE);
    for (size_t i = 0; i < DAY_SUMS; i++)
        add_day_column(&c, day_sums[i], STORE_ADD);
    return c;
}

static void fill_day(const struct tally *t, size_t keys, struct store_value *v)
{
    for (size_t i = 0; i < keys; i++)
        *v++ = store_text(t->key[i]);
    if (t->target != DAY_OF_ALL)
        *v++ = store_text(t->model_group);
    *v++ = store_integer(t->prompt);
    *v++ = store_integer(t->completion);
    *v++ = store_integer(t->cache_read);
    *v++ = store_integer(t->cache_write);
    *v++ = store_number(t->spend);
    *v++ = store_number(t->savings);
    *v++ = store_integer(t->requests);
    *v++ = store_integer(t->requests - t->failed);
    *v++ = store_integer(t->failed);
    *v++ = store_integer(t->ms);
    *v++ = store_integer(t->requests);
}

static void add_days(struct store_job *job, const struct tally *t, size_t n)
{
    struct day_columns c = day_columns_of(t->target);
    struct store_value *values = arena_alloc(&job->arena, n * c.count * sizeof(*values));
    for (size_t row = 0; row < n; row++)
        fill_day(&t[row], c.keys, &values[row * c.count]);
    store_insert_rows(job, STATEMENT_UPSERT, target_tables[t->target], c.names, c.changes, c.count,
                      values, n);
}

static void add_calls(struct store_job *job, const struct tally *t, size_t n)
{
    static const char *const sums[] = {"api_requests", "failed_requests", "cache_hits",
                                       "completion_tokens", "cached_completion_tokens"};
    struct day_columns c = {.count = 0};
    struct store_value *values, *v;
    for (const char *const *k = store_table(TABLE_LINTEL_DAILY_CALLS)->key; *k; k++)
        add_day_column(&c, *k, STORE_ONCE);
    c.keys = c.count;
    for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++)
        add_day_column(&c, sums[i], STORE_ADD);
    v = values = arena_alloc(&job->arena, n * c.count * sizeof(*values));
    for (size_t row = 0; row < n; row++) {
        for (size_t i = 0; i < c.keys; i++)
            *v++ = store_text(t[row].key[i]);
        *v++ = store_integer(t[row].requests);
        *v++ = store_integer(t[row].failed);
        *v++ = store_integer(t[row].hits);
        *v++ = store_integer(t[row].completion);
        *v++ = store_integer(t[row].cached);
    }
    store_insert_rows(job, STATEMENT_UPSERT, TABLE_LINTEL_DAILY_CALLS, c.names, c.changes, c.count,
                      values, n);
}

static void add_target(struct store_job *job, const struct tally *t, size_t n)
{
    if (t->target == DAY_OF_CALLS)
        add_calls(job, t, n);
    else if (t->target >= DAY_OF_USER)
        add_days(job, t, n);
    else if (t->target == OF_END_USER)
        add_end_users(job, t, n);
    else
        add_updates(job, t, n);
}

void spend_add_statements(struct store_job *job, const struct spend *spends, size_t n)
{
    struct tallies t = {.arena = &job->arena};
    add_rows(job, spends, n);
    for (size_t i = 0; i < n; i++)
        if (!spends[i].no_count)
            tally(&t, &spends[i]);
    sort_and_sum(&t);
    for (size_t first = 0, end; first < t.count; first = end) {
        end = first + 1;
        while (end < t.count && t.list[end].target == t.list[first].target)
            end++;
        add_target(job, &t.list[first], end - first);
    }
}
