#include "observe/record.h"

#include <stdlib.h>

_Static_assert(sizeof(struct record_texts) % sizeof(struct slice) == 0, "nothing but slices");
#define TEXTS (sizeof(struct record_texts) / sizeof(struct slice))

struct parcel *parcel_ref(struct parcel *p)
{
    p->refs++;
    return p;
}

void parcel_unref(struct parcel *p)
{
    if (p && --p->refs == 0)
        free(p);
}

/* ---- one allocation ------------------------------------------------------------------------- */

static struct slice *texts_of(struct record *r)
{
    return (struct slice *)(void *)&r->text;
}

struct packing {
    char *room; /* NULL: nothing is copied, only measured */
    size_t used;
};

static void pack(struct slice *text, struct packing *p)
{
    if (p->room && text->n)
        memcpy(p->room + p->used, text->p, text->n);
    if (p->room)
        text->p = p->room + p->used;
    p->used += text->n;
}

static void pack_attempt(struct record_attempt *a, struct packing *p)
{
    pack(&a->deployment, p);
    pack(&a->model, p);
    pack(&a->region, p);
    pack(&a->group, p);
    pack(&a->api_base, p);
    pack(&a->error_class, p);
    pack(&a->message, p);
}

static void pack_all(struct record *r, struct packing *p)
{
    for (size_t i = 0; i < TEXTS; i++)
        pack(&texts_of(r)[i], p);
    for (size_t i = 0; i < r->attempt_count; i++)
        pack_attempt(&r->attempts[i], p);
}

struct record *record_new(const struct record *draft)
{
    size_t attempts = draft->attempt_count * sizeof(*draft->attempts);
    struct packing texts = {0};
    struct record measured = *draft;
    pack_all(&measured, &texts);
    size_t size = sizeof(*draft) + attempts + texts.used;
    struct record *r = malloc(size);
    if (!r)
        abort();
    *r = *draft;
    r->parcel = (struct parcel){.refs = 1, .size = size};
    r->attempts = (struct record_attempt *)(void *)(r + 1);
    if (attempts)
        memcpy(r->attempts, draft->attempts, attempts);
    texts = (struct packing){.room = (char *)(r + 1) + attempts};
    pack_all(r, &texts);
    return r;
}

int64_t record_tokens(const struct record *r)
{
    return llm_usage_prompt(&r->usage) + r->usage.output;
}
