#include "told.h"

#include <stdio.h>
#include <string.h>

void told_reset(struct told *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct told_model fresh = {0};
        memcpy(fresh.id, t->v[i].id, sizeof(fresh.id));
        t->v[i] = fresh;
    }
}

struct told_model *told_of(struct told *t, struct slice model)
{
    char id[TOLD_ID_SIZE];
    snprintf(id, sizeof(id), "%.*s", SLICE_ARG(t->n < TOLD_MODELS ? model : SLICE("other")));
    for (size_t i = 0; i < t->n; i++)
        if (slice_eq(slice_of(t->v[i].id), model) || strcmp(t->v[i].id, id) == 0)
            return &t->v[i];
    struct told_model *m = &t->v[t->n++];
    *m = (struct told_model){0};
    memcpy(m->id, id, sizeof(id));
    return m;
}

void told_count(struct told_model *m, const struct usage *u)
{
    m->calls++;
    m->input += u->input;
    m->output += u->output;
    m->read += u->read;
    m->write += u->write;
}

void told_write(const struct told *t, struct json_writer *w)
{
    json_object(w);
    for (size_t i = 0; i < t->n; i++) {
        const struct told_model *m = &t->v[i];
        json_key_slice(w, slice_of(m->id));
        json_object(w);
        json_member_integer(w, "calls", (int64_t)m->calls);
        json_member_integer(w, "input", m->input);
        json_member_integer(w, "output", m->output);
        json_member_integer(w, "read", m->read);
        json_member_integer(w, "write", m->write);
        json_object_end(w);
    }
    json_object_end(w);
}
