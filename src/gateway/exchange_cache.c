/* An exchange and the response cache.
 *
 * Happy path of a miss: the key is made, the exchange leads a flight (flight.h) and asks the shared
 * state; nothing is there, a model is called, its events are taken down in the flight's bytes while
 * they pass, and at the end these are put. Of a hit: what was found is copied into the flight's
 * bytes and read from there, streamed as fast as the client takes it, or folded into a whole
 * answer. Equal requests that come meanwhile follow the flight and read the same bytes.
 *
 * Failure modes: what is found and not understood is a miss. A leader that fails lets those who
 * follow make calls of their own, so that nobody gets another's error; only who has sent a part of
 * the answer already must break off with it. A leader whose client leaves goes on as long as
 * somebody follows; before there is a call, one of them leads instead. An answer beyond entry_kb is
 * given to those who follow, but not kept. */

#include "exchange_cache.h"

#include "auth.h"
#include "cache_entry.h"
#include "cache_key.h"
#include "exchange_auth.h"
#include "exchange_call.h"
#include "exchange_claim.h"
#include "exchange_guard.h"
#include "exchange_memory.h"
#include "exchange_output.h"
#include "llm/record.h"
#include "operation.h"
#include "router.h"
#include "worker_private.h"

#include <time.h>

#define KIBIBYTE 1024
#define TEXT_MAX (1024 * 1024) /* bytes of a list of names */

static const struct caching *settings_of(const struct exchange *ex)
{
    return &ex->config->settings.caching;
}

/* ---- the key ------------------------------------------------------------------------------- */

static unsigned call_of(const struct route *route)
{
    if (route->dialect == &dialect_openai_completions)
        return CACHING_COMPLETIONS;
    if (route->dialect->kept)
        return CACHING_RESPONSES;
    return route->dialect == &dialect_openai_chat ? CACHING_CHAT : CACHING_MESSAGES;
}

static struct slice json_of(struct exchange *ex, yyjson_val *v)
{
    struct buf text;
    struct json_writer w;
    struct slice json;
    buf_init(&text, TEXT_MAX);
    json_begin(&w, &text);
    json_value(&w, v);
    json = arena_dup(&ex->arena, buf_slice(&text));
    buf_fini(&text);
    return json;
}

/* Groups that share their answers go by the names of all of them. */
static struct slice group_of(struct exchange *ex)
{
    yyjson_val *group;
    yyjson_arr_iter it = yyjson_arr_iter_with(settings_of(ex)->groups);
    while ((group = yyjson_arr_iter_next(&it)))
        if (json_list_has(group, ex->request.model))
            return json_of(ex, group);
    return ex->request.model;
}

static struct slice tags_of(struct exchange *ex)
{
    yyjson_val *tags = ex->request.routing.tags;
    if (!ex->config->settings.routing.tag_filtering)
        return slice_make(NULL, 0);
    if (!tags)
        tags = json_get(ex->request.metadata, "tags");
    return ARENA_JOIN(&ex->arena, tags ? json_of(ex, tags) : SLICE(""), SLICE(";"),
                      http_header_get(ex->head->headers, "x-litellm-tags"));
}

/* Where no key is asked for, the one that is shown counts all the same. */
static struct slice tenant_of(struct exchange *ex)
{
    const struct caller *c = &ex->caller;
    enum caching_scope scope = settings_of(ex)->scope;
    if (scope == CACHING_FOR_ALL)
        return SLICE("");
    if (scope == CACHING_BY_TEAM && c->team.n)
        return ARENA_JOIN(&ex->arena, SLICE("team "), c->team);
    return ARENA_JOIN(&ex->arena, SLICE("key "), auth_key(ex->config, ex->head));
}

struct cache_key_scope exchange_cache_scope(struct exchange *ex)
{
    return (struct cache_key_scope){
        .tenant = tenant_of(ex),
        .group = group_of(ex),
        .tags = tags_of(ex),
    };
}

