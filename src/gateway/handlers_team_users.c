/* GET /team/spend/by_user: what each user spent in each of some teams.
 *
 * Happy path: rows per day say what each key spent in each team, and for whom: where a key had one
 * user in those days, that is the answer. What keys with several users spent is in the rows of
 * requests alone, which are read by these keys; so is all of it when the keys are very many.
 *
 * Failure modes: no database, no teams, days that are none; too many users: an error, never half a
 * report. Who is no admin sees all users of the teams whose spend it may see, and itself in others.
 */

#include "admin.h"
#include "base/map.h"
#include "base/text.h"
#include "detail.h"
#include "handlers.h"
#include "query.h"
#include "report_teams.h"

#include <stdlib.h>

enum { SPEND, PROMPT, COMPLETION, REQUESTS, SUCCESSFUL, FAILED, SUMS };

static const char *const sum_names[SUMS] = {
    "spend",        "prompt_tokens",       "completion_tokens",
    "api_requests", "successful_requests", "failed_requests"};

struct line {
    struct slice team, user;
    double sums[SUMS];
};

struct by_user {
    struct report_days days;
    struct slice seen;                 /* teams whose users the caller sees: a JSON list */
    const struct store_rows *keys;     /* team_id, api_key: sums */
    const struct store_rows *users;    /* api_key, user_id: sums */
    const struct store_rows *requests; /* team_id, user, status: sums; or NULL */
    struct line *lines;
    size_t count;
};

static struct report_filter teams_filter(struct exchange *ex)
{
    struct report_filter f = {.count = 0};
    report_filter_list(ex, &f, "team_id", "team_ids");
    return f;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool is_seen(struct exchange *ex, const struct by_user *b, struct slice team,
                    struct slice user)
{
    return report_sees_all(ex) || report_teams_has(ex, b->seen, team) ||
           (user.n && slice_eq(user, ex->caller.user));
}

static struct line *line_of(struct exchange *ex, struct by_user *b, struct map *known,
                            struct slice team, struct slice user)
{
    struct slice name = ARENA_JOIN(&ex->arena, team, slice_make("", 1), user);
    struct line *line = map_get(known, name);
    if (line)
        return line;
    line = &b->lines[b->count++];
    *line = (struct line){.team = team, .user = user};
    map_put(known, name, line);
    return line;
}

struct key_user {
    struct slice user;
    bool several; /* it is one of them */
};

static void learn_users(struct exchange *ex, const struct store_rows *rows, struct map *users)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct slice key = store_rows_text(rows, i, "api_key");
        struct key_user *u = map_get(users, key);
        if (u) {
            u->several = true;
            continue;
        }
        u = ARENA_NEW(&ex->arena, struct key_user);
        u->user = store_rows_text(rows, i, "user_id");
        map_put(users, key, u);
    }
}

static void add_keys(struct exchange *ex, struct by_user *b, struct map *known)
{
    struct map users;
    map_init(&users);
    learn_users(ex, b->users, &users);
    for (size_t i = 0; i < b->keys->count; i++) {
        struct slice team = store_rows_text(b->keys, i, "team_id");
        const struct key_user *u = map_get(&users, store_rows_text(b->keys, i, "api_key"));
        struct slice user = u ? u->user : slice_make(NULL, 0);
        if ((u && u->several) || !is_seen(ex, b, team, user))
            continue;
        struct line *line = line_of(ex, b, known, team, user);
        for (size_t s = 0; s < SUMS; s++)
            line->sums[s] += store_rows_number(b->keys, i, sum_names[s]);
    }
    map_fini(&users);
}

static void add_requests(struct exchange *ex, struct by_user *b, struct map *known)
{
    for (size_t i = 0; b->requests && i < b->requests->count; i++) {
        struct slice team = store_rows_text(b->requests, i, "team_id");
        struct slice user = store_rows_text(b->requests, i, "user");
        bool failed = slice_eq(store_rows_text(b->requests, i, "status"), SLICE("failure"));
        double count = store_rows_number(b->requests, i, "count");
        if (!is_seen(ex, b, team, user))
            continue;
        struct line *line = line_of(ex, b, known, team, user);
        for (size_t s = 0; s < REQUESTS; s++)
            line->sums[s] += store_rows_number(b->requests, i, sum_names[s]);
        line->sums[REQUESTS] += count;
        line->sums[failed ? FAILED : SUCCESSFUL] += count;
    }
}

