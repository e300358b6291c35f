/* Runs golden cases: a client's body through the dialect and the provider, an upstream's answer
 * back through both.
 *
 * A case is a folder in one named after dialect and provider: `about` (what it shows), request.json
 * (the client's body), deployment.json (optional: {"model_id", "defaults", "drop_params"}),
 * upstream.json (the body we must send), `keeps` (optional: lines that must stand in that body byte
 * for byte), upstream.events.json or upstream.reply.json (the answer, see upstream.h), and
 * reply.sse or reply.json (what the client must get, byte for byte). A case without an upstream
 * answer is refused before any call.
 *
 * Each answer is fed whole, byte by byte and at seeded random cuts; all must give the same bytes.
 *
 *     run CASE               checks
 *     run --update CASE      writes upstream.json and reply.* anew: read the diff
 *     run --complete DIR N…  fails unless the folders in DIR are exactly N… */

#include "upstream.h"

#include "../unit/base/json_same.h"

#include "dialect/dialect.h"
#include "provider/plan.h"
#include "provider/provider.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX     (16u * 1024 * 1024)
#define RANDOM_CUTS 50
#define NOW         1700000000

struct golden {
    const char *dir;
    const struct dialect *dialect;
    bool update;
    int problems;
    struct arena arena;
    struct deployment deployment;
    struct llm_request request;
    struct failure failure; /* of parse or build */
    struct dialect_answer answer;
    struct model_table *models;
    struct plan plan;
    struct provider_attempt attempt;
    const struct provider *provider;
    struct llm_request preset;
    struct buf body;
    struct upstream upstream;
    bool streamed; /* the last run's reply is SSE */
};

/* ---- files --------------------------------------------------------------------------------- */

static struct slice path_of(struct golden *g, const char *name)
{
    return arena_printf(&g->arena, "%s/%s", g->dir, name);
}

/* p == NULL: no such file. */
static struct slice read_file(struct golden *g, const char *name)
{
    FILE *f = fopen(path_of(g, name).p, "rb");
    if (!f)
        return slice_make(NULL, 0);
    fseek(f, 0, SEEK_END);
    size_t n = (size_t)ftell(f);
    char *p = arena_alloc(&g->arena, n + 1);
    rewind(f);
    n = fread(p, 1, n, f);
    fclose(f);
    return slice_make(p, n);
}

static yyjson_val *read_json(struct golden *g, const char *name)
{
    struct json_error e;
    struct slice text = read_file(g, name);
    yyjson_val *v = text.p ? json_parse(text, &g->arena, &e) : NULL;
    if (text.p && !v) {
        fprintf(stderr, "%s/%s: %s at byte %zu\n", g->dir, name, e.message, e.offset);
        exit(1);
    }
    return v;
}

static void write_file(struct golden *g, const char *name, struct slice text)
{
    FILE *f = fopen(path_of(g, name).p, "wb");
    if (!f || fwrite(text.p, 1, text.n, f) != text.n || fclose(f)) {
        perror(name);
        exit(1);
    }
}

/* ---- comparing ----------------------------------------------------------------------------- */

static void problem(struct golden *g, const char *what, struct slice expected, struct slice actual)
{
    size_t at = 0;
    while (at < expected.n && at < actual.n && expected.p[at] == actual.p[at])
        at++;
    fprintf(stderr, "%s: %s (byte %zu)\n--- expected\n%.*s\n--- actual\n%.*s\n", g->dir, what, at,
            SLICE_ARG(expected), SLICE_ARG(actual));
    g->problems++;
}

static void check_kept(struct golden *g)
{
    struct slice lines = read_file(g, "keeps");
    while (lines.n) {
        struct slice line = slice_split(&lines, '\n');
        if (slice_find(buf_slice(&g->body), line) < 0)
            problem(g, "the body does not keep these bytes", line, buf_slice(&g->body));
    }
}

static void check_body(struct golden *g)
{
    yyjson_val *sent = json_parse(buf_slice(&g->body), &g->arena, NULL);
    if (!sent) {
        problem(g, "the body is not JSON", SLICE("JSON"), buf_slice(&g->body));
        return;
    }
    if (g->update) {
        size_t n;
        char *text = yyjson_val_write_opts(
            sent, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END, NULL, &n, NULL);
        write_file(g, "upstream.json", slice_make(text, n));
        free(text);
    }
    yyjson_val *expected = read_json(g, "upstream.json");
    if (!expected || !json_same(expected, sent))
        problem(g, "the upstream body differs", read_file(g, "upstream.json"), buf_slice(&g->body));
    check_kept(g);
}

/* A file ends with a line feed that a reply.json does not have. */
static struct slice without_line_end(struct slice s)
{
    return slice_ends(s, SLICE("\n")) ? slice_make(s.p, s.n - 1) : s;
}

