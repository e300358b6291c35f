/* Guards and prompts.
 *
 * Happy path: the guards of the request are put together; its body is parsed, its texts are
 * collected, filters go over them, who has to be asked is asked, and what was changed is written
 * into the body's JSON. ADMIT reads that.
 *
 * Failure modes: a body that is no JSON is ADMIT's to refuse. A guard that objects, one that cannot
 * be asked, one that the request names and nobody knows: a failure, but only once the request was
 * read, so that it is logged as what it is. */

#include "exchange_guard_private.h"

#include "base/log.h"
#include "exchange_request.h"
#include "operation.h"
#include "worker_private.h"

#define NAMES_MAX 8192 /* bytes */

/* ---- whose guards ---------------------------------------------------------------------------- */

static const struct row *row_of(const struct exchange *ex, enum caller_holder holder)
{
    return ex->caller.holders[holder].row;
}

static bool names_guards(const struct row *row)
{
    return row && row->guard_count;
}

bool exchange_guard_wanted(const struct exchange *ex)
{
    return !ex->route->handle && (ex->config->guards.n || names_guards(row_of(ex, HOLDER_KEY)) ||
                                  names_guards(row_of(ex, HOLDER_TEAM)));
}

static bool unknown(struct exchange *ex, struct slice name, const char *whose)
{
    return failure_set(&ex->guard->refusal, &ex->arena, FAILURE_BAD_REQUEST, 400,
                       "guardrail '%.*s' of the %s is not configured", SLICE_ARG(name), whose);
}

static bool name_one(struct exchange *ex, struct slice name, const char *whose)
{
    const struct guards *all = &ex->config->guards;
    const struct guard *g = guards_find(all, name);
    if (!g)
        return unknown(ex, name, whose);
    ex->guard->applied |= UINT32_C(1) << (g - all->v);
    return true;
}

static void name_of_row(struct exchange *ex, const struct row *row, const char *whose)
{
    for (size_t i = 0; row && i < row->guard_count; i++)
        name_one(ex, row->guards[i], whose);
}

/* ["name"], or [{"name": {…}}]. */
static void name_listed(struct exchange *ex, yyjson_val *list)
{
    size_t i, n, k, members;
    yyjson_val *item, *key, *value;
    if (!list || yyjson_is_null(list))
        return;
    if (!yyjson_is_arr(list)) {
        failure_bad_param(&ex->guard->refusal, &ex->arena, "guardrails",
                          "guardrails must be a list of names");
        return;
    }
    yyjson_arr_foreach(list, i, n, item)
    {
        if (yyjson_is_obj(item)) {
            yyjson_obj_foreach(item, k, members, key, value)
                name_one(ex, json_slice(key), "request");
        } else {
            name_one(ex, json_slice(item), "request");
        }
    }
}

static void name_of_request(struct exchange *ex, yyjson_val *body)
{
    name_listed(ex, json_get(body, "guardrails"));
    name_listed(ex, json_get(json_get(body, "metadata"), "guardrails"));
    name_listed(ex, json_get(json_get(body, "litellm_metadata"), "guardrails"));
}

static bool globals_are_off(const struct exchange *ex)
{
    const struct row *key = row_of(ex, HOLDER_KEY), *team = row_of(ex, HOLDER_TEAM);
    return (key && key->no_global_guards) || (team && team->no_global_guards);
}

static void add_filter(struct guard_filters *f, const struct guard *g)
{
    f->of[f->n] = g;
    f->rules[f->n++] = g->rules;
}

static void add_guard(struct guard_use *u, const struct guard *g)
{
    if (g->kind != GUARD_FILTER) {
        if (g->modes & GUARD_BEFORE)
            u->ask_before.guards[u->ask_before.count++] = g;
        if (g->modes & GUARD_AFTER)
            u->ask_after.guards[u->ask_after.count++] = g;
        return;
    }
    if (g->modes & GUARD_BEFORE)
        add_filter(&u->before, g);
    if (g->modes & GUARD_AFTER)
        add_filter(&u->after, g);
    if (g->modes & GUARD_LOGGED)
        add_filter(&u->logged, g);
}

static void choose(struct exchange *ex, yyjson_val *body)
{
    struct guard_use *u = ex->guard;
    const struct guards *all = &ex->config->guards;
    bool off = globals_are_off(ex);
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].default_on && !off)
            u->applied |= UINT32_C(1) << i;
    name_of_row(ex, row_of(ex, HOLDER_KEY), "key");
    name_of_row(ex, row_of(ex, HOLDER_TEAM), "team");
    name_of_request(ex, body);
    for (size_t i = 0; i < all->n; i++)
        if (u->applied >> i & 1)
            add_guard(u, &all->v[i]);
}

