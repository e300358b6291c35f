/* Decides what to say.
 *
 * Happy path: thinking first when it is on; then what a directive demands, or JSON for a schema, or
 * calls of the tools that the prompt asks for, or the results of the calls that came back, or a
 * small talk about the prompt. Then the limits: the first stop sequence, the token limit.
 * Nothing here fails: the request was found valid before. */

#include "answer.h"

#include "arguments.h"
#include "calls.h"
#include "prompt.h"
#include "signature.h"

#include <ctype.h>

#define GIST_BYTES   80
#define RESULT_BYTES 400 /* of a tool's result that are quoted */
#define TEXT_MAX     (32 * 1024 * 1024)

static struct answer_block *add(struct answer *out, enum block_kind kind, struct slice text)
{
    struct answer_block *b = &out->blocks[out->n < ANSWER_BLOCKS_MAX ? out->n++ : out->n - 1];
    *b = (struct answer_block){.kind = kind, .text = text};
    return b;
}

/* ---- thinking ------------------------------------------------------------------------------ */

static void think(const struct question *q, struct answer *out)
{
    const struct thinking thinking = body_thinking(q->body, q->model);
    if (!thinking.on)
        return;
    const struct slice gist = prompt_gist(q->script->plain, GIST_BYTES, q->arena);
    const struct slice text =
        arena_printf(q->arena,
                     "The user says: %.*s I am a simulation, so I only look at the words. I will "
                     "answer in a few sentences, or call a tool if one fits.",
                     SLICE_ARG(gist));
    if (q->script->redacted) {
        add(out, BLOCK_REASONING, redacted_of(text, q->arena))->redacted = true;
        return;
    }
    struct answer_block *b = add(out, BLOCK_REASONING, thinking.visible ? text : SLICE(""));
    b->signature = signature_of(b->text, q->arena);
    b->hidden = thinking.visible ? 0 : text.n;
}

/* ---- texts --------------------------------------------------------------------------------- */

static struct slice filler(const struct script *s, struct arena *a)
{
    static const char words[] = "lorem ipsum dolor sit amet consectetur ";
    const size_t n = (size_t)(s->chunks * s->chunk_bytes);
    char *p = arena_alloc(a, n);
    for (size_t i = 0; i < n; i++)
        p[i] = words[i % (sizeof(words) - 1)];
    return slice_make(p, n);
}

static struct slice schema_text(const struct question *q, struct slice schema)
{
    struct buf out;
    yyjson_val *root = json_parse(schema, q->arena, NULL);
    struct arguments args = {.root = root, .text = q->script->plain, .arena = q->arena};
    buf_init(&out, TEXT_MAX);
    arguments_write(&args, root, &out);
    const struct slice text = arena_dup(q->arena, buf_slice(&out));
    buf_fini(&out);
    return text;
}

/* The schema of outputConfig.textFormat; p == NULL: none asked. */
static struct slice wanted_schema(yyjson_val *body)
{
    yyjson_val *format = json_get(json_get(body, "outputConfig"), "textFormat");
    return json_get_slice(json_get(json_get(format, "structure"), "jsonSchema"), "schema");
}

static size_t words_of(struct slice text)
{
    size_t n = 0;
    bool inside = false;
    for (size_t i = 0; i < text.n; i++) {
        const bool space = isspace((unsigned char)text.p[i]);
        n += !space && !inside;
        inside = !space;
    }
    return n;
}

static void say_media(yyjson_val *message, struct buf *out)
{
    const size_t images = message_count(message, BLOCK_IMAGE);
    const size_t documents = message_count(message, BLOCK_DOCUMENT);
    const size_t videos = message_count(message, BLOCK_VIDEO);
    if (images)
        buf_addf(out, " I received %zu image%s.", images, images == 1 ? "" : "s");
    if (documents)
        buf_addf(out, " I received %zu document%s.", documents, documents == 1 ? "" : "s");
    if (videos)
        buf_addf(out, " I received %zu video%s.", videos, videos == 1 ? "" : "s");
}

