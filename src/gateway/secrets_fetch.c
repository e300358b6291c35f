/* GetSecretValue, for each secret of a plan.
 *
 * Happy path: the step gets the credentials, then starts a batch with what is still open; each
 * answer closes one; the end of the batch marks the step again, which finds nothing open and hands
 * the set over.
 *
 * Failure modes: an answer that may be better the next time ends the batch; what is open is asked
 * again after a pause, SECRETS_TRIES times in all. A clock that is off, or credentials that AWS
 * knows no more, are put right for the next try. Anything else fails the set. */

#include "secrets_fetch.h"

#include "aws/flow.h"
#include "base/date.h"
#include "base/json.h"
#include "base/text.h"
#include "batch.h"
#include "wire/crypto.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)1024 * 1024) /* bytes; a secret has 64 KiB, before JSON's escapes */
#define CONNECT_MS 3000
#define FIRST_MS   5000
#define TOTAL_MS   6000
#define PAUSE_MS   500 /* doubles */
#define WORDS_MAX  256 /* bytes of AWS' own words */
#define BODY_MAX   8192
#define HEADERS    6

struct secrets_fetch {
    struct secrets_job job;
    struct turn_item item;
    struct arena arena;
    uv_timer_t timer;    /* between two tries */
    struct batch *batch; /* NULL: none is under way */
    struct credentials_wait wait;
    struct aws_credentials keys; /* of this try */
    struct sigv4_key key;
    struct slice *ids; /* of secrets that were not answered yet … */
    size_t count;
    struct slice *asked; /* … and those of this batch */
    unsigned tries;
    bool pausing, dead;
    struct slice trouble; /* of the last try; p == NULL: none */
    struct secrets *found;
};

/* ---- the end ------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *timer)
{
    struct secrets_fetch *f = timer->data;
    secrets_unref(f->found);
    arena_fini(&f->arena);
    free(f);
}

static void die(struct secrets_fetch *f)
{
    f->dead = true;
    credentials_leave(&f->wait);
    turn_unmark(&f->item);
    uv_close((uv_handle_t *)&f->timer, on_closed);
}

static void fail(struct secrets_fetch *f, struct slice what)
{
    secrets_fail(f->found, what);
    f->count = 0;
}

static void end(struct secrets_fetch *f)
{
    struct secrets *found = f->found;
    f->found = NULL;
    die(f);
    f->job.over(f->job.user, found);
}

/* ---- one call ------------------------------------------------------------------------------ */

static struct slice body_of(struct secrets_fetch *f, struct slice id)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, BODY_MAX);
    json_begin(&w, &b);
    json_object(&w);
    json_member_string(&w, "SecretId", id);
    json_object_end(&w);
    struct slice body = arena_dup(&f->arena, buf_slice(&b));
    buf_fini(&b);
    return body;
}

static void add_header(struct http_headers *h, struct http_header *v, const char *name,
                       struct slice value)
{
    v[h->n++] = (struct http_header){slice_of(name), value};
}

static struct http_headers sign(struct secrets_fetch *f, struct slice body)
{
    const struct secrets_plan *plan = f->job.plan;
    struct slice host = slice_of(strstr(plan->endpoint, "://") + 3);
    struct http_header *v = arena_alloc(&f->arena, HEADERS * sizeof(*v));
    struct http_headers h = {v, 0};
    char hash[HEX_SIZE(SHA256_SIZE)], *date = arena_alloc(&f->arena, SIGV4_DATE_SIZE);
    sigv4_date(credentials_now(f->job.credentials), date);
    sha256_hex(body, hash);
    add_header(&h, v, "content-type", SLICE("application/x-amz-json-1.1"));
    add_header(&h, v, "host", host);
    add_header(&h, v, "x-amz-date", slice_of(date));
    add_header(&h, v, "x-amz-target", SLICE("secretsmanager.GetSecretValue"));
    if (f->keys.session_token.n)
        add_header(&h, v, "x-amz-security-token", f->keys.session_token);
    const struct sigv4_request r = {
        .method = SLICE("POST"), .path = SLICE("/"), .headers = h, .payload_hash = hash};
    add_header(&h, v, "authorization",
               sigv4_authorization(&r, &f->keys, slice_of(plan->region), SLICE("secretsmanager"),
                                   date, &f->key, &f->arena));
    return h;
}

