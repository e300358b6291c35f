/* AWS Signature Version 4.
 *
 * Happy path: the canonical request is written into a buffer and hashed; scope, date and hash make
 * the string to sign; the derived key (four HMACs, kept in struct sigv4_key) signs it.
 * Failure modes: none of its own. Whatever the caller forgot to put into the headers is simply not
 * signed, and AWS says so.
 * The rules are those of botocore's SigV4Auth, and of S3's, which signs the path as it is: dot
 * segments and repeated slashes leave the path before it is encoded once more; query pairs are
 * sorted by name, then value, as they travel; white space in header values is trimmed and folded.
 */

#include "wire/sigv4.h"

#include "base/text.h"
#include "wire/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CANONICAL_MAX ((size_t)1024 * 1024)
#define DAY_SIZE      ((size_t)8) /* "20261120", the front of an amz_date */

void sigv4_date(int64_t unix_seconds, char out[SIGV4_DATE_SIZE])
{
    time_t t = (time_t)unix_seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

/* ---- canonical request --------------------------------------------------------------------- */

/* The segments that stay after RFC 3986 section 5.2.4, empty ones dropped too. Returns how many. */
static size_t path_segments(struct slice path, struct slice *segments)
{
    size_t n = 0;
    while (path.p) {
        struct slice s = slice_split(&path, '/');
        if (slice_eq(s, SLICE("..")))
            n -= n > 0;
        else if (s.n && !slice_eq(s, SLICE(".")))
            segments[n++] = s;
    }
    return n;
}

static size_t count_char(struct slice s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

static void add_path(struct slice path, struct arena *a, struct buf *out)
{
    struct slice *segments = arena_alloc(a, (count_char(path, '/') + 1) * sizeof(*segments));
    size_t n = path_segments(path, segments);
    if (!path.n || *path.p == '/')
        buf_add_char(out, '/');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(out, '/');
        percent_encode(segments[i], out);
    }
    if (n && path.p[path.n - 1] == '/')
        buf_add_char(out, '/');
}

struct pair {
    struct slice name;
    struct slice value;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = text_compare(x->name, y->name);
    return order ? order : text_compare(x->value, y->value);
}

static void add_query(struct slice query, struct arena *a, struct buf *out)
{
    if (!query.n)
        return;
    size_t n = 0;
    struct pair *pairs = arena_alloc(a, (count_char(query, '&') + 1) * sizeof(*pairs));
    while (query.p) {
        struct slice value = slice_split(&query, '&');
        struct slice name = slice_split(&value, '=');
        pairs[n++] = (struct pair){.name = name, .value = value};
    }
    qsort(pairs, n, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(out, '&');
        buf_add(out, pairs[i].name);
        buf_add_char(out, '=');
        buf_add(out, pairs[i].value);
    }
}

static struct slice lower_case(struct slice s, struct arena *a)
{
    char *to = arena_alloc(a, s.n);
    for (size_t i = 0; i < s.n; i++)
        to[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);
    return slice_make(to, s.n);
}

/* By lower-case name; headers of one name keep their order. A request has few: insertion sort. */
static struct http_header *sort_headers(struct http_headers headers, struct arena *a)
{
    struct http_header *sorted = arena_alloc(a, headers.n * sizeof(*sorted));
    for (size_t i = 0; i < headers.n; i++) {
        struct http_header h = {lower_case(headers.v[i].name, a), headers.v[i].value};
        size_t at = i;
        for (; at && text_compare(sorted[at - 1].name, h.name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = h;
    }
    return sorted;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Trimmed, inner runs of white space as one space. */
static void add_folded(struct slice value, struct buf *out)
{
    size_t i = 0;
    value = slice_trim(value);
    while (i < value.n) {
        size_t start = i;
        while (i < value.n && !is_blank(value.p[i]))
            i++;
        buf_add(out, slice_make(value.p + start, i - start));
        if (i < value.n)
            buf_add_char(out, ' ');
        while (i < value.n && is_blank(value.p[i]))
            i++;
    }
}

static bool same_as_before(const struct http_header *sorted, size_t i)
{
    return i && slice_eq(sorted[i].name, sorted[i - 1].name);
}

static void add_headers(const struct http_header *sorted, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        bool again = same_as_before(sorted, i);
        if (i && !again)
            buf_add_char(out, '\n');
        if (!again)
            buf_add(out, sorted[i].name);
        buf_add_char(out, again ? ',' : ':');
        add_folded(sorted[i].value, out);
    }
    BUF_LITERAL(out, "\n\n");
}

static void add_names(const struct http_header *sorted, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (same_as_before(sorted, i))
            continue;
        if (i)
            buf_add_char(out, ';');
        buf_add(out, sorted[i].name);
    }
}

static void add_canonical(const struct sigv4_request *r, const struct http_header *sorted,
                          struct arena *a, struct buf *out)
{
    buf_add(out, r->method);
    buf_add_char(out, '\n');
    if (r->path_as_is)
        buf_add(out, r->path);
    else
        add_path(r->path, a, out);
    buf_add_char(out, '\n');
    add_query(r->query, a, out);
    buf_add_char(out, '\n');
    add_headers(sorted, r->headers.n, out);
    add_names(sorted, r->headers.n, out);
    buf_add_char(out, '\n');
    buf_add(out, slice_of(r->payload_hash));
}

void sigv4_canonical(const struct sigv4_request *r, struct arena *a, struct buf *out)
{
    add_canonical(r, sort_headers(r->headers, a), a, out);
}

/* ---- signing ------------------------------------------------------------------------------- */

static struct slice digest_slice(const uint8_t digest[SHA256_SIZE])
{
    return slice_make((const char *)digest, SHA256_SIZE);
}

static void derive_key(struct slice secret, struct slice day, struct slice region,
                       struct slice service, uint8_t key[SHA256_SIZE], struct arena *a)
{
    const struct slice steps[] = {day, region, service, SLICE("aws4_request")};
    struct slice from = arena_printf(a, "AWS4%.*s", SLICE_ARG(secret));
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        uint8_t next[SHA256_SIZE];
        hmac_sha256(from, steps[i], next);
        memcpy(key, next, SHA256_SIZE);
        from = digest_slice(key);
    }
}

/* Fills or refreshes `key`. The lengths in the fingerprint keep its parts apart. */
static void key_for(struct sigv4_key *key, struct slice secret, struct slice day,
                    struct slice region, struct slice service, struct arena *a)
{
    uint8_t fingerprint[SHA256_SIZE];
    sha256(ARENA_JOIN(a, arena_integer(a, (int64_t)region.n), SLICE(" "),
                      arena_integer(a, (int64_t)service.n), SLICE(" "), day, region, service,
                      secret),
           fingerprint);
    if (key->valid && memcmp(key->fingerprint, fingerprint, SHA256_SIZE) == 0)
        return;
    derive_key(secret, day, region, service, key->key, a);
    memcpy(key->fingerprint, fingerprint, SHA256_SIZE);
    key->valid = true;
}

static void canonical_hash(const struct sigv4_request *r, const struct http_header *sorted,
                           struct arena *a, char hex[HEX_SIZE(SHA256_SIZE)])
{
    uint8_t digest[SHA256_SIZE];
    struct buf canonical;
    buf_init(&canonical, CANONICAL_MAX);
    add_canonical(r, sorted, a, &canonical);
    sha256(buf_slice(&canonical), digest);
    buf_fini(&canonical);
    hex_encode(digest, SHA256_SIZE, hex);
}

static struct slice signed_names(const struct http_header *sorted, size_t n, struct arena *a)
{
    struct buf names;
    buf_init(&names, CANONICAL_MAX);
    add_names(sorted, n, &names);
    struct slice copy = arena_dup(a, buf_slice(&names));
    buf_fini(&names);
    return copy;
}

struct slice sigv4_authorization(const struct sigv4_request *r,
                                 const struct aws_credentials *credentials, struct slice region,
                                 struct slice service, const char amz_date[SIGV4_DATE_SIZE],
                                 struct sigv4_key *key, struct arena *a)
{
    uint8_t digest[SHA256_SIZE];
    char hash[HEX_SIZE(SHA256_SIZE)], signature[HEX_SIZE(SHA256_SIZE)];
    struct http_header *sorted = sort_headers(r->headers, a);
    struct slice day = slice_make(amz_date, DAY_SIZE);
    struct slice scope =
        ARENA_JOIN(a, day, SLICE("/"), region, SLICE("/"), service, SLICE("/aws4_request"));
    canonical_hash(r, sorted, a, hash);
    struct slice to_sign = ARENA_JOIN(a, SLICE("AWS4-HMAC-SHA256\n"), slice_of(amz_date),
                                      SLICE("\n"), scope, SLICE("\n"), slice_of(hash));
    key_for(key, credentials->secret_access_key, day, region, service, a);
    hmac_sha256(digest_slice(key->key), to_sign, digest);
    hex_encode(digest, SHA256_SIZE, signature);
    struct slice names = signed_names(sorted, r->headers.n, a);
    return ARENA_JOIN(a, SLICE("AWS4-HMAC-SHA256 Credential="), credentials->access_key_id,
                      SLICE("/"), scope, SLICE(", SignedHeaders="), names, SLICE(", Signature="),
                      slice_of(signature));
}
