/* One list of members for both ways: each `carry_…` writes its value, or reads it.
 *
 * Failure modes: bytes that are no record, or end too early: everything behind that reads as zero,
 * and there is no record. */

#include "record_pack.h"

#include "base/pack.h"

/* Another text, another version. */
#define TEXTS (sizeof(struct record_texts) / sizeof(struct slice))
_Static_assert(TEXTS == 40, "is RECORD_PACK_VERSION another, too?");

struct carrier {
    struct buf *out;   /* NULL: reading */
    struct slice rest; /* what is read */
    bool broken;
};

static void carry_u64(struct carrier *c, uint64_t *value)
{
    if (c->out)
        pack_number(c->out, *value);
    else if (c->broken || !unpack_number(&c->rest, value)) {
        c->broken = true;
        *value = 0;
    }
}

static void carry_i64(struct carrier *c, int64_t *value)
{
    uint64_t n = (uint64_t)*value;
    carry_u64(c, &n);
    *value = (int64_t)n;
}

static void carry_int(struct carrier *c, int *value)
{
    uint64_t n = (uint64_t)*value;
    carry_u64(c, &n);
    *value = (int)n;
}

static void carry_unsigned(struct carrier *c, unsigned *value)
{
    uint64_t n = *value;
    carry_u64(c, &n);
    *value = (unsigned)n;
}

static void carry_bool(struct carrier *c, bool *value)
{
    uint64_t n = *value;
    carry_u64(c, &n);
    *value = n;
}

static void carry_double(struct carrier *c, double *value)
{
    uint64_t bits;
    memcpy(&bits, value, sizeof(bits));
    carry_u64(c, &bits);
    memcpy(value, &bits, sizeof(bits));
}

static void carry_text(struct carrier *c, struct slice *text)
{
    if (c->out)
        pack_bytes(c->out, *text);
    else if (c->broken || !unpack_bytes(&c->rest, text)) {
        c->broken = true;
        *text = SLICE("");
    }
}

static void carry_id(struct carrier *c, char *id, size_t n)
{
    struct slice text = slice_make(id, n);
    carry_text(c, &text);
    if (!c->out && text.n == n)
        memcpy(id, text.p, n);
    c->broken = c->broken || text.n != n;
}

static void carry_attempt(struct carrier *c, struct record_attempt *a)
{
    carry_text(c, &a->deployment);
    carry_text(c, &a->model);
    carry_text(c, &a->region);
    carry_text(c, &a->group);
    carry_text(c, &a->api_base);
    carry_text(c, &a->error_class);
    carry_text(c, &a->message);
    carry_int(c, &a->status);
    carry_i64(c, &a->begun_ms);
    carry_i64(c, &a->ended_ms);
    carry_id(c, a->span, sizeof(a->span));
}

static void carry_usage(struct carrier *c, struct llm_usage *u)
{
    carry_i64(c, &u->input);
    carry_i64(c, &u->output);
    carry_i64(c, &u->cache_read);
    carry_i64(c, &u->cache_write);
    carry_i64(c, &u->cache_write_1h);
    carry_i64(c, &u->reasoning);
    carry_bool(c, &u->tells_cache);
    carry_bool(c, &u->tells_ttl);
    carry_bool(c, &u->tells_thinking);
    carry_bool(c, &u->estimated);
    carry_bool(c, &u->has_cost);
    carry_double(c, &u->cost);
}

static void carry_times(struct carrier *c, struct record *r)
{
    carry_i64(c, &r->begun_ms);
    carry_i64(c, &r->ended_ms);
    carry_i64(c, &r->called_ms);
    carry_i64(c, &r->first_ms);
}

static void carry_flags(struct carrier *c, struct record *r)
{
    carry_bool(c, &r->failed);
    carry_bool(c, &r->stream);
    carry_bool(c, &r->cache_hit);
    carry_bool(c, &r->redacted);
    carry_bool(c, &r->sampled);
    carry_bool(c, &r->cache_looked);
    carry_bool(c, &r->gone);
    carry_bool(c, &r->priced);
}

static void carry_money(struct carrier *c, struct record *r)
{
    carry_i64(c, &r->limits.requests_left);
    carry_i64(c, &r->limits.tokens_left);
    for (int i = 0; i < RECORD_PAYERS; i++) {
        carry_double(c, &r->limits.budgets[i].most);
        carry_double(c, &r->limits.budgets[i].spent);
        carry_i64(c, &r->limits.budgets[i].reset_ms);
    }
    carry_double(c, &r->cost);
    carry_double(c, &r->input_cost);
    carry_double(c, &r->output_cost);
    carry_double(c, &r->cache_read_cost);
    carry_double(c, &r->cache_write_cost);
    carry_double(c, &r->saved_cost);
}

/* All but the attempts, whose number stands there. */
static void carry_record(struct carrier *c, struct record *r)
{
    struct slice *texts = (struct slice *)(void *)&r->text;
    uint64_t attempts = r->attempt_count;
    for (size_t i = 0; i < TEXTS; i++)
        carry_text(c, &texts[i]);
    carry_u64(c, &attempts);
    c->broken = c->broken || attempts > RECORD_ATTEMPTS_MAX;
    r->attempt_count = c->broken ? 0 : (size_t)attempts;
    carry_times(c, r);
    carry_int(c, &r->status);
    carry_flags(c, r);
    carry_unsigned(c, &r->retries);
    carry_unsigned(c, &r->fallbacks);
    carry_u64(c, &r->repairs);
    carry_money(c, r);
    carry_usage(c, &r->usage);
    carry_id(c, r->trace, sizeof(r->trace));
    carry_id(c, r->span, sizeof(r->span));
    for (size_t i = 0; i < r->attempt_count; i++)
        carry_attempt(c, &r->attempts[i]);
}

void record_pack(struct buf *out, const struct record *r, bool bodies)
{
    struct carrier c = {.out = out};
    struct record copy = *r;
    if (!bodies)
        copy.text.messages = copy.text.tools = copy.text.output = SLICE("");
    carry_record(&c, &copy);
}

struct record *record_unpack(struct slice *rest)
{
    struct carrier c = {.rest = *rest};
    struct record_attempt attempts[RECORD_ATTEMPTS_MAX];
    struct record draft;
    memset(attempts, 0, sizeof(attempts));
    memset(&draft, 0, sizeof(draft));
    draft.attempts = attempts;
    carry_record(&c, &draft);
    *rest = c.rest;
    return c.broken ? NULL : record_new(&draft);
}
