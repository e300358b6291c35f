/* Happy path: a guard gets all texts in one call and says that nothing is wrong, or how they shall
 * read.
 *
 * Failure modes: it blocks: a 400 with its reason. It cannot be reached, is late, or says something
 * else than was agreed: a 503, unless its configuration lets that pass. */

#include "guard_ask.h"

#include "base/log.h"
#include "exchange.h"
#include "provider/guardrail.h"
#include "worker_private.h"

#define ANSWER_MAX  (8u * 1024 * 1024) /* bytes */
#define HEADERS_MAX 32

static const struct guard *current(const struct guard_ask *a)
{
    return a->guards[a->at];
}

/* ---- verdicts -------------------------------------------------------------------------------- */

static void refuse(struct guard_ask *a, const char *what, struct slice reason)
{
    if (current(a)->monitor) {
        a->flagged++;
        log_info("%s guardrail %s would have refused: %.*s", a->ex->id, current(a)->name,
                 SLICE_ARG(reason));
        return;
    }
    failure_set(a->refusal, &a->ex->arena, FAILURE_BAD_REQUEST, 400, "%s: %.*s", what,
                SLICE_ARG(reason));
}

/* `away`: it could not be asked at all. */
static void fail(struct guard_ask *a, bool away, struct slice why)
{
    const struct guard *g = current(a);
    bool passes = g->errors_pass || (away && g->fail_open);
    log_warn("%s guardrail %s: %.*s%s", a->ex->id, g->name, SLICE_ARG(why),
             passes ? "; the texts pass" : "");
    a->passed += passes;
    if (!passes)
        failure_set(a->refusal, &a->ex->arena, FAILURE_UNAVAILABLE, 503,
                    "guardrail '%s' could not be asked: %.*s", g->name, SLICE_ARG(why));
}

/* The texts as the guard wants them, in the order in which it got them. */
static bool replace(struct guard_ask *a, const struct slice *texts, size_t n)
{
    size_t i = 0;
    if (n != a->texts->count)
        return false;
    for (struct guard_text *t = a->texts->first; t && !current(a)->monitor; t = t->next, i++)
        if (!slice_eq(t->text, texts[i]))
            guard_text_set(a->texts, t, texts[i]);
    return true;
}

/* ---- the webhook ------------------------------------------------------------------------------
 */

static void write_caller(struct json_writer *w, const struct caller *c)
{
    json_object(w);
    if (c->key.n && !c->master)
        json_member_string(w, "user_api_key_hash", c->key);
    if (c->alias.n)
        json_member_string(w, "user_api_key_alias", c->alias);
    if (c->user.n)
        json_member_string(w, "user_api_key_user_id", c->user);
    if (c->team.n)
        json_member_string(w, "user_api_key_team_id", c->team);
    if (c->organization.n)
        json_member_string(w, "user_api_key_org_id", c->organization);
    json_object_end(w);
}

static void write_question(struct guard_ask *a, struct json_writer *w)
{
    json_object(w);
    json_member_string(w, "input_type", a->answer ? SLICE("response") : SLICE("request"));
    json_member_string(w, "litellm_call_id", slice_of(a->ex->id));
    json_key(w, "texts");
    json_array(w);
    for (const struct guard_text *t = a->texts->first; t; t = t->next)
        json_string(w, t->text);
    json_array_end(w);
    json_key(w, "request_data");
    write_caller(w, &a->ex->caller);
    json_key(w, "additional_provider_specific_params");
    if (current(a)->params)
        json_value(w, current(a)->params);
    else
        json_raw(w, SLICE("{}"));
    json_object_end(w);
}

