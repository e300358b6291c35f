/* OpenAI's Responses, answer side: the items of the output and the response around them, for whole
 * answers and streams alike.
 *
 * The happy path: one item is open at a time. Texts are kept as they were written for their first
 * event, escaped, because they are said again when their part, their item and the response are
 * done.
 *
 * Failure modes: the texts together are capped (LLM_ANSWER_MAX), which the caller looks at. */

#include "openai_responses.h"

#include "error_text.h"

#define TEXT_FIRST 1024        /* bytes of a text, at first */
#define ECHO_MAX   (64u << 20) /* bytes of the request that are repeated; the body cap is less */
#define ABSENT     "null"

/* ---- texts --------------------------------------------------------------------------------- */

struct slice responses_text_slice(const struct responses_text *t)
{
    return slice_make(t->p, t->n);
}

static void text_add(struct responses_text *t, struct arena *a, struct slice bytes)
{
    if (t->n + bytes.n > t->size) {
        size_t size = t->size ? t->size : TEXT_FIRST;
        while (size < t->n + bytes.n)
            size *= 2;
        t->p = arena_realloc(a, t->p, t->size, size);
        t->size = size;
    }
    if (bytes.n)
        memcpy(t->p + t->n, bytes.p, bytes.n);
    t->n += bytes.n;
}

void responses_append(struct responses_answer *r, struct responses_text *t, struct slice bytes)
{
    r->bytes += bytes.n;
    if (r->bytes <= LLM_ANSWER_MAX)
        text_add(t, r->arena, bytes);
}

/* ---- what the answer repeats of its request ------------------------------------------------ */

/* A member as the client gave it; `absent`: JSON. */
static void echo(struct json_writer *w, yyjson_val *said, const char *name, const char *absent)
{
    yyjson_val *v = json_get(said, name);
    json_key_slice(w, slice_of(name));
    if (v && !yyjson_is_null(v))
        json_value(w, v);
    else
        json_raw(w, slice_of(absent));
}

static void write_echo(struct json_writer *w, yyjson_val *said)
{
    static const struct {
        const char *name, *absent;
    } rows[] = {
        {"instructions", ABSENT},
        {"max_output_tokens", ABSENT},
        {"max_tool_calls", ABSENT},
        {"metadata", "{}"},
        {"parallel_tool_calls", "true"},
        {"previous_response_id", ABSENT},
        {"prompt_cache_key", ABSENT},
        {"reasoning", "{\"effort\":null,\"summary\":null}"},
        {"safety_identifier", ABSENT},
        {"service_tier", ABSENT},
        {"store", "true"},
        {"temperature", ABSENT},
        {"text", "{\"format\":{\"type\":\"text\"}}"},
        {"tool_choice", "\"auto\""},
        {"tools", "[]"},
        {"top_p", ABSENT},
        {"truncation", "\"disabled\""},
        {"user", ABSENT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        echo(w, said, rows[i].name, rows[i].absent);
}

static struct slice make_echo(struct arena *a, yyjson_val *said)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, ECHO_MAX);
    json_begin(&w, &b);
    write_echo(&w, said);
    struct slice kept = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return kept;
}

/* The request's bytes go while its answer streams. */
static void keep_tools(struct responses_answer *r, const struct llm_tool *t)
{
    struct responses_tool **tail = &r->tools;
    for (; t; t = t->next) {
        if (!t->text_input && !t->space.n)
            continue;
        struct responses_tool *kept = ARENA_NEW(r->arena, struct responses_tool);
        size_t before = t->space.n ? t->space.n + sizeof(LLM_SPACE_MARK) - 1 : 0;
        kept->full = arena_dup(r->arena, t->name);
        kept->name = slice_skip(kept->full, before);
        kept->space = slice_make(kept->full.p, t->space.n);
        kept->text_input = t->text_input;
        *tail = kept;
        tail = &kept->next;
    }
}

