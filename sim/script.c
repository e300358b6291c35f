/* Finds the directives of a text and applies them, one row of a table each.
 *
 * Happy path: text outside directives is collected into `plain`; each directive's arguments are
 * split at commas (the last one takes the rest, so texts and JSON need no quoting) and checked.
 * Failure modes: an unknown name, a missing or malformed argument; all are told as a
 * ValidationException that quotes the directive, because a test with a typing error must not pass
 * by accident. */

#include "script.h"

#include "base/json.h"

#include <string.h>

#define OPEN     "[[sim:"
#define ARGS_MAX 4

struct args {
    struct slice v[ARGS_MAX];
    size_t n;
};

/* ---- arguments ----------------------------------------------------------------------------- */

static bool number(struct slice s, int64_t min, int64_t max, int64_t *value)
{
    return slice_to_i64(slice_trim(s), value) && *value >= min && *value <= max;
}

static bool count(const struct args *args, size_t i, int64_t *value)
{
    return i < args->n && number(args->v[i], 0, SCRIPT_CHUNKS_MAX, value);
}

static bool milliseconds(const struct args *args, size_t i, int64_t *value)
{
    return i < args->n && number(args->v[i], 0, SCRIPT_MS_MAX, value);
}

/* ---- one function per directive ------------------------------------------------------------ */

static bool do_times(const struct args *args, struct arena *a, struct script *s)
{
    return count(args, 0, &s->times);
}

static bool do_throttle(const struct args *args, struct arena *a, struct script *s)
{
    fault_of_status(429, &s->fault);
    return args->n == 0 || count(args, 0, &s->times);
}

static bool do_error(const struct args *args, struct arena *a, struct script *s)
{
    int64_t status;
    if (!args->n)
        return false;
    const bool known = number(args->v[0], 400, 599, &status)
                           ? fault_of_status((int)status, &s->fault)
                           : fault_of_name(slice_trim(args->v[0]), &s->fault);
    if (known && args->n > 1)
        s->fault.message = slice_trim(args->v[1]);
    return known;
}

static bool do_exception(const struct args *args, struct arena *a, struct script *s)
{
    static const char *const types[] = {"internalServerException",     "modelStreamErrorException",
                                        "validationException",         "throttlingException",
                                        "serviceUnavailableException", "modelTimeoutException"};
    s->exception_after = 0;
    if (!args->n || !fault_of_name(slice_trim(args->v[0]), &s->exception))
        return false;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (slice_eq_nocase(slice_of(types[i]), slice_of(s->exception.type)))
            s->exception_type = types[i];
    return s->exception_type && (args->n == 1 || count(args, 1, &s->exception_after));
}

static bool do_cut(const struct args *args, struct arena *a, struct script *s)
{
    return count(args, 0, &s->cut_after);
}

static bool do_cut_frame(const struct args *args, struct arena *a, struct script *s)
{
    return count(args, 0, &s->cut_frame);
}

static bool do_end(const struct args *args, struct arena *a, struct script *s)
{
    return count(args, 0, &s->end_after);
}

static bool do_badcrc(const struct args *args, struct arena *a, struct script *s)
{
    return count(args, 0, &s->badcrc_after);
}

static bool do_silence(const struct args *args, struct arena *a, struct script *s)
{
    s->silence_after = 0;
    return milliseconds(args, 0, &s->silence_ms) &&
           (args->n == 1 || count(args, 1, &s->silence_after));
}

static bool do_slow_head(const struct args *args, struct arena *a, struct script *s)
{
    return milliseconds(args, 0, &s->slow_head_ms);
}

static bool do_gap(const struct args *args, struct arena *a, struct script *s)
{
    return milliseconds(args, 0, &s->gap_ms);
}

static bool do_hang(const struct args *args, struct arena *a, struct script *s)
{
    s->hang = true;
    return args->n == 0;
}

