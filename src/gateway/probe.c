/* Happy path: the deployment's model (or model_info.health_check_model) gets one short message with
 * the deployment's own parameters, thinking switched off; the whole answer is decoded as any other.
 *
 * Failure modes: a wildcard that names no model to check, a mode that is neither chat, embedding
 * nor rerank, whatever keeps a call from being built, and everything an upstream can answer. */

#include "probe.h"

#include "config/bedrock_name.h"
#include "config/wildcard.h"
#include "router.h"

#define MESSAGE     "Hey how's it going?" /* LiteLLM's */
#define INPUT       "test from litellm"
#define DOCUMENTS   "[\"my sample text\"]"
#define MAX_TOKENS  16
#define TIMEOUT_S   60.0
#define REQUEST_MAX (1024u * 1024) /* bytes; the deployment's own parameters are in it */

unsigned probe_timeout_ms(const struct deployment *d)
{
    double seconds = TIMEOUT_S;
    json_double(json_get(d->model_info, "health_check_timeout"), &seconds);
    return config_milliseconds(seconds > 0 ? seconds : TIMEOUT_S);
}

/* ---- what is called ------------------------------------------------------------------------ */

static bool find_model(struct probe *p, const struct config *c, struct failure *f)
{
    const struct deployment *d = p->deployment;
    struct provider_attempt *t = &p->attempt;
    struct slice own = json_get_slice(d->model_info, "health_check_model");
    struct bedrock_name name = {.id = slice_of(d->bedrock_id), .api = d->api};
    const char *error = own.n ? bedrock_name_parse(own, SLICE("bedrock"), &name) : NULL;
    if (error)
        return failure_set(f, &p->arena, FAILURE_BAD_REQUEST, 400,
                           "model_info.health_check_model: %s", error);
    if (slice_find_char(name.id, '*') >= 0)
        return failure_set(f, &p->arena, FAILURE_BAD_REQUEST, 400,
                           "a wildcard names no model to check: set model_info.health_check_model");
    t->model_id = name.id;
    t->api = name.api;
    t->model = router_facts(c, d, name.id, &p->arena);
    return true;
}

/* LiteLLM's modes; unset counts as chat. */
static bool find_mode(struct probe *p, struct failure *f)
{
    struct slice mode = json_get_slice(p->deployment->model_info, "mode");
    if (!mode.n)
        mode = json_slice(model_fact(p->attempt.model, "mode"));
    p->embeds = slice_eq(mode, SLICE("embedding"));
    p->reranks = slice_eq(mode, SLICE("rerank"));
    if (p->embeds || p->reranks || !mode.n || slice_eq(mode, SLICE("chat")) ||
        slice_eq(mode, SLICE("completion")) || slice_eq(mode, SLICE("responses")))
        return true;
    return failure_set(f, &p->arena, FAILURE_UNSUPPORTED, 400,
                       "mode %.*s cannot be checked, only chat, embedding and rerank",
                       SLICE_ARG(mode));
}

static void ask(struct probe *p)
{
    struct llm_message *m = ARENA_NEW(&p->arena, struct llm_message);
    struct llm_block **tail = &m->blocks;
    m->role = LLM_USER;
    llm_block_add(&tail, &p->arena, LLM_TEXT)->text = SLICE(MESSAGE);
    p->request.messages = m;
    p->request.max_tokens = MAX_TOKENS;
    json_int(json_get(p->deployment->model_info, "health_check_max_tokens"),
             &p->request.max_tokens);
}

/* Where the deployment would think by its own parameters. */
static void think_not(struct llm_thinking *t)
{
    if (t->kind != LLM_THINKING_UNSET || t->effort.n)
        *t = (struct llm_thinking){.kind = LLM_THINKING_OFF};
}

static void set_inputs(struct probe *p)
{
    p->inputs.inputs = ARENA_NEW(&p->arena, struct slice);
    p->inputs.inputs[0] = SLICE(INPUT);
    p->inputs.count = 1;
}

static void set_documents(struct probe *p)
{
    p->ranking = (struct rerank_request){
        .query = SLICE(INPUT),
        .documents = json_parse(SLICE(DOCUMENTS), &p->arena, NULL),
        .count = 1,
        .top_n = 1,
    };
}

