/* Weights & Biases Weave: one span for each request, with Weave's and OpenInference's attributes as
 * LiteLLM's weave_otel sets them (docs.wandb.ai, "Weave: OpenTelemetry"). `wandb` means the same.
 */

#include "otel.h"
#include "payload.h"

#define BASE "https://trace.wandb.ai"
#define PATH "/otel/v1/traces"

static struct slice display_name(const struct record *r, yyjson_val *metadata, struct arena *a)
{
    struct slice said = json_get_slice(metadata, "display_name");
    struct slice model = r->text.upstream.n ? r->text.upstream : r->text.model;
    struct slice name = arena_dup(a, said.n ? said : ARENA_JOIN(a, SLICE("bedrock/"), model));
    struct buf b;
    buf_init(&b, 4 * name.n + 1);
    while (name.p) { /* Weave takes no slashes */
        buf_add(&b, slice_split(&name, '/'));
        if (name.p)
            BUF_LITERAL(&b, "__");
    }
    name = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return name;
}

static void write_values(struct otlp *o, const struct record *r, struct arena *a)
{
    const struct record_texts *t = &r->text;
    if (t->messages.n)
        otlp_text(o, "input.value",
                  t->tools.n ? ARENA_JOIN(a, SLICE("{\"messages\":"), t->messages,
                                          SLICE(",\"tools\":"), t->tools, SLICE("}"))
                             : ARENA_JOIN(a, SLICE("{\"messages\":"), t->messages, SLICE("}")));
    if (!r->failed)
        otlp_text(o, "output.value", payload_answer(r, a));
}

static void write_more(struct otlp *o, const struct record *r, struct arena *a)
{
    const struct record_texts *t = &r->text;
    otlp_text(o, "openinference.span.kind", SLICE("LLM"));
    otlp_text(o, "llm.model_name", t->upstream.n ? t->upstream : t->model);
    otlp_text(o, "llm.invocation_parameters", t->parameters);
    otlp_integer(o, "llm.token_count.prompt", llm_usage_prompt(&r->usage));
    otlp_integer(o, "llm.token_count.completion", r->usage.output);
    otlp_integer(o, "llm.token_count.total", record_tokens(r));
    otlp_integer(o, "gen_ai.usage.total_tokens", record_tokens(r));
    otlp_integer(o, "gen_ai.usage.cache_write.input_tokens", r->usage.cache_write);
    write_values(o, r, a);
    otlp_text(o, "wandb.display_name", display_name(r, otlp_parse(t->metadata, a), a));
    otlp_text(o, "wandb.thread_id", t->session);
    if (t->session.n)
        otlp_bool(o, "wandb.is_turn", true);
}

static void *weave_open(struct sink_setup *s)
{
    struct slice key = sink_setting(s, "api_key", "WANDB_API_KEY");
    struct slice project = sink_setting(s, "project_id", "WANDB_PROJECT_ID");
    if (!key.n || !project.n)
        return sink_refuse(s, NULL, "%s is not set",
                           key.n ? "WANDB_PROJECT_ID (entity/project)" : "WANDB_API_KEY");
    struct otel *o = otel_new(s);
    if (!o)
        return NULL;
    struct slice host = sink_setting(s, "host", "WANDB_HOST");
    o->url = sink_url(&o->arena, host.n ? host : SLICE(BASE), SLICE(PATH));
    o->authorization = sink_basic(&o->arena, SLICE("api"), key);
    o->project = arena_dup(&o->arena, project);
    o->more = write_more;
    s->wants_bodies = true;
    return o;
}

const struct sink_kind sink_weave = {
    .names = {"weave_otel", "wandb"},
    .variables = {"WANDB_API_KEY", "WANDB_PROJECT_ID", "WANDB_HOST"},
    .open = weave_open,
    .write = otel_write,
    .missed = otel_missed,
    .free = sink_free,
};
