/* An exchange → a record.
 *
 * Happy path: when the body is read its parameters are noted, and if a sink tells of them the
 * messages; at ADMIT the head; each call of a model leaves an attempt; at SETTLE the rest is
 * filled in, the metrics count, and the sinks get their copy.
 *
 * Failure modes: a request that ends before ADMIT (its key is wrong) is told of with what is known.
 * Of a prompt over callback_prompt_max the old texts lose their middle; what is over
 * RECORD_BODY_MAX all the same is left out. */

#include "exchange_observe.h"

#include "base/text.h"
#include "body_members.h"
#include "budgets.h"
#include "call_kind.h"
#include "exchange_client.h"
#include "exchange_guard.h"
#include "exchange_log.h"
#include "exchange_route.h"
#include "exchange_spend.h"
#include "exchange_stored.h"
#include "io/clock.h"
#include "observing.h"
#include "request_headers.h"
#include "shortened.h"
#include "worker_private.h"

#define STEERING_MAX (16 * 1024) /* bytes of headers, parameters, metadata and short bodies */
#define MESSAGE_ROOM (8 * 1024)  /* bytes beside the texts of an answer, to be escaped in one go */
#define REDACTED     "redacted-by-litellm"

struct observed {
    struct record draft;
    size_t attempts;
    bool open;   /* the last of them has not ended */
    bool bodies; /* a sink tells of them */
    struct buf messages, tools, output;
    bool folding;         /* the answer is streamed: it is gathered here */
    struct llm_fold fold; /* … */
    enum llm_stop stop;
    bool stopped;
    struct record_attempt made[RECORD_ATTEMPTS_MAX]; /* from here on it is not zeroed */
    struct record_stage stages[RECORD_STAGES_MAX];
};

/* ---- texts ---------------------------------------------------------------------------------- */

/* The question that costs least comes first: mostly nobody watches. */
static struct observed *observed_of(struct exchange *ex)
{
    if (!ex->observed && (ex->spend || observing_wants(ex->worker) || exchange_stored_wanted(ex)) &&
        call_kind_of(ex->route)) {
        ex->observed = arena_alloc(&ex->arena, sizeof(struct observed));
        memset(ex->observed, 0, offsetof(struct observed, made));
    }
    return ex->observed;
}

/* What is short is written here, and then copied into the arena. */
struct desk {
    struct buf text;
    char room[STEERING_MAX];
};

static void desk_begin(struct desk *d, struct json_writer *w)
{
    d->text = (struct buf){.p = d->room, .size = sizeof(d->room), .cap = sizeof(d->room)};
    json_begin(w, &d->text);
}

/* Empty: it was longer than STEERING_MAX. */
static struct slice desk_kept(const struct desk *d, struct exchange *ex)
{
    return d->text.overflow ? SLICE("") : arena_dup(&ex->arena, buf_slice(&d->text));
}

static struct slice json_kept(struct exchange *ex, yyjson_val *v)
{
    struct desk d;
    struct json_writer w;
    if (!v)
        return SLICE("");
    desk_begin(&d, &w);
    json_value(&w, v);
    return desk_kept(&d, ex);
}

/* ---- the body ------------------------------------------------------------------------------- */

static void write_shown(struct json_writer *w, yyjson_val *system, yyjson_val *v, size_t max)
{
    if (system)
        shortened_conversation(w, system, v, max);
    else
        shortened_messages(w, v, max);
}

/* In a buffer of its own, as it may be long. `system`: what comes first; or NULL. */
static struct slice body_kept(struct exchange *ex, struct buf *b, yyjson_val *system, yyjson_val *v)
{
    struct desk d;
    struct json_writer w;
    size_t max = (size_t)ex->config->settings.told_max;
    if (!v && !system)
        return SLICE("");
    if (ex->body.n <= STEERING_MAX) { /* needs no memory of its own */
        desk_begin(&d, &w);
        write_shown(&w, system, v, max);
        if (!d.text.overflow)
            return desk_kept(&d, ex);
    }
    buf_init(b, RECORD_BODY_MAX);
    buf_reserve(b, ex->body.n < max ? ex->body.n : max);
    json_begin(&w, b);
    write_shown(&w, system, v, max);
    return b->overflow ? SLICE("") : buf_slice(b);
}