static void build_webhook(struct guard_ask *a, struct http_call *call)
{
    struct json_writer w;
    struct http_header *v = arena_alloc(&a->ex->arena, HEADERS_MAX * sizeof(*v));
    size_t i, n, count = 1;
    yyjson_val *key, *value;
    v[0] = (struct http_header){SLICE("content-type"), SLICE("application/json")};
    yyjson_obj_foreach(current(a)->headers, i, n, key, value)
    {
        if (count < HEADERS_MAX && yyjson_is_str(value))
            v[count++] = (struct http_header){json_slice(key), json_slice(value)};
    }
    json_begin(&w, &a->body);
    write_question(a, &w);
    *call = (struct http_call){.method = "POST", .url = current(a)->url, .headers = {v, count}};
    call->body = buf_slice(&a->body);
}

static struct slice *texts_in(yyjson_val *list, struct arena *arena)
{
    size_t i, n;
    yyjson_val *item;
    struct slice *texts = arena_alloc(arena, (yyjson_arr_size(list) + 1) * sizeof(*texts));
    yyjson_arr_foreach(list, i, n, item)
    {
        texts[i] = json_slice(item);
        if (!texts[i].p)
            return NULL;
    }
    return texts;
}

static void take_webhook(struct guard_ask *a, const struct batch_answer *answer)
{
    yyjson_val *said = json_parse(answer->body, a->texts->a, NULL), *list = json_get(said, "texts");
    struct slice action = json_get_slice(said, "action"),
                 reason = json_get_slice(said, "blocked_reason");
    if (slice_eq(action, SLICE("BLOCKED"))) {
        refuse(a, "Content blocked by guardrail",
               reason.n ? reason : SLICE("Content violates policy"));
        return;
    }
    if (slice_eq(action, SLICE("NONE")))
        return;
    struct slice *texts = texts_in(list, a->texts->a);
    if (!slice_eq(action, SLICE("GUARDRAIL_INTERVENED")))
        fail(a, false, SLICE("its answer has no action that is known"));
    else if (!texts || !replace(a, texts, yyjson_arr_size(list)))
        fail(a, false, SLICE("its answer has not as many texts as the question"));
}

/* ---- Bedrock ----------------------------------------------------------------------------------
 */

static bool build_bedrock(struct guard_ask *a, struct http_call *call)
{
    const struct guard *g = current(a);
    struct failure f = {0};
    struct slice *texts = arena_alloc(a->texts->a, (a->texts->count + 1) * sizeof(*texts));
    struct guardrail_question q = {g->identifier, g->version, a->answer, texts, 0};
    struct provider_attempt attempt = {
        .deployment = g->at,
        .now = credentials_now(a->ex->worker->credentials),
        .credentials = &a->credentials,
        .arena = &a->ex->arena,
        .body = &a->body,
    };
    for (const struct guard_text *t = a->texts->first; t; t = t->next)
        texts[q.count++] = t->text;
    if (guardrail_build(&attempt, &q, call, &f))
        return true;
    fail(a, false, f.message);
    return false;
}

static void take_bedrock(struct guard_ask *a, const struct batch_answer *answer)
{
    const struct guard *g = current(a);
    struct guardrail_verdict v;
    struct failure f = {0};
    bool mask = a->answer ? g->mask_response : g->mask_request;
    if (!guardrail_read(answer->status, answer->body, a->texts->a, &v, &f)) {
        fail(a, answer->status >= 500 || answer->status == 429, f.message);
        return;
    }
    if (!v.intervened || (mask && !v.blocked && replace(a, v.outputs, v.count)))
        return;
    refuse(a, "Violated guardrail policy", v.count ? v.outputs[0] : slice_of(g->name));
}

/* Bedrock's own keys need no credentials; those of an identity may have to come first. False: they
 * are waited for. */
