/* Anthropic's Messages, answer side: what whole answers and streams have in common. */

#include "anthropic_messages.h"

struct slice messages_stop_reason(enum llm_stop stop, struct slice word)
{
    switch (stop) {
    case LLM_STOP_END_TURN:
    case LLM_STOP_MALFORMED_OUTPUT: return SLICE("end_turn");
    case LLM_STOP_SEQUENCE: return SLICE("stop_sequence");
    case LLM_STOP_TOOL_USE:
    case LLM_STOP_MALFORMED_TOOL_USE: return SLICE("tool_use");
    case LLM_STOP_MAX_TOKENS: return SLICE("max_tokens");
    case LLM_STOP_CONTENT_FILTER: return SLICE("refusal");
    case LLM_STOP_CONTEXT_WINDOW: return SLICE("model_context_window_exceeded");
    case LLM_STOP_OTHER: return word.n ? word : SLICE("end_turn");
    }
    return SLICE("end_turn");
}

void messages_write_usage(struct json_writer *w, const struct llm_usage *u, bool cache)
{
    cache = cache || u->tells_cache || u->cache_write || u->cache_read;
    json_object(w);
    json_member_integer(w, "input_tokens", u->input);
    if (cache) {
        json_member_integer(w, "cache_creation_input_tokens", u->cache_write);
        json_member_integer(w, "cache_read_input_tokens", u->cache_read);
    }
    if (u->tells_ttl) {
        json_key(w, "cache_creation");
        llm_usage_write_lifetimes(w, u);
    }
    json_member_integer(w, "output_tokens", u->output);
    if (u->tells_thinking) {
        json_key(w, "output_tokens_details");
        json_object(w);
        json_member_integer(w, "thinking_tokens", u->reasoning);
        json_object_end(w);
    }
    json_object_end(w);
}

/* ---- citations ----------------------------------------------------------------------------- */

/* Converse's kinds of a location, and Anthropic's words for them. */
static const struct place {
    const char *converse, *type;
    const char *index_from, *index, *start, *end;
} places[] = {
    {"documentChar", "char_location", "documentIndex", "document_index", "start_char_index",
     "end_char_index"},
    {"documentPage", "page_location", "documentIndex", "document_index", "start_page_number",
     "end_page_number"},
    {"documentChunk", "content_block_location", "documentIndex", "document_index",
     "start_block_index", "end_block_index"},
    {"searchResultLocation", "search_result_location", "searchResultIndex", "search_result_index",
     "start_block_index", "end_block_index"},
};

static void write_count(struct json_writer *w, const char *name, yyjson_val *v)
{
    int64_t n = 0;
    json_key_slice(w, slice_of(name));
    json_integer(w, json_int(v, &n) ? n : 0);
}

static void write_cited_text(struct json_writer *w, yyjson_val *pieces)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(pieces);
    json_key(w, "cited_text");
    json_string_begin(w);
    while ((item = yyjson_arr_iter_next(&it)))
        json_string_part(w, json_get_slice(item, "text"));
    json_string_end(w);
}

static void write_title(struct json_writer *w, const char *name, struct slice title)
{
    json_key_slice(w, slice_of(name));
    if (title.p)
        json_string(w, title);
    else
        json_null(w);
}

static void write_place(struct json_writer *w, const struct place *place, yyjson_val *citation,
                        yyjson_val *location)
{
    bool search = slice_eq(slice_of(place->type), SLICE("search_result_location"));
    struct slice title = json_get_slice(citation, "title");
    json_object(w);
    json_member_string(w, "type", slice_of(place->type));
    write_cited_text(w, json_get(citation, "sourceContent"));
    write_title(w, search ? "title" : "document_title", title);
    if (search)
        json_member_string(w, "source", json_get_slice(citation, "source"));
    write_count(w, place->index, json_get(location, place->index_from));
    write_count(w, place->start, json_get(location, "start"));
    write_count(w, place->end, json_get(location, "end"));
    json_object_end(w);
}

/* What Converse says of it in its own words; the form of Anthropic's passes as it is. */
void messages_write_citation(struct json_writer *w, yyjson_val *citation)
{
    yyjson_val *location = json_get(citation, "location");
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        yyjson_val *found = json_get(location, places[i].converse);
        if (found) {
            write_place(w, &places[i], citation, found);
            return;
        }
    }
    if (json_get(citation, "type"))
        json_value(w, citation);
    else
        write_place(w, &places[0], citation, NULL);
}
