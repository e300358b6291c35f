/* A bucket of S3, or of what speaks its protocol: each request is one object, LiteLLM's standard
 * logging payload, under LiteLLM's names
 * (s3_path/[team/][key/]2026-11-21/time-06-07-21-123000_ID.json), so that what reads its buckets
 * reads these. With s3_log_format: ndjson a batch is one object, a line for each request, which
 * takes far fewer calls. Signed with SigV4 as S3 wants it.
 *
 * Options are those of litellm_settings.s3_callback_params; credentials are found as those of a
 * deployment are, roles and profiles too. Failure modes: without bucket, region or anybody's
 * credentials it is refused at the start; while credentials are not there yet, records wait. */

#include "base/date.h"
#include "io/clock.h"
#include "payload.h"
#include "sinks.h"
#include "wire/crypto.h"
#include "wire/sigv4.h"

#define KEY_MAX  1024         /* bytes of an object's name, S3's limit */
#define DAY_SIZE ((size_t)10) /* "2026-11-21" */

struct s3 {
    struct arena arena;
    struct slice base; /* "https://bucket.s3.eu-west-1.amazonaws.com" */
    struct slice host; /* of it, with its port */
    struct slice root; /* of its path: "/bucket", or empty */
    struct slice path; /* s3_path, and a slash if it is not empty */
    struct slice region, encryption, kms_key;
    struct aws_credentials credentials; /* of the settings, or as they were at the last call */
    bool (*refresh)(void *user, struct aws_credentials *found); /* NULL: they are for good */
    void *refresh_user;
    struct sigv4_key key;
    yyjson_val *without; /* of payloads */
    bool lines, by_team, by_key;
};

/* ---- set-up --------------------------------------------------------------------------------- */

static bool flag(const struct sink_setup *s, const char *name)
{
    yyjson_val *v = json_get(s->settings, name);
    return yyjson_is_true(v) || slice_eq_nocase(json_slice(v), SLICE("true"));
}

static void read_place(struct s3 *t, const struct sink_setup *s, struct slice bucket)
{
    struct slice endpoint = sink_setting(s, "s3_endpoint_url", "AWS_ENDPOINT_URL_S3");
    struct slice suffix = slice_starts(t->region, SLICE("cn-")) ? SLICE(".amazonaws.com.cn")
                                                                : SLICE(".amazonaws.com");
    struct slice url = slice_of(sink_url(
        &t->arena, endpoint.n ? endpoint : ARENA_JOIN(&t->arena, SLICE("s3."), t->region, suffix),
        SLICE("")));
    struct slice scheme = slice_make(url.p, (size_t)slice_find(url, SLICE("://")) + 3);
    struct slice rest = slice_skip(url, scheme.n);
    struct slice host = slice_split(&rest, '/');
    if (endpoint.n && !flag(s, "s3_use_virtual_hosted_style"))
        t->root = ARENA_JOIN(&t->arena, rest.n ? SLICE("/") : SLICE(""), rest, SLICE("/"), bucket);
    else
        host = ARENA_JOIN(&t->arena, bucket, SLICE("."), host);
    t->host = host;
    t->base = ARENA_JOIN(&t->arena, scheme, host);
}

static void read_credentials(struct s3 *t, const struct sink_setup *s)
{
    struct arena *a = &t->arena;
    struct aws_credentials *c = &t->credentials;
    c->access_key_id = sink_kept(a, s, "s3_aws_access_key_id", NULL, SLICE(""));
    bool own = c->access_key_id.n; /* a token belongs to its key */
    if (!own)
        c->access_key_id = sink_kept(a, s, NULL, "AWS_ACCESS_KEY_ID", SLICE(""));
    c->secret_access_key = sink_kept(a, s, "s3_aws_secret_access_key",
                                     own ? NULL : "AWS_SECRET_ACCESS_KEY", SLICE(""));
    c->session_token =
        sink_kept(a, s, "s3_aws_session_token", own ? NULL : "AWS_SESSION_TOKEN", SLICE(""));
}

