#ifndef TESTS_PLANNED_H
#define TESTS_PLANNED_H

/* A chat request in JSON → its plan, told in one line a person can read:
 *
 *     u['Hi' |] a[think 'A' call:c1:read:{}] u[result:c1('ok')]
 *
 * Texts stand in quotes (g'…' when guarded), thinking is "think", "secret" (redacted) or "think*"
 * (recalled), media are img, doc and vid, a failed result has a '!', a cache point is '|' or '|1h'.
 * JSON in these tests is written with single quotes. */

#include "attempt.h"

#include "dialect/dialect.h"

#define HAIKU3   "anthropic.claude-3-haiku-20240307-v1:0"
#define SONNET35 "anthropic.claude-3-5-sonnet-20241022-v2:0"
#define SONNET37 "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
#define SONNET45 "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
#define OPUS45   "us.anthropic.claude-opus-4-5-20251101-v1:0"
#define OPUS46   "us.anthropic.claude-opus-4-6-v1"
#define OPUS47   "us.anthropic.claude-opus-4-7"
#define OPUS5    "us.anthropic.claude-opus-5"
#define OPUS55   "us.anthropic.claude-opus-5-5"
#define FABLE5   "us.anthropic.claude-fable-5"
#define NOVA     "us.amazon.nova-pro-v1:0"
#define NOVA2    "us.amazon.nova-2-lite-v1:0"
#define LLAMA    "meta.llama3-1-70b-instruct-v1:0"
#define MISTRAL7 "mistral.mistral-7b-instruct-v0:2"
#define TITAN    "amazon.titan-text-express-v1"
#define DEEPSEEK "us.deepseek.r1-v1:0"
#define GPT_OSS  "openai.gpt-oss-120b-1:0"
#define ARN      "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

struct planned {
    struct fixture x;
    bool planned; /* false: see x.failure */
    struct buf out;
};

/* Single quotes become double ones. */
static inline struct slice quoted(struct arena *a, const char *text)
{
    char *copy = arena_strdup(a, slice_of(text));
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return slice_of(copy);
}

static inline void planned_init(struct planned *p, const char *model)
{
    fixture_init(&p->x);
    buf_init(&p->out, 1 << 24);
    p->planned = false;
    p->x.body.cap = 1 << 24;
    p->x.deployment.region = "us-east-1";
    p->x.attempt.api = BEDROCK_CONVERSE;
    p->x.attempt.model_id = slice_of(model);
    p->x.attempt.model =
        models_find(p->x.models, slice_of(model), SLICE("us-east-1"), NULL, &p->x.arena);
}

static inline void planned_fini(struct planned *p)
{
    buf_fini(&p->out);
    fixture_fini(&p->x);
}

/* `members`: of the body, without its braces. */
static inline void planned_parse(struct planned *p, const char *members)
{
    struct fixture *x = &p->x;
    struct slice text = arena_printf(&x->arena, "{%s}", quoted(&x->arena, members).p);
    yyjson_val *body = json_parse(text, &x->arena, NULL);
    if (!body)
        fail_msg("no JSON: %s", text.p);
    if (!dialect_openai_chat.parse(body, &x->arena, &x->request, &x->failure))
        fail_msg("refused by the dialect: %s: %s", x->failure.message.p, text.p);
}

static inline void planned_make(struct planned *p)
{
    p->planned = plan_make(&p->x.attempt, &p->x.plan, &p->x.failure);
}

static inline void planned_of(struct planned *p, const char *model, const char *members)
{
    planned_init(p, model);
    planned_parse(p, members);
    planned_make(p);
}

/* ---- telling it ---------------------------------------------------------------------------- */

static inline void tell_blocks(struct buf *b, const struct llm_block *blocks);

static inline void tell_point(struct buf *b, struct slice ttl)
{
    buf_add_char(b, '|');
    buf_add(b, ttl);
}

