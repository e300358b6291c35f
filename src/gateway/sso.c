#include "sso.h"

#include "session.h"
#include "wire/crypto.h"

#define STATE_SIZE 24
#define TEXT_MAX   16384
#define SLACK_S    60 /* that clocks may differ */

/* ---- what hangs on a state ------------------------------------------------------------------- */

static struct slice hex(const void *bytes, size_t n, struct arena *a)
{
    char *text = arena_alloc(a, HEX_SIZE(n));
    hex_encode(bytes, n, text);
    return slice_make(text, 2 * n);
}

static struct slice derive(const char *purpose, struct slice text, struct slice secret,
                           struct arena *a)
{
    uint8_t digest[SHA256_SIZE];
    hmac_sha256(secret, ARENA_JOIN(a, SLICE("sso "), slice_of(purpose), SLICE("\n"), text), digest);
    return hex(digest, sizeof(digest), a);
}

struct slice sso_state(struct arena *a)
{
    uint8_t bytes[STATE_SIZE];
    random_bytes(bytes, sizeof(bytes));
    return hex(bytes, sizeof(bytes), a);
}

/* ---- the cookie: "STATE.UNTIL.SIGNATURE" ----------------------------------------------------- */

/* The provider leads back here from another site, so SameSite is Lax. */
struct slice sso_set_cookie(struct slice state, struct slice secret, int64_t now, bool secure,
                            struct arena *a)
{
    struct slice text = SLICE("");
    if (state.n) {
        text = ARENA_JOIN(a, state, SLICE("."), arena_integer(a, now + SSO_MS));
        text = ARENA_JOIN(a, text, SLICE("."), derive("cookie", text, secret, a));
    }
    return arena_printf(a, SSO_COOKIE "=%.*s; Path=/sso; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                        SLICE_ARG(text), state.n ? (int)(SSO_MS / 1000) : 0,
                        secure ? "; Secure" : "");
}

bool sso_is_of_browser(const struct http_head *head, struct slice state, struct slice secret,
                       int64_t now, struct arena *a)
{
    struct slice rest = session_find_cookie(head, SLICE(SSO_COOKIE));
    struct slice own = slice_split(&rest, '.'), until = slice_split(&rest, '.');
    struct slice text = ARENA_JOIN(a, own, SLICE("."), until);
    int64_t ends;
    return own.n && secret.n && ct_equal(rest, derive("cookie", text, secret, a)) &&
           ct_equal(own, state) && slice_to_i64(until, &ends) && now < ends;
}

/* ---- questions ------------------------------------------------------------------------------- */

static void add(struct buf *out, const char *name, struct slice value)
{
    if (out->n && out->p[out->n - 1] != '?' && out->p[out->n - 1] != '&')
        BUF_LITERAL(out, "&");
    buf_add(out, slice_of(name));
    BUF_LITERAL(out, "=");
    percent_encode(value, out);
}

static struct slice finish(struct buf *text, struct arena *a)
{
    struct slice s = text->overflow ? SLICE("") : arena_dup(a, buf_slice(text));
    buf_fini(text);
    return s;
}

static struct slice challenge(struct slice verifier, struct arena *a)
{
    uint8_t digest[SHA256_SIZE];
    struct buf text;
    buf_init(&text, TEXT_MAX);
    sha256(verifier, digest);
    base64url_encode(slice_make((const char *)digest, sizeof(digest)), &text);
    return finish(&text, a);
}

struct slice sso_location(const struct sso *s, struct slice redirect_uri, struct slice state,
                          struct slice secret, struct arena *a)
{
    struct slice begin = slice_of(s->authorization_endpoint);
    struct buf url;
    buf_init(&url, TEXT_MAX);
    buf_add(&url, begin);
    if (slice_find_char(begin, '?') < 0)
        BUF_LITERAL(&url, "?");
    add(&url, "response_type", SLICE("code"));
    add(&url, "client_id", slice_of(s->client_id));
    add(&url, "redirect_uri", redirect_uri);
    add(&url, "scope", slice_of(s->scope));
    add(&url, "state", state);
    add(&url, "nonce", derive("nonce", state, secret, a));
    add(&url, "code_challenge", challenge(derive("verifier", state, secret, a), a));
    add(&url, "code_challenge_method", SLICE("S256"));
    return finish(&url, a);
}