static void check_reply(struct golden *g, struct slice reply, bool streamed)
{
    const char *name = streamed ? "reply.sse" : "reply.json";
    struct slice file;
    if (g->update) {
        unlink(path_of(g, "reply.sse").p);
        unlink(path_of(g, "reply.json").p);
        write_file(g, name, streamed ? reply : arena_printf(&g->arena, "%.*s\n", SLICE_ARG(reply)));
    }
    file = read_file(g, name);
    if (!streamed && !json_parse(reply, &g->arena, NULL))
        problem(g, "the reply is not JSON", file, reply);
    if (!file.p || !slice_eq(streamed ? file : without_line_end(file), reply))
        problem(g, name, file, reply);
}

/* ---- one answer ---------------------------------------------------------------------------- */

struct reply {
    struct golden *g;
    void *encoder;
    struct llm_fold fold;
    struct buf out;
    int ends;    /* EV_END and EV_FAIL seen */
    bool failed; /* before anything was sent: an HTTP error, not a stream */
};

static void on_event(void *user, const struct llm_event *e)
{
    struct reply *r = user;
    r->ends += e->kind == EV_END || e->kind == EV_FAIL;
    if (!r->g->request.stream) {
        llm_fold_event(&r->fold, e);
    } else if (e->kind == EV_FAIL && !r->out.n) {
        r->failed = true;
        r->g->dialect->encode_failure(e->failure, &r->out);
    } else {
        r->g->dialect->encode(r->encoder, e, &r->out);
    }
}

static void finish_whole(struct reply *r)
{
    const struct llm_response *a = &r->fold.response;
    if (a->failure.kind != FAILURE_NONE)
        r->g->dialect->encode_failure(&a->failure, &r->out);
    else
        r->g->dialect->encode_whole(a, &r->g->request, &r->g->answer, &r->out);
}

/* Feeds pieces of 1 to `most` bytes (0: all at once). */
static void feed(struct golden *g, void *decoder, size_t most)
{
    struct slice rest = buf_slice(&g->upstream.body);
    while (rest.n) {
        size_t n = most ? 1 + (size_t)random() % most : rest.n;
        n = n < rest.n ? n : rest.n;
        if (!g->provider->feed(decoder, slice_make(rest.p, n)))
            break;
        rest = slice_skip(rest, n);
    }
    g->provider->finish(decoder);
}

/* Returns the reply, in the arena. */
static struct slice run_answer(struct golden *g, size_t most)
{
    struct reply r = {.g = g};
    struct llm_sink sink = {on_event, &r};
    buf_init(&r.out, OUT_MAX);
    llm_fold_init(&r.fold, &g->arena);
    r.encoder = g->dialect->encoder(&g->arena, &g->request, &g->answer);
    const struct llm_sink *undo = plan_undo(&g->plan, &sink, &g->arena);
    void *decoder =
        g->provider->decoder(&g->attempt, g->upstream.status, g->upstream.headers, undo);
    feed(g, decoder, most);
    g->provider->fini(decoder);
    plan_undo_free(undo, &sink);
    if (!g->request.stream)
        finish_whole(&r);
    if (r.ends != 1)
        problem(g, "not exactly one end", SLICE("one END or FAIL"), buf_slice(&r.out));
    g->streamed = g->request.stream && !r.failed;
    struct slice reply = arena_dup(&g->arena, buf_slice(&r.out));
    llm_fold_fini(&r.fold);
    buf_fini(&r.out);
    return reply;
}

static void check_answer(struct golden *g)
{
    struct slice whole = run_answer(g, 0);
    check_reply(g, whole, g->streamed);
    srandom(1);
    for (int i = -1; i < RANDOM_CUTS; i++) {
        struct arena_mark mark = arena_mark(&g->arena);
        size_t most = i < 0 ? 1 : 1 + (size_t)random() % 400;
        struct slice cut = run_answer(g, most);
        if (!slice_eq(whole, cut))
            problem(g, "the reply depends on the cuts", whole, cut);
        arena_rewind(&g->arena, mark);
    }
}

/* ---- one case ------------------------------------------------------------------------------ */

/* "…/openai_chat-titan/plain_whole": what `titan` is, and the model that is called unless the case
 * names another. */
static const struct target {
    const char *name, *model_id;
    enum bedrock_api api;
} targets[] = {
    {"-bedrock/", "anthropic.claude-3-7-sonnet-20250219-v1:0", BEDROCK_CONVERSE},
    {"-anthropic_invoke/", "anthropic.claude-3-7-sonnet-20250219-v1:0", BEDROCK_INVOKE},
    {"-titan/", "amazon.titan-text-express-v1", BEDROCK_AUTO},
};