static struct slice small_talk(const struct question *q)
{
    struct buf out;
    const struct slice text = q->script->plain;
    const struct slice gist = prompt_gist(text, GIST_BYTES, q->arena);
    const size_t turns = yyjson_arr_size(json_get(q->body, "messages"));
    const size_t words = words_of(text);
    buf_init(&out, TEXT_MAX);
    if (gist.n)
        buf_addf(&out, "You said: \"%.*s\" ", SLICE_ARG(gist));
    BUF_LITERAL(&out, "This is the simulated Bedrock: no model has read your message, the answer "
                      "is made from its words.");
    buf_addf(&out, " It has %zu word%s, and the conversation has %zu message%s.", words,
             words == 1 ? "" : "s", turns, turns == 1 ? "" : "s");
    say_media(body_last_user(q->body), &out);
    BUF_LITERAL(&out, " With AWS credentials the same request would reach a real model.");
    const struct slice answer = arena_dup(q->arena, buf_slice(&out));
    buf_fini(&out);
    return answer;
}

/* ---- results of tools ---------------------------------------------------------------------- */

static struct slice name_of_call(yyjson_val *body, struct slice id)
{
    size_t i, n, j, blocks;
    yyjson_val *message, *block, *value;
    struct slice name = SLICE("The tool");
    yyjson_arr_foreach(json_get(body, "messages"), i, n, message)
    {
        yyjson_arr_foreach(message_content(message), j, blocks, block)
        {
            if (block_kind(block, &value) == BLOCK_TOOL_USE &&
                slice_eq(json_get_slice(value, "toolUseId"), id))
                name = json_get_slice(value, "name");
        }
    }
    return name;
}

static void say_result(const struct question *q, yyjson_val *result, struct buf *out)
{
    size_t i, n;
    yyjson_val *part;
    struct json_writer w;
    struct buf content;
    const struct slice name = name_of_call(q->body, json_get_slice(result, "toolUseId"));
    const bool failed = slice_eq(json_get_slice(result, "status"), SLICE("error"));
    buf_init(&content, TEXT_MAX);
    yyjson_arr_foreach(json_get(result, "content"), i, n, part)
    {
        yyjson_val *json = json_get(part, "json");
        buf_add(&content, json_get_slice(part, "text"));
        json_begin(&w, &content);
        if (json)
            json_value(&w, json);
        if (json_get(part, "image"))
            BUF_LITERAL(&content, "(an image)");
    }
    const struct slice gist = prompt_gist(buf_slice(&content), RESULT_BYTES, q->arena);
    buf_addf(out, "%s%.*s %s: %.*s", out->n ? "\n" : "", SLICE_ARG(name),
             failed ? "failed with" : "returned", SLICE_ARG(gist));
    buf_fini(&content);
}

static struct slice say_results(const struct question *q)
{
    size_t i, n;
    yyjson_val *block, *value;
    struct buf out;
    buf_init(&out, TEXT_MAX);
    yyjson_arr_foreach(message_content(body_last_user(q->body)), i, n, block)
    {
        if (block_kind(block, &value) == BLOCK_TOOL_RESULT)
            say_result(q, value, &out);
    }
    if (q->script->plain.n)
        buf_addf(&out, "\nYou added: \"%.*s\"",
                 SLICE_ARG(prompt_gist(q->script->plain, GIST_BYTES, q->arena)));
    const struct slice text = arena_dup(q->arena, buf_slice(&out));
    buf_fini(&out);
    return text;
}

/* ---- tools --------------------------------------------------------------------------------- */

static void add_call(const struct question *q, struct answer *out, struct slice name,
                     struct slice input)
{
    struct answer_block *b = add(out, BLOCK_TOOL_USE, input);
    b->name = name;
    b->id = call_id(out->grammar == GRAMMAR_CLAUDE ? "toolu_bdrk_" : "tooluse_", q->text, out->n,
                    q->arena);
    out->stop = SLICE("tool_use");
}

static bool call_tools(const struct question *q, struct answer *out)
{
    struct call_list calls;
    calls_choose(q->body, q->script->plain, q->arena, &calls);
    if (!calls.n)
        return false;
    if (!calls.forced)
        add(out, BLOCK_TEXT,
            arena_printf(q->arena, "Let me call %.*s.", SLICE_ARG(calls.v[0].name)));
    for (size_t i = 0; i < calls.n; i++)
        add_call(q, out, calls.v[i].name, calls.v[i].input);
    return true;
}

/* ---- agents -------------------------------------------------------------------------------- */

static bool system_mentions(yyjson_val *body, struct slice word)
{
    size_t i, n;
    yyjson_val *block;
    yyjson_arr_foreach(json_get(body, "system"), i, n, block)
    {
        if (slice_find(json_get_slice(block, "text"), word) >= 0)
            return true;
    }
    return false;
}