static bool is_mocked_failure(const struct llm_request *r)
{
    return r->routing.mock != LLM_MOCK_NONE || r->mock_timeout > 0;
}

/* False: not by this request, or ex->failure. */
bool exchange_cache_wanted(struct exchange *ex, unsigned call)
{
    const struct caching *c = settings_of(ex);
    struct cache_control *control = &ex->cache.control;
    if (!ex->worker->cache || !c->on || ex->request.native || ex->clientside ||
        !(c->calls & call) || is_mocked_failure(&ex->request))
        return false;
    if (!auth_check_model(&ex->caller, ex->config, ex->request.model, &ex->arena, &ex->failure))
        return false;
    return cache_control_read(c, &ex->request, &ex->arena, control, &ex->failure) &&
           (control->take || control->keep);
}

/* ---- asking the shared state ---------------------------------------------------------------- */

static void on_got(void *user, const struct slice *values, size_t n)
{
    struct exchange *ex = user;
    struct cache_use *u = &ex->cache;
    buf_add(flight_bytes(&u->seat), values[0]);
    u->asking = false;
    if (!u->inside)
        exchange_deposit(ex, 0);
}

static void ask(struct exchange *ex)
{
    struct cache_use *u = &ex->cache;
    struct shared *s = ex->worker->cache->shared;
    struct slice key = cache_place(settings_of(ex), u->key, &ex->arena);
    u->asking = u->inside = true;
    s->ops->get(s, &key, 1, 0, turn_now(&ex->worker->turn), on_got, ex);
    u->inside = false;
}

void exchange_cache_forget(struct exchange *ex)
{
    struct shared *s = ex->worker->cache->shared;
    if (ex->cache.asking)
        s->ops->forget(s, ex);
    ex->cache.asking = false;
}

bool exchange_cache_is_fresh(const struct exchange *ex, int64_t stored_at)
{
    double max = ex->cache.control.max_age;
    return max < 0 || (double)(time(NULL) - stored_at) <= max;
}

/* What was found becomes the flight's answer; everything else leaves it empty. */
static bool is_found(struct exchange *ex)
{
    struct cache *c = ex->worker->cache;
    struct buf *bytes = flight_bytes(&ex->cache.seat);
    struct slice entry = buf_slice(bytes);
    struct cache_entry head;
    if (!entry.n)
        return false;
    if (!cache_entry_open(&entry) || !cache_entry_read(&entry, &head) ||
        !llm_record_is_whole(entry))
        c->stats.corrupt++;
    else if (exchange_cache_is_fresh(ex, head.stored_at))
        return true;
    buf_reset(bytes);
    return false;
}

/* ---- giving an answer again ------------------------------------------------------------------ */

static const struct deployment *deployment_of(const struct config *c, struct slice id)
{
    for (size_t i = 0; i < c->deployment_count; i++)
        if (slice_eq(slice_of(c->deployments[i].id), id))
            return &c->deployments[i];
    return NULL;
}

/* Who made the answer, for the headers; a deployment may be gone by now. */
static void name_source(struct exchange *ex, const struct cache_entry *head)
{
    ex->deployment = deployment_of(ex->config, head->deployment);
    if (!ex->deployment)
        return;
    ex->model_group = arena_dup(&ex->arena, head->group);
    ex->model_id = arena_dup(&ex->arena, head->model);
    ex->model = router_facts(ex->config, ex->deployment, ex->model_id, &ex->arena);
    exchange_watch_thinking(ex);
}

static bool begin_replay(struct exchange *ex)
{
    struct cache_use *u = &ex->cache;
    struct slice all = flight_unread(&u->seat), rest = all;
    struct cache_entry head;
    if (!cache_entry_read(&rest, &head))
        return false;
    u->seat.at = all.n - rest.n;
    u->hit = true;
    u->joined = !u->seat.leads;
    *(u->joined ? &ex->worker->cache->stats.joined : &ex->worker->cache->stats.hits) += 1;
    name_source(ex, &head);
    if (!ex->route->dialect->kept) { /* what is kept has an id and an owner of its own */
        ex->answer.uuid = arena_dup(&ex->arena, head.id);
        ex->answer.id = exchange_answer_id(ex, head.id);
    }
    ex->answer.created = head.created;
    ex->answer.model = ex->asked_model;
    exchange_form(ex);
    return true;
}