struct slice sso_token_form(const struct sso *s, struct slice redirect_uri, struct slice state,
                            struct slice code, struct slice secret, struct arena *a)
{
    struct buf form;
    buf_init(&form, TEXT_MAX);
    add(&form, "grant_type", SLICE("authorization_code"));
    add(&form, "code", code);
    add(&form, "redirect_uri", redirect_uri);
    add(&form, "code_verifier", derive("verifier", state, secret, a));
    if (s->client_id_in_body)
        add(&form, "client_id", slice_of(s->client_id));
    return finish(&form, a);
}

/* RFC 6749, 2.3.1: both encoded as in forms. */
struct slice sso_basic(const struct sso *s, struct arena *a)
{
    struct buf both, text;
    buf_init(&both, TEXT_MAX);
    buf_init(&text, 2 * TEXT_MAX);
    percent_encode(slice_of(s->client_id), &both);
    BUF_LITERAL(&both, ":");
    percent_encode(slice_of(s->client_secret), &both);
    BUF_LITERAL(&text, "Basic ");
    base64_encode(buf_slice(&both), &text);
    buf_fini(&both);
    return finish(&text, a);
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool is_for(yyjson_val *audience, struct slice client)
{
    return slice_eq(json_slice(audience), client) ||
           (yyjson_is_arr(audience) && json_list_has(audience, client));
}

/* Its signature says no more than the connection does that it came by (OpenID Connect Core,
 * 3.1.3.7). */
const char *sso_token_problem(const struct sso *s, struct slice id_token, struct slice state,
                              struct slice secret, int64_t now, struct arena *a,
                              struct slice *subject)
{
    struct slice rest = id_token, payload, client = slice_of(s->client_id);
    yyjson_val *claims;
    int64_t expires;
    slice_split(&rest, '.');
    if (!base64url_decode(slice_split(&rest, '.'), a, &payload) ||
        !(claims = json_parse(payload, a, NULL)))
        return "The provider's id_token is none.";
    *subject = json_get_slice(claims, "sub");
    if (!is_for(json_get(claims, "aud"), client) ||
        (json_get(claims, "azp") && !slice_eq(json_get_slice(claims, "azp"), client)))
        return "The provider's id_token is for somebody else.";
    if (!ct_equal(json_get_slice(claims, "nonce"), derive("nonce", state, secret, a)))
        return "The provider's id_token belongs to another login.";
    if (!json_int(json_get(claims, "exp"), &expires) || expires + SLACK_S < now / 1000)
        return "The provider's id_token is too old.";
    return NULL;
}

/* "a.b": b of the object a, unless there is a member of the whole name. */
static struct slice claim(yyjson_val *claims, const char *path, struct arena *a)
{
    struct slice rest = slice_of(path);
    yyjson_val *v = json_get(claims, path);
    for (yyjson_val *in = claims; !v && rest.n;) {
        in = json_get(in, arena_strdup(a, slice_split(&rest, '.')));
        v = rest.n ? NULL : in;
    }
    if (yyjson_is_arr(v))
        v = yyjson_arr_get_first(v);
    if (yyjson_is_int(v))
        return arena_integer(a, yyjson_get_sint(v));
    return arena_dup(a, json_slice(v));
}

static bool is_allowed(const char *domains, struct slice email)
{
    struct slice rest = slice_of(domains ? domains : ""), domain = email;
    if (!domains)
        return true;
    while (slice_find_char(domain, '@') >= 0)
        slice_split(&domain, '@');
    if (!domain.n || domain.n == email.n)
        return false;
    while (rest.n)
        if (slice_eq_nocase(slice_trim(slice_split(&rest, ',')), domain))
            return true;
    return false;
}

const char *sso_read_user(const struct sso *s, yyjson_val *claims, struct arena *a,
                          struct sso_user *user)
{
    *user = (struct sso_user){
        .id = claim(claims, s->id_attribute, a),
        .email = claim(claims, s->email_attribute, a),
        .name = claim(claims, s->name_attribute, a),
        .role = claim(claims, s->role_attribute, a),
        .email_unverified = yyjson_is_false(json_get(claims, "email_verified")),
    };
    if (!user->id.n)
        user->id = user->email;
    if (!user->id.n)
        return "The provider does not say who that is.";
    if (!is_allowed(s->email_domains, user->email) || (s->email_domains && user->email_unverified))
        return "The address is of no domain that may log in here (ALLOWED_EMAIL_DOMAINS).";
    return NULL;
}
