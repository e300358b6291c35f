/* The access line.
 *
 * Happy path: what is known of the exchange is listed once, as fields; text and JSON are two ways
 * to write the list. Put together without printf: every request pays for it.
 *
 * Failure modes: values are cut at VALUE_MAX; a field that does not fit into the line any more is
 * left out. */

#include "exchange_log.h"

#include "base/log.h"
#include "worker_private.h"

#define VALUE_MAX  400 /* bytes of one value */
#define ERROR_MAX  1000
#define ROOM_SIZE  4000
#define FIELDS_MAX 32
#define HASH_SHOWN 12 /* digits of a key's hash */

struct field {
    const char *text; /* what stands before the value in text: " status=" */
    const char *json; /* with quotes and colon */
    struct slice value;
    bool plain; /* a number, or a value that needs no quotes in text */
    char digits[SLICE_MONEY];
};

struct fields {
    struct field v[FIELDS_MAX];
    size_t n;
};

/* ---- what is told --------------------------------------------------------------------------- */

static struct field *add(struct fields *f, const char *text, const char *json)
{
    struct field *field = &f->v[f->n++];
    field->text = text;
    field->json = json;
    field->plain = false;
    return field;
}

static void add_text(struct fields *f, const char *text, const char *json, struct slice value)
{
    if (value.n)
        add(f, text, json)->value = slice_make(value.p, value.n < VALUE_MAX ? value.n : VALUE_MAX);
}

static void add_number(struct fields *f, const char *text, const char *json, int64_t value)
{
    struct field *field = add(f, text, json);
    field->value = slice_digits(value, field->digits);
    field->plain = true;
}

static struct slice or_dash(struct slice s)
{
    return s.n ? s : SLICE("-");
}

static void list_caller(struct fields *f, const struct exchange *ex)
{
    const struct caller *c = &ex->caller;
    size_t shown = c->key.n < HASH_SHOWN ? c->key.n : HASH_SHOWN;
    add_text(f, " key=", "\"key_alias\":", c->alias);
    add_text(f, " key_hash=", "\"key_hash\":", slice_make(c->key.p, shown));
    add_text(f, " user=", "\"user\":", c->user);
    add_text(f, " team=", "\"team\":", c->team);
    add_text(f, " end_user=", "\"end_user\":", c->end_user);
}

static void list_times(struct fields *f, const struct exchange *ex)
{
    int64_t now = turn_now(&ex->worker->turn), begun = ex->times[EX_HEAD];
    int64_t called = ex->times[EX_CALL] ? ex->times[EX_CALL] : ex->times[EX_BATCH];
    add_number(f, " ms=", "\"ms\":", now - begun);
    add_number(f, " first_ms=", "\"first_ms\":", ex->first_event ? ex->first_event - begun : 0);
    if (called)
        add_number(f, " call_ms=", "\"call_ms\":", now - called);
}

static void list_usage(struct fields *f, const struct exchange *ex)
{
    const struct llm_usage *u = &ex->usage;
    add_number(f, " tokens=", "\"prompt_tokens\":", llm_usage_prompt(u));
    add_number(f, "/", "\"completion_tokens\":", u->output);
    if (u->cache_read)
        add_number(f, " cache_read=", "\"cache_read_tokens\":", u->cache_read);
    if (u->cache_write)
        add_number(f, " cache_write=", "\"cache_write_tokens\":", u->cache_write);
    if (u->estimated)
        add_text(f, " usage=", "\"usage\":", SLICE("estimated"));
    if (ex->cost.total <= 0)
        return;
    struct field *cost = add(f, " cost=", "\"cost\":");
    cost->value = slice_money(ex->cost.total, cost->digits);
    cost->plain = true;
}

struct slice exchange_log_failure(const struct exchange *ex, const struct failure *f)
{
    return f->upstream && ex->config->settings.redact_errors ? SLICE("redacted-by-litellm")
                                                             : f->message;
}

static void list_way(struct fields *f, const struct exchange *ex)
{
    if (ex->resuming.count)
        add_number(f, " resumed=", "\"resumed\":", ex->resuming.count);
    unsigned retries = ex->reroute.retries_total + ex->reroute.failovers;
    if (retries)
        add_number(f, " retries=", "\"retries\":", retries);
    if (ex->reroute.fallbacks)
        add_number(f, " fallbacks=", "\"fallbacks\":", ex->reroute.fallbacks);
    if (ex->cache.hit)
        add_text(f, " cache=", "\"cache\":", ex->cache.joined ? SLICE("joined") : SLICE("hit"));
    if (ex->failure.kind == FAILURE_NONE)
        return;
    struct slice error = exchange_log_failure(ex, &ex->failure);
    struct field *field = add(f, " error=", "\"error\":");
    field->value = slice_make(error.p, error.n < ERROR_MAX ? error.n : ERROR_MAX);
}

static void list(struct fields *f, const struct exchange *ex)
{
    const struct deployment *d = ex->deployment;
    f->n = 0;
    add_text(f, "", "\"call_id\":", slice_of(ex->id));
    add_text(f, " ", "\"route\":", ex->route ? slice_of(ex->route->path) : SLICE("-"));
    f->v[f->n - 1].plain = !log_is_json();
    add_number(f, " status=", "\"status\":", ex->status);
    add_text(f, " model=", "\"model\":", or_dash(ex->request.model));
    add_text(f, " deployment=", "\"deployment\":", d ? slice_of(d->id) : SLICE("-"));
    list_caller(f, ex);
    list_times(f, ex);
    list_usage(f, ex);
    list_way(f, ex);
}

/* ---- how ------------------------------------------------------------------------------------ */

/* A value with a space in it could pass for another field: in quotes, as JSON has them. */
static void write_value(struct buf *line, const struct field *f, bool json)
{
    struct json_writer w;
    if (f->plain || (!json && !memchr(f->value.p, ' ', f->value.n))) {
        buf_add(line, f->value);
        return;
    }
    json_begin(&w, line);
    json_string(&w, f->value);
}

static void write_fields(const struct fields *f, struct buf *line, bool json)
{
    for (size_t i = 0; i < f->n; i++) {
        size_t before = line->n;
        if (json)
            buf_add_char(line, ',');
        buf_add(line, slice_of(json ? f->v[i].json : f->v[i].text));
        write_value(line, &f->v[i], json);
        if (line->overflow)
            line->n = before;
        line->overflow = false;
    }
}

void exchange_log(const struct exchange *ex)
{
    struct fields f;
    char room[ROOM_SIZE];
    struct buf line = {.p = room, .size = sizeof(room), .cap = sizeof(room)};
    enum log_level level =
        ex->route && ex->route->open && !ex->pass ? LOG_DEBUG : LOG_INFO; /* probes are noise */
    if (!log_enabled(level))
        return;
    list(&f, ex);
    write_fields(&f, &line, log_is_json());
    if (log_is_json())
        log_fields(level, SLICE("request"), buf_slice(&line));
    else
        log_line(level, buf_slice(&line));
}