/* Cline and its kin go on asking until the model says that it is done: by a tool of this name, or
 * by its tag where tools are written as XML. */
#define DONE_TOOL "attempt_completion"

static void conclude(const struct question *q, struct answer *out, struct slice text)
{
    struct json_writer w;
    struct buf input;
    if (!calls_offered(q->body, SLICE(DONE_TOOL))) {
        if (system_mentions(q->body, SLICE("<" DONE_TOOL ">")))
            text = arena_printf(q->arena,
                                "<" DONE_TOOL ">\n<result>\n%.*s\n</result>\n</" DONE_TOOL ">",
                                SLICE_ARG(text));
        add(out, BLOCK_TEXT, text);
        return;
    }
    buf_init(&input, TEXT_MAX);
    json_begin(&w, &input);
    json_object(&w);
    json_member_string(&w, "result", text);
    json_object_end(&w);
    add_call(q, out, SLICE(DONE_TOOL), arena_dup(q->arena, buf_slice(&input)));
    buf_fini(&input);
}

/* ---- limits -------------------------------------------------------------------------------- */

static void apply_stops(const struct question *q, struct answer *out)
{
    size_t i, n;
    yyjson_val *stop, *stops = json_get(json_get(q->body, "inferenceConfig"), "stopSequences");
    for (size_t b = 0; b < out->n; b++) {
        struct answer_block *block = &out->blocks[b];
        ptrdiff_t first = -1;
        if (block->kind != BLOCK_TEXT)
            continue;
        yyjson_arr_foreach(stops, i, n, stop)
        {
            const ptrdiff_t at = slice_find(block->text, json_slice(stop));
            if (at < 0 || (first >= 0 && at >= first))
                continue;
            first = at;
            out->stop_sequence = json_slice(stop);
        }
        if (first < 0)
            continue;
        block->text.n = (size_t)first;
        out->n = b + (first > 0);
        out->stop = SLICE("stop_sequence");
        return;
    }
}

/* A given beginning that the answer begins with was said already: what follows it is the answer. */
static void apply_beginning(const struct question *q, struct answer *out)
{
    yyjson_val *last = body_last_message(q->body), *text;
    size_t b = 0;
    while (b < out->n && out->blocks[b].kind != BLOCK_TEXT)
        b++;
    if (b == out->n || !message_is(last, "assistant") ||
        block_kind(yyjson_arr_get_last(message_content(last)), &text) != BLOCK_TEXT ||
        !slice_starts(out->blocks[b].text, json_slice(text)))
        return;
    out->blocks[b].text = slice_skip(out->blocks[b].text, json_slice(text).n);
    if (out->blocks[b].text.n)
        return;
    for (out->n--; b < out->n; b++)
        out->blocks[b] = out->blocks[b + 1];
}

static void apply_max_tokens(const struct question *q, struct answer *out)
{
    int64_t left;
    if (!json_int(json_get(json_get(q->body, "inferenceConfig"), "maxTokens"), &left))
        return;
    for (size_t b = 0; b < out->n; b++) {
        struct answer_block *block = &out->blocks[b];
        const int64_t tokens = usage_tokens(block->text.n);
        if (tokens <= left) {
            left -= tokens;
            continue;
        }
        block->text.n = block->redacted ? 0 : utf8_cut(block->text, (size_t)left * 4);
        block->partial = block->kind == BLOCK_TOOL_USE;
        if (block->kind == BLOCK_REASONING && !block->redacted)
            block->signature = signature_of(block->text, q->arena);
        out->n = b + (block->text.n > 0);
        out->stop = SLICE("max_tokens");
        out->stop_sequence = slice_make(NULL, 0);
        return;
    }
}

static void count_output(const struct question *q, struct answer *out)
{
    out->usage.output = 0;
    for (size_t i = 0; i < out->n; i++) {
        const struct answer_block *b = &out->blocks[i];
        const int64_t tokens = usage_tokens(b->text.n + b->name.n + b->hidden);
        out->usage.output += tokens;
        out->usage.thinking += b->kind == BLOCK_REASONING ? tokens : 0;
    }
    if (!out->usage.output)
        out->usage.output = 1;
    if (!q->script->has_usage)
        return;
    const int64_t *u = q->script->usage;
    out->usage = (struct usage){.input = u[0],
                                .output = u[1],
                                .read = u[2],
                                .write = u[3],
                                .thinking = out->usage.thinking < u[1] ? out->usage.thinking : u[1],
                                .cached = out->usage.cached || u[2] || u[3]};
}