/* ---- building ------------------------------------------------------------------------------ */

static void prepare(struct probe *p, const struct probe_from *from)
{
    const struct deployment *d = p->deployment;
    llm_request_init(&p->request);
    p->request.drop_params = d->drop_params;
    p->attempt.deployment = d;
    p->attempt.request = &p->request;
    p->attempt.plan = &p->plan;
    p->attempt.credentials = from->credentials;
    p->attempt.now = from->now;
    p->attempt.arena = p->attempt.prompt = &p->arena;
    p->attempt.body = &p->body;
}

static void drop_listed(struct probe *p)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(p->deployment->drop_list);
    while ((item = yyjson_arr_iter_next(&it)))
        llm_request_drop(&p->request, json_slice(item), &p->arena);
}

static bool build(struct probe *p, struct http_call *call, struct failure *f)
{
    if (p->embeds) {
        set_inputs(p);
    } else if (p->reranks) {
        set_documents(p);
    } else {
        ask(p);
        p->provider = provider_choose(p->attempt.api, p->attempt.model);
        p->attempt.api = p->provider->api;
    }
    if (p->deployment->preset)
        llm_request_preset(&p->request, p->deployment->preset, &p->arena);
    think_not(&p->request.thinking);
    drop_listed(p);
    if (p->reranks)
        return rerank_build(&p->attempt, &p->ranking, call, f);
    if (!p->embeds)
        return p->provider->build(&p->attempt, call, f);
    return embed_plan_make(&p->attempt, &p->inputs, &p->embedding, f) &&
           embed_build(&p->attempt, &p->embedding, 0, call, f);
}

bool probe_build(struct probe *p, const struct probe_from *from, const struct deployment *d,
                 struct http_call *call, struct failure *f)
{
    *p = (struct probe){.deployment = d};
    arena_init(&p->arena);
    buf_init(&p->body, REQUEST_MAX);
    prepare(p, from);
    bool good = find_model(p, from->config, f) && find_mode(p, f) && build(p, call, f);
    p->attempt.credentials = NULL; /* the call is signed */
    return good;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void on_event(void *user, const struct llm_event *e)
{
    struct failure *f = user;
    if (e->kind == EV_FAIL)
        *f = *e->failure;
}

static void read_chat(struct probe *p, const struct batch_answer *answer, struct failure *f)
{
    const struct llm_sink sink = {on_event, f};
    void *decoder = p->provider->decoder(&p->attempt, answer->status, answer->headers, &sink);
    if (p->provider->feed(decoder, answer->body))
        p->provider->finish(decoder);
    p->provider->fini(decoder);
}

static void read_embedding(struct probe *p, const struct batch_answer *answer, struct failure *f)
{
    struct embed_answer read;
    embed_read(&p->attempt, &p->embedding, 0, answer->status, answer->headers, answer->body,
               &p->arena, &read, f);
}

static void read_ranking(struct probe *p, const struct batch_answer *answer, struct failure *f)
{
    struct rerank_result *results;
    size_t count;
    rerank_read(&p->attempt, &p->ranking, answer->status, answer->headers, answer->body, &results,
                &count, f);
}

struct failure probe_read(struct probe *p, const struct batch_answer *answer)
{
    struct failure f = {0};
    bool timeout = answer->end >= UPSTREAM_TIMEOUT_CONNECT && answer->end <= UPSTREAM_TIMEOUT_TOTAL;
    if (answer->end != UPSTREAM_DONE) {
        failure_set(&f, &p->arena, timeout ? FAILURE_TIMEOUT : FAILURE_BAD_GATEWAY,
                    timeout ? 408 : 502, "%s", answer->detail);
        f.upstream = true;
    } else if (p->embeds) {
        read_embedding(p, answer, &f);
    } else if (p->reranks) {
        read_ranking(p, answer, &f);
    } else {
        read_chat(p, answer, &f);
    }
    return f;
}

void probe_fini(struct probe *p)
{
    arena_fini(&p->arena);
    buf_fini(&p->body);
}