struct slice exchange_guard_names(struct exchange *ex)
{
    const struct guards *all = &ex->config->guards;
    struct buf b;
    if (!ex->guard || !ex->guard->applied)
        return slice_make(NULL, 0);
    buf_init(&b, NAMES_MAX);
    for (size_t i = 0; i < all->n; i++) {
        if (!(ex->guard->applied >> i & 1))
            continue;
        if (b.n)
            buf_add_char(&b, ',');
        buf_add(&b, slice_of(all->v[i].name));
    }
    struct slice names = arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return names;
}

void exchange_guard_write_names(const struct exchange *ex, struct json_writer *w)
{
    const struct guards *all = &ex->config->guards;
    json_array(w);
    for (size_t i = 0; ex->guard && i < all->n; i++)
        if (ex->guard->applied >> i & 1)
            json_string(w, slice_of(all->v[i].name));
    json_array_end(w);
}

/* ---- filters --------------------------------------------------------------------------------- */

void guard_filter_texts(const struct guard_filters *filters, struct guard_found *found,
                        struct guard_texts *texts)
{
    struct guard_scan scan;
    struct buf out;
    if (!filters->n)
        return;
    guard_scan_init(&scan, filters->rules, filters->n, found);
    buf_init(&out, SIZE_MAX);
    for (struct guard_text *t = texts->first; t; t = t->next) {
        buf_reset(&out);
        if (guard_scan_text(&scan, t->text, &out))
            guard_text_set(texts, t, buf_slice(&out));
    }
    buf_fini(&out);
    guard_scan_fini(&scan);
}

bool guard_judge(struct exchange *ex, const struct guard_filters *filters,
                 const struct guard_found *found, struct failure *f)
{
    const char *guard = found->blocked || found->failed ? filters->of[found->by]->name : "";
    for (size_t i = 0; i < filters->n; i++)
        if (found->sets >> i & 1)
            log_info("%s guardrail %s found something", ex->id, filters->of[i]->name);
    if (found->failed)
        return failure_set(f, &ex->arena, FAILURE_INTERNAL, 500,
                           "guardrail '%s' could not look at the text: pattern %.*s takes too long",
                           guard, SLICE_ARG(found->name));
    if (found->blocked && found->name.n)
        return failure_set(f, &ex->arena, FAILURE_BAD_REQUEST, 400,
                           "Content blocked: %.*s pattern detected", SLICE_ARG(found->name));
    if (found->blocked)
        return failure_set(f, &ex->arena, FAILURE_BAD_REQUEST, 400,
                           "Content blocked: keyword '%.*s' detected", (int)found->word_bytes,
                           found->word);
    return true;
}

/* ---- GUARD ----------------------------------------------------------------------------------- */

static bool is_native(const struct exchange *ex)
{
    return ex->route->dialect->take != NULL;
}

/* Bedrock's own: the bytes stay as they came unless something is changed. */
static yyjson_val *parse_native(struct exchange *ex)
{
    yyjson_val *body = json_parse(buf_slice(&ex->body), &ex->prompt, NULL);
    if (!yyjson_is_obj(body) && ex->guard)
        failure_set(&ex->guard->refusal, &ex->arena, FAILURE_BAD_REQUEST, 400,
                    "the request body is no JSON object, which guardrails could look at");
    return body;
}

static bool says_something(yyjson_val *body)
{
    return !yyjson_is_obj(body) || yyjson_obj_size(body);
}

static void add_request(const struct exchange *ex, struct guard_texts *texts, yyjson_val *body)
{
    if (is_native(ex))
        guard_texts_add_native(texts, body);
    else
        guard_texts_add_request(texts, body);
}

static void begin(struct exchange *ex)
{
    struct guard_use *u = ARENA_NEW(&ex->arena, struct guard_use);
    ex->guard = u;
    if (is_native(ex))
        u->body = parse_native(ex);
    else if (!slice_is_blank(buf_slice(&ex->body)))
        u->body = exchange_parse_body(ex);
    /* One that says nothing ADMIT reads again: it knows why. */
    ex->parsed = is_native(ex) || !says_something(u->body) ? NULL : u->body;
    choose(ex, u->body);
    buf_init(&u->record, GUARDRAIL_HELD_MAX);
    buf_init(&u->raw, GUARDRAIL_HELD_MAX);
    llm_fold_init(&u->fold, &ex->arena);
    guard_texts_init(&u->texts, &ex->prompt);
    if (!yyjson_is_obj(u->body) || !(u->before.n || u->ask_before.count))
        return;
    add_request(ex, &u->texts, u->body);
    guard_filter_texts(&u->before, &u->found, &u->texts);
    guard_judge(ex, &u->before, &u->found, &u->refusal);
}