static struct slice read_region(struct s3 *t, const struct sink_setup *s)
{
    struct slice usual = sink_setting(s, NULL, "AWS_DEFAULT_REGION");
    struct slice region = sink_setting(s, "s3_region_name", "AWS_REGION");
    return arena_dup(&t->arena, region.n ? region : usual);
}

static void read_encryption(struct s3 *t, const struct sink_setup *s)
{
    struct slice key = sink_kept(&t->arena, s, "s3_sse_kms_key_id", NULL, SLICE(""));
    t->encryption = sink_kept(&t->arena, s, "s3_server_side_encryption", NULL,
                              key.n ? SLICE("aws:kms") : SLICE(""));
    t->kms_key = slice_starts(t->encryption, SLICE("aws:kms")) ? key : SLICE("");
}

static void *s3_open(struct sink_setup *s)
{
    struct slice bucket = sink_setting(s, "s3_bucket_name", NULL);
    struct slice path = sink_setting(s, "s3_path", NULL);
    struct s3 *t = sink_new(sizeof(*t));
    t->region = read_region(t, s);
    t->refresh = s->credentials;
    t->refresh_user = s->credentials_user;
    if (!t->refresh)
        read_credentials(t, s);
    if (!bucket.n)
        return sink_refuse(s, t, "s3_callback_params have no s3_bucket_name");
    if (!t->region.n)
        return sink_refuse(s, t, "s3_callback_params have no s3_region_name");
    if (!t->refresh && (!t->credentials.access_key_id.n || !t->credentials.secret_access_key.n))
        return sink_refuse(s, t, "neither s3_callback_params nor the environment have keys");
    while (slice_ends(path, SLICE("/")))
        path.n--;
    t->path = ARENA_JOIN(&t->arena, path, path.n ? SLICE("/") : SLICE(""));
    read_place(t, s, bucket);
    read_encryption(t, s);
    t->by_team = flag(s, "s3_use_team_prefix");
    t->by_key = flag(s, "s3_use_key_prefix");
    t->lines = slice_eq(sink_setting(s, "s3_log_format", NULL), SLICE("ndjson"));
    t->without = sink_option_list(&t->arena, s, PAYLOAD_LEFT_OUT);
    s->batch_max = t->lines ? 0 : 1;
    s->patient = t->lines;
    s->wants_bodies = true;
    return t;
}

/* ---- an object ------------------------------------------------------------------------------ */

/* "2026-11-21T06-07-21-123000" */
static struct slice time_of(const struct record *r, struct arena *a)
{
    char text[DATE_SIZE];
    date_format(r->begun_ms, text);
    for (char *p = text; *p; p++)
        if (*p == ':' || *p == '.')
            *p = '-';
    return arena_dup(a, slice_make(text, DAY_SIZE + sizeof("T06-07-21-123000") - 1));
}

/* "time-06-07-21-123000_chatcmpl-….json" */
static struct slice name_of(const struct s3 *t, const struct record *r, struct slice time,
                            struct arena *a)
{
    struct slice id = r->text.answer_id;
    char *clean = arena_alloc(a, id.n);
    for (size_t i = 0; i < id.n; i++)
        clean[i] = (char)(id.p[i] == '/' || id.p[i] == '"' ? '_' : id.p[i]);
    return ARENA_JOIN(a, SLICE("time-"), time, SLICE("_"), slice_make(clean, id.n),
                      t->lines ? SLICE(".ndjson") : SLICE(".json"));
}

