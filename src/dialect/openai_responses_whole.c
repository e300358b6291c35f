/* OpenAI's Responses, answer side, whole: the events of a folded answer go through the encoder of
 * streams, whose last event holds the response. So both say the same. */

#include "openai_responses.h"

struct replay {
    void *encoder;
    struct buf events; /* that nobody reads */
};

static void give(struct replay *r, const struct llm_event *e)
{
    buf_reset(&r->events);
    responses_encode(r->encoder, e, &r->events);
}

static void give_text(struct replay *r, enum llm_event_kind kind, unsigned block,
                      const struct buf *text)
{
    if (text->n)
        give(r, &(struct llm_event){.kind = kind, .block = block, .text = buf_slice(text)});
}

/* The fold keeps them as values with commas between them. */
static void give_citations(struct replay *r, const struct llm_part *p, struct arena *a)
{
    yyjson_val *item;
    struct slice list = ARENA_JOIN(a, SLICE("["), buf_slice(&p->citations), SLICE("]"));
    yyjson_arr_iter it = yyjson_arr_iter_with(p->citations.n ? json_parse(list, a, NULL) : NULL);
    while ((item = yyjson_arr_iter_next(&it)))
        give(r, &(struct llm_event){.kind = EV_CITATION, .block = p->block, .json = item});
}

static void give_part(struct replay *r, const struct llm_part *p, struct arena *a)
{
    if (p->kind == LLM_PART_TOOL_CALL) {
        give(r, &(struct llm_event){
                    .kind = EV_BLOCK_START, .block = p->block, .id = p->id, .name = p->name});
        give_text(r, EV_TOOL_ARGS, p->block, &p->text);
    } else if (p->kind == LLM_PART_TEXT) {
        give_text(r, EV_TEXT, p->block, &p->text);
        give_citations(r, p, a);
    } else if (p->kind == LLM_PART_REASONING) {
        give_text(r, EV_REASONING, p->block, &p->text);
        give_text(r, EV_SIGNATURE, p->block, &p->signature);
        give_text(r, EV_REDACTED, p->block, &p->redacted);
    }
}

void responses_encode_whole(const struct llm_response *response, const struct llm_request *r,
                            const struct dialect_answer *ans, struct buf *out)
{
    struct arena a;
    struct replay replay;
    arena_init(&a);
    buf_init(&replay.events, out->cap);
    replay.encoder = responses_encoder_of_whole(&a, r, ans);
    for (const struct llm_part *p = response->parts; p; p = p->next)
        give_part(&replay, p, &a);
    give(&replay, &(struct llm_event){.kind = EV_STOP, .stop = response->stop});
    if (response->has_usage)
        give(&replay, &(struct llm_event){.kind = EV_USAGE, .usage = &response->usage});
    give(&replay, &(struct llm_event){.kind = EV_END});
    buf_add(out, responses_kept(replay.encoder));
    buf_fini(&replay.events);
    arena_fini(&a);
}
