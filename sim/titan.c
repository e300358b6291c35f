/* Titan text: its body, its answer, its chunks.
 *
 * The text of a stream comes in chunks that all have the same members; the first tells the tokens
 * of the input, the last those of the output, the reason and the metrics. */

#include "titan.h"

#define BODY_MAX (64 * 1024 * 1024)

/* clang-format off */

#define MEMBERS (const struct native_member[])
#define END     {NULL, NULL, false}

static const struct native_shape text = {.kind = NATIVE_STRING, .min = 1, .max = NATIVE_NO_MAX};
static const struct native_shape fraction = {.kind = NATIVE_NUMBER, .min = 0, .max = 1};
static const struct native_shape count = {.kind = NATIVE_INTEGER, .min = 0, .max = 8192};
static const struct native_shape stops = {.kind = NATIVE_LIST, .item = &text, .max = NATIVE_NO_MAX};
static const struct native_shape generation = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"maxTokenCount", &count, false},
    {"stopSequences", &stops, false},
    {"temperature", &fraction, false},
    {"topP", &fraction, false},
    END}};
const struct native_shape titan_shape = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"inputText", &text, true},
    {"textGenerationConfig", &generation, false},
    END}};

/* clang-format on */

/* ---- what is asked ------------------------------------------------------------------------- */

static void write_config(struct json_writer *w, yyjson_val *config)
{
    static const char *const names[][2] = {{"maxTokenCount", "maxTokens"},
                                           {"stopSequences", "stopSequences"},
                                           {"temperature", "temperature"},
                                           {"topP", "topP"}};
    json_key(w, "inferenceConfig");
    json_object(w);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        yyjson_val *v = json_get(config, names[i][0]);
        if (!v)
            continue;
        json_key_slice(w, slice_of(names[i][1]));
        json_value(w, v);
    }
    json_object_end(w);
}

yyjson_val *titan_to_converse(yyjson_val *body, struct arena *a)
{
    struct json_writer w;
    struct buf out;
    buf_init(&out, BODY_MAX);
    json_begin(&w, &out);
    json_object(&w);
    json_key(&w, "messages");
    json_array(&w);
    json_object(&w);
    json_member_string(&w, "role", SLICE("user"));
    json_key(&w, "content");
    json_array(&w);
    json_object(&w);
    json_member_string(&w, "text", json_get_slice(body, "inputText"));
    json_object_end(&w);
    json_array_end(&w);
    json_object_end(&w);
    json_array_end(&w);
    write_config(&w, json_get(body, "textGenerationConfig"));
    json_object_end(&w);
    yyjson_val *converse = json_parse(buf_slice(&out), a, NULL);
    buf_fini(&out);
    return converse;
}

/* ---- what is answered ---------------------------------------------------------------------- */

static struct slice reason(const struct answer *answer)
{
    static const char *const reasons[][2] = {{"end_turn", "FINISH"},
                                             {"max_tokens", "LENGTH"},
                                             {"stop_sequence", "STOP_CRITERIA_MET"},
                                             {"content_filtered", "CONTENT_FILTERED"}};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (slice_eq(answer->stop, slice_of(reasons[i][0])))
            return slice_of(reasons[i][1]);
    return answer->stop;
}

static struct slice text_of(const struct answer *answer)
{
    for (size_t i = 0; i < answer->n; i++)
        if (answer->blocks[i].kind == BLOCK_TEXT)
            return answer->blocks[i].text;
    return SLICE("");
}

void titan_write(const struct answer *answer, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_integer(&w, "inputTextTokenCount", answer->usage.input);
    json_key(&w, "results");
    json_array(&w);
    json_object(&w);
    json_member_integer(&w, "tokenCount", answer->usage.output);
    json_member_string(&w, "outputText", text_of(answer));
    json_member_string(&w, "completionReason", reason(answer));
    json_object_end(&w);
    json_array_end(&w);
    json_object_end(&w);
}

static void write_count(struct json_writer *w, bool now, int64_t value)
{
    if (now)
        json_integer(w, value);
    else
        json_null(w);
}

static void chunk(struct frames *f, const struct answer *answer, struct slice piece, bool last)
{
    struct json_writer w;
    frames_delta_begin(f);
    frames_begin(f, &w);
    json_member_string(&w, "outputText", piece);
    json_member_integer(&w, "index", 0);
    json_key(&w, "totalOutputTextTokenCount");
    write_count(&w, last, answer->usage.output);
    json_key(&w, "completionReason");
    if (last)
        json_string(&w, reason(answer));
    else
        json_null(&w);
    json_key(&w, "inputTextTokenCount");
    write_count(&w, f->deltas == 0, answer->usage.input);
    if (last)
        frames_write_metrics(f, &w, &answer->usage, false);
    frames_end(f, &w, SLICE(""), last);
    frames_delta_end(f);
}

void titan_stream(struct frames *f, const struct answer *answer)
{
    struct slice rest = text_of(answer);
    do {
        const struct slice piece = rest.n ? frames_piece(f, &rest) : rest;
        chunk(f, answer, piece, !rest.n);
    } while (rest.n && !f->over);
}