static int dearest_first(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    int order = (a->sums[SPEND] < b->sums[SPEND]) - (a->sums[SPEND] > b->sums[SPEND]);
    order = order ? order : text_compare(a->team, b->team);
    return order ? order : text_compare(a->user, b->user);
}

static void make_lines(struct exchange *ex, struct by_user *b)
{
    size_t room = 1 + (b->keys ? b->keys->count : 0) + (b->requests ? b->requests->count : 0);
    struct map known;
    map_init(&known);
    b->lines = arena_alloc(&ex->arena, room * sizeof(*b->lines));
    if (b->keys)
        add_keys(ex, b, &known);
    add_requests(ex, b, &known);
    map_fini(&known);
    qsort(b->lines, b->count, sizeof(*b->lines), dearest_first);
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* Id → row + 1. */
static void learn_rows(struct map *known, const struct store_rows *rows, const char *id)
{
    for (size_t i = 0; i < rows->count; i++)
        map_put(known, store_rows_text(rows, i, id), (void *)(uintptr_t)(i + 1));
}

static void write_cell(struct json_writer *w, const struct store_rows *rows,
                       const struct map *known, struct slice id, const char *column)
{
    uintptr_t row = (uintptr_t)map_get(known, id);
    json_key_slice(w, slice_of(column));
    if (row)
        store_value_write(w, store_rows_at(rows, row - 1, column));
    else
        json_null(w);
}

static void write_lines(struct json_writer *w, const struct by_user *b,
                        const struct store_rows *teams, const struct store_rows *users)
{
    struct map known_teams, known_users;
    map_init(&known_teams);
    map_init(&known_users);
    learn_rows(&known_teams, teams, "team_id");
    learn_rows(&known_users, users, "user_id");
    for (const struct line *l = b->lines; l < b->lines + b->count; l++) {
        json_object(w);
        json_member_string(w, "team_id", l->team);
        write_cell(w, teams, &known_teams, l->team, "team_alias");
        json_member_string(w, "user_id", l->user);
        write_cell(w, users, &known_users, l->user, "user_email");
        write_cell(w, users, &known_users, l->user, "user_alias");
        json_key(w, "spend"), json_number(w, l->sums[SPEND]);
        for (size_t s = PROMPT; s < SUMS; s++) {
            if (s == REQUESTS)
                json_member_integer(w, "total_tokens",
                                    (int64_t)(l->sums[PROMPT] + l->sums[COMPLETION]));
            json_key_slice(w, slice_of(sum_names[s]));
            json_integer(w, (int64_t)l->sums[s]);
        }
        json_object_end(w);
    }
    map_fini(&known_teams);
    map_fini(&known_users);
}

static void write_answer(struct exchange *ex, struct buf *body)
{
    const struct by_user *b = ex->own.state;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "start_date", b->days.first);
    json_member_string(&w, "end_date", b->days.last);
    json_key(&w, "results");
    json_array(&w);
    write_lines(&w, b, ask_rows(ex, 0), ask_rows(ex, 1));
    json_array_end(&w);
    json_object_end(&w);
}