/* It costs nothing, and says so where a price is known. */
static void free_of_charge(struct exchange *ex, const struct llm_usage *usage)
{
    ex->usage = *usage;
    ex->usage.has_cost = ex->model && ex->model->has_prices && ex->config->settings.include_cost;
    ex->usage.cost = 0;
}

static void give(struct exchange *ex, struct llm_event *e)
{
    if (e->kind == EV_USAGE) {
        free_of_charge(ex, e->usage);
        e->usage = &ex->usage;
    }
    ex->facts |= exchange_give(ex, e);
}

static void break_off(struct exchange *ex)
{
    const struct failure *f = flight_failure(&ex->cache.seat);
    if (f->kind == FAILURE_NONE)
        failure_set(&ex->failure, &ex->arena, FAILURE_BAD_GATEWAY, 502,
                    "the call whose answer this is was cut");
    else
        ex->failure = *f;
    ex->failure.message = arena_dup(&ex->arena, ex->failure.message);
    ex->failure.param = slice_make(NULL, 0);
    ex->facts |= FACT_FAILED;
}

static bool has_room(const struct exchange *ex)
{
    return !ex->request.stream || exchange_queued(ex) < EXCHANGE_HIGH;
}

void exchange_replay(struct exchange *ex)
{
    struct flight_seat *seat = &ex->cache.seat;
    struct arena scratch; /* of the events' JSON */
    struct llm_usage usage;
    struct llm_event e;
    if (!ex->cache.hit || ex->facts & (FACT_COMPLETE | FACT_FAILED))
        return;
    struct slice unread = flight_unread(seat), rest = unread;
    arena_init(&scratch);
    while (has_room(ex) && rest.n && !(ex->facts & FACT_COMPLETE) &&
           llm_record_read(&rest, &scratch, &usage, &e))
        give(ex, &e);
    arena_fini(&scratch);
    seat->at += unread.n - rest.n;
    bool over = flight_state(seat) != FLIGHT_OPEN && !rest.n;
    if (!(ex->facts & FACT_COMPLETE) && (over || flight_is_lost(seat)))
        break_off(ex);
}

/* ---- LOOKUP -------------------------------------------------------------------------------- */

static enum lookup answer(struct exchange *ex)
{
    if (!begin_replay(ex)) {
        flight_leave(&ex->cache.seat);
        return LOOKUP_MISSES;
    }
    if (ex->request.stream)
        return LOOKUP_STREAMS;
    exchange_replay(ex);
    return ex->facts & FACT_FAILED ? LOOKUP_REFUSES : LOOKUP_ANSWERS;
}

static enum lookup miss(struct exchange *ex)
{
    ex->worker->cache->stats.misses += ex->cache.control.take;
    return LOOKUP_MISSES;
}

static enum lookup find(struct exchange *ex)
{
    exchange_claim_end(ex, true);
    flight_end(&ex->cache.seat, FLIGHT_COMPLETE, NULL);
    return answer(ex);
}

/* Nothing is there: who gets the claim looks once more, as it may have been put just before that,
 * and calls; who does not looks again when it is time. True: there is another question. */
static bool goes_on(struct exchange *ex)
{
    struct cache_use *u = &ex->cache;
    if (u->claim == CLAIM_OURS && !u->looked) {
        u->looked = true;
        ask(ex);
    } else if (u->claim == CLAIM_OTHERS && exchange_claim_is_due(ex)) {
        u->claim = CLAIM_NONE;
        ask(ex);
    } else if (u->claim == CLAIM_NONE) {
        exchange_claim_ask(ex);
    }
    return u->asking;
}

