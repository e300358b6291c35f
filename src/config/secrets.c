/* A set of answers: names to values, or to why there is none. */

#include "config/secrets.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

bool secrets_are_asked_with(struct slice name)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                        "AWS_REGION_NAME", "AWS_REGION",
                                        "AWS_BEDROCK_RUNTIME_ENDPOINT"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(name, slice_of(names[i])))
            return true;
    return false;
}

struct secret {
    struct secret *next;
    struct slice name;
    bool missing;
    struct slice text; /* its value, or why there is none; ends with a NUL */
};

struct secrets {
    unsigned refs;
    struct arena arena;
    struct secret *first;
    struct map by_name;
    const char *error;
};

struct secrets *secrets_new(void)
{
    struct secrets *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->refs = 1;
    arena_init(&s->arena);
    map_init(&s->by_name);
    return s;
}

struct secrets *secrets_ref(struct secrets *s)
{
    if (s)
        s->refs++;
    return s;
}

void secrets_unref(struct secrets *s)
{
    if (!s || --s->refs)
        return;
    for (struct secret *v = s->first; v; v = v->next)
        explicit_bzero((char *)(uintptr_t)v->text.p, v->text.n);
    map_fini(&s->by_name);
    arena_fini(&s->arena);
    free(s);
}

static void add(struct secrets *s, struct slice name, struct slice text, bool missing)
{
    if (secrets_knows(s, name) || secrets_are_asked_with(name))
        return;
    struct secret *v = ARENA_NEW(&s->arena, struct secret);
    *v = (struct secret){s->first, arena_dup(&s->arena, name), missing, arena_dup(&s->arena, text)};
    s->first = v;
    map_put(&s->by_name, v->name, v);
}

void secrets_put(struct secrets *s, struct slice name, struct slice value)
{
    bool holds_nul = slice_find_char(value, '\0') >= 0;
    add(s, name, holds_nul ? SLICE("it holds a NUL character") : value, holds_nul);
}

void secrets_miss(struct secrets *s, struct slice name, struct slice why)
{
    add(s, name, why, true);
}

void secrets_fail(struct secrets *s, struct slice error)
{
    if (!s->error)
        s->error = arena_strdup(&s->arena, error);
}

static const struct secret *find(const struct secrets *s, struct slice name)
{
    return s ? map_get(&s->by_name, name) : NULL;
}

const char *secrets_get(const struct secrets *s, const char *name)
{
    const struct secret *v = find(s, slice_of(name));
    return v && !v->missing ? v->text.p : NULL;
}

const char *secrets_why(const struct secrets *s, const char *name)
{
    const struct secret *v = find(s, slice_of(name));
    return v && v->missing ? v->text.p : NULL;
}

bool secrets_knows(const struct secrets *s, struct slice name)
{
    return find(s, name);
}

const char *secrets_error(const struct secrets *s)
{
    return s ? s->error : NULL;
}