static inline void tell_block(struct buf *b, const struct llm_block *block)
{
    switch (block->kind) {
    case LLM_TEXT:
        buf_addf(b, "%s'%.*s'", block->guarded ? "g" : "", SLICE_ARG(block->text));
        break;
    case LLM_IMAGE: buf_add(b, SLICE("img")); break;
    case LLM_DOCUMENT: buf_add(b, block->citations ? SLICE("cited") : SLICE("doc")); break;
    case LLM_VIDEO: buf_add(b, SLICE("vid")); break;
    case LLM_TOOL_USE:
        buf_addf(b, "call:%.*s:%.*s:%.*s", SLICE_ARG(block->id), SLICE_ARG(block->name),
                 SLICE_ARG(block->input));
        break;
    case LLM_TOOL_RESULT:
        buf_addf(b, "result:%.*s%s(", SLICE_ARG(block->id), block->is_error ? "!" : "");
        tell_blocks(b, block->content);
        buf_add_char(b, ')');
        break;
    case LLM_REASONING:
        buf_addf(b, "%s%s", block->redacted.n ? "secret" : "think", block->recalled ? "*" : "");
        break;
    case LLM_CACHE_POINT: tell_point(b, block->ttl); break;
    case LLM_SEARCH: buf_add(b, SLICE("search")); break;
    case LLM_FOREIGN: buf_add(b, SLICE("foreign")); break;
    }
}

static inline void tell_blocks(struct buf *b, const struct llm_block *blocks)
{
    for (const struct llm_block *i = blocks; i; i = i->next) {
        if (i != blocks)
            buf_add_char(b, ' ');
        tell_block(b, i);
    }
}

static inline const char *told(struct planned *p)
{
    buf_add_char(&p->out, '\0');
    return p->out.p;
}

static inline const char *tell_messages(struct planned *p)
{
    buf_reset(&p->out);
    for (const struct llm_message *m = p->x.plan.messages; m; m = m->next) {
        buf_addf(&p->out, "%s%c[", m == p->x.plan.messages ? "" : " ",
                 m->role == LLM_USER ? 'u' : 'a');
        tell_blocks(&p->out, m->blocks);
        buf_add_char(&p->out, ']');
    }
    return told(p);
}

static inline const char *tell_system(struct planned *p)
{
    buf_reset(&p->out);
    tell_blocks(&p->out, p->x.plan.system);
    return told(p);
}

/* "read! |1h write": the tools that are offered ('!': strict), then "auto", "any" or "=name". */
static inline const char *tell_tools(struct planned *p)
{
    static const char *const choices[] = {[LLM_TOOLS_AUTO] = "auto", [LLM_TOOLS_REQUIRED] = "any"};
    const struct plan *plan = &p->x.plan;
    buf_reset(&p->out);
    for (const struct llm_tool *t = plan->tools; t; t = t->next) {
        buf_addf(&p->out, "%s%.*s%s", t == plan->tools ? "" : " ", SLICE_ARG(t->name),
                 t->strict ? "!" : "");
        if (t->cache_point)
            (buf_add_char(&p->out, ' '), tell_point(&p->out, t->ttl));
    }
    if (plan->tool_choice == LLM_TOOLS_NAMED)
        buf_addf(&p->out, " =%.*s", SLICE_ARG(plan->tool_choice_name));
    else if (plan->tool_choice != LLM_TOOLS_UNSET)
        buf_addf(&p->out, " %s", choices[plan->tool_choice]);
    return told(p);
}

static inline const char *tell_repairs(struct planned *p)
{
    buf_reset(&p->out);
    for (unsigned i = 0; i < REPAIR_COUNT; i++)
        if (p->x.plan.repairs >> i & 1)
            buf_addf(&p->out, "%s%s", p->out.n ? " " : "", plan_repair_name(i));
    return told(p);
}

/* The body as Converse gets it. */
static inline const char *tell_body(struct planned *p)
{
    struct http_call call;
    if (!provider_bedrock.build(&p->x.attempt, &call, &p->x.failure))
        fail_msg("not built: %s", p->x.failure.message.p);
    buf_reset(&p->out);
    buf_add(&p->out, call.body);
    return told(p);
}

static inline void check_told(const char *name, const char *actual, const char *expected)
{
    if (strcmp(actual, expected) != 0)
        fail_msg("%s\n  expected: %s\n  actual:   %s", name, expected, actual);
}

#endif