static void write_native(struct exchange *ex)
{
    struct buf body;
    struct json_writer w;
    buf_init(&body, ex->body.cap);
    json_begin(&w, &body);
    json_value(&w, ex->guard->body);
    buf_fini(&ex->body);
    ex->body = body;
}

static void finish(struct exchange *ex)
{
    struct guard_use *u = ex->guard;
    if (guard_texts_write(&u->texts) && is_native(ex))
        write_native(ex);
    guard_ask_cancel(&u->ask_before);
    ex->deadline = 0;
    ex->facts &= ~(unsigned)FACT_TIMER;
}

bool exchange_guard_request(struct exchange *ex)
{
    struct guard_use *u;
    if (!ex->entered) {
        begin(ex);
        u = ex->guard;
        u->ask_before.ex = ex;
        u->ask_before.texts = &u->texts;
        u->ask_before.refusal = &u->refusal;
    }
    u = ex->guard;
    if (u->refusal.kind == FAILURE_NONE && u->ask_before.count && u->texts.count &&
        !guard_ask_step(&u->ask_before))
        return false;
    finish(ex);
    return true;
}

/* ---- ADMIT ----------------------------------------------------------------------------------- */

/* Answers that come as events of several kinds at once, or as bytes that only their client reads,
 * cannot be held against every guard. */
static bool check_answer(struct exchange *ex)
{
    const struct guard_use *u = ex->guard;
    if (u->ask_after.count && ex->request.separate)
        return failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 400,
                           "guardrail '%s' looks at answers: ask with one prompt at a time",
                           u->ask_after.guards[0]->name);
    return true;
}

bool exchange_guard_admits(struct exchange *ex)
{
    struct guard_use *u = ex->guard;
    if (!u && ex->request.guardrails)
        return failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 400,
                           "no guardrails are configured");
    if (!u)
        return true;
    if (u->refusal.kind != FAILURE_NONE) {
        ex->failure = u->refusal;
        return false;
    }
    return check_answer(ex);
}

bool exchange_guard_refused(const struct exchange *ex)
{
    return ex->guard && ex->guard->refusal.kind != FAILURE_NONE;
}

const char *exchange_guard_status(const struct exchange *ex)
{
    if (!ex->guard || !ex->guard->applied)
        return NULL;
    if (!exchange_guard_refused(ex))
        return "success";
    return ex->guard->refusal.status < 500 ? "guardrail_intervened" : "guardrail_failed_to_respond";
}

/* ---- metrics --------------------------------------------------------------------------------- */

static void count(const struct exchange *ex, const struct guard_filters *filters,
                  const struct guard_found *found, bool answer)
{
    for (size_t i = 0; i < filters->n; i++) {
        bool mine = found->by == i;
        const char *error = mine && found->failed    ? "failed"
                            : mine && found->blocked ? "blocked"
                                                     : NULL;
        observing_guard(ex->worker,
                        &(struct request_meter_guard){.name = slice_of(filters->of[i]->name),
                                                      .error = error,
                                                      .answer = answer,
                                                      .ms = -1});
    }
}

void exchange_guard_count(const struct exchange *ex)
{
    const struct guard_use *u = ex->guard;
    if (!u)
        return;
    count(ex, &u->before, &u->found, false);
    if (ex->status < 300 || u->found_after.blocked || u->found_after.failed)
        count(ex, &u->after, &u->found_after, true);
}

/* ---- logs ------------------------------------------------------------------------------------ */

yyjson_val *exchange_guard_shown(struct exchange *ex, yyjson_val *body)
{
    struct guard_use *u = ex->guard;
    struct guard_texts texts;
    if (!u || !u->logged.n)
        return body;
    yyjson_val *copy = json_parse(json_text_of(body, &ex->prompt), &ex->prompt, NULL);
    guard_texts_init(&texts, &ex->prompt);
    add_request(ex, &texts, copy);
    guard_filter_texts(&u->logged, &u->found_logged, &texts);
    guard_texts_write(&texts);
    return copy;
}

struct slice exchange_guard_shown_answer(struct exchange *ex, struct slice message)
{
    struct guard_use *u = ex->guard;
    struct guard_texts texts;
    yyjson_val *said = u && u->logged.n ? json_parse(message, &ex->arena, NULL) : NULL;
    if (!said)
        return message;
    guard_texts_init(&texts, &ex->arena);
    guard_texts_add_content(&texts, said);
    guard_filter_texts(&u->logged, &u->found_logged, &texts);
    return guard_texts_write(&texts) ? json_text_of(said, &ex->arena) : message;
}
