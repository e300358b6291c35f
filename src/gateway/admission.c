#include "admission.h"

void admission_init(struct admission *a)
{
    *a = (struct admission){.in = 0};
    list_init(&a->waiting);
}

static bool has_place(const struct admission *a, const struct admission_limits *l)
{
    return !l->in_flight || a->in < l->in_flight;
}

enum admission_state admission_ask(struct admission *a, struct admission_ticket *t,
                                   const struct admission_limits *l)
{
    if (has_place(a, l) && !a->queued) {
        a->in++;
        t->state = ADMISSION_IN;
    } else if (a->queued < l->queued) {
        list_add(&a->waiting, &t->link);
        a->queued++;
        t->state = ADMISSION_WAITS;
    } else {
        a->full++;
        t->state = ADMISSION_OUT;
    }
    return t->state;
}

void admission_leave(struct admission *a, struct admission_ticket *t)
{
    if (t->state == ADMISSION_WAITS) {
        list_del(&t->link);
        a->queued--;
    } else if (t->state == ADMISSION_IN) {
        a->in--;
    }
    t->state = ADMISSION_OUT;
}

struct admission_ticket *admission_next(struct admission *a, const struct admission_limits *l)
{
    struct list *link = has_place(a, l) ? list_pop(&a->waiting) : NULL;
    if (!link)
        return NULL;
    struct admission_ticket *t = LIST_ENTRY(link, struct admission_ticket, link);
    a->queued--;
    a->in++;
    t->state = ADMISSION_IN;
    return t;
}