static bool on_call(void *user, size_t i, struct http_call *call)
{
    struct secrets_fetch *f = user;
    struct slice body = body_of(f, f->asked[i]);
    *call = (struct http_call){
        .method = "POST",
        .url = ARENA_JOIN(&f->arena, slice_of(f->job.plan->endpoint), SLICE("/")).p,
        .headers = sign(f, body),
        .body = body,
    };
    return true;
}

/* ---- values -------------------------------------------------------------------------------- */

/* JSON in bytes of its own, where its strings stay. */
struct parsed {
    struct arena arena; /* knows places only */
    char *text;
    size_t size;
    yyjson_val *root; /* NULL: it is no object */
};

static void parse(struct parsed *p, struct slice text)
{
    arena_init(&p->arena);
    p->size = text.n + JSON_PADDING;
    p->text = calloc(1, p->size);
    if (!p->text)
        abort();
    if (text.n)
        memcpy(p->text, text.p, text.n);
    yyjson_val *root = json_parse_insitu(p->text, text.n, &p->arena, NULL);
    p->root = yyjson_is_obj(root) ? root : NULL;
}

static void wipe(struct parsed *p)
{
    explicit_bzero(p->text, p->size);
    free(p->text);
    arena_fini(&p->arena);
}

static void put_member(struct secrets_fetch *f, struct slice name, yyjson_val *v)
{
    if (yyjson_is_str(v))
        secrets_put(f->found, name, json_slice(v));
    else if (json_is_number(v) || yyjson_is_bool(v))
        secrets_put(f->found, name, json_text_of(v, &f->arena));
    else
        secrets_miss(f->found, name,
                     v ? SLICE("it is neither text nor a number")
                       : SLICE("the JSON of primary_secret_name has no such member"));
}

/* The names of variables are members of one secret. */
static void take_primary(struct secrets_fetch *f, struct slice text)
{
    const struct secrets_plan *plan = f->job.plan;
    struct parsed p;
    size_t i, n;
    yyjson_val *key, *value;
    parse(&p, text);
    if (!p.root)
        fail(f, arena_printf(&f->arena, "AWS Secrets Manager: \"%s\" holds no JSON object",
                             plan->primary));
    for (i = 0; i < plan->count; i++)
        put_member(f, plan->names[i], json_get(p.root, plan->names[i].p));
    if (!plan->count)
        yyjson_obj_foreach(p.root, i, n, key, value) put_member(f, json_slice(key), value);
    wipe(&p);
}

static void take(struct secrets_fetch *f, struct slice id, struct slice body)
{
    struct parsed p;
    parse(&p, body);
    yyjson_val *v = p.root ? json_get(p.root, "SecretString") : NULL;
    bool primary = f->job.plan->primary;
    if (!p.root)
        fail(f, arena_printf(&f->arena, "AWS Secrets Manager at %s: what it answers is no JSON",
                             f->job.plan->endpoint));
    else if (primary)
        take_primary(f, json_slice(v));
    else if (yyjson_is_str(v))
        secrets_put(f->found, id, json_slice(v));
    else
        secrets_miss(f->found, id, SLICE("it is binary"));
    wipe(&p);
}

/* ---- answers ------------------------------------------------------------------------------- */

enum verdict { TAKEN, MISSING, FORBIDDEN, LATER, FAILED };

static bool put_clock_right(struct secrets_fetch *f, const struct batch_answer *answer)
{
    int64_t date, off;
    if (!date_parse_http(http_header_get(answer->headers, "date"), &date))
        return false;
    off = date - credentials_now(f->job.credentials);
    if (off < AWS_CLOCK_OFF_S && off > -AWS_CLOCK_OFF_S)
        return false;
    credentials_set_now(f->job.credentials, date);
    return true;
}

static bool put_credentials_right(struct secrets_fetch *f, struct slice code)
{
    bool unknown = slice_eq(code, SLICE("ExpiredTokenException")) ||
                   slice_eq(code, SLICE("UnrecognizedClientException")) ||
                   slice_eq(code, SLICE("InvalidClientTokenId"));
    return unknown &&
           credentials_refuse(f->job.credentials, f->job.plan->identity, f->keys.access_key_id);
}

