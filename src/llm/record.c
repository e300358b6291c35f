/* The events of an answer as bytes, and back.
 *
 * Happy path: each event is appended as it passes; read again one by one, they are what they were.
 *
 * Failure modes: bytes that are cut, changed or of another version are found by reading them to
 * the end once (llm_record_is_whole) before anything is made of them. */

#include "llm/record.h"

#include "base/pack.h"
#include "base/text.h"

#define JSON_MAX (16u * 1024 * 1024) /* bytes of one note or citation */

static void add_json(struct buf *out, yyjson_val *json)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, JSON_MAX);
    json_begin(&w, &text);
    json_value(&w, json);
    pack_bytes(out, text.overflow ? SLICE("null") : buf_slice(&text));
    buf_fini(&text);
}

static uint64_t count_of(int64_t value)
{
    return value > 0 ? (uint64_t)value : 0;
}

static void add_usage(struct buf *out, const struct llm_usage *u)
{
    pack_number(out, count_of(u->input));
    pack_number(out, count_of(u->output));
    pack_number(out, count_of(u->cache_read));
    pack_number(out, count_of(u->cache_write));
    pack_number(out, count_of(u->cache_write_1h));
    pack_number(out, count_of(u->reasoning));
    buf_add_char(out, (char)(u->estimated | u->tells_cache << 1 | u->tells_ttl << 2));
}

/* What is known at the beginning, if anything. */
static void add_start(struct buf *out, const struct llm_event *e)
{
    pack_bytes(out, e->id);
    buf_add_char(out, e->usage != NULL);
    if (e->usage)
        add_usage(out, e->usage);
}

static void add_content(struct buf *out, const struct llm_event *e)
{
    switch (e->kind) {
    case EV_START: add_start(out, e); break;
    case EV_BLOCK_STOP:
    case EV_END:
    case EV_FAIL: break;
    case EV_BLOCK_START:
        pack_bytes(out, e->id);
        pack_bytes(out, e->name);
        break;
    case EV_TEXT:
    case EV_REASONING:
    case EV_SIGNATURE:
    case EV_REDACTED:
    case EV_RAW:
    case EV_TOOL_ARGS: pack_bytes(out, e->text); break;
    case EV_FOREIGN:
    case EV_CITATION: add_json(out, e->json); break;
    case EV_STOP:
        buf_add_char(out, (char)e->stop);
        pack_bytes(out, e->text);
        pack_bytes(out, e->name);
        break;
    case EV_NOTE:
        pack_bytes(out, e->name);
        add_json(out, e->json);
        break;
    case EV_USAGE: add_usage(out, e->usage); break;
    }
}

void llm_record_event(struct buf *out, const struct llm_event *e)
{
    size_t before = out->n;
    if (e->kind == EV_FAIL)
        return;
    buf_add_char(out, (char)e->kind);
    pack_number(out, e->block);
    add_content(out, e);
    if (out->overflow)
        out->n = before;
}

/* ---- reading it ---------------------------------------------------------------------------- */

static bool read_json(struct slice *rest, struct arena *a, struct llm_event *e)
{
    struct slice text;
    if (!unpack_bytes(rest, &text))
        return false;
    e->json = json_parse(text, a, NULL);
    return e->json != NULL;
}

static bool read_count(struct slice *rest, int64_t *count)
{
    uint64_t value;
    if (!unpack_number(rest, &value) || value > INT64_MAX / 8) /* so that sums of them fit */
        return false;
    *count = (int64_t)value;
    return true;
}

static bool read_flags(struct slice *rest, struct llm_usage *u)
{
    uint8_t bits;
    if (!unpack_byte(rest, &bits) || bits > 7)
        return false;
    u->estimated = bits & 1;
    u->tells_cache = bits >> 1 & 1;
    u->tells_ttl = bits >> 2 & 1;
    return true;
}

static bool read_usage(struct slice *rest, struct llm_usage *u)
{
    *u = (struct llm_usage){0};
    return read_count(rest, &u->input) && read_count(rest, &u->output) &&
           read_count(rest, &u->cache_read) && read_count(rest, &u->cache_write) &&
           read_count(rest, &u->cache_write_1h) && read_count(rest, &u->reasoning) &&
           read_flags(rest, u);
}

static bool read_start(struct slice *rest, struct llm_usage *usage, struct llm_event *e)
{
    uint8_t known;
    if (!unpack_bytes(rest, &e->id) || !unpack_byte(rest, &known) || known > 1)
        return false;
    e->usage = known ? usage : NULL;
    return !known || read_usage(rest, usage);
}

static bool read_stop(struct slice *rest, struct llm_event *e)
{
    uint8_t stop;
    if (!unpack_byte(rest, &stop) || stop > LLM_STOP_OTHER)
        return false;
    e->stop = stop;
    return unpack_bytes(rest, &e->text) && unpack_bytes(rest, &e->name);
}

static bool read_content(struct slice *rest, struct arena *a, struct llm_usage *usage,
                         struct llm_event *e)
{
    switch (e->kind) {
    case EV_START: return read_start(rest, usage, e);
    case EV_BLOCK_STOP:
    case EV_END: return true;
    case EV_BLOCK_START: return unpack_bytes(rest, &e->id) && unpack_bytes(rest, &e->name);
    case EV_TEXT:
    case EV_REASONING:
    case EV_SIGNATURE:
    case EV_REDACTED:
    case EV_RAW:
    case EV_TOOL_ARGS: return unpack_bytes(rest, &e->text);
    case EV_FOREIGN:
    case EV_CITATION: return read_json(rest, a, e);
    case EV_STOP: return read_stop(rest, e);
    case EV_NOTE: return unpack_bytes(rest, &e->name) && read_json(rest, a, e);
    case EV_USAGE: e->usage = usage; return read_usage(rest, usage);
    case EV_FAIL: return false;
    }
    return false;
}

bool llm_record_read(struct slice *rest, struct arena *a, struct llm_usage *usage,
                     struct llm_event *e)
{
    uint8_t kind;
    uint64_t block;
    *e = (struct llm_event){0};
    if (!unpack_byte(rest, &kind) || kind >= EV_FAIL || !unpack_number(rest, &block) ||
        block > UINT32_MAX)
        return false;
    e->kind = kind;
    e->block = (unsigned)block;
    return read_content(rest, a, usage, e);
}

static bool is_clean(const struct llm_event *e)
{
    return text_is_utf8(e->text) && text_is_utf8(e->id) && text_is_utf8(e->name);
}

static bool is_whole(struct slice rest, struct arena *a)
{
    struct llm_usage usage;
    struct llm_event e;
    bool started = false, stopped = false;
    while (llm_record_read(&rest, a, &usage, &e)) {
        if (!is_clean(&e) || (e.kind == EV_START) == started)
            return false;
        if (e.kind == EV_END)
            return stopped && !rest.n;
        started = true;
        stopped = stopped || e.kind == EV_STOP;
    }
    return false;
}

bool llm_record_is_whole(struct slice record)
{
    struct arena scratch;
    arena_init(&scratch);
    bool whole = is_whole(record, &scratch);
    arena_fini(&scratch);
    return whole;
}
