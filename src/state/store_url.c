/* database_url → where to connect.
 *
 * Happy path: scheme → driver; authority and path are split and percent-decoded; the query becomes
 * a list of pairs of which each driver takes what it knows.
 *
 * Failure modes, each with a reason for people: another scheme, bad percent-encoding, NUL bytes, no
 * database named, a port that is none. */

#include "store_url.h"

#include "store_driver.h"
#include "wire/crypto.h"

#define PARAMETERS_MAX 64

static const struct {
    const char *scheme;
    const struct store_driver *driver;
} schemes[] = {
    {"sqlite", &store_sqlite},     {"file", &store_sqlite}, {"postgresql", &store_postgres},
    {"postgres", &store_postgres}, {"mysql", &store_mysql}, {"mariadb", &store_mysql},
};

/* p == NULL stays so. */
static const char *decode(struct slice s, struct arena *a, bool *ok)
{
    struct slice out = percent_decode(s, a);
    if (!out.p || memchr(out.p, '\0', out.n)) {
        *ok = *ok && !s.n;
        return "";
    }
    return arena_strdup(a, out);
}

static bool parse_query(struct slice query, struct arena *a, struct store_address *address)
{
    struct store_parameter *list = arena_alloc(a, PARAMETERS_MAX * sizeof(*list));
    bool ok = true;
    address->parameters = list;
    while (query.p && ok) {
        struct slice value = slice_split(&query, '&'), name = slice_split(&value, '=');
        if (!name.n)
            continue;
        if (address->parameter_count == PARAMETERS_MAX)
            return false;
        list[address->parameter_count++] =
            (struct store_parameter){decode(name, a, &ok), decode(value, a, &ok)};
    }
    return ok;
}

static bool is_port(const char *port)
{
    int64_t n = 0;
    return !*port || (slice_to_i64(slice_of(port), &n) && n > 0 && n < 65536);
}

/* "[::1]:5432", "host:5432", "host". */
static bool parse_host(struct slice s, struct arena *a, struct store_address *address)
{
    bool ok = true;
    struct slice host, port;
    ptrdiff_t end = slice_starts(s, SLICE("[")) ? slice_find_char(s, ']') : -1;
    if (end > 0) {
        host = slice_make(s.p + 1, (size_t)end - 1);
        port = slice_skip(s, (size_t)end + 1);
        if (port.n && port.p[0] != ':')
            return false;
        port = port.n ? slice_skip(port, 1) : port;
    } else {
        port = s;
        host = slice_split(&port, ':');
    }
    address->host = decode(host, a, &ok);
    address->port = decode(port, a, &ok);
    return ok && is_port(address->port);
}

/* The last '@' ends the user: people forget to encode those of a password. */
static struct slice split_user(struct slice *authority)
{
    size_t at = authority->n;
    while (at > 0 && authority->p[at - 1] != '@')
        at--;
    struct slice user = at ? slice_make(authority->p, at - 1) : slice_make(NULL, 0);
    *authority = slice_skip(*authority, at);
    return user;
}

static bool parse_server(struct slice rest, struct arena *a, struct store_address *address,
                         const char **error)
{
    bool ok = true;
    struct slice query = rest, path = slice_split(&query, '?');
    struct slice authority = slice_split(&path, '/'), user = split_user(&authority);
    struct slice name = slice_split(&user, ':');
    address->user = decode(name, a, &ok);
    address->password = decode(user, a, &ok);
    address->database = decode(path, a, &ok);
    if (!parse_host(authority, a, address) || !parse_query(query, a, address) || !ok)
        *error = "its host, port or percent-encoding cannot be read";
    else if (!*address->database)
        *error = "it names no database (postgresql://user:password@host:5432/DATABASE)";
    address->where = arena_printf(a, "%s://%.*s/%s", address->driver->kind, SLICE_ARG(authority),
                                  address->database)
                         .p;
    return !*error;
}

/* "sqlite:///a/b" is a/b, "sqlite:////a/b" is /a/b, "sqlite://" and "sqlite" the default. */
static bool parse_file(struct slice rest, struct arena *a, struct store_address *address,
                       const char **error)
{
    bool ok = true;
    struct slice query = rest, path = slice_split(&query, '?');
    if (slice_starts(path, SLICE("/")))
        path = slice_skip(path, 1);
    const char *file = decode(path, a, &ok);
    address->file = *file ? file : NULL;
    address->where = *file ? file : "lintel.db";
    if (!ok)
        *error = "its percent-encoding cannot be read";
    return !*error;
}

bool store_url_parse(const char *url, struct arena *a, struct store_address *address,
                     const char **error)
{
    struct slice rest = slice_trim(slice_of(url)), scheme = rest;
    ptrdiff_t colon = slice_find_char(rest, ':');
    *address = (struct store_address){
        .user = "", .password = "", .host = "", .port = "", .database = "", .where = ""};
    *error = NULL;
    if (colon >= 0) {
        scheme.n = (size_t)colon;
        rest = slice_skip(rest, scheme.n + 1);
    } else {
        rest = slice_make("", 0);
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
        if (slice_eq_nocase(scheme, slice_of(schemes[i].scheme)))
            address->driver = schemes[i].driver;
    if (!address->driver || (colon < 0 && address->driver != &store_sqlite)) {
        *error = "it must begin with sqlite, postgresql:// or mysql://";
        return false;
    }
    if (slice_starts(rest, SLICE("//")))
        rest = slice_skip(rest, 2);
    else if (address->driver == &store_sqlite && rest.n)
        rest =
            slice_make(rest.p - 1, rest.n + 1); /* sqlite:a/b: the ':' stands for the third '/' */
    return address->driver == &store_sqlite ? parse_file(rest, a, address, error)
                                            : parse_server(rest, a, address, error);
}

const char *store_url_parameter(const struct store_address *address, const char *name)
{
    for (size_t i = 0; i < address->parameter_count; i++)
        if (strcmp(address->parameters[i].name, name) == 0)
            return address->parameters[i].value;
    return NULL;
}
