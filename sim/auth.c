/* Signature Version 4, checking side (AWS "Signature Version 4 signing process").
 *
 * Happy path: the Authorization header is taken apart, its key id is one we know, its scope is a
 * day, a region, "bedrock" and "aws4_request", the signed headers contain host and x-amz-date, the
 * date is within five minutes of ours, the session token is the key's; then the signature is
 * computed again over the request as it arrived and compared.
 *
 * Failure modes, each with the exception and the text AWS answers: no header
 * (MissingAuthenticationToken), a part missing (IncompleteSignature), an unknown key or a wrong
 * session token (UnrecognizedClient), an expired one (ExpiredToken), everything else
 * (InvalidSignature). All are 403. */

#include "auth.h"

#include "wire/crypto.h"

#include <string.h>
#include <time.h>

#define ALGORITHM          "AWS4-HMAC-SHA256"
#define SIGNED_HEADERS_MAX 64

struct signature {
    struct slice credential, signed_headers, value; /* the three members of the header */
    struct slice key_id, day, region, service, terminator;
};

/* ---- configuration ------------------------------------------------------------------------- */

bool auth_add(struct auth *auth, struct slice text, bool expired)
{
    struct slice rest = text;
    const struct slice id = slice_split(&rest, ':');
    const struct slice secret = slice_split(&rest, ':');
    if (auth->count == AUTH_CREDENTIALS_MAX || !id.n || !secret.n)
        return false;
    auth->credentials[auth->count++] = (struct auth_credential){
        .keys = {.access_key_id = id, .secret_access_key = secret, .session_token = rest},
        .expired = expired};
    return true;
}

bool auth_add_api_key(struct auth *auth, struct slice key)
{
    if (auth->api_key_count == AUTH_CREDENTIALS_MAX || !key.n)
        return false;
    auth->api_keys[auth->api_key_count++] = key;
    return true;
}

/* ---- refusals ------------------------------------------------------------------------------ */

static bool refuse(struct fault *f, const char *type, struct slice message)
{
    return fault_set(f, 403, type, message);
}

static bool unrecognized(struct fault *f)
{
    return refuse(f, "UnrecognizedClientException",
                  SLICE("The security token included in the request is invalid."));
}

static bool invalid(struct fault *f, struct slice message)
{
    return refuse(f, "InvalidSignatureException", message);
}

/* ---- the header ---------------------------------------------------------------------------- */

static void take_member(struct signature *s, struct slice member)
{
    const struct slice trimmed = slice_trim(member);
    if (slice_starts(trimmed, SLICE("Credential=")))
        s->credential = slice_skip(trimmed, 11);
    else if (slice_starts(trimmed, SLICE("SignedHeaders=")))
        s->signed_headers = slice_skip(trimmed, 14);
    else if (slice_starts(trimmed, SLICE("Signature=")))
        s->value = slice_skip(trimmed, 10);
}

static bool parse_members(struct slice header, struct arena *a, struct signature *s,
                          struct fault *f)
{
    struct slice rest = slice_skip(header, sizeof(ALGORITHM) - 1);
    while (rest.n)
        take_member(s, slice_split(&rest, ','));
    if (s->credential.n && s->signed_headers.n && s->value.n)
        return true;
    const struct slice text = arena_printf(
        a, "%s%s%sAuthorization=%s",
        s->credential.n ? "" : "Authorization header requires 'Credential' parameter. ",
        s->value.n ? "" : "Authorization header requires 'Signature' parameter. ",
        s->signed_headers.n ? "" : "Authorization header requires 'SignedHeaders' parameter. ",
        ALGORITHM);
    return refuse(f, "IncompleteSignatureException", text);
}

static bool parse_header(struct slice header, struct arena *a, struct signature *s, struct fault *f)
{
    if (!slice_starts(header, SLICE(ALGORITHM " ")))
        return refuse(f, "IncompleteSignatureException",
                      SLICE("Unsupported AWS 'algorithm' in the Authorization header."));
    if (!parse_members(header, a, s, f))
        return false;
    struct slice rest = s->credential;
    s->key_id = slice_split(&rest, '/');
    s->day = slice_split(&rest, '/');
    s->region = slice_split(&rest, '/');
    s->service = slice_split(&rest, '/');
    s->terminator = rest;
    if (!s->terminator.n)
        return refuse(f, "IncompleteSignatureException",
                      arena_printf(a,
                                   "Credential must have exactly 5 slash-delimited elements, e.g. "
                                   "keyid/date/region/service/term, got '%.*s'",
                                   SLICE_ARG(s->credential)));
    return true;
}