static const struct target *target_of(const char *dir)
{
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
        if (strstr(dir, targets[i].name))
            return &targets[i];
    fprintf(stderr, "%s: whose case is it?\n", dir);
    exit(1);
}

static const struct dialect *dialect_of(const char *dir)
{
    if (strstr(dir, "anthropic_messages-"))
        return &dialect_anthropic_messages;
    if (strstr(dir, "openai_responses-"))
        return &dialect_openai_responses;
    return strstr(dir, "openai_completions-") ? &dialect_openai_completions : &dialect_openai_chat;
}

static void set_up(struct golden *g)
{
    const struct target *target = target_of(g->dir);
    static struct sigv4_key key;
    g->dialect = dialect_of(g->dir);
    yyjson_val *d = read_json(g, "deployment.json");
    struct slice model_id = json_get_slice(d, "model_id");
    g->deployment = (struct deployment){
        .id = "golden",
        .model_name = "claude",
        .region = "us-east-1",
        .endpoint = "https://bedrock-runtime.us-east-1.amazonaws.com",
        .credentials = {SLICE("AKIDEXAMPLE"), SLICE("secret"), SLICE("")},
        .credential_source = "litellm_params",
        .drop_params = yyjson_is_true(json_get(d, "drop_params")),
        .signing_key = &key,
    };
    struct slice id = model_id.n ? model_id : slice_of(target->model_id);
    if (json_get(d, "defaults") &&
        openai_params_parse(json_get(d, "defaults"), &g->arena, &g->preset, &g->failure))
        g->deployment.preset = &g->preset;
    g->models = model_table_new(SLICE(""), NULL);
    g->attempt = (struct provider_attempt){
        .deployment = &g->deployment,
        .model_id = id,
        .model = models_find(g->models, id, SLICE("us-east-1"), NULL, &g->arena),
        .plan = &g->plan,
        .request = &g->request,
        .now = NOW,
        .arena = &g->arena,
        .prompt = &g->arena,
        .body = &g->body,
    };
    g->provider = provider_choose(target->api, g->attempt.model);
    g->attempt.api = g->provider->api;
    buf_init(&g->body, OUT_MAX);
}

/* The client's body to the upstream's. False: refused. */
static bool translate(struct golden *g)
{
    struct http_call call;
    yyjson_val *body = read_json(g, "request.json");
    if (!body) {
        fprintf(stderr, "%s: no request.json\n", g->dir);
        exit(1);
    }
    if (!g->dialect->parse(body, &g->arena, &g->request, &g->failure))
        return false;
    if (g->deployment.preset)
        llm_request_preset(&g->request, g->deployment.preset, &g->arena);
    g->answer =
        (struct dialect_answer){SLICE("chatcmpl-golden"), g->request.model, NOW, SLICE("golden")};
    return g->provider->build(&g->attempt, &call, &g->failure);
}

static void check_refusal(struct golden *g)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    g->dialect->encode_failure(&g->failure, &out);
    check_reply(g, buf_slice(&out), false);
    if (read_file(g, "upstream.json").p)
        problem(g, "refused", SLICE("an upstream call"), buf_slice(&out));
    buf_fini(&out);
}

static int run_case(const char *dir, bool update)
{
    struct golden g = {.dir = dir, .update = update};
    arena_init(&g.arena);
    set_up(&g);
    if (translate(&g)) {
        yyjson_val *events = read_json(&g, "upstream.events.json");
        if (events)
            upstream_from_events(&g.upstream, events);
        else
            upstream_from_reply(&g.upstream, read_json(&g, "upstream.reply.json"), &g.arena);
        check_body(&g);
        check_answer(&g);
        buf_fini(&g.upstream.body);
    } else {
        check_refusal(&g);
    }
    if (!read_file(&g, "about").n)
        problem(&g, "what does it show?", SLICE("a file 'about'"), SLICE("none"));
    buf_fini(&g.body);
    model_table_free(g.models);
    arena_fini(&g.arena);
    return g.problems ? 1 : 0;
}

static int check_complete(const char *path, char **names, int n)
{
    int missing = 0;
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        int i = 0;
        while (i < n && strcmp(names[i], e->d_name) != 0)
            i++;
        if (i == n && e->d_name[0] != '.') {
            fprintf(stderr, "%s/%s is not in tests/golden/meson.build\n", path, e->d_name);
            missing++;
        }
    }
    if (dir)
        closedir(dir);
    return dir && !missing ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "--complete") == 0)
        return check_complete(argv[2], argv + 3, argc - 3);
    if (argc == 3 && strcmp(argv[1], "--update") == 0)
        return run_case(argv[2], true);
    if (argc == 2)
        return run_case(argv[1], false);
    fprintf(stderr, "usage: %s [--update] CASE | --complete DIR NAMES…\n", argv[0]);
    return 2;
}
