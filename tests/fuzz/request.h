#ifndef FUZZ_REQUEST_H
#define FUZZ_REQUEST_H

/* What must hold of a request that a dialect took, on its way through the plan and the providers.
 */

#include "dialect/dialect.h"
#include "llm/estimate.h"
#include "provider/count.h"
#include "provider/plan.h"
#include "provider/provider.h"

#include <stdlib.h>

static inline void check(bool ok)
{
    if (!ok)
        abort();
}

/* Our body nests a little deeper than the client's; beyond the limit neither is read. */
static inline void check_json(struct slice text, struct arena *a)
{
    struct json_error e;
    check(json_parse(text, a, &e) || slice_eq(slice_of(e.message), SLICE("nested too deeply")));
}

static inline void check_refusal(const struct dialect *dialect, const struct failure *f,
                                 struct arena *a)
{
    struct buf out;
    check(f->kind != FAILURE_NONE && f->status >= 400 && f->status < 600);
    buf_init(&out, 1 << 20);
    dialect->encode_failure(f, &out);
    check(!out.overflow);
    check_json(buf_slice(&out), a);
    buf_fini(&out);
}

/* A member twice: nobody knows which one the upstream takes. */
static inline void check_members(struct slice text, struct arena *a)
{
    yyjson_val *body = json_parse(text, a, NULL), *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(body);
    for (size_t i = 0; (key = yyjson_obj_iter_next(&it)); i++) {
        yyjson_obj_iter other = yyjson_obj_iter_with(body);
        for (size_t j = 0; j < i; j++)
            check(!slice_eq(json_slice(yyjson_obj_iter_next(&other)), json_slice(key)));
    }
}

/* ---- models -------------------------------------------------------------------------------- */

/* All that plans depend on: how a model thinks, whether it has tools, a cache, schemas … */
static const char *const ids[] = {
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "us.anthropic.claude-opus-4-5-20251101-v1:0",
    "us.anthropic.claude-opus-4-6-v1",
    "us.anthropic.claude-opus-4-7",
    "us.anthropic.claude-opus-5",
    "us.anthropic.claude-opus-5-5",
    "us.anthropic.claude-fable-5",
    "anthropic.claude-nobody-knows-it-9",
    "us.amazon.nova-pro-v1:0",
    "us.amazon.nova-2-lite-v1:0",
    "meta.llama3-1-70b-instruct-v1:0",
    "mistral.mistral-7b-instruct-v0:2",
    "us.deepseek.r1-v1:0",
    "openai.gpt-oss-120b-1:0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
};
#define TITAN "amazon.titan-text-express-v1"
enum { MODELS = sizeof(ids) / sizeof(*ids) };

/* Made once, and kept until the process ends. */
static inline const struct model *model(size_t i)
{
    static struct arena a;
    static const struct model *made[MODELS + 1];
    if (!made[0]) {
        struct model_table *t = model_table_new(SLICE(""), NULL);
        arena_init(&a);
        for (size_t m = 0; m <= MODELS; m++)
            made[m] =
                models_find(t, slice_of(m < MODELS ? ids[m] : TITAN), SLICE("us-east-1"), NULL, &a);
    }
    return made[i];
}

/* ---- plans --------------------------------------------------------------------------------- */

static inline size_t count_kind(const struct llm_block *b, enum llm_block_kind kind)
{
    size_t n = 0;
    for (; b; b = b->next)
        n += b->kind == kind;
    return n;
}

/* User first, in turns, none empty, every call with its result in the next turn, and thinking in
 * front. */
static inline void check_conversation(const struct plan *p)
{
    size_t calls = 0, points = count_kind(p->system, LLM_CACHE_POINT);
    for (const struct llm_message *m = p->messages; m; m = m->next) {
        bool user = m->role == LLM_USER;
        check(m->blocks && (m != p->messages || user));
        check(!m->next || m->next->role != m->role);
        check(count_kind(m->blocks, LLM_TOOL_RESULT) == (user ? calls : 0));
        calls = count_kind(m->blocks, LLM_TOOL_USE);
        points += count_kind(m->blocks, LLM_CACHE_POINT);
        check(!user || !calls);
        check(!count_kind(m->blocks, LLM_REASONING) || m->blocks->kind == LLM_REASONING);
    }
    check(p->messages && !calls);
    for (const struct llm_tool *t = p->tools; t; t = t->next)
        points += t->cache_point;
    check(points <= 4);
}

static inline void check_call(const struct provider *p, const struct model *m,
                              const struct llm_request *r, bool drop, const struct dialect *dialect,
                              struct arena *a)
{
    static struct sigv4_key key;
    struct failure f = {0};
    struct buf body;
    struct plan plan;
    struct http_call call;
    struct deployment d = {.model_name = "m",
                           .region = "us-east-1",
                           .endpoint = "http://127.0.0.1",
                           .credentials = {SLICE("id"), SLICE("secret"), SLICE("token")},
                           .drop_params = drop,
                           .prompt_caching_auto = drop,
                           .signing_key = &key};
    struct provider_attempt t = {.deployment = &d,
                                 .model_id = SLICE("model"),
                                 .model = m,
                                 .api = p->api,
                                 .plan = &plan,
                                 .request = r,
                                 .now = 1700000000,
                                 .arena = a,
                                 .prompt = a,
                                 .body = &body};
    buf_init(&body, 1 << 26);
    if (p->build(&t, &call, &f)) {
        struct slice first = arena_dup(a, call.body);
        check(!body.overflow);
        check_conversation(&plan);
        check_json(first, a);
        check_members(first, a);
        check(p->build(&t, &call, &f) && slice_eq(call.body, first));
    } else {
        check_refusal(dialect, &f, a);
    }
    buf_fini(&body);
}

static inline void check_count(const struct llm_request *r, const struct dialect *dialect,
                               struct arena *a)
{
    static struct sigv4_key key;
    struct failure f = {0};
    struct buf body;
    struct plan plan;
    struct http_call call;
    struct deployment d = {.region = "us-east-1",
                           .endpoint = "http://127.0.0.1",
                           .credentials = {SLICE("id"), SLICE("secret"), SLICE("")},
                           .signing_key = &key};
    struct provider_attempt t = {.deployment = &d,
                                 .model = model(0),
                                 .plan = &plan,
                                 .request = r,
                                 .now = 1700000000,
                                 .arena = a,
                                 .prompt = a,
                                 .body = &body};
    buf_init(&body, 1 << 26);
    if (count_build(&t, SLICE("model"), &call, &f))
        check_json(call.body, a);
    else
        check_refusal(dialect, &f, a);
    check(llm_estimate_request(r) >= 0);
    buf_fini(&body);
}

/* What was accepted, through the plan and every provider that fits. */
static inline void check_request(const struct llm_request *r, const struct model *m, bool drop,
                                 const struct dialect *dialect, struct arena *a)
{
    check_count(r, dialect, a);
    check_call(&provider_bedrock, m, r, drop, dialect, a);
    if (m->family == FAMILY_CLAUDE)
        check_call(&provider_anthropic_invoke, m, r, drop, dialect, a);
    check_call(&provider_titan, model(MODELS), r, drop, dialect, a);
}

#endif
