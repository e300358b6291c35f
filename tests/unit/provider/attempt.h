#ifndef TESTS_ATTEMPT_H
#define TESTS_ATTEMPT_H

#include "../base/check.h"

#include "provider/plan.h"
#include "provider/provider.h"

/* An attempt with what it points to, and the last event of its answer. */
struct fixture {
    struct arena arena;
    struct buf body;
    struct sigv4_key key;
    struct deployment deployment;
    struct llm_request request;
    struct llm_message message;
    struct llm_block block;
    struct model_table *models;
    struct plan plan;
    struct provider_attempt attempt;
    struct llm_sink sink;
    int events, ends;
    struct failure failure;
};

static inline void fixture_event(void *user, const struct llm_event *e)
{
    struct fixture *x = user;
    x->events++;
    x->ends += e->kind == EV_END || e->kind == EV_FAIL;
    if (e->kind == EV_FAIL)
        x->failure = *e->failure;
}

/* A request that says "Hi". */
static inline void fixture_init(struct fixture *x)
{
    *x = (struct fixture){.ends = 0};
    arena_init(&x->arena);
    buf_init(&x->body, 1 << 20);
    llm_request_init(&x->request);
    x->block = (struct llm_block){.kind = LLM_TEXT, .text = SLICE("Hi")};
    x->message = (struct llm_message){.role = LLM_USER, .blocks = &x->block};
    x->request.messages = &x->message;
    x->deployment = (struct deployment){
        .model_name = "claude",
        .region = "eu-west-1",
        .endpoint = "https://bedrock-runtime.eu-west-1.amazonaws.com",
        .credentials = {SLICE("AKIDEXAMPLE"), SLICE("secret"), SLICE("")},
        .signing_key = &x->key,
    };
    x->models = model_table_new(SLICE(""), NULL);
    x->attempt = (struct provider_attempt){
        .deployment = &x->deployment,
        .model_id = SLICE("eu.anthropic.claude-3-7-sonnet-20250219-v1:0"),
        .model = models_find(x->models, SLICE("eu.anthropic.claude-3-7-sonnet-20250219-v1:0"),
                             SLICE("eu-west-1"), NULL, &x->arena),
        .plan = &x->plan,
        .request = &x->request,
        .now = 1700000000, /* 2023-11-14T22:13:20Z */
        .arena = &x->arena,
        .prompt = &x->arena,
        .body = &x->body,
    };
    x->sink = (struct llm_sink){fixture_event, x};
}

static inline void fixture_fini(struct fixture *x)
{
    buf_fini(&x->body);
    model_table_free(x->models);
    arena_fini(&x->arena);
}

#endif
