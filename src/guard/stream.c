#include "guard/stream.h"

#include "guard/texts.h"

static bool is_over(const struct guard_stream *s)
{
    return s->scan.found->blocked || s->scan.found->failed;
}

static void hand_on(struct guard_stream *s, const struct llm_event *e)
{
    if (!is_over(s))
        s->next.event(s->next.user, e);
}

static void hand_on_text(struct guard_stream *s, enum llm_event_kind kind, struct slice text)
{
    struct llm_event e = {.kind = kind, .block = s->block, .text = text};
    if (text.n)
        hand_on(s, &e);
}

/* ---- texts ---------------------------------------------------------------------------------- */

static void scan(struct guard_stream *s, struct slice piece, bool last)
{
    size_t masked = s->scan.found->masked;
    buf_reset(&s->out);
    guard_scan_feed(&s->scan, piece, last, &s->out);
    if (s->open == EV_REASONING && s->scan.found->masked != masked)
        s->thought_changed = true;
    hand_on_text(s, s->open, buf_slice(&s->out));
}

static void scan_texts(struct guard_stream *s, struct guard_texts *texts)
{
    for (struct guard_text *t = texts->first; t; t = t->next) {
        buf_reset(&s->out);
        if (guard_scan_text(&s->scan, t->text, &s->out))
            guard_text_set(texts, t, buf_slice(&s->out));
    }
    guard_texts_write(texts);
}

/* Every text of a value, in its place. */
static void scan_value(struct guard_stream *s, yyjson_val *v, struct arena *a)
{
    struct guard_texts texts;
    guard_texts_init(&texts, a);
    guard_texts_add_content(&texts, v);
    scan_texts(s, &texts);
}

static void scan_json(struct guard_stream *s, const struct llm_event *e)
{
    struct arena a;
    struct llm_event copy = *e;
    arena_init(&a);
    copy.json = json_parse(json_text_of(e->json, &a), &a, NULL); /* the provider's stays as it is */
    scan_value(s, copy.json, &a);
    hand_on(s, &copy);
    arena_fini(&a);
}

static void scan_args(struct guard_stream *s)
{
    struct arena a;
    struct guard_texts texts;
    arena_init(&a);
    guard_texts_init(&texts, &a);
    struct guard_nested *args = guard_texts_add_json(&texts, buf_slice(&s->args));
    scan_texts(s, &texts);
    s->scan.found->failed |= s->args.overflow && !is_over(s);
    hand_on_text(s, EV_TOOL_ARGS, guard_nested_text(args));
    arena_fini(&a);
}

/* ---- blocks --------------------------------------------------------------------------------- */

static void close_block(struct guard_stream *s)
{
    if (s->open == EV_TOOL_ARGS)
        scan_args(s);
    else if (s->open != EV_START)
        scan(s, SLICE(""), true);
    s->open = EV_START;
}

static void open_block(struct guard_stream *s, const struct llm_event *e)
{
    if (s->open == e->kind && s->block == e->block)
        return;
    close_block(s);
    s->open = e->kind;
    s->block = e->block;
    buf_fini(&s->args);
}

static void on_event(void *user, const struct llm_event *e)
{
    struct guard_stream *s = user;
    if (is_over(s))
        return;
    switch (e->kind) {
    case EV_TEXT:
    case EV_REASONING:
        open_block(s, e);
        scan(s, e->text, false);
        return;
    case EV_TOOL_ARGS:
        open_block(s, e);
        buf_add(&s->args, e->text);
        return;
    case EV_CITATION:
    case EV_FOREIGN: scan_json(s, e); return;
    case EV_SIGNATURE:
        close_block(s);
        if (!s->thought_changed)
            hand_on(s, e);
        return;
    case EV_BLOCK_START:
    case EV_BLOCK_STOP:
    case EV_STOP:
    case EV_END:
        close_block(s);
        s->thought_changed = false;
        break;
    case EV_START:
    case EV_REDACTED:
    case EV_NOTE:
    case EV_USAGE:
    case EV_FAIL:
    case EV_RAW: break;
    }
    hand_on(s, e);
}

void guard_stream_init(struct guard_stream *s, const struct guard_rules *const *sets, size_t n,
                       struct guard_found *found, struct llm_sink next)
{
    *s = (struct guard_stream){.next = next, .open = EV_START};
    s->sink = (struct llm_sink){on_event, s};
    guard_scan_init(&s->scan, sets, n, found);
    buf_init(&s->out, SIZE_MAX);
    buf_init(&s->args, GUARD_ARGS_MAX);
}

void guard_stream_fini(struct guard_stream *s)
{
    guard_scan_fini(&s->scan);
    buf_fini(&s->out);
    buf_fini(&s->args);
}