/* ---- citations ----------------------------------------------------------------------------- */

static yyjson_val *first_document(yyjson_val *body)
{
    size_t i, n, j, m;
    yyjson_val *message, *block, *value;
    yyjson_arr_foreach(json_get(body, "messages"), i, n, message)
    {
        yyjson_arr_foreach(message_content(message), j, m, block)
        {
            if (block_kind(block, &value) == BLOCK_DOCUMENT)
                return value;
        }
    }
    return NULL;
}

static void cite(const struct question *q, struct answer *out)
{
    yyjson_val *document = first_document(q->body);
    const struct slice name = json_get_slice(document, "name");
    struct slice cited = q->script->cited;
    if (!cited.p)
        cited =
            prompt_gist(json_get_slice(json_get(document, "source"), "text"), GIST_BYTES, q->arena);
    for (size_t i = 0; i < out->n; i++) {
        struct answer_block *b = &out->blocks[i];
        if (b->kind != BLOCK_TEXT)
            continue;
        b->cited = cited.n ? cited : SLICE("the words of the source");
        b->title = name.n ? name : SLICE("document");
        return;
    }
}

/* ---- all together -------------------------------------------------------------------------- */

static void speak(const struct question *q, struct answer *out)
{
    const struct script *s = q->script;
    const struct slice schema = wanted_schema(q->body);
    if (s->reply.p || s->echo || s->chunks)
        add(out, BLOCK_TEXT, s->echo ? q->text : s->chunks ? filler(s, q->arena) : s->reply);
    for (size_t i = 0; i < s->tool_count; i++)
        add_call(q, out, s->tools[i].name, s->tools[i].input);
    if (s->reply.p || s->echo || s->chunks || s->tool_count)
        return;
    if (schema.p)
        add(out, BLOCK_TEXT, schema_text(q, schema));
    else if (call_tools(q, out))
        return;
    else if (message_count(body_last_user(q->body), BLOCK_TOOL_RESULT))
        conclude(q, out, say_results(q));
    else
        conclude(q, out, small_talk(q));
}

static bool wants(yyjson_val *body, struct slice pointer)
{
    size_t i, n;
    yyjson_val *path;
    yyjson_arr_foreach(json_get(body, "additionalModelResponseFieldPaths"), i, n, path)
    {
        if (slice_eq(json_slice(path), pointer))
            return true;
    }
    return false;
}

/* "anthropic.claude-3-7-sonnet-20250219-v1:0" → "claude-3-7-sonnet-20250219" */
static struct slice claude_name(struct slice id)
{
    const ptrdiff_t claude = slice_find(id, SLICE("claude-"));
    const struct slice name = claude < 0 ? id : slice_skip(id, (size_t)claude);
    const ptrdiff_t version = slice_find(name, SLICE("-v"));
    return version < 0 ? name : slice_make(name.p, (size_t)version);
}

static void introduce(const struct question *q, struct answer *out)
{
    out->grammar = q->grammar;
    out->wants_stop_sequence = wants(q->body, SLICE("/stop_sequence"));
    out->wants_thinking_tokens = wants(q->body, SLICE("/usage/output_tokens_details"));
    out->performance = json_get(q->body, "performanceConfig");
    out->tier = json_get(q->body, "serviceTier");
    if (q->grammar != GRAMMAR_CLAUDE)
        return;
    out->id = call_id("msg_bdrk_", q->text, 0, q->arena);
    out->model = claude_name(q->model_id);
    out->cache_first = slice_find(q->model_id, SLICE("us-gov.")) >= 0;
}

void answer_make(const struct question *q, const struct usage *usage, struct answer *out)
{
    *out = (struct answer){.stop = SLICE("end_turn"), .usage = *usage};
    introduce(q, out);
    if (!q->script->empty) {
        think(q, out);
        speak(q, out);
        if (q->script->cite)
            cite(q, out);
    }
    if (!q->script->echo) {
        apply_stops(q, out);
        apply_beginning(q, out);
        apply_max_tokens(q, out);
    }
    if (q->script->stop.p)
        out->stop = q->script->stop;
    count_output(q, out);
}
