/* The record of an answer's thinking: written while the answer streams, read by the next request.
 *
 * Happy path: each delta is appended to the field it continues; a delta of another kind closes that
 * field (its length is known now) and opens the next. At the end the turn's name and the length of
 * the whole are added, and the buffer is the record.
 *
 * Failure modes: deltas that fit no record, or too many bytes, break the capture for good. Decoding
 * accepts nothing but exactly what the grammar says, to the last byte. */

#include "thinking.h"

#define LENGTH_SIZE 4
#define HEAD_SIZE   (1 + LENGTH_SIZE) /* of the record and of a field */

static void write_length(char *p, size_t n)
{
    for (unsigned i = 0; i < LENGTH_SIZE; i++)
        p[i] = (char)(n >> 8 * i & 0xff);
}

static size_t read_length(const char *p)
{
    size_t n = 0;
    for (unsigned i = 0; i < LENGTH_SIZE; i++)
        n |= (size_t)(unsigned char)p[i] << 8 * i;
    return n;
}

/* ---- taking it down ------------------------------------------------------------------------ */

void thinking_capture_init(struct thinking_capture *c, struct arena *a, bool on)
{
    *c = (struct thinking_capture){.on = on, .arena = a};
    buf_init(&c->record, THINKING_MAX);
}

void thinking_capture_fini(struct thinking_capture *c)
{
    buf_fini(&c->record);
}

static void add_head(struct thinking_capture *c, enum thinking_tag tag)
{
    char *p = buf_reserve(&c->record, HEAD_SIZE);
    if (!p)
        return;
    p[0] = (char)tag;
    write_length(p + 1, 0);
    c->record.n += HEAD_SIZE;
}

static void close_field(struct thinking_capture *c)
{
    if (c->tag != THINKING_NOTHING && !c->record.overflow)
        write_length(c->record.p + c->field + 1, c->record.n - c->field - HEAD_SIZE);
}

static void open_field(struct thinking_capture *c, enum thinking_tag tag, unsigned block)
{
    if (c->tag == THINKING_NOTHING)
        add_head(c, THINKING_VERSION);
    close_field(c);
    c->field = c->record.n;
    c->tag = tag;
    c->block = block;
    add_head(c, tag);
}

/* The field that `tag` continues or opens; false: there is no place for it. */
static bool turn_to(struct thinking_capture *c, enum thinking_tag tag, unsigned block)
{
    bool same = c->tag != THINKING_NOTHING && c->block == block;
    if (same && c->tag == tag)
        return true;
    if (same && c->tag == THINKING_TEXT && tag == THINKING_SIGNATURE) {
        open_field(c, tag, block);
        return true;
    }
    if (same || c->tag == THINKING_TEXT) /* a block comes once, and is signed before the next */
        return false;
    if (tag == THINKING_SIGNATURE) /* of thinking that is not shown */
        open_field(c, THINKING_TEXT, block);
    open_field(c, tag, block);
    return true;
}

static void add_piece(struct thinking_capture *c, enum thinking_tag tag, const struct llm_event *e)
{
    if (c->broken || !e->text.n)
        return;
    if (turn_to(c, tag, e->block))
        buf_add(&c->record, e->text);
    else
        c->broken = true;
    c->broken = c->broken || c->record.overflow;
    if (c->broken)
        buf_fini(&c->record);
}

static void add_call(struct thinking_capture *c, struct slice id)
{
    struct thinking_call *call;
    if (c->tag == THINKING_NOTHING || c->call_count == THINKING_CALLS_MAX || !id.n ||
        id.n > THINKING_ID_MAX)
        return;
    call = ARENA_NEW(c->arena, struct thinking_call);
    call->id = arena_dup(c->arena, id);
    *(c->last ? &c->last->next : &c->calls) = call;
    c->last = call;
    c->call_count++;
}

void thinking_capture_event(struct thinking_capture *c, const struct llm_event *e)
{
    if (e->kind == EV_REASONING)
        add_piece(c, THINKING_TEXT, e);
    else if (e->kind == EV_SIGNATURE)
        add_piece(c, THINKING_SIGNATURE, e);
    else if (e->kind == EV_REDACTED)
        add_piece(c, THINKING_REDACTED, e);
    else if (e->kind == EV_BLOCK_START)
        add_call(c, e->id);
}

struct slice thinking_capture_end(struct thinking_capture *c)
{
    bool whole = c->tag == THINKING_SIGNATURE || c->tag == THINKING_REDACTED;
    if (c->broken || !whole || !c->calls)
        return slice_make(NULL, 0);
    open_field(c, THINKING_TURN, c->block);
    buf_add(&c->record, c->calls->id);
    close_field(c);
    if (c->record.overflow)
        return slice_make(NULL, 0);
    write_length(c->record.p + 1, c->record.n - HEAD_SIZE);
    return buf_slice(&c->record);
}

/* ---- reading it ---------------------------------------------------------------------------- */

/* Cuts the next field off; false: there is none of that tag. */
static bool take(struct slice *rest, enum thinking_tag tag, struct slice *content)
{
    size_t n;
    if (rest->n < HEAD_SIZE || rest->p[0] != (char)tag)
        return false;
    n = read_length(rest->p + 1);
    if (n > rest->n - HEAD_SIZE)
        return false;
    *content = slice_make(rest->p + HEAD_SIZE, n);
    *rest = slice_skip(*rest, HEAD_SIZE + n);
    return true;
}

static struct llm_block *take_block(struct slice *rest, struct arena *a)
{
    struct llm_block b = {.kind = LLM_REASONING, .recalled = true}, *made;
    if (take(rest, THINKING_TEXT, &b.text)) {
        if (!take(rest, THINKING_SIGNATURE, &b.signature) || !b.signature.n)
            return NULL;
    } else if (!take(rest, THINKING_REDACTED, &b.redacted) || !b.redacted.n) {
        return NULL;
    }
    made = ARENA_NEW(a, struct llm_block);
    *made = b;
    return made;
}

bool thinking_decode(struct slice record, struct arena *a, struct thinking *t)
{
    struct slice rest;
    struct llm_block **tail = &t->blocks;
    *t = (struct thinking){0};
    if (!take(&record, THINKING_VERSION, &rest) || record.n)
        return false;
    while (rest.n && rest.p[0] != THINKING_TURN) {
        *tail = take_block(&rest, a);
        if (!*tail)
            return false;
        tail = &(*tail)->next;
    }
    return t->blocks && take(&rest, THINKING_TURN, &t->turn) && t->turn.n && !rest.n;
}