static bool do_echo(const struct args *args, struct arena *a, struct script *s)
{
    s->echo = true;
    return args->n == 0;
}

static bool do_empty(const struct args *args, struct arena *a, struct script *s)
{
    s->empty = true;
    return args->n == 0;
}

static bool do_redacted(const struct args *args, struct arena *a, struct script *s)
{
    s->redacted = true;
    return args->n == 0;
}

static bool do_cite(const struct args *args, struct arena *a, struct script *s)
{
    s->cite = true;
    s->cited = args->n ? slice_trim(args->v[0]) : slice_make(NULL, 0);
    return !args->n || s->cited.n;
}

static bool do_chunks(const struct args *args, struct arena *a, struct script *s)
{
    return count(args, 0, &s->chunks) && s->chunks && args->n == 2 &&
           number(args->v[1], 1, SCRIPT_BYTES_MAX, &s->chunk_bytes) &&
           s->chunks * s->chunk_bytes <= SCRIPT_BYTES_MAX;
}

static bool do_reply(const struct args *args, struct arena *a, struct script *s)
{
    s->reply = args->n ? args->v[0] : SLICE("");
    return args->n == 1;
}

static bool do_tool(const struct args *args, struct arena *a, struct script *s)
{
    if (!args->n || s->tool_count == SCRIPT_TOOLS_MAX)
        return false;
    const struct slice input = args->n > 1 ? slice_trim(args->v[1]) : SLICE("{}");
    s->tools[s->tool_count++] = (struct script_tool){slice_trim(args->v[0]), input};
    return yyjson_is_obj(json_parse(input, a, NULL));
}

static bool do_stop(const struct args *args, struct arena *a, struct script *s)
{
    s->stop = args->n ? slice_trim(args->v[0]) : SLICE("");
    return s->stop.n > 0;
}

static bool do_http(const struct args *args, struct arena *a, struct script *s)
{
    s->http_body = args->n > 1 ? slice_trim(args->v[1]) : SLICE("");
    return args->n && number(args->v[0], 200, 599, &s->http_status);
}

static bool do_usage(const struct args *args, struct arena *a, struct script *s)
{
    s->has_usage = true;
    for (size_t i = 0; i < args->n; i++)
        if (!number(args->v[i], 0, INT32_MAX, &s->usage[i]))
            return false;
    return args->n >= 2;
}

static bool do_turn(const struct args *args, struct arena *a, struct script *s)
{
    int64_t turn;
    if (!count(args, 0, &turn))
        return false;
    s->elsewhere = turn != s->turn;
    return true;
}

/* ---- the table ----------------------------------------------------------------------------- */

struct directive {
    const char *name;
    size_t args_max; /* the last one takes what is left, commas and all */
    bool (*apply)(const struct args *args, struct arena *a, struct script *s);
};

static const struct directive directives[] = {
    {"throttle", 1, do_throttle}, {"error", 2, do_error},         {"exception", 2, do_exception},
    {"cut", 1, do_cut},           {"cut_frame", 1, do_cut_frame}, {"end", 1, do_end},
    {"badcrc", 1, do_badcrc},     {"silence", 2, do_silence},     {"slow_head", 1, do_slow_head},
    {"hang", 1, do_hang},         {"chunks", 2, do_chunks},       {"gap", 1, do_gap},
    {"reply", 1, do_reply},       {"echo", 1, do_echo},           {"tool", 2, do_tool},
    {"stop", 1, do_stop},         {"empty", 1, do_empty},         {"http", 2, do_http},
    {"usage", 4, do_usage},       {"times", 1, do_times},         {"redacted", 1, do_redacted},
    {"turn", 1, do_turn},         {"cite", 1, do_cite},
};

static const struct directive *find(struct slice name)
{
    for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++)
        if (slice_eq(slice_of(directives[i].name), name))
            return &directives[i];
    return NULL;
}