void responses_answer_init(struct responses_answer *r, struct arena *a,
                           const struct llm_request *request, const struct dialect_answer *head)
{
    *r = (struct responses_answer){.arena = a, .head = head};
    r->id = responses_id(head->uuid, a);
    r->tail = &r->items;
    r->echo = make_echo(a, request->said);
    keep_tools(r, request->tools);
}

/* ---- items --------------------------------------------------------------------------------- */

static const char *const prefixes[] = {
    [RESPONSES_MESSAGE] = "msg_",
    [RESPONSES_REASONING] = "rs_",
    [RESPONSES_CALL] = "fc_",
    [RESPONSES_CUSTOM] = "ctc_",
};

/* The response's id is in it, so that an item that is referred to can be found. */
struct responses_item *responses_open(struct responses_answer *r, enum responses_kind kind,
                                      unsigned block)
{
    struct responses_item *item = ARENA_NEW(r->arena, struct responses_item);
    item->kind = kind;
    item->block = block;
    item->index = r->count++;
    struct slice hex = slice_skip(r->id, sizeof("resp_") - 1);
    item->id = arena_printf(r->arena, "%s%.*s%x", prefixes[kind], SLICE_ARG(hex), item->index);
    *r->tail = item;
    r->tail = &item->next;
    r->open = item;
    return item;
}

static const struct responses_tool *find_tool(const struct responses_answer *r, struct slice name)
{
    const struct responses_tool *t = r->tools;
    while (t && !slice_eq(t->full, name))
        t = t->next;
    return t;
}

struct responses_item *responses_open_call(struct responses_answer *r, const struct llm_event *e)
{
    const struct responses_tool *t = find_tool(r, e->name);
    bool custom = t && t->text_input;
    struct responses_item *item =
        responses_open(r, custom ? RESPONSES_CUSTOM : RESPONSES_CALL, e->block);
    item->call_id = arena_dup(r->arena, e->id);
    item->name = t ? t->name : arena_dup(r->arena, e->name);
    item->space = t ? t->space : slice_make(NULL, 0);
    return item;
}

bool responses_is_cut(const struct responses_answer *r)
{
    return r->stop == LLM_STOP_MAX_TOKENS || r->stop == LLM_STOP_CONTEXT_WINDOW ||
           r->stop == LLM_STOP_CONTENT_FILTER;
}

/* ---- citations ----------------------------------------------------------------------------- */

/* Characters of the message so far; an escape is one. */
static size_t count_characters(struct responses_item *item)
{
    const char *p = item->text.p;
    for (size_t i = item->counted; i < item->text.n; i++) {
        unsigned char c = (unsigned char)p[i];
        item->characters += (c & 0xc0) != 0x80;
        if (c == '\\')
            i += p[i + 1] == 'u' ? 5 : 1;
    }
    item->counted = item->text.n;
    return item->characters;
}

/* A URL is a source of its own, anything else a document that the client gave. */
static void write_annotation(struct json_writer *w, yyjson_val *citation, size_t at)
{
    struct slice title = json_get_slice(citation, "title");
    struct slice source = json_get_slice(citation, "source");
    if (!title.p)
        title = json_get_slice(citation, "document_title");
    json_object(w);
    if (slice_starts(source, SLICE("http"))) {
        json_member_string(w, "type", SLICE("url_citation"));
        json_member_integer(w, "start_index", 0);
        json_member_integer(w, "end_index", (int64_t)at);
        json_member_string(w, "url", source);
        json_member_string(w, "title", title);
    } else {
        json_member_string(w, "type", SLICE("file_citation"));
        json_member_string(w, "file_id", source.n ? source : title);
        json_member_string(w, "filename", title);
        json_member_integer(w, "index", (int64_t)at);
    }
    json_object_end(w);
}

struct slice responses_annotate(struct responses_answer *r, yyjson_val *citation)
{
    struct responses_item *item = r->open;
    struct responses_text *all = &item->annotations;
    struct json_writer w;
    struct buf b;
    buf_init(&b, LLM_ANSWER_MAX);
    json_begin(&w, &b);
    write_annotation(&w, citation, count_characters(item));
    if (item->annotation_count++)
        responses_append(r, all, SLICE(","));
    responses_append(r, all, buf_slice(&b));
    size_t n = b.n;
    buf_fini(&b);
    return r->bytes > LLM_ANSWER_MAX ? SLICE("{}") : slice_make(all->p + all->n - n, n);
}

