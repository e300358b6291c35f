#include "config_shown.h"

#include <ctype.h>

#define MASK "****"

static bool contains(struct slice name, const char *word)
{
    struct slice w = slice_of(word);
    for (; name.n >= w.n; name = slice_skip(name, 1))
        if (slice_starts_nocase(name, w))
            return true;
    return false;
}

/* "session_token", not "max_tokens". */
static bool contains_token(struct slice name)
{
    struct slice token = SLICE("token");
    for (; name.n >= token.n; name = slice_skip(name, 1))
        if (slice_starts_nocase(name, token) &&
            (name.n == token.n || tolower((unsigned char)name.p[token.n]) != 's'))
            return true;
    return false;
}

bool config_is_secret(struct slice name)
{
    static const char *const words[] = {
        "key",     "secret",      "passw",       "credential", "authoriz",
        "cookie",  "headers",     "aws_session", "role_name",  "role_arn",
        "role_id", "external_id", "webhook",     "_dsn",       "connection_string",
        NULL};
    if (contains(name, "_cost_") || slice_ends(name, SLICE("_cost")) ||
        slice_ends(name, SLICE("_limit")) || slice_starts(name, SLICE("token_count_")) ||
        slice_ends(name, SLICE("credential_name")))
        return false;
    for (const char *const *w = words; *w; w++)
        if (contains(name, *w))
            return true;
    return contains_token(name);
}

bool config_names_a_user(struct slice url)
{
    ptrdiff_t scheme = slice_find(url, SLICE("://"));
    if (scheme < 0)
        return false;
    struct slice rest = slice_skip(url, (size_t)scheme + 3);
    return slice_find_char(slice_split(&rest, '/'), '@') >= 0;
}

bool config_holds_secret(struct slice url)
{
    struct slice query = url;
    slice_split(&query, '?');
    if (slice_find(url, SLICE("://")) < 0)
        return false;
    while (query.p) {
        struct slice pair = slice_split(&query, '&');
        if (config_is_secret(slice_split(&pair, '=')))
            return true;
    }
    return config_names_a_user(url);
}

static void write_map(const struct node *n, struct json_writer *w)
{
    json_object(w);
    for (size_t i = 0; i < n->count; i++) {
        if (config_is_secret(n->items[i].key))
            continue;
        json_key_slice(w, n->items[i].key);
        config_write_shown(n->items[i].value, w);
    }
    json_object_end(w);
}

void config_write_shown(const struct node *n, struct json_writer *w)
{
    switch (n->kind) {
    case NODE_SCALAR:
        if (config_holds_secret(n->text))
            json_string(w, SLICE(MASK));
        else
            node_write_json(n, w);
        break;
    case NODE_LIST:
        json_array(w);
        for (size_t i = 0; i < n->count; i++)
            config_write_shown(n->items[i].value, w);
        json_array_end(w);
        break;
    case NODE_MAP: write_map(n, w); break;
    }
}