static enum lookup lead(struct exchange *ex)
{
    struct cache_use *u = &ex->cache;
    for (;;) {
        if (u->asking)
            return LOOKUP_WAITS;
        if (is_found(ex))
            return find(ex);
        if (!exchange_claim_wanted(ex) || u->looked)
            return miss(ex);
        if (!goes_on(ex) && u->claim == CLAIM_OTHERS)
            return LOOKUP_WAITS;
    }
}

/* Not together with others: who wants a fresh answer, has a deadline of its own, or guards that may
 * end the answer for all. */
static bool is_sociable(const struct exchange *ex)
{
    const struct cache_control *c = &ex->cache.control;
    return settings_of(ex)->single_flight && c->take && c->max_age < 0 &&
           ex->request.timeout <= 0 && ex->request.stream_timeout <= 0 &&
           !exchange_guard_watches(ex);
}

static void board(struct exchange *ex)
{
    struct cache_use *u = &ex->cache;
    struct flights *flights = ex->worker->cache->flights;
    u->sociable = is_sociable(ex);
    if (u->sociable)
        flight_board(flights, u->digest, &u->seat, &ex->item);
    else
        flight_board_alone(flights, &u->seat, &ex->item);
    u->seat.at_the_end = !ex->request.stream;
}

static enum lookup follow(struct exchange *ex)
{
    struct cache_use *u = &ex->cache;
    enum flight_state state = flight_state(&u->seat);
    if (state == FLIGHT_COMPLETE ||
        (state == FLIGHT_OPEN && ex->request.stream && flight_speaks(&u->seat)))
        return answer(ex);
    if (state == FLIGHT_OPEN)
        return LOOKUP_WAITS;
    flight_leave(&u->seat);
    if (state != FLIGHT_LEFT) {
        flight_board_alone(ex->worker->cache->flights, &u->seat, &ex->item);
        return LOOKUP_MISSES;
    }
    board(ex);
    return u->seat.leads ? lead(ex) : LOOKUP_WAITS;
}

static bool begin(struct exchange *ex)
{
    struct cache_use *u = &ex->cache;
    struct cache_key_scope scope;
    if (!exchange_cache_wanted(ex, call_of(ex->route)))
        return false;
    scope = exchange_cache_scope(ex);
    cache_key_of_answer(&scope, &ex->request, u->digest);
    u->key = cache_show(u->digest, u->control.name_space, &ex->arena);
    /* What is shared must agree in the namespace too. */
    sha256(u->key, u->digest);
    board(ex);
    if (u->seat.leads && u->control.take)
        ask(ex);
    return true;
}

enum lookup exchange_lookup(struct exchange *ex)
{
    const struct operation *o = operation_of(ex);
    bool first = !ex->cache.known;
    if (first && ex->worker->cache && ex->caller.end_user.n && !exchange_auth_holders(ex))
        return LOOKUP_WAITS;
    ex->cache.known = true;
    if (first && ex->failure.kind != FAILURE_NONE)
        return LOOKUP_REFUSES;
    if (o)
        return o->lookup ? o->lookup(ex) : LOOKUP_MISSES;
    if (first && !begin(ex))
        return ex->failure.kind == FAILURE_NONE ? LOOKUP_MISSES : LOOKUP_REFUSES;
    return ex->cache.seat.leads ? lead(ex) : follow(ex);
}

/* ---- taking an answer down ------------------------------------------------------------------- */

static void begin_record(struct exchange *ex, struct buf *bytes)
{
    cache_entry_begin(bytes, &(struct cache_entry){
                                 .created = ex->answer.created,
                                 .id = slice_of(ex->id),
                                 .deployment = slice_of(ex->deployment->id),
                                 .group = ex->model_group,
                                 .model = ex->model_id,
                             });
}

static size_t entry_max(const struct exchange *ex)
{
    return (size_t)settings_of(ex)->entry_kb * KIBIBYTE;
}