static enum verdict judge(struct secrets_fetch *f, const struct batch_answer *answer,
                          struct slice code)
{
    static const struct {
        const char *code;
        enum verdict verdict;
    } rows[] = {{"ResourceNotFoundException", MISSING},
                {"InvalidRequestException", MISSING}, /* it is being deleted */
                {"AccessDeniedException", FORBIDDEN},
                {"ValidationException", FORBIDDEN}, /* no secret can have such a name */
                {"InvalidParameterException", FORBIDDEN},
                {"ThrottlingException", LATER}};
    if (answer->status == 200)
        return TAKEN;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(code, slice_of(rows[i].code)))
            return rows[i].verdict;
    bool again = answer->status >= 500 || answer->status == 429 || put_clock_right(f, answer) ||
                 put_credentials_right(f, code);
    return again ? LATER : FAILED;
}

/* "Code: words", one line. Services write the code with or without a namespace. */
static struct slice words_of(struct secrets_fetch *f, const struct batch_answer *answer,
                             struct slice *code)
{
    yyjson_val *root = json_parse(answer->body, &f->arena, NULL);
    struct slice type = json_get_slice(root, "__type");
    struct slice message = json_get_slice(root, "Message");
    for (ptrdiff_t at; (at = slice_find_char(type, '#')) >= 0;)
        type = slice_skip(type, (size_t)at + 1);
    *code = type;
    if (!message.n)
        message = json_get_slice(root, "message");
    if (!type.n)
        return arena_printf(&f->arena, "status %d", answer->status);
    message.n = message.n < WORDS_MAX ? message.n : WORDS_MAX;
    char *text = arena_strdup(&f->arena, ARENA_JOIN(&f->arena, type, SLICE(": "), message));
    text_clean(text, strlen(text));
    return slice_of(text);
}

static struct slice tell(struct secrets_fetch *f, struct slice id, struct slice words)
{
    return arena_printf(&f->arena, "AWS Secrets Manager at %s: \"%.*s\": %.*s",
                        f->job.plan->endpoint, SLICE_ARG(id), SLICE_ARG(words));
}

static void close_one(struct secrets_fetch *f, struct slice id)
{
    for (size_t i = 0; i < f->count; i++)
        if (slice_eq(f->ids[i], id))
            f->ids[i--] = f->ids[--f->count];
}

/* False: the rest of the batch is pointless. */
static bool act(struct secrets_fetch *f, struct slice id, enum verdict verdict, struct slice words)
{
    const struct secrets_plan *plan = f->job.plan;
    bool promised = plan->primary || (plan->hosted && verdict == FORBIDDEN);
    if (verdict == LATER) {
        f->trouble = tell(f, id, words);
        return false;
    }
    if (verdict == FAILED || promised) {
        fail(f, tell(f, id, words));
        return false;
    }
    secrets_miss(f->found, id, words);
    close_one(f, id);
    return true;
}

static bool on_answer(void *user, size_t i, const struct batch_answer *answer)
{
    struct secrets_fetch *f = user;
    struct slice id = f->asked[i], code;
    if (answer->end != UPSTREAM_DONE)
        return act(f, id, answer->too_large ? FAILED : LATER, slice_of(answer->detail));
    if (answer->status != 200) {
        struct slice words = words_of(f, answer, &code);
        return act(f, id, judge(f, answer, code), words);
    }
    close_one(f, id);
    take(f, id, answer->body);
    explicit_bzero((char *)(uintptr_t)answer->body.p, answer->body.n);
    return !secrets_error(f->found);
}

static void on_over(void *user)
{
    struct secrets_fetch *f = user;
    f->batch = NULL;
    turn_mark(f->job.turn, &f->item);
}

/* ---- tries --------------------------------------------------------------------------------- */

static const struct batch_events events = {.call = on_call, .done = on_answer, .over = on_over};

static void start_batch(struct secrets_fetch *f)
{
    const struct batch_options options = {
        .count = f->count,
        .body_max = ANSWER_MAX,
        .timeouts = {.connect_ms = CONNECT_MS, .first_ms = FIRST_MS, .total_ms = TOTAL_MS}};
    f->tries++;
    f->trouble = (struct slice){0};
    memcpy(f->asked, f->ids, f->count * sizeof(*f->ids));
    f->batch = batch_start(f->job.upstream, f->job.turn, &options, &events, f);
}

static void on_timer(uv_timer_t *timer)
{
    struct secrets_fetch *f = timer->data;
    f->pausing = false;
    turn_mark(f->job.turn, &f->item);
}