/* Members that are no parameters: what is told under another name, and what is told to nobody. */
static bool has_place(struct slice name)
{
    static const struct slice names[] = {
        SLICE_CONST("functions"),        SLICE_CONST("model"),
        SLICE_CONST("metadata"),         SLICE_CONST("user"),
        SLICE_CONST("litellm_metadata"), SLICE_CONST("extra_headers"),
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(name, names[i]))
            return true;
    return body_is_part(name) || body_is_secret(name);
}

static bool is_parameter(const struct exchange *ex, struct slice name)
{
    return !has_place(name) && !(ex->audience.redact && body_is_content(name));
}

/* One that has no room, with the brace behind all of them, is left out. */
static void write_parameter(struct desk *d, struct json_writer *w, struct slice name, yyjson_val *v)
{
    const struct json_writer before = *w;
    size_t written = d->text.n;
    json_key_slice(w, name);
    json_value(w, v);
    if (d->text.n < d->text.cap && !d->text.overflow)
        return;
    *w = before;
    d->text.n = written;
    d->text.overflow = false;
}

static struct slice parameters_of(struct exchange *ex, yyjson_val *body)
{
    size_t i, n;
    struct desk d;
    struct json_writer w;
    yyjson_val *key, *value;
    desk_begin(&d, &w);
    json_object(&w);
    yyjson_obj_foreach(body, i, n, key, value)
    {
        if (is_parameter(ex, json_slice(key)))
            write_parameter(&d, &w, json_slice(key), value);
    }
    json_object_end(&w);
    return desk_kept(&d, ex);
}

static void keep_bodies(struct exchange *ex, struct observed *o, yyjson_val *body)
{
    o->draft.redacted = ex->audience.redact;
    if (o->draft.redacted) {
        o->draft.text.messages = SLICE("\"" REDACTED "\"");
        return;
    }
    o->bodies = true;
    const struct body_parts parts = body_parts(body);
    o->draft.text.messages = body_kept(ex, &o->messages, parts.system, parts.messages);
    o->draft.text.tools = body_kept(ex, &o->tools, NULL, parts.tools);
}

bool exchange_observe_wants_body(const struct exchange *ex)
{
    return (observing_records(ex->worker) || audience_own(ex)) && call_kind_of(ex->route);
}

void exchange_observe_body(struct exchange *ex, yyjson_val *body)
{
    if (audience_own(ex) && call_kind_of(ex->route))
        audience_choose(ex, body); /* from here on somebody may listen */
    struct observed *o = observed_of(ex);
    if (!o || !yyjson_is_obj(body))
        return;
    audience_choose(ex, body);
    o->bodies = exchange_stored_wanted(ex) && !ex->audience.redact;
    if (!ex->audience.told || !observing_records(ex->worker))
        return;
    o->draft.text.parameters = parameters_of(ex, body);
    if (observing_wants_bodies(ex->worker, ex->audience.told))
        keep_bodies(ex, o, body);
}

/* ---- the head ------------------------------------------------------------------------------- */

static bool is_hex(struct slice s, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < s.n; i++) {
        bool digit = s.p[i] >= '0' && s.p[i] <= '9', letter = s.p[i] >= 'a' && s.p[i] <= 'f';
        if (!digit && !letter)
            return false;
        any = any || s.p[i] != '0';
    }
    return s.n == n && any;
}

/* W3C Trace Context: "00-<trace>-<span>-<flags>"; later versions may say more behind. */
static bool continue_trace(struct record *r, struct slice header, struct arena *a)
{
    struct slice rest = slice_trim(header), version = slice_split(&rest, '-');
    struct slice trace = slice_split(&rest, '-'), span = slice_split(&rest, '-');
    struct slice flags = slice_split(&rest, '-');
    if (version.n != 2 || slice_eq(version, SLICE("ff")) || flags.n != 2 ||
        !is_hex(trace, RECORD_TRACE_SIZE) || !is_hex(span, RECORD_SPAN_SIZE))
        return false;
    memcpy(r->trace, trace.p, trace.n);
    r->text.parent_span = arena_dup(a, span);
    char digit = flags.p[1];
    r->sampled = (digit <= '9' ? digit : digit + 1) % 2; /* 'a' is even */
    return true;
}