static bool take_credentials(struct guard_ask *a)
{
    const struct deployment *d = current(a)->at;
    struct worker *w = a->ex->worker;
    int64_t now = turn_now(&w->turn);
    a->credentials = d->credentials;
    if (d->api_key.n || d->credentials.access_key_id.n)
        return true;
    struct credentials_answer c =
        credentials_get(w->credentials, d->identity, &a->wait, &a->ex->item);
    if (c.state == CREDENTIALS_COMING && (!a->wait_until || now < a->wait_until)) {
        if (!a->wait_until)
            a->ex->deadline = a->wait_until = now + CREDENTIALS_WAIT_MS;
        return false;
    }
    credentials_leave(&a->wait);
    a->wait_until = 0;
    if (c.state == CREDENTIALS_READY)
        a->credentials =
            (struct aws_credentials){arena_dup(&a->ex->arena, c.credentials.access_key_id),
                                     arena_dup(&a->ex->arena, c.credentials.secret_access_key),
                                     arena_dup(&a->ex->arena, c.credentials.session_token)};
    return true;
}

/* ---- asking -----------------------------------------------------------------------------------
 */

static bool on_call(void *user, size_t i, struct http_call *call)
{
    struct guard_ask *a = user;
    if (current(a)->kind == GUARD_WEBHOOK)
        build_webhook(a, call);
    else if (!build_bedrock(a, call))
        return false;
    if (a->body.overflow)
        fail(a, false, SLICE("the texts are more than it may be sent"));
    return !a->body.overflow;
}

static bool on_done(void *user, size_t i, const struct batch_answer *answer)
{
    struct guard_ask *a = user;
    if (answer->too_large)
        fail(a, false, SLICE("its answer is too large"));
    else if (answer->end != UPSTREAM_DONE)
        fail(a, true, slice_of(answer->detail));
    else if (current(a)->kind == GUARD_BEDROCK)
        take_bedrock(a, answer);
    else if (answer->status != 200)
        fail(a, answer->status >= 502 && answer->status <= 504,
             arena_printf(&a->ex->arena, "it answered %d", answer->status));
    else
        take_webhook(a, answer);
    return true;
}

static void count(const struct guard_ask *a)
{
    const char *error = a->refusal->kind == FAILURE_BAD_REQUEST ? "blocked"
                        : a->refusal->kind != FAILURE_NONE      ? "failed"
                        : a->flagged > a->flagged_before        ? "blocked"
                        : a->passed > a->passed_before          ? "failed"
                                                                : NULL;
    struct worker *w = a->ex->worker;
    observing_guard(w, &(struct request_meter_guard){.name = slice_of(current(a)->name),
                                                     .error = error,
                                                     .answer = a->answer,
                                                     .ms = turn_now(&w->turn) - a->asked_ms});
}

static void on_over(void *user)
{
    struct guard_ask *a = user;
    a->batch = NULL;
    count(a);
    a->at++;
    turn_mark(&a->ex->worker->turn, &a->ex->item);
}

static const struct batch_events events = {.call = on_call, .done = on_done, .over = on_over};

static void ask(struct guard_ask *a)
{
    unsigned ms = config_milliseconds(current(a)->timeout);
    struct batch_options options = {.count = 1, .body_max = ANSWER_MAX};
    options.timeouts.total_ms = ms;
    a->asked_ms = turn_now(&a->ex->worker->turn);
    a->flagged_before = a->flagged;
    a->passed_before = a->passed;
    buf_fini(&a->body);
    buf_init(&a->body, GUARDRAIL_BODY_MAX);
    a->batch = batch_start(a->ex->worker->upstream, &a->ex->worker->turn, &options, &events, a);
}

bool guard_ask_step(struct guard_ask *a)
{
    if (a->batch)
        return false;
    if (a->at == a->count || a->refusal->kind != FAILURE_NONE || !a->texts->count)
        return true;
    if (current(a)->kind == GUARD_BEDROCK && !take_credentials(a))
        return false;
    ask(a);
    return false;
}

void guard_ask_cancel(struct guard_ask *a)
{
    if (a->batch)
        batch_cancel(a->batch);
    a->batch = NULL;
    credentials_leave(&a->wait);
    buf_fini(&a->body);
}
