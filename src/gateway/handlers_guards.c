/* /guardrails/…: which guardrails there are, and what one of them makes of a text. */

#include "ask.h"
#include "detail.h"
#include "exchange_guard_private.h"
#include "handlers.h"

static void write_guard(struct json_writer *w, const struct guard *g, bool with_id)
{
    json_object(w);
    if (with_id)
        json_member_string(w, "guardrail_id", slice_of(g->id));
    json_member_string(w, "guardrail_name", slice_of(g->name));
    json_key(w, "litellm_params"), json_value(w, g->shown);
    json_key(w, "guardrail_info");
    if (g->info)
        json_value(w, g->info);
    else
        json_raw(w, SLICE("{}"));
    if (with_id)
        json_member_string(w, "guardrail_definition_location", SLICE("config"));
    json_object_end(w);
}

static void write_list(struct exchange *ex, struct buf *body, bool with_id)
{
    const struct guards *all = &ex->config->guards;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "guardrails");
    json_array(&w);
    for (size_t i = 0; i < all->n; i++)
        write_guard(&w, &all->v[i], with_id);
    json_array_end(&w);
    json_object_end(&w);
}

void handle_guardrails(struct exchange *ex, struct buf *body)
{
    write_list(ex, body, false);
}

void handle_guardrails_v2(struct exchange *ex, struct buf *body)
{
    write_list(ex, body, true);
}

void handle_guardrail(struct exchange *ex, struct buf *body)
{
    const struct guards *all = &ex->config->guards;
    struct json_writer w;
    struct slice id = percent_decode(ex->route_item, &ex->arena);
    json_begin(&w, body);
    for (size_t i = 0; i < all->n; i++)
        if (slice_eq(slice_of(all->v[i].id), id)) {
            write_guard(&w, &all->v[i], true);
            return;
        }
    detail_refuse(ex, 404,
                  ARENA_JOIN(&ex->arena, SLICE("Guardrail with ID "), id, SLICE(" not found")));
}

/* ---- /guardrails/apply_guardrail ---------------------------------------------------------------
 */

struct applying {
    struct guard_texts texts;
    struct guard_text *text;
    struct guard_ask ask;
    struct failure refusal;
};

static void write_text(struct exchange *ex, struct buf *body)
{
    const struct applying *x = ex->own.state;
    struct json_writer w;
    ex->failure = x->refusal;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "response_text", x->text->text);
    json_object_end(&w);
}

static bool is_answered(struct exchange *ex)
{
    struct applying *x = ex->own.state;
    return guard_ask_step(&x->ask);
}

static void end(struct exchange *ex)
{
    struct applying *x = ex->own.state;
    guard_ask_cancel(&x->ask);
}

static void filter(struct exchange *ex, struct applying *x, const struct guard *g)
{
    struct guard_found found = {0};
    struct guard_filters one = {.of = {g}, .rules = {g->rules}, .n = 1};
    guard_filter_texts(&one, &found, &x->texts);
    guard_judge(ex, &one, &found, &x->refusal);
}

void handle_apply_guardrail(struct exchange *ex, struct buf *body)
{
    yyjson_val *asked = ask_body(ex);
    struct slice name = json_get_slice(asked, "guardrail_name"),
                 text = json_get_slice(asked, "text");
    const struct guard *g = guards_find(&ex->config->guards, name);
    if (!asked)
        return;
    if (!name.p || !text.p) {
        detail_refuse_input(ex, "body", name.p ? "text" : "guardrail_name", "Field required");
        return;
    }
    if (!g) {
        detail_refuse(ex, 404,
                      ARENA_JOIN(&ex->arena, SLICE("Guardrail '"), name, SLICE("' not found")));
        return;
    }
    struct applying *x = ARENA_NEW(&ex->arena, struct applying);
    ex->own.state = x;
    guard_texts_init(&x->texts, &ex->arena);
    x->text = guard_texts_add(&x->texts, text);
    if (g->kind == GUARD_FILTER) {
        filter(ex, x, g);
        write_text(ex, body);
        return;
    }
    x->ask = (struct guard_ask){
        .ex = ex, .guards = {g}, .count = 1, .texts = &x->texts, .refusal = &x->refusal};
    ask_wait(ex, is_answered, write_text, end);
}
