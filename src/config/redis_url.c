#include "redis_url.h"

#define DB_MAX 1000000

static int hex(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* NULL: an incomplete escape, or one of NUL. */
static const char *decode(struct slice s, struct arena *a)
{
    char *to = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool escape = s.p[i] == '%';
        int high = escape && i + 2 < s.n ? hex(s.p[i + 1]) : -1;
        int low = escape && i + 2 < s.n ? hex(s.p[i + 2]) : -1;
        if (escape && (high < 0 || low < 0 || high + low == 0))
            return NULL;
        to[n++] = escape ? (char)(high * 16 + low) : s.p[i];
        i += escape ? 2 : 0;
    }
    to[n] = 0;
    return to;
}

static bool read_db(struct slice s, struct config_redis *r)
{
    int64_t db;
    if (!slice_to_i64(s, &db) || db < 0 || db > DB_MAX)
        return false;
    r->db = (int)db;
    return true;
}

/* ---- [[user]:password@] -------------------------------------------------------------------- */

static bool read_user(struct slice *rest, struct arena *a, struct config_redis *r)
{
    ptrdiff_t at = -1;
    bool bare = rest->n && rest->p[0] == '/'; /* a path may have an @ of its own */
    for (size_t i = 0; i < rest->n && !bare; i++)
        at = rest->p[i] == '@' ? (ptrdiff_t)i : at;
    if (at < 0)
        return true;
    struct slice password = slice_make(rest->p, (size_t)at), user;
    *rest = slice_skip(*rest, (size_t)at + 1);
    user = slice_split(&password, ':');
    if (user.n)
        r->username = decode(user, a);
    if (password.n)
        r->password = decode(password, a);
    return (!user.n || r->username) && (!password.n || r->password);
}

/* ---- host[:port] --------------------------------------------------------------------------- */

static bool read_host(struct slice s, struct arena *a, struct config_redis_node *node)
{
    int64_t port = REDIS_PORT;
    ptrdiff_t end = s.n && s.p[0] == '[' ? slice_find_char(s, ']') : slice_find_char(s, ':');
    struct slice host = s;
    if (s.n && s.p[0] == '[') {
        if (end < 0)
            return false;
        host = slice_make(s.p + 1, (size_t)end - 1);
        s = slice_skip(s, (size_t)end + 1);
        end = s.n ? 0 : -1;
    } else if (end >= 0) {
        host = slice_make(s.p, (size_t)end);
    }
    if (end >= 0 && (s.p[end] != ':' || !slice_to_i64(slice_skip(s, (size_t)end + 1), &port)))
        return false;
    if (!host.n || port < 1 || port > 65535)
        return false;
    *node = (struct config_redis_node){decode(host, a), (int)port};
    return node->host != NULL;
}

/* ---- ?name=value&… ------------------------------------------------------------------------- */

static bool read_word(struct slice name, const char *value, struct config_redis *r)
{
    static const struct {
        struct slice name;
        size_t at;
    } texts[] = {{SLICE("username"), offsetof(struct config_redis, username)},
                 {SLICE("password"), offsetof(struct config_redis, password)},
                 {SLICE("ssl_ca_certs"), offsetof(struct config_redis, tls_ca_file)},
                 {SLICE("ssl_certfile"), offsetof(struct config_redis, tls_certificate)},
                 {SLICE("ssl_keyfile"), offsetof(struct config_redis, tls_key)}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (slice_eq(name, texts[i].name))
            *(const char **)(void *)((char *)r + texts[i].at) = value;
    if (slice_eq(name, SLICE("ssl_cert_reqs")))
        r->tls_verify = strcmp(value, "none") != 0;
    return !slice_eq(name, SLICE("db")) || read_db(slice_of(value), r);
}

static bool read_query(struct slice query, struct arena *a, struct config_redis *r)
{
    while (query.n) {
        struct slice value = slice_split(&query, '&'), name = slice_split(&value, '=');
        const char *text = decode(value, a);
        if (!text || !read_word(name, text, r))
            return false;
    }
    return true;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static bool read_scheme(struct slice *rest, bool *is_path, struct config_redis *r)
{
    static const struct {
        struct slice name;
        bool tls, path;
    } schemes[] = {{SLICE("redis://"), false, false},
                   {SLICE("valkey://"), false, false},
                   {SLICE("rediss://"), true, false},
                   {SLICE("valkeys://"), true, false},
                   {SLICE("unix://"), false, true}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
        if (slice_starts_nocase(*rest, schemes[i].name)) {
            *rest = slice_skip(*rest, schemes[i].name.n);
            r->tls = schemes[i].tls;
            *is_path = schemes[i].path;
            return true;
        }
    return false;
}

const char *redis_url_read(struct slice url, struct arena *a, struct config_redis *r)
{
    struct slice query = url, rest = slice_split(&query, '?');
    bool is_path;
    if (!read_scheme(&rest, &is_path, r))
        return "expected redis://, rediss:// or unix://";
    if (!read_user(&rest, a, r))
        return "its user or password is not encoded as in a URL";
    if (is_path) {
        r->path = rest.n && rest.p[0] == '/' ? decode(rest, a) : NULL;
        if (!r->path)
            return "expected an absolute path behind unix://";
    } else {
        struct slice host = slice_split(&rest, '/');
        if (!read_host(host, a, &r->nodes[0]))
            return "expected host or host:port behind the scheme";
        r->node_count = 1;
        if (rest.n && !read_db(rest, r))
            return "expected the number of a database behind the host";
    }
    return read_query(query, a, r) ? NULL : "its query cannot be understood";
}
