#include "session.h"

#include "base/text.h"
#include "wire/crypto.h"

#define NONCE_SIZE 16
#define SIGNATURE  (1 + 2 * SHA256_SIZE) /* with its dot */

/* The id in hexadecimal, so that no byte of it means anything in a cookie:
 * "UNTIL.ID.KIND.NONCE.SIGNATURE". */

static struct slice hex_of(struct slice bytes, struct arena *a)
{
    char *text = arena_alloc(a, HEX_SIZE(bytes.n));
    hex_encode((const uint8_t *)bytes.p, bytes.n, text);
    return slice_make(text, 2 * bytes.n);
}

static bool unhex(struct slice text, struct arena *a, struct slice *bytes)
{
    char *p = arena_alloc(a, text.n / 2 + 1);
    for (size_t i = 0; i + 1 < text.n; i += 2) {
        int high = text_hex_digit(text.p[i]), low = text_hex_digit(text.p[i + 1]);
        if (high < 0 || low < 0)
            return false;
        p[i / 2] = (char)(high << 4 | low);
    }
    *bytes = slice_make(p, text.n / 2);
    return text.n % 2 == 0;
}

/* `purpose` keeps what is signed for one thing from being good for another. */
static struct slice sign(const char *purpose, struct slice text, struct slice secret,
                         struct arena *a)
{
    uint8_t digest[SHA256_SIZE];
    hmac_sha256(secret, ARENA_JOIN(a, slice_of(purpose), SLICE("\n"), text), digest);
    return hex_of(slice_make((const char *)digest, sizeof(digest)), a);
}

struct slice session_write(const struct session *s, struct slice secret, struct arena *a)
{
    char nonce[NONCE_SIZE];
    random_bytes(nonce, sizeof(nonce));
    struct slice text = ARENA_JOIN(a, arena_integer(a, s->until), SLICE("."), hex_of(s->id, a),
                                   SLICE("."), arena_integer(a, s->kind), SLICE("."),
                                   hex_of(slice_make(nonce, sizeof(nonce)), a));
    return ARENA_JOIN(a, text, SLICE("."), sign("session", text, secret, a));
}

bool session_read(struct slice text, struct slice secret, int64_t now, struct arena *a,
                  struct session *s)
{
    if (text.n <= SIGNATURE || !secret.n)
        return false;
    struct slice rest = slice_make(text.p, text.n - SIGNATURE);
    if (text.p[rest.n] != '.' ||
        !ct_equal(slice_skip(text, rest.n + 1), sign("session", rest, secret, a)))
        return false;
    struct slice until = slice_split(&rest, '.'), id = slice_split(&rest, '.');
    int64_t kind;
    if (!slice_to_i64(until, &s->until) || !slice_to_i64(slice_split(&rest, '.'), &kind))
        return false;
    s->kind = (enum session_kind)kind;
    s->nonce = arena_dup(a, rest);
    return s->until > now && kind >= 0 && kind < SESSION_KINDS && unhex(id, a, &s->id);
}

struct slice session_csrf(struct slice text, struct slice secret, struct arena *a)
{
    return sign("csrf", text, secret, a);
}

struct slice session_find_cookie(const struct http_head *head, struct slice name)
{
    struct slice cookies = http_header_get(head->headers, "cookie");
    while (cookies.n) {
        struct slice value = slice_trim(slice_split(&cookies, ';'));
        if (slice_eq(slice_split(&value, '='), name))
            return value;
    }
    return slice_make(NULL, 0);
}

struct slice session_cookie(const struct http_head *head)
{
    return session_find_cookie(head, SLICE(SESSION_COOKIE));
}

struct slice session_set_cookie(struct slice text, bool secure, struct arena *a)
{
    return arena_printf(a, SESSION_COOKIE "=%.*s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s",
                        SLICE_ARG(text), text.n ? (int)(SESSION_MS / 1000) : 0,
                        secure ? "; Secure" : "");
}