/* ---- the checks ---------------------------------------------------------------------------- */

static bool signs(const struct signature *s, const char *name)
{
    struct slice rest = s->signed_headers;
    while (rest.n)
        if (slice_eq(slice_split(&rest, ';'), slice_of(name)))
            return true;
    return false;
}

static bool region_valid(struct slice region)
{
    for (size_t i = 0; i < region.n; i++) {
        const char c = region.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return region.n >= 6 && slice_find_char(region, '-') > 0;
}

static bool check_scope(const struct signature *s, struct slice date, struct arena *a,
                        struct fault *f)
{
    if (!region_valid(s->region))
        return invalid(f, SLICE("Credential should be scoped to a valid region."));
    if (!slice_eq(s->service, SLICE("bedrock")))
        return invalid(f, SLICE("Credential should be scoped to correct service: 'bedrock'."));
    if (!slice_eq(s->terminator, SLICE("aws4_request")))
        return invalid(
            f, SLICE("Credential should be scoped with a valid terminator: 'aws4_request'."));
    if (!slice_starts(date, s->day) || s->day.n != 8)
        return invalid(f, arena_printf(a,
                                       "Date in Credential scope does not match YYYYMMDD from "
                                       "ISO-8601 version of date from HTTP: '%.*s' != '%.8s', "
                                       "from '%.*s'.",
                                       SLICE_ARG(s->day), date.p, SLICE_ARG(date)));
    return true;
}

static int digits(const char *p, size_t n)
{
    int value = 0;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (p[i] - '0');
    return value;
}

/* "20261120T234700Z" → Unix seconds. */
static bool parse_date(struct slice date, int64_t *seconds)
{
    static const char shape[] = "ddddddddTddddddZ";
    if (date.n != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; i < date.n; i++) {
        const bool digit = date.p[i] >= '0' && date.p[i] <= '9';
        if (shape[i] == 'd' ? !digit : date.p[i] != shape[i])
            return false;
    }
    struct tm tm = {.tm_year = digits(date.p, 4) - 1900,
                    .tm_mon = digits(date.p + 4, 2) - 1,
                    .tm_mday = digits(date.p + 6, 2),
                    .tm_hour = digits(date.p + 9, 2),
                    .tm_min = digits(date.p + 11, 2),
                    .tm_sec = digits(date.p + 13, 2)};
    *seconds = timegm(&tm);
    return true;
}

static bool check_date(struct slice date, int64_t now, struct arena *a, struct fault *f)
{
    int64_t then;
    if (!parse_date(date, &then))
        return refuse(f, "IncompleteSignatureException",
                      SLICE("Date must be in ISO-8601 'basic format'. See "
                            "http://en.wikipedia.org/wiki/ISO_8601"));
    char bound[SIGV4_DATE_SIZE], ours[SIGV4_DATE_SIZE];
    sigv4_date(now, ours);
    if (then < now - AUTH_SKEW_SECONDS) {
        sigv4_date(now - AUTH_SKEW_SECONDS, bound);
        return invalid(
            f, arena_printf(a, "Signature expired: %.*s is now earlier than %s (%s - 5 min.)",
                            SLICE_ARG(date), bound, ours));
    }
    if (then > now + AUTH_SKEW_SECONDS) {
        sigv4_date(now + AUTH_SKEW_SECONDS, bound);
        return invalid(
            f, arena_printf(a,
                            "Signature not yet current: %.*s is still later than %s (%s + 5 "
                            "min.)",
                            SLICE_ARG(date), bound, ours));
    }
    return true;
}

static struct auth_credential *find_key(struct auth *auth, struct slice id)
{
    for (size_t i = 0; i < auth->count; i++)
        if (slice_eq(auth->credentials[i].keys.access_key_id, id))
            return &auth->credentials[i];
    return NULL;
}

/* The headers named as signed, as they arrived. False: one of them is not there. */
static bool gather(const struct signature *s, const struct http_head *head,
                   struct http_header out[SIGNED_HEADERS_MAX], size_t *n)
{
    struct slice rest = s->signed_headers;
    while (rest.n) {
        const struct slice name = slice_split(&rest, ';');
        bool found = false;
        for (size_t i = 0; i < head->headers.n; i++) {
            if (!slice_eq_nocase(head->headers.v[i].name, name))
                continue;
            if (*n == SIGNED_HEADERS_MAX)
                return false;
            out[(*n)++] = head->headers.v[i];
            found = true;
        }
        if (!found)
            return false;
    }
    return true;
}

static bool check_signature(struct auth_credential *key, const struct signature *s,
                            const struct http_head *head, struct slice body, struct slice date,
                            struct arena *a)
{
    struct http_header headers[SIGNED_HEADERS_MAX];
    size_t n = 0;
    uint8_t digest[SHA256_SIZE];
    char hash[HEX_SIZE(SHA256_SIZE)], amz_date[SIGV4_DATE_SIZE];
    if (!gather(s, head, headers, &n))
        return false;
    sha256(body, digest);
    hex_encode(digest, sizeof(digest), hash);
    const struct slice stated = http_header_get(head->headers, "x-amz-content-sha256");
    if (stated.n && !slice_eq(stated, slice_of(hash)))
        return false;
    memcpy(amz_date, date.p, SIGV4_DATE_SIZE - 1);
    amz_date[SIGV4_DATE_SIZE - 1] = '\0';
    const struct sigv4_request request = {.method = head->method,
                                          .path = head->path,
                                          .query = head->query,
                                          .headers = {.v = headers, .n = n},
                                          .payload_hash = hash};
    const struct slice ours = sigv4_authorization(&request, &key->keys, s->region, s->service,
                                                  amz_date, &key->derived, a);
    const ptrdiff_t at = slice_find(ours, SLICE("Signature="));
    return at >= 0 && ct_equal(slice_skip(ours, (size_t)at + 10), s->value);
}

static bool check_sigv4(struct auth *auth, struct slice header, const struct http_head *head,
                        struct slice body, int64_t now, struct arena *a, struct fault *f)
{
    struct signature s = {0};
    if (!parse_header(header, a, &s, f))
        return false;
    struct auth_credential *key = find_key(auth, s.key_id);
    if (!key)
        return unrecognized(f);
    if (!signs(&s, "host"))
        return invalid(
            f, SLICE("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    if (!signs(&s, "x-amz-date"))
        return invalid(f, SLICE("'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization."));
    const struct slice date = http_header_get(head->headers, "x-amz-date");
    if (!check_date(date, now, a, f) || !check_scope(&s, date, a, f))
        return false;
    const struct slice token = http_header_get(head->headers, "x-amz-security-token");
    if (!slice_eq(token, key->keys.session_token))
        return unrecognized(f);
    if (!check_signature(key, &s, head, body, date, a))
        return invalid(f, SLICE("The request signature we calculated does not match the signature "
                                "you provided. Check your AWS Secret Access Key and signing "
                                "method. Consult the service documentation for details."));
    if (key->expired)
        return refuse(f, "ExpiredTokenException",
                      SLICE("The security token included in the request is expired"));
    return true;
}

static bool check_api_key(const struct auth *auth, struct slice key, struct fault *f)
{
    for (size_t i = 0; i < auth->api_key_count; i++)
        if (ct_equal(auth->api_keys[i], key))
            return true;
    return refuse(f, "AccessDeniedException",
                  SLICE("Authentication failed: Please make sure your API Key is valid."));
}

bool auth_check(struct auth *auth, const struct http_head *head, struct slice body, int64_t now,
                struct arena *a, struct fault *f)
{
    const struct slice header = slice_trim(http_header_get(head->headers, "authorization"));
    if (!header.n)
        return refuse(f, "MissingAuthenticationTokenException",
                      SLICE("Missing Authentication Token"));
    if (slice_starts_nocase(header, SLICE("bearer ")))
        return check_api_key(auth, slice_trim(slice_skip(header, 7)), f);
    return check_sigv4(auth, header, head, body, now, a, f);
}