/* True: there will be another try. */
static bool pause_or_give_up(struct secrets_fetch *f)
{
    struct slice trouble = f->trouble;
    f->trouble = (struct slice){0};
    if (f->tries == SECRETS_TRIES) {
        fail(f,
             arena_printf(&f->arena, "%.*s (tried %d times)", SLICE_ARG(trouble), SECRETS_TRIES));
        return false;
    }
    f->pausing = true;
    uv_timer_start(&f->timer, on_timer, (uint64_t)PAUSE_MS << (f->tries - 1), 0);
    return true;
}

/* False: they are coming, or never will. */
static bool get_credentials(struct secrets_fetch *f)
{
    const struct aws_identity *id = f->job.plan->identity;
    struct credentials_answer answer = credentials_get(f->job.credentials, id, &f->wait, &f->item);
    if (answer.state == CREDENTIALS_NONE)
        fail(f, arena_printf(&f->arena, "AWS Secrets Manager: no AWS credentials (%s): %s",
                             id->name, answer.error));
    if (answer.state != CREDENTIALS_READY)
        return false;
    f->keys = (struct aws_credentials){arena_dup(&f->arena, answer.credentials.access_key_id),
                                       arena_dup(&f->arena, answer.credentials.secret_access_key),
                                       arena_dup(&f->arena, answer.credentials.session_token)};
    return true;
}

static void step(struct turn_item *item)
{
    struct secrets_fetch *f = LIST_ENTRY(item, struct secrets_fetch, item);
    if (f->batch || f->pausing || (f->count && f->trouble.p && pause_or_give_up(f)))
        return;
    if (f->count && get_credentials(f))
        start_batch(f);
    else if (!f->count)
        end(f);
}

struct secrets_fetch *secrets_fetch_start(const struct secrets_job *job)
{
    struct secrets_fetch *f = calloc(1, sizeof(*f));
    const struct secrets_plan *plan = job->plan;
    if (!f)
        abort();
    f->job = *job;
    f->found = secrets_new();
    arena_init(&f->arena);
    turn_item_init(&f->item, step);
    uv_timer_init(job->turn->loop, &f->timer);
    f->timer.data = f;
    f->count = plan->primary ? 1 : plan->count;
    f->ids = arena_alloc(&f->arena, f->count * sizeof(*f->ids));
    f->asked = arena_alloc(&f->arena, f->count * sizeof(*f->asked));
    if (plan->primary)
        f->ids[0] = slice_of(plan->primary);
    else
        memcpy(f->ids, plan->names, f->count * sizeof(*f->ids));
    turn_mark(job->turn, &f->item);
    return f;
}

void secrets_fetch_cancel(struct secrets_fetch *f)
{
    if (!f)
        return;
    if (f->batch)
        batch_cancel(f->batch);
    die(f);
}

/* ---- without a loop ------------------------------------------------------------------------ */

static void on_found(void *user, struct secrets *found)
{
    *(struct secrets **)user = found;
}

static struct secrets *ask(const struct config *plan)
{
    uv_loop_t loop;
    struct turn turn;
    struct secrets *found = NULL;
    const struct upstream_tls tls = {.verify = plan->settings.ssl_verify,
                                     .ca_file = plan->settings.ssl_certificate};
    if (uv_loop_init(&loop))
        abort();
    turn_init(&turn, &loop);
    struct upstream *upstream = upstream_init(&turn, &tls);
    struct credentials *credentials = credentials_new(&turn, upstream);
    secrets_fetch_start(&(struct secrets_job){.turn = &turn,
                                              .upstream = upstream,
                                              .credentials = credentials,
                                              .plan = plan->secrets_plan,
                                              .over = on_found,
                                              .user = &found});
    while (!found)
        uv_run(&loop, UV_RUN_ONCE);
    credentials_free(credentials);
    upstream_fini(upstream);
    turn_fini(&turn);
    while (uv_run(&loop, UV_RUN_DEFAULT))
        ;
    uv_loop_close(&loop);
    return found;
}

struct config *secrets_load_config(const char *path)
{
    struct config *plan = config_load(path), *c;
    if (!plan->secrets_plan)
        return plan;
    struct secrets *found = ask(plan);
    c = config_load_stored(path, SLICE(""), found);
    secrets_unref(found);
    config_unref(plan);
    return c;
}