/* ---- items as JSON ------------------------------------------------------------------------- */

static void write_quoted(struct json_writer *w, struct slice inside)
{
    json_string_begin(w);
    buf_add(w->out, inside);
    json_string_end(w);
}

void responses_write_part(struct json_writer *w, const struct responses_item *item)
{
    bool message = item->kind == RESPONSES_MESSAGE;
    json_object(w);
    json_member_string(w, "type", message ? SLICE("output_text") : SLICE("summary_text"));
    json_key(w, "text");
    write_quoted(w, responses_text_slice(&item->text));
    if (message) {
        json_key(w, "annotations");
        json_array(w);
        if (item->annotations.n)
            json_raw(w, responses_text_slice(&item->annotations));
        json_array_end(w);
        (json_key(w, "logprobs"), json_array(w), json_array_end(w));
    }
    json_object_end(w);
}

/* `begun`: there is something in it. */
static void write_message(struct json_writer *w, const struct responses_item *item, bool begun)
{
    json_member_string(w, "role", SLICE("assistant"));
    json_key(w, "content");
    json_array(w);
    if (begun)
        responses_write_part(w, item);
    json_array_end(w);
}

/* What the client is to bring back: the block as Anthropic has it, whose signature is over its
 * text. It is JSON inside of a string. */
static void write_sealed(struct json_writer *w, const struct responses_item *item)
{
    json_key(w, "encrypted_content");
    if (!item->signature.n && !item->redacted.n) {
        json_null(w);
        return;
    }
    json_string_begin(w);
    if (item->redacted.n) {
        json_string_part(w, SLICE("[{\"type\":\"redacted_thinking\",\"data\":\""));
        json_string_part(w, responses_text_slice(&item->redacted));
    } else {
        json_string_part(w, SLICE("[{\"type\":\"thinking\",\"thinking\":\""));
        json_string_part(w, responses_text_slice(&item->text));
        json_string_part(w, SLICE("\",\"signature\":\""));
        json_string_part(w, responses_text_slice(&item->signature));
    }
    json_string_part(w, SLICE("\"}]"));
    json_string_end(w);
}

static void write_reasoning(struct json_writer *w, const struct responses_item *item)
{
    json_key(w, "summary");
    json_array(w);
    if (item->text.n)
        responses_write_part(w, item);
    json_array_end(w);
    write_sealed(w, item);
}

static void write_call(struct json_writer *w, const struct responses_item *item, bool custom)
{
    json_member_string(w, "call_id", item->call_id);
    json_member_string(w, "name", item->name);
    if (item->space.n)
        json_member_string(w, "namespace", item->space);
    if (custom)
        json_key(w, "input");
    else
        json_key(w, "arguments");
    write_quoted(w, responses_text_slice(&item->text));
}

void responses_write_item(struct json_writer *w, const struct responses_item *item,
                          struct slice status)
{
    static const char *const types[] = {
        [RESPONSES_MESSAGE] = "message",
        [RESPONSES_REASONING] = "reasoning",
        [RESPONSES_CALL] = "function_call",
        [RESPONSES_CUSTOM] = "custom_tool_call",
    };
    bool begun = !slice_eq(status, SLICE("in_progress"));
    json_object(w);
    json_member_string(w, "id", item->id);
    json_member_string(w, "type", slice_of(types[item->kind]));
    json_member_string(w, "status", status);
    switch (item->kind) {
    case RESPONSES_MESSAGE: write_message(w, item, begun); break;
    case RESPONSES_REASONING: write_reasoning(w, item); break;
    case RESPONSES_CALL: write_call(w, item, false); break;
    case RESPONSES_CUSTOM: write_call(w, item, true); break;
    }
    json_object_end(w);
}