/* "/bucket/logs/2026-11-21/time-…json", encoded. */
static struct slice path_of(const struct s3 *t, const struct record *r, struct arena *a)
{
    struct buf b;
    struct slice time = time_of(r, a);
    struct slice team = t->by_team && !t->lines ? r->text.team_alias : SLICE("");
    struct slice key = t->by_key && !t->lines ? r->text.key_alias : SLICE("");
    struct slice rest = ARENA_JOIN(
        a, t->root, SLICE("/"), t->path, r->text.event.n ? SLICE("audit_logs/") : SLICE(""), team,
        team.n ? SLICE("/") : SLICE(""), key, key.n ? SLICE("/") : SLICE(""),
        slice_make(time.p, DAY_SIZE), SLICE("/"), name_of(t, r, slice_skip(time, DAY_SIZE + 1), a));
    buf_init(&b, (size_t)3 * KEY_MAX);
    while (rest.p) {
        percent_encode(slice_split(&rest, '/'), &b);
        if (rest.p)
            buf_add_char(&b, '/');
    }
    struct slice path = b.overflow ? SLICE("") : arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return path;
}

static void add_headers(const struct s3 *t, const struct record *r, struct sink_call *call)
{
    struct arena *a = &call->arena;
    sink_call_header(call, "content-type",
                     t->lines ? SLICE("application/x-ndjson") : SLICE("application/json"));
    sink_call_header(call, "content-language", SLICE("en"));
    sink_call_header(
        call, "content-disposition",
        ARENA_JOIN(a, SLICE("inline; filename=\""), name_of(t, r, time_of(r, a), a), SLICE("\"")));
    sink_call_header(call, "cache-control",
                     SLICE("private, immutable, max-age=31536000, s-maxage=0"));
    if (t->encryption.n)
        sink_call_header(call, "x-amz-server-side-encryption", t->encryption);
    if (t->kms_key.n)
        sink_call_header(call, "x-amz-server-side-encryption-aws-kms-key-id", t->kms_key);
}

/* A signature is good for fifteen minutes, longer than anything waits (OUTBOX_AGE_MS). */
static void sign(struct s3 *t, struct slice path, struct sink_call *call)
{
    struct arena *a = &call->arena;
    char hash[HEX_SIZE(SHA256_SIZE)], date[SIGV4_DATE_SIZE];
    sha256_hex(buf_slice(&call->body), hash);
    sigv4_date(clock_unix_ms() / 1000, date);
    sink_call_header(call, "x-amz-content-sha256", arena_dup(a, slice_of(hash)));
    sink_call_header(call, "x-amz-date", arena_dup(a, slice_of(date)));
    if (t->credentials.session_token.n)
        sink_call_header(call, "x-amz-security-token", arena_dup(a, t->credentials.session_token));
    size_t sent = call->header_count;
    sink_call_header(call, "host", t->host); /* signed, and sent by the call itself */
    const struct sigv4_request request = {.method = SLICE("PUT"),
                                          .path = path,
                                          .path_as_is = true,
                                          .headers = {call->headers, call->header_count},
                                          .payload_hash = hash};
    struct slice authorization =
        sigv4_authorization(&request, &t->credentials, t->region, SLICE("s3"), date, &t->key, a);
    call->header_count = sent;
    sink_call_header(call, "authorization", authorization);
}

static bool s3_write(void *self, struct parcel *const *parcels, size_t n, struct sink_call *call)
{
    struct s3 *t = self;
    const struct record *first = record_of(parcels[0]);
    if (t->refresh && !t->refresh(t->refresh_user, &t->credentials)) {
        call->later = true;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        struct json_writer w;
        json_begin(&w, &call->body);
        payload_write(&w, record_of(parcels[i]), t->without, &call->arena);
        if (t->lines)
            buf_add_char(&call->body, '\n');
    }
    struct slice path = path_of(t, first, &call->arena);
    if (!path.n || call->body.overflow)
        return false;
    call->method = "PUT";
    call->url = ARENA_JOIN(&call->arena, t->base, path).p;
    add_headers(t, first, call);
    sign(t, path, call);
    return true;
}

const struct sink_kind sink_s3 = {
    .names = {"s3", "s3_v2"},
    .variables = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"},
    .payloads = true,
    .open = s3_open,
    .write = s3_write,
    .free = sink_free,
};