static struct args split(struct slice text, size_t max)
{
    struct args args = {.n = 0};
    while (text.p && args.n + 1 < max)
        args.v[args.n++] = slice_split(&text, ',');
    if (text.p)
        args.v[args.n++] = text;
    return args;
}

/* `text` begins behind "[[sim:". Cuts one directive off: its name, and its arguments (p == NULL
 * without parentheses). False: it has no end. */
static bool cut_directive(struct slice *text, struct slice *name, struct slice *args)
{
    size_t n = 0;
    while (n < text->n && ((text->p[n] >= 'a' && text->p[n] <= 'z') || text->p[n] == '_'))
        n++;
    *name = slice_make(text->p, n);
    *text = slice_skip(*text, n);
    *args = slice_make(NULL, 0);
    if (slice_starts(*text, SLICE("]]"))) {
        *text = slice_skip(*text, 2);
        return true;
    }
    const ptrdiff_t end = slice_find(*text, SLICE(")]]"));
    if (!slice_starts(*text, SLICE("(")) || end < 0)
        return false;
    *args = slice_make(text->p + 1, (size_t)end - 1);
    *text = slice_skip(*text, (size_t)end + 3);
    return true;
}

static bool apply(struct slice *rest, struct arena *a, struct script *s, struct fault *f)
{
    const struct slice start = *rest;
    struct slice name, text;
    const bool whole = cut_directive(rest, &name, &text);
    const struct directive *d = find(name);
    if (whole && d) {
        const struct args args = split(text, d->args_max);
        struct script aside = *s; /* what is for another turn is checked all the same */
        if (d->apply(&args, a, s->elsewhere && d->apply != do_turn ? &aside : s))
            return true;
    }
    const size_t shown = start.n > 80 ? 80 : start.n;
    return fault_validation(f, a, "bedrock-sim: %s in directive %s%.*s",
                            d ? "wrong arguments" : "unknown name", OPEN, (int)shown, start.p);
}

/* Applies the directives of `text`; `*plain`: what stands around them. */
static bool parse(struct slice text, struct arena *a, struct script *s, struct slice *plain,
                  struct fault *f)
{
    struct buf around;
    bool good = true;
    ptrdiff_t at = slice_find(text, SLICE(OPEN));
    if (at < 0) {
        *plain = slice_trim(text);
        return true;
    }
    buf_init(&around, text.n + 1);
    for (; good && at >= 0; at = slice_find(text, SLICE(OPEN))) {
        buf_add(&around, slice_make(text.p, (size_t)at));
        text = slice_skip(text, (size_t)at + sizeof(OPEN) - 1);
        good = apply(&text, a, s, f);
    }
    buf_add(&around, text);
    *plain = arena_dup(a, slice_trim(buf_slice(&around)));
    buf_fini(&around);
    return good;
}

bool script_parse(struct slice text, struct arena *a, struct script *s, struct fault *f)
{
    *s = (struct script){.times = SCRIPT_NEVER,
                         .exception_after = SCRIPT_NEVER,
                         .cut_after = SCRIPT_NEVER,
                         .cut_frame = SCRIPT_NEVER,
                         .end_after = SCRIPT_NEVER,
                         .badcrc_after = SCRIPT_NEVER,
                         .silence_after = SCRIPT_NEVER,
                         .gap_ms = SCRIPT_NEVER};
    return parse(text, a, s, &s->plain, f);
}

bool script_plan(struct slice text, int64_t turn, struct arena *a, struct script *s,
                 struct fault *f)
{
    struct slice around;
    s->turn = turn;
    s->elsewhere = true;
    return parse(text, a, s, &around, f);
}

void script_forgive(struct script *s)
{
    s->fault.status = 0;
    s->http_status = 0;
    s->hang = false;
    s->slow_head_ms = 0;
    s->exception_after = s->cut_after = s->cut_frame = s->end_after = s->badcrc_after =
        s->silence_after = SCRIPT_NEVER;
}