/* The request's own ids are parts of its UUID: whoever has the one finds the other. */
static void begin_trace(struct exchange *ex, struct record *r)
{
    size_t n = 0;
    char digits[RECORD_TRACE_SIZE];
    struct slice header = {0};
    for (const char *p = ex->id; *p && n < sizeof(digits); p++)
        if (*p != '-')
            digits[n++] = *p;
    memcpy(r->span, digits, sizeof(r->span));
    if (ex->head)
        header = http_header_get(ex->head->headers, "traceparent");
    if (header.n && continue_trace(r, header, &ex->arena)) {
        r->text.trace_state =
            text_dup_utf8(&ex->arena, http_header_get(ex->head->headers, "tracestate"));
        return;
    }
    memcpy(r->trace, digits, sizeof(r->trace));
    r->sampled = true;
}

static bool steers(struct slice name)
{
    switch (name.n ? *name.p | 0x20 : 0) {
    case 'l': return slice_starts_nocase(name, SLICE("langfuse"));
    case 't': return slice_starts_nocase(name, SLICE("template-id"));
    case 'x': return slice_starts_nocase(name, SLICE("x-litellm-"));
    case 'h':
        return slice_starts_nocase(name, SLICE("helicone-")) &&
               !slice_eq_nocase(name, SLICE("helicone-auth"));
    default: return false;
    }
}

static struct slice headers_of(struct exchange *ex)
{
    struct desk d;
    struct json_writer w;
    desk_begin(&d, &w);
    json_object(&w);
    for (size_t i = 0; i < ex->head->headers.n; i++) {
        const struct http_header *h = &ex->head->headers.v[i];
        if (steers(h->name) && !request_headers_carries_key(ex->config, h->name))
            json_key_slice(&w, h->name), json_string(&w, text_dup_utf8(&ex->arena, h->value));
    }
    json_object_end(&w);
    return desk_kept(&d, ex);
}

void exchange_observe_begin(struct exchange *ex)
{
    struct observed *o = observed_of(ex);
    if (!o || !observing_wants(ex->worker))
        return;
    struct record_texts *t = &o->draft.text;
    begin_trace(ex, &o->draft);
    t->peer = exchange_client(ex);
    t->user_agent = text_dup_utf8(&ex->arena, http_header_get(ex->head->headers, "user-agent"));
    if (!observing_wants_metadata(ex->worker))
        return;
    t->tags = exchange_tags(ex);
    t->metadata = json_kept(ex, ex->request.metadata);
    if (!observing_records(ex->worker))
        return;
    t->headers = headers_of(ex);
    t->session = text_dup_utf8(&ex->arena, exchange_told_session(ex));
}

/* ---- calls, in the turn's time until the end ------------------------------------------------- */

/* The client left before the model had said anything, good or bad. */
static bool was_left(const struct exchange *ex, const struct record_attempt *t)
{
    return ex->facts & FACT_GONE && !(ex->facts & FACT_COMPLETE) &&
           (!ex->first_event || ex->first_event < t->begun_ms);
}

static void end_attempt(struct exchange *ex, const struct failure *f)
{
    struct observed *o = ex->observed;
    struct record_attempt *t = &o->made[o->attempts - 1];
    bool failed = f->kind != FAILURE_NONE;
    o->open = false;
    t->ended_ms = turn_now(&ex->worker->turn);
    t->status = failed ? f->status : was_left(ex, t) ? STATUS_CLIENT_GONE : 200;
    t->error_class = slice_of(failed ? failure_class(f) : NULL);
    t->message = failed ? exchange_log_failure(ex, f) : slice_make(NULL, 0);
}

