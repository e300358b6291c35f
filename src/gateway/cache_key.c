/* Requests as bytes for the hash. Each field is a tag, its length and its bytes; lists say how many
 * items they have: no two requests write the same.
 *
 * Small fields gather in a buffer, large ones (texts, media) go to the hash as they are. */

#include "cache_key.h"

#include "base/pack.h"

#define VERSION    1
#define DEPTH_MAX  8
#define GATHERED   4096                 /* bytes; larger fields go past the buffer */
#define JSON_BYTES (256u * 1024 * 1024) /* of one value: above any request's size */

struct writer {
    struct sha256 *hash;
    struct buf buf;
};

static void flush(struct writer *w)
{
    sha256_add(w->hash, buf_slice(&w->buf));
    buf_reset(&w->buf);
}

static void add_number(struct writer *w, char tag, int64_t value)
{
    buf_add_char(&w->buf, tag);
    pack_number(&w->buf, (uint64_t)value);
}

static void add(struct writer *w, char tag, struct slice s)
{
    add_number(w, tag, (int64_t)s.n);
    if (s.n < GATHERED && w->buf.n < GATHERED) {
        buf_add(&w->buf, s);
        return;
    }
    flush(w);
    sha256_add(w->hash, s);
}

/* Absent and null are told apart from all values by their length. */
static void add_json(struct writer *w, char tag, yyjson_val *v)
{
    struct buf text;
    struct json_writer json;
    buf_init(&text, JSON_BYTES);
    json_begin(&json, &text);
    if (v)
        json_value(&json, v);
    add(w, tag, buf_slice(&text));
    buf_fini(&text);
}

static void add_extra(struct writer *w, const struct llm_extra *e)
{
    for (; e; e = e->next) {
        add(w, 'X', e->name);
        add_json(w, 'x', e->value);
    }
}

static void begin(struct writer *w, char kind, const struct cache_key_scope *s)
{
    w->hash = sha256_new();
    buf_init(&w->buf, SIZE_MAX);
    add_number(w, kind, VERSION);
    add(w, 'o', s->tenant);
    add(w, 'g', s->group);
    add(w, 't', s->tags);
}

static void end(struct writer *w, uint8_t digest[SHA256_SIZE])
{
    flush(w);
    buf_fini(&w->buf);
    sha256_end(w->hash, digest);
}

/* ---- messages ------------------------------------------------------------------------------ */

static void add_block(struct writer *w, const struct llm_block *b)
{
    add_number(w, 'K', b->kind);
    add(w, 'x', b->text);
    add(w, 'y', b->media_type);
    add(w, 'd', b->data);
    add(w, 'u', b->url);
    add(w, 'i', b->id);
    add(w, 'n', b->name);
    add(w, 'c', b->context);
    add(w, 'o', b->source);
    add(w, 'j', b->input);
    add(w, 's', b->signature);
    add(w, 'r', b->redacted);
    add_json(w, 'J', b->json);
    add_json(w, 'q', b->cited);
    add_number(w, 'f', b->is_error | b->citations << 1 | b->guarded << 2);
}

/* A search result in a tool result holds texts: no dialect makes it deeper. */
static void add_blocks(struct writer *w, const struct llm_block *b, unsigned depth)
{
    for (; b && depth < DEPTH_MAX; b = b->next) {
        if (b->kind == LLM_CACHE_POINT)
            continue;
        add_block(w, b);
        add_blocks(w, b->content, depth + 1);
    }
    add_number(w, 'E', 0);
}

static void add_messages(struct writer *w, const struct llm_request *r)
{
    add_blocks(w, r->system, 0);
    for (const struct llm_message *m = r->messages; m; m = m->next) {
        add_number(w, 'M', m->role);
        add_blocks(w, m->blocks, 0);
    }
    add_number(w, 'Z', 0);
}

static void add_tools(struct writer *w, const struct llm_request *r)
{
    for (const struct llm_tool *t = r->tools; t; t = t->next) {
        add(w, 'T', t->name);
        add(w, 'd', t->description);
        add_json(w, 's', t->schema);
        add_json(w, 'o', t->own);
        add_extra(w, t->extra);
        add_number(w, 'f', t->strict);
    }
    add_number(w, 'C', r->tool_choice);
    add(w, 'n', r->tool_choice_name);
    add_number(w, 'p', r->parallel_tool_calls);
}

/* ---- parameters ---------------------------------------------------------------------------- */

static void add_sampling(struct writer *w, const struct llm_request *r)
{
    add_number(w, 'm', r->max_tokens);
    add_json(w, '1', r->temperature);
    add_json(w, '2', r->top_p);
    add_json(w, '3', r->top_k);
    add_number(w, '4', (int64_t)r->stop_count);
    for (size_t i = 0; i < r->stop_count; i++)
        add(w, 'S', r->stop[i]);
}

static void add_thinking(struct writer *w, const struct llm_thinking *t)
{
    add_number(w, 'H', t->kind);
    add_number(w, 'b', t->budget);
    add(w, 'e', t->effort);
    add(w, 'v', t->display);
    add(w, 'w', t->output_effort);
}

static void add_format(struct writer *w, const struct llm_format *f)
{
    add_number(w, 'F', f->kind);
    add(w, 'n', f->name);
    add(w, 'd', f->description);
    add_json(w, 's', f->schema);
    add_number(w, 'f', f->strict);
}

/* What concerns the call itself; the same for vectors. In Anthropic's words the model is called
 * otherwise, and its answer may hold what cannot change from a stream to a whole: a tool call that
 * was cut short, blocks of a foreign kind. */
static void add_call(struct writer *w, const struct llm_request *r)
{
    add(w, 'q', r->service_tier);
    add(w, 'R', r->routing.region); /* answers keep to where they may be made */
    add_json(w, 'h', r->headers);
    add_number(w, 'D', r->drop_params);
    add_json(w, 'l', r->drop_list);
    add_json(w, 'a', r->allowed_params);
    add(w, 'B', r->betas);
    add_number(w, 'A', r->anthropic ? 1 + r->stream : 0);
    add_extra(w, r->extra);
}

void cache_key_of_answer(const struct cache_key_scope *s, const struct llm_request *r,
                         uint8_t digest[SHA256_SIZE])
{
    struct writer w;
    begin(&w, 'A', s);
    add_messages(&w, r);
    add_tools(&w, r);
    add_sampling(&w, r);
    add_thinking(&w, &r->thinking);
    add_format(&w, &r->format);
    add_json(&w, 'G', r->guardrail);
    add_json(&w, 'k', r->mock_response);
    add_call(&w, r);
    end(&w, digest);
}

/* ---- vectors ------------------------------------------------------------------------------- */

void cache_key_of_vectors(const struct cache_key_scope *s, const struct llm_request *r,
                          enum embed_format format, uint8_t digest[SHA256_SIZE])
{
    struct writer w;
    begin(&w, 'V', s);
    add_number(&w, 'F', format);
    add_call(&w, r);
    end(&w, digest);
}

void cache_key_of_vector(const uint8_t common[SHA256_SIZE], struct slice input,
                         uint8_t digest[SHA256_SIZE])
{
    struct sha256 *h = sha256_new();
    sha256_add(h, slice_make((const char *)common, SHA256_SIZE));
    sha256_add(h, input);
    sha256_end(h, digest);
}
