/* A small, strict reader of the AWS tools' ini files.
 *
 * Happy path: "[name]" (in the config file "[profile name]", "[sso-session name]", "[services
 * name]" or "[default]") opens a section, "key = value" lines fill it.
 *
 * Failure: a line that is none of these gives its number; what stood before it is kept.
 */

#include "aws/shared.h"

struct aws_pair {
    struct aws_pair *next;
    struct slice group; /* of a nested setting: the key above it; else empty */
    struct slice key, value;
};

struct aws_section {
    struct aws_section *next;
    struct slice kind, name; /* "profile" or another word, and what follows it */
    struct aws_pair *pairs;  /* the last one first */
};

/* ---- reading ------------------------------------------------------------------------------- */

static bool is_indented(struct slice line)
{
    return line.n && (*line.p == ' ' || *line.p == '\t');
}

static struct slice unquote(struct slice s)
{
    bool quoted = s.n >= 2 && (*s.p == '"' || *s.p == '\'') && s.p[s.n - 1] == *s.p;
    return quoted ? slice_make(s.p + 1, s.n - 2) : s;
}

static void name_section(struct aws_section *s, enum aws_file which, struct slice header)
{
    struct slice rest = header;
    s->kind = SLICE("profile");
    s->name = header;
    if (which == AWS_CREDENTIALS_FILE || slice_eq(header, SLICE("default")))
        return;
    s->kind = slice_split(&rest, ' ');
    s->name = unquote(slice_trim(rest));
}

struct reader {
    struct arena *arena;
    enum aws_file which;
    struct aws_section **tail;
    struct aws_section *section; /* the open one, or NULL */
    struct slice group;          /* key of the last line, if it had no value */
};

static bool read_header(struct reader *r, struct slice line)
{
    if (line.p[line.n - 1] != ']')
        return false;
    r->section = ARENA_NEW(r->arena, struct aws_section);
    name_section(r->section, r->which, slice_trim(slice_make(line.p + 1, line.n - 2)));
    *r->tail = r->section;
    r->tail = &r->section->next;
    r->group = (struct slice){0};
    return true;
}

static bool read_pair(struct reader *r, struct slice line, bool nested)
{
    struct slice value = line, key = slice_trim(slice_split(&value, '='));
    if (!value.p || !key.n)
        return nested; /* the rest of a value that we do not need */
    value = slice_trim(value);
    if (!nested)
        r->group = value.n ? (struct slice){0} : key;
    if (!r->section || (nested && !r->group.n))
        return true;
    struct aws_pair *p = ARENA_NEW(r->arena, struct aws_pair);
    *p = (struct aws_pair){.next = r->section->pairs, .key = key, .value = value};
    if (nested)
        p->group = r->group;
    r->section->pairs = p;
    return true;
}

int aws_shared_read(struct aws_shared *s, enum aws_file which, struct slice text, struct arena *a)
{
    struct reader r = {.arena = a, .which = which, .tail = &s->sections[which]};
    *r.tail = NULL;
    if (slice_starts(text, SLICE("\xef\xbb\xbf")))
        text = slice_skip(text, 3);
    for (int number = 1; text.p; number++) {
        struct slice raw = slice_split(&text, '\n'), line = slice_trim(raw);
        if (!line.n || *line.p == '#' || *line.p == ';')
            continue;
        bool nested = is_indented(raw);
        bool ok = *line.p == '[' && !nested ? read_header(&r, line) : read_pair(&r, line, nested);
        if (!ok)
            return number;
    }
    return 0;
}

/* ---- looking up ---------------------------------------------------------------------------- */

static bool is_section(const struct aws_section *s, struct slice kind, struct slice name)
{
    return slice_eq(s->kind, kind) && slice_eq(s->name, name);
}

static bool has_key(const struct aws_pair *p, struct slice key)
{
    struct slice inner = key;
    if (!p->group.n)
        return slice_eq_nocase(p->key, key);
    struct slice group = slice_split(&inner, '.');
    return inner.p && slice_eq_nocase(p->group, group) && slice_eq_nocase(p->key, inner);
}

static struct slice find(const struct aws_section *s, struct slice kind, struct slice name,
                         const char *key)
{
    struct slice value = {0};
    for (; s; s = s->next) {
        const struct aws_pair *p = is_section(s, kind, name) ? s->pairs : NULL;
        while (p && !has_key(p, slice_of(key)))
            p = p->next;
        if (p)
            value = p->value;
    }
    return value;
}

static bool exists(const struct aws_section *s, struct slice kind, struct slice name)
{
    while (s && !is_section(s, kind, name))
        s = s->next;
    return s;
}

bool aws_profile_exists(const struct aws_shared *s, struct slice name)
{
    return exists(s->sections[AWS_CREDENTIALS_FILE], SLICE("profile"), name) ||
           exists(s->sections[AWS_CONFIG_FILE], SLICE("profile"), name);
}

struct slice aws_profile_get_from(const struct aws_shared *s, enum aws_file which,
                                  struct slice name, const char *key)
{
    return find(s->sections[which], SLICE("profile"), name, key);
}

struct slice aws_profile_get(const struct aws_shared *s, struct slice name, const char *key)
{
    struct slice value = aws_profile_get_from(s, AWS_CREDENTIALS_FILE, name, key);
    return value.p ? value : aws_profile_get_from(s, AWS_CONFIG_FILE, name, key);
}

bool aws_section_exists(const struct aws_shared *s, const char *kind, struct slice name)
{
    return exists(s->sections[AWS_CONFIG_FILE], slice_of(kind), name);
}

struct slice aws_section_get(const struct aws_shared *s, const char *kind, struct slice name,
                             const char *key)
{
    return find(s->sections[AWS_CONFIG_FILE], slice_of(kind), name, key);
}