/* The span of the n-th call: the request's UUID has 16 digits more. */
static void name_span(const struct exchange *ex, size_t n, char span[RECORD_SPAN_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    const char *end = ex->id + UUID_SIZE - 1;
    memcpy(span, end - 17, 4);      /* … of the fourth group … */
    memcpy(span + 4, end - 12, 12); /* … and the fifth */
    span[RECORD_SPAN_SIZE - 1] = digits[n % 16];
}

void exchange_observe_call(struct exchange *ex)
{
    struct observed *o = ex->observed;
    const struct deployment *d = ex->deployment;
    if (!o)
        return;
    if (o->open)
        end_attempt(ex, &ex->last_failure);
    if (o->folding && !ex->resuming.count)
        llm_fold_fini(&o->fold), o->folding = false;
    if (o->attempts == RECORD_ATTEMPTS_MAX)
        return;
    struct record_attempt *t = &o->made[o->attempts];
    *t = (struct record_attempt){
        .deployment = slice_of(d->id),
        .model = ex->model_id,
        .region = slice_of(d->region),
        .group = ex->model_group,
        .api_base = slice_of(d->endpoint),
        .begun_ms = turn_now(&ex->worker->turn),
    };
    name_span(ex, o->attempts++, t->span);
    o->open = true;
}

void exchange_observe_call_ended(struct exchange *ex)
{
    if (ex->observed && ex->observed->open)
        end_attempt(ex, &ex->failure);
}

struct slice exchange_observe_traceparent(struct exchange *ex)
{
    struct observed *o = ex->observed;
    char span[RECORD_SPAN_SIZE];
    if (!o || !observing_records(ex->worker))
        return slice_make(NULL, 0);
    if (!o->draft.text.parent_span.n && !ex->config->settings.trace_upstream)
        return slice_make(NULL, 0); /* nobody but us knows the trace */
    name_span(ex, o->attempts, span);
    return ARENA_JOIN(&ex->arena, SLICE("00-"), slice_make(o->draft.trace, RECORD_TRACE_SIZE),
                      SLICE("-"), slice_make(span, sizeof(span)),
                      o->draft.sampled ? SLICE("-01") : SLICE("-00"));
}

void exchange_observe_event(struct exchange *ex, const struct llm_event *e)
{
    struct observed *o = ex->observed;
    if (!o)
        return;
    if (e->kind == EV_STOP) {
        o->stop = e->stop;
        o->stopped = true;
    }
    if (!o->bodies || !ex->request.stream || (o->folding && o->fold.bytes > RECORD_BODY_MAX))
        return;
    if (!o->folding)
        llm_fold_init(&o->fold, &ex->arena);
    o->folding = true;
    llm_fold_event(&o->fold, e);
}

/* ---- for the row in the log of spend --------------------------------------------------------- */

#define ATTEMPT_TEXT 200 /* bytes of an error in it */

/* Of a request that is in SETTLE. */
static void set_stages(const struct exchange *ex)
{
    struct observed *o = ex->observed;
    struct record *r = &o->draft;
    r->stages = o->stages;
    r->stage_count = 0;
    for (int s = EX_SETTLE - 1; s >= EX_HEAD && r->stage_count < RECORD_STAGES_MAX; s--)
        if (ex->times[s])
            o->stages[r->stage_count++] =
                (struct record_stage){exchange_states[s].name, ex->spent[s]};
}

static void write_attempt(struct exchange *ex, struct json_writer *w,
                          const struct record_attempt *t)
{
    int64_t end = t->ended_ms ? t->ended_ms : turn_now(&ex->worker->turn);
    json_object(w);
    json_member_string(w, "model_group", t->group);
    json_member_string(w, "model_id", t->deployment);
    json_member_string(w, "model", t->model);
    json_member_string(w, "region", t->region);
    json_member_integer(w, "start_ms", t->begun_ms - ex->times[EX_HEAD]);
    json_member_integer(w, "duration_ms", end - t->begun_ms);
    json_member_integer(w, "status", t->status);
    if (t->error_class.n) {
        json_member_string(w, "error_class", t->error_class);
        size_t n = t->message.n < ATTEMPT_TEXT ? t->message.n : ATTEMPT_TEXT;
        json_member_string(w, "error_message", slice_make(t->message.p, n));
    }
    json_object_end(w);
}

void exchange_observe_write(struct exchange *ex, struct json_writer *w)
{
    struct observed *o = ex->observed;
    if (!o)
        return;
    json_key(w, "attempts");
    json_array(w);
    for (size_t i = 0; i < o->attempts; i++)
        write_attempt(ex, w, &o->made[i]);
    json_array_end(w);
    set_stages(ex);
    json_key(w, "stages");
    json_object(w);
    for (size_t i = o->draft.stage_count; i-- > 0;)
        if (o->draft.stages[i].ms) {
            json_key_slice(w, slice_of(o->draft.stages[i].name));
            json_integer(w, o->draft.stages[i].ms);
        }
    json_object_end(w);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* The answer as a message; written once, and not before it has ended. */
static struct slice message_of(struct observed *o, const struct llm_fold *f)
{
    struct json_writer w;
    size_t room = f->bytes + f->bytes / 8 + MESSAGE_ROOM;
    if (!o->output.p) {
        buf_init(&o->output, RECORD_BODY_MAX);
        buf_reserve(&o->output, room < RECORD_BODY_MAX ? room : RECORD_BODY_MAX);
        json_begin(&w, &o->output);
        openai_write_message(&w, &f->response);
    }
    return o->output.overflow ? SLICE("") : buf_slice(&o->output);
}

static struct slice output_of(struct exchange *ex, struct observed *o)
{
    const struct llm_fold *f = o->folding ? &o->fold : &ex->fold;
    if (ex->audience.redact)
        return SLICE("{\"role\":\"assistant\",\"content\":\"" REDACTED "\"}");
    if (!o->bodies || !f->response.parts)
        return SLICE("");
    return exchange_guard_shown_answer(ex, message_of(o, f));
}

struct slice exchange_observe_output(struct exchange *ex)
{
    return ex->observed ? output_of(ex, ex->observed) : slice_make(NULL, 0);
}

static void set_times(const struct exchange *ex, struct record *r)
{
    int64_t now = turn_now(&ex->worker->turn), unix_ms = clock_unix_ms() - now;
    r->ended_ms = unix_ms + now;
    r->begun_ms = unix_ms + ex->times[EX_HEAD];
    r->first_ms = ex->first_event ? unix_ms + ex->first_event : 0;
    for (size_t i = 0; i < r->attempt_count; i++) {
        r->attempts[i].begun_ms += unix_ms;
        r->attempts[i].ended_ms += unix_ms;
        r->called_ms = r->attempts[i].begun_ms;
    }
    set_stages(ex);
}

static void set_caller(struct exchange *ex, struct record *r)
{
    const struct caller *c = &ex->caller;
    const struct row *user = c->holders[HOLDER_USER].row;
    struct record_texts *t = &r->text;
    t->key = c->key;
    t->key_alias = c->alias;
    t->user = c->user;
    t->user_email = user ? user->email : SLICE("");
    r->user_alias = caller_alias(c, HOLDER_USER);
    t->team = c->team;
    t->team_alias = caller_alias(c, HOLDER_TEAM);
    t->organization = c->organization;
    t->organization_alias = caller_alias(c, HOLDER_ORGANIZATION);
    t->end_user = c->end_user;
}

static void set_model(struct exchange *ex, struct record *r)
{
    const struct deployment *d = ex->deployment;
    struct record_texts *t = &r->text;
    t->model = ex->request.model;
    t->group = ex->model_group;
    t->upstream = ex->model_id;
    t->cache_key = ex->cache.key;
    if (ex->pass)
        t->api_base = ex->pass->to->told;
    if (!d)
        return;
    t->deployment = slice_of(d->id);
    t->upstream_as = slice_of(d->model);
    t->api_base = slice_of(d->endpoint);
    t->region = slice_of(d->region);
    t->service_tier = slice_of(ex->service_tier);
    r->priced = ex->model && ex->model->has_prices;
}

static void set_guards(struct exchange *ex, struct record_texts *t)
{
    struct desk d;
    struct json_writer w;
    t->guard_status = slice_of(exchange_guard_status(ex));
    if (!t->guard_status.n)
        return;
    desk_begin(&d, &w);
    exchange_guard_write_names(ex, &w);
    t->guardrails = desk_kept(&d, ex);
}

/* USD without the noise of adding prices up, which would cost sixteen digits to tell of. */
static double amount(double usd)
{
    return usd < 1e3 ? (double)(int64_t)(usd * 1e12 + 0.5) / 1e12 : usd;
}

static double saved_cost(const struct exchange *ex)
{
    if (!ex->cache.hit || !ex->model)
        return 0;
    return amount(model_cost(ex->model, &ex->usage, slice_of(ex->service_tier)).total);
}

static void set_outcome(struct exchange *ex, const struct observed *o, struct record *r)
{
    bool failed = ex->failure.kind != FAILURE_NONE;
    struct record_texts *t = &r->text;
    r->status = ex->status;
    r->failed = failed || ex->status >= 400;
    r->gone = ex->facts & FACT_GONE;
    r->stream = ex->request.stream;
    r->cache_hit = ex->cache.hit;
    r->cache_looked = ex->cache.key.n;
    r->retries = ex->reroute.retries;
    r->fallbacks = ex->reroute.fallbacks;
    r->repairs = ex->plan.repairs;
    r->limit = ex->failure.limit;
    t->error_class = slice_of(failed ? failure_class(&ex->failure) : NULL);
    t->error_message = !failed && r->gone ? SLICE("the client left before the end of the answer")
                                          : exchange_log_failure(ex, &ex->failure);
    if (!ex->request.stream)
        t->finish_reason = ex->fold.response.stopped
                               ? slice_of(openai_finish_reason(ex->fold.response.stop))
                               : SLICE("");
    else if (o->stopped)
        t->finish_reason = slice_of(openai_finish_reason(o->stop));
    r->usage = ex->usage;
    r->cost = amount(ex->cost.total);
    r->input_cost = amount(ex->cost.input);
    r->output_cost = amount(ex->cost.output);
    r->cache_read_cost = amount(ex->cost.cache_read);
    r->cache_write_cost = amount(ex->cost.cache_write);
    r->saved_cost = saved_cost(ex);
}

/* Its own, else that of the budget it names. */
static void set_budget(struct exchange *ex, const struct holder *h, struct record_budget *b)
{
    const struct row *says = h->row && h->row->budget < 0 ? h->budget : h->row;
    b->most = says ? budget_most(says, clock_unix_ms()) : -1;
    if (!says || b->most < 0)
        return;
    b->spent = rows_spend(ex->worker->rows, h->row);
    b->reset_ms = says->reset_at;
}

static void set_limits(struct exchange *ex, struct record *r)
{
    static const enum caller_holder holders[RECORD_PAYERS] = {
        [RECORD_KEY] = HOLDER_KEY,           [RECORD_USER] = HOLDER_USER,
        [RECORD_TEAM] = HOLDER_TEAM,         [RECORD_ORGANIZATION] = HOLDER_ORGANIZATION,
        [RECORD_CUSTOMER] = HOLDER_END_USER,
    };
    struct limit_left left;
    bool limited = exchange_limit_left(ex, LIMIT_REQUESTS, &left);
    r->limits.requests_left = limited ? left.left : -1;
    limited = exchange_limit_left(ex, LIMIT_TOKENS, &left);
    r->limits.tokens_left = limited ? left.left : -1;
    for (int i = 0; i < RECORD_PAYERS; i++)
        set_budget(ex, &ex->caller.holders[holders[i]], &r->limits.budgets[i]);
}

void exchange_observe_end(struct exchange *ex)
{
    if (ex->route && ex->route->handle)
        observing_change(ex);
    exchange_guard_count(ex);
    struct observed *o = ex->route && observing_wants(ex->worker) ? observed_of(ex) : NULL;
    if (!o)
        return;
    const struct call_kind *kind = call_kind_of(ex->route);
    struct record *r = &o->draft;
    if (!*r->span)
        begin_trace(ex, r);
    r->text.call_id = slice_of(ex->id);
    r->text.answer_id = ex->answer.id.n && !ex->cache.hit ? ex->answer.id : slice_of(ex->id);
    r->text.call_type = slice_of(kind->call_type);
    r->text.route = slice_of(ex->route->path);
    set_caller(ex, r);
    set_model(ex, r);
    set_outcome(ex, o, r);
    if (observing_records(ex->worker))
        set_guards(ex, &r->text);
    set_limits(ex, r);
    r->attempts = o->made;
    r->attempt_count = o->attempts;
    set_times(ex, r);
    audience_choose(ex, NULL); /* where no body came */
    r->text.output = ex->audience.told ? output_of(ex, o) : SLICE("");
    observing_tell(ex->worker, r, ex->audience.told);
}

void exchange_observe_free(struct exchange *ex)
{
    struct observed *o = ex->observed;
    if (!o)
        return;
    if (o->folding)
        llm_fold_fini(&o->fold);
    buf_fini(&o->messages);
    buf_fini(&o->tools);
    buf_fini(&o->output);
}