/* ---- the response -------------------------------------------------------------------------- */

struct slice responses_error_code(const struct failure *f)
{
    switch (f->kind) {
    case FAILURE_RATE_LIMIT: return SLICE("rate_limit_exceeded");
    case FAILURE_CONTEXT_WINDOW: return SLICE("context_length_exceeded");
    case FAILURE_BAD_REQUEST:
    case FAILURE_UNSUPPORTED:
    case FAILURE_CONTENT_POLICY: return SLICE("invalid_prompt");
    case FAILURE_NONE:
    case FAILURE_AUTHENTICATION:
    case FAILURE_PERMISSION:
    case FAILURE_NOT_FOUND:
    case FAILURE_TIMEOUT:
    case FAILURE_MODEL:
    case FAILURE_UNAVAILABLE:
    case FAILURE_BAD_GATEWAY:
    case FAILURE_INTERNAL: break;
    }
    return SLICE("server_error");
}

static void write_error(struct json_writer *w, const struct failure *f)
{
    json_key(w, "error");
    if (!f) {
        json_null(w);
        return;
    }
    json_object(w);
    json_member_string(w, "code", responses_error_code(f));
    json_key(w, "message");
    json_string_begin(w);
    error_text_write(w, f);
    json_string_end(w);
    json_object_end(w);
}

static void write_incomplete(struct json_writer *w, const struct responses_answer *r, bool cut)
{
    bool filter = r->stop == LLM_STOP_CONTENT_FILTER;
    json_key(w, "incomplete_details");
    if (!cut) {
        json_null(w);
        return;
    }
    json_object(w);
    json_member_string(w, "reason", filter ? SLICE("content_filter") : SLICE("max_output_tokens"));
    json_object_end(w);
}

static void write_output(struct json_writer *w, const struct responses_answer *r)
{
    json_key(w, "output");
    json_array(w);
    for (const struct responses_item *i = r->items; i; i = i->next)
        responses_write_item(w, i, i->incomplete ? SLICE("incomplete") : SLICE("completed"));
    json_array_end(w);
}

void responses_write_usage(struct json_writer *w, const struct llm_usage *u)
{
    char room[SLICE_MONEY];
    json_object(w);
    json_member_integer(w, "input_tokens", llm_usage_prompt(u));
    json_key(w, "input_tokens_details");
    json_object(w);
    json_member_integer(w, "cached_tokens", u->cache_read);
    json_member_integer(w, "cache_write_tokens", u->cache_write);
    json_member_integer(w, "text_tokens", u->input);
    json_object_end(w);
    json_member_integer(w, "output_tokens", u->output);
    json_key(w, "output_tokens_details");
    json_object(w);
    json_member_integer(w, "reasoning_tokens", u->reasoning);
    json_member_integer(w, "text_tokens", u->output - u->reasoning);
    json_object_end(w);
    json_member_integer(w, "total_tokens", llm_usage_prompt(u) + u->output);
    if (u->has_cost)
        (json_key(w, "cost"), json_raw(w, slice_money(u->cost, room)));
    json_object_end(w);
}

void responses_write(struct json_writer *w, const struct responses_answer *r, bool ended,
                     const struct failure *failure)
{
    bool cut = ended && !failure && responses_is_cut(r);
    struct slice status = failure ? SLICE("failed")
                          : cut   ? SLICE("incomplete")
                                  : SLICE("completed");
    json_object(w);
    json_member_string(w, "id", r->id);
    json_member_string(w, "object", SLICE("response"));
    json_member_integer(w, "created_at", r->head->created);
    json_member_string(w, "status", ended ? status : SLICE("in_progress"));
    json_member_bool(w, "background", false);
    write_error(w, failure);
    write_incomplete(w, r, cut);
    json_member_string(w, "model", r->head->model);
    write_output(w, r);
    json_raw(w, r->echo);
    json_key(w, "usage");
    if (r->has_usage)
        responses_write_usage(w, &r->usage);
    else
        json_null(w);
    json_object_end(w);
}