static void ask_names(struct exchange *ex)
{
    static const char *const columns[] = {"user_id", "user_email", "user_alias"};
    struct by_user *b = ex->own.state;
    struct store_job *job = report_new(ex);
    struct admin_texts users;
    make_lines(ex, b);
    admin_texts_begin(&users);
    for (size_t i = 0; i < b->count && i < STORE_LIST_MAX; i++)
        admin_texts_add(&users, b->lines[i].user);
    struct store_where where = admin_where_in("user_id", admin_texts_end(&users, &ex->arena));
    report_add_teams(job);
    store_select(job, &(struct store_query){.table = TABLE_USER_TABLE,
                                            .columns = columns,
                                            .column_count = 3,
                                            .where = &where,
                                            .where_count = 1});
    ask_store(ex, job, write_answer);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void take_requests(struct exchange *ex, struct buf *body)
{
    struct by_user *b = ex->own.state;
    b->requests = ask_keep(ex, 0);
    if (report_is_whole(ex, b->requests))
        ask_names(ex);
    (void)body;
}

/* Of these keys; n == 0: of all. */
static void ask_requests(struct exchange *ex, struct slice keys)
{
    static const char *const by[] = {"team_id", "user", "status"};
    struct by_user *b = ex->own.state;
    struct report_filter f = teams_filter(ex);
    struct store_job *job = report_new(ex);
    report_filter_times(&f, &b->days);
    if (keys.n)
        report_filter_add(&f, "api_key", STORE_IN, store_texts(keys));
    store_report(job,
                 &(struct store_report){
                     .query = {.table = TABLE_SPEND_LOGS, .where = f.where, .where_count = f.count},
                     .by = by,
                     .by_count = 3,
                     .sums = sum_names,
                     .sum_count = REQUESTS});
    ask_store(ex, job, take_requests);
}

/* Keys that had several users, as a list; n == 0: none. */
static struct slice shared_keys(struct exchange *ex, const struct store_rows *users)
{
    struct admin_texts list;
    size_t n = 0;
    admin_texts_begin(&list);
    for (size_t i = 1; i < users->count; i++) {
        struct slice key = store_rows_text(users, i, "api_key");
        if (slice_eq(key, store_rows_text(users, i - 1, "api_key")) &&
            (i < 2 || !slice_eq(key, store_rows_text(users, i - 2, "api_key"))))
            admin_texts_add(&list, key), n++;
    }
    struct slice keys = admin_texts_end(&list, &ex->arena);
    return n ? keys : slice_make(NULL, 0);
}

static void take_users(struct exchange *ex, struct buf *body)
{
    struct by_user *b = ex->own.state;
    struct slice shared;
    b->users = ask_keep(ex, 0);
    shared = shared_keys(ex, b->users);
    if (b->users->more) {
        b->keys = NULL;
        ask_requests(ex, slice_make(NULL, 0));
    } else if (shared.n) {
        ask_requests(ex, shared);
    } else {
        ask_names(ex);
    }
    (void)body;
}

static void take_keys(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"api_key", "user_id"};
    struct by_user *b = ex->own.state;
    struct report_filter f = {.count = 0};
    struct store_job *job;
    b->keys = ask_keep(ex, 0);
    if (b->keys->count > STORE_LIST_MAX) {
        b->keys = NULL;
        ask_requests(ex, slice_make(NULL, 0));
        return;
    }
    report_filter_days(&f, &b->days);
    report_filter_add(&f, "api_key", STORE_IN, store_texts(report_list_of(ex, b->keys, "api_key")));
    job = report_days_by(ex, TABLE_DAILY_USER_SPEND, &f, by, 2);
    ask_store(ex, job, take_users);
    (void)body;
}

static void ask_keys(struct exchange *ex, struct slice teams)
{
    static const char *const by[] = {"team_id", "api_key"};
    struct by_user *b = ex->own.state;
    struct report_filter f = teams_filter(ex);
    struct store_job *job;
    b->seen = teams;
    report_filter_days(&f, &b->days);
    job = report_days_by(ex, TABLE_DAILY_TEAM_SPEND, &f, by, 2);
    if (job)
        ask_store(ex, job, take_keys);
}

void handle_team_users(struct exchange *ex, struct buf *body)
{
    struct by_user *b = ARENA_NEW(&ex->arena, struct by_user);
    ex->own.state = b;
    if (!report_days_read(ex, &b->days))
        return;
    if (query_get(ex->head->query, "team_ids", &ex->arena).n)
        report_with_teams(ex, ask_keys);
    else
        detail_refuse_error(ex, 400, SLICE("Please provide team_ids"));
    (void)body;
}
