/* OpenAI's POST /v1/responses/compact: a long conversation becomes a short one to go on from.
 *
 * The happy path: the request is one of Responses, with one more turn that asks the model for a
 * summary; what it says is the content of one `compaction` item, which a later input may begin
 * with. OpenAI's item is encrypted; this one can be read, since no model of Bedrock's knows the
 * other.
 *
 * Failure modes: those of a response. An answer without a text, or cut off, is no summary: nothing
 * stands for the conversation, and the client keeps what it has. */

#include "openai_responses.h"

#include "openai_error.h"

#define ASK                                                                                        \
    "The conversation is getting too long. Write a summary of it that takes its place, for "       \
    "yourself: what the user wants, what was decided and done, what was found out (names, paths, " \
    "figures, results of tools that still matter), what is left to do. Write nothing but the "     \
    "summary."
#define HEAD "Summary of the conversation so far:\n\n"

/* Tools cannot be called now; their calls are part of what is to be told. */
static bool compact_parse(yyjson_val *body, struct arena *a, struct llm_request *out,
                          struct failure *f)
{
    struct llm_message **tail = &out->messages;
    struct llm_block **blocks;
    if (!dialect_openai_responses.parse(body, a, out, f))
        return false;
    out->stream = false;
    out->tool_choice = LLM_TOOLS_NONE;
    out->format = (struct llm_format){.kind = LLM_FORMAT_TEXT};
    while (*tail)
        tail = &(*tail)->next;
    *tail = ARENA_NEW(a, struct llm_message);
    (*tail)->role = LLM_USER;
    blocks = &(*tail)->blocks;
    llm_block_add(&blocks, a, LLM_TEXT)->text = SLICE(ASK);
    return true;
}

/* Nothing must stand for the conversation that does not. */
static bool compact_accept(const struct llm_response *response, struct arena *a, struct failure *f)
{
    bool said = false;
    for (const struct llm_part *p = response->parts; p; p = p->next)
        said = said || (p->kind == LLM_PART_TEXT && !slice_is_blank(buf_slice(&p->text)));
    if (said && response->stop == LLM_STOP_END_TURN)
        return true;
    return failure_set(f, a, FAILURE_BAD_GATEWAY, 502,
                       "the model did not write a whole summary of the conversation");
}

/* Nothing is; but what the request goes on from is read. */
static struct slice compact_kept(const void *encoder)
{
    return slice_make(NULL, 0);
}

static void write_item(struct json_writer *w, const struct llm_response *response, struct slice id)
{
    json_object(w);
    json_key(w, "id");
    json_string_begin(w);
    json_string_part(w, SLICE("cmp_"));
    json_string_part(w, slice_skip(id, sizeof("resp_") - 1));
    json_string_end(w);
    json_member_string(w, "type", SLICE("compaction"));
    json_key(w, "encrypted_content");
    json_string_begin(w);
    json_string_part(w, SLICE(HEAD));
    for (const struct llm_part *p = response->parts; p; p = p->next)
        if (p->kind == LLM_PART_TEXT)
            json_string_part(w, buf_slice(&p->text));
    json_string_end(w);
    json_object_end(w);
}

static void compact_encode_whole(const struct llm_response *response, const struct llm_request *r,
                                 const struct dialect_answer *ans, struct buf *out)
{
    struct arena a;
    struct json_writer w;
    arena_init(&a);
    struct slice id = responses_id(ans->uuid, &a);
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "id", id);
    json_member_string(&w, "object", SLICE("response.compaction"));
    json_member_integer(&w, "created_at", ans->created);
    json_key(&w, "output");
    json_array(&w);
    write_item(&w, response, id);
    json_array_end(&w);
    json_key(&w, "usage");
    responses_write_usage(&w, &response->usage);
    json_object_end(&w);
    arena_fini(&a);
}

const struct dialect dialect_openai_compact = {
    .name = "openai_compact",
    .id_header = "x-request-id",
    .parse = compact_parse,
    .kept = compact_kept,
    .accept = compact_accept,
    .encode_whole = compact_encode_whole,
    .encode_failure = openai_error_write,
};