/* Neither to be kept nor to be shared. */
static bool is_of_no_use(const struct exchange *ex, const struct buf *bytes)
{
    return bytes->overflow || (bytes->n > entry_max(ex) && !flight_followers(&ex->cache.seat));
}

static void give_up(struct exchange *ex)
{
    struct flight_seat *seat = &ex->cache.seat;
    struct failure f = {0};
    ex->worker->cache->stats.unkept++;
    failure_set(&f, &ex->arena, FAILURE_BAD_GATEWAY, 502,
                "the model's answer is larger than %u bytes", FLIGHT_BYTES_MAX);
    flight_end(seat, FLIGHT_FAILED, &f);
    flight_leave(seat);
}

static bool is_broken(const struct llm_event *e)
{
    return e->kind == EV_STOP &&
           (e->stop == LLM_STOP_MALFORMED_TOOL_USE || e->stop == LLM_STOP_MALFORMED_OUTPUT);
}

void exchange_cache_take(struct exchange *ex, const struct llm_event *e)
{
    struct cache_use *u = &ex->cache;
    struct buf *bytes = flight_bytes(&u->seat);
    if (!bytes->n)
        begin_record(ex, bytes);
    llm_record_event(bytes, e);
    u->unfit = u->unfit || is_broken(e);
    if (is_of_no_use(ex, bytes))
        give_up(ex);
    else if (e->kind == EV_END)
        flight_end(&u->seat, FLIGHT_COMPLETE, NULL);
    else
        flight_tell(&u->seat, e->kind >= EV_BLOCK_START && e->kind < EV_BLOCK_STOP);
}

void exchange_cache_again(struct exchange *ex)
{
    struct flight_seat *seat = &ex->cache.seat;
    if (ex->resuming.count) /* the answer goes on elsewhere */
        return;
    ex->cache.unfit = false;
    if (seat->leads && flight_bytes(seat)->n)
        flight_restart(seat);
}

/* ---- the end ------------------------------------------------------------------------------- */

bool exchange_cache_goes_on(const struct exchange *ex)
{
    const struct flight_seat *seat = &ex->cache.seat;
    return seat->leads && !ex->cache.hit && flight_followers(seat) && ex->op &&
           !(ex->facts & (FACT_COMPLETE | FACT_FAILED | FACT_CALL_OVER));
}

/* An answer of another group than was asked stands in for it for now, not for as long as an entry
 * lives. One that says nothing is none. */
static bool is_worth_keeping(const struct exchange *ex)
{
    const struct cache_use *u = &ex->cache;
    return u->control.keep && !u->hit && !u->unfit && flight_speaks(&u->seat) &&
           flight_state(&u->seat) == FLIGHT_COMPLETE && ex->failure.kind == FAILURE_NONE &&
           !ex->reroute.fallbacks && !ex->resuming.count;
}

/* False: it is too large. */
static bool keep(struct exchange *ex)
{
    struct cache *c = ex->worker->cache;
    struct buf *bytes = flight_bytes(&ex->cache.seat);
    if (bytes->n > entry_max(ex)) {
        c->stats.unkept++;
        return false;
    }
    cache_entry_seal(bytes, time(NULL));
    c->shared->ops->put(c->shared, cache_place(settings_of(ex), ex->cache.key, &ex->arena),
                        buf_slice(bytes), ex->cache.control.ttl_ms, turn_now(&ex->worker->turn));
    c->stats.kept++;
    return true;
}

void exchange_cache_end(struct exchange *ex)
{
    struct flight_seat *seat = &ex->cache.seat;
    if (!ex->worker->cache)
        return;
    exchange_cache_forget(ex);
    bool kept = seat->leads && is_worth_keeping(ex) && keep(ex);
    exchange_claim_end(ex, kept);
    if (seat->leads && flight_state(seat) == FLIGHT_OPEN && ex->failure.kind != FAILURE_NONE)
        flight_end(seat, FLIGHT_FAILED, &ex->failure);
    flight_leave(seat);
}
