#ifndef GATEWAY_EXCHANGE_GUARD_PRIVATE_H
#define GATEWAY_EXCHANGE_GUARD_PRIVATE_H

/* What exchange_guard.c (the prompt) and exchange_guard_answer.c share. */

#include "exchange_guard.h"

#include "guard/stream.h"
#include "guard_ask.h"

#define GUARDRAIL_HELD_MAX (16u * 1024 * 1024) /* bytes of a stream that is held */

struct guard_filters {
    const struct guard *of[GUARDS_MAX];
    const struct guard_rules *rules[GUARDS_MAX];
    size_t n;
};

/* Of one exchange, in its arena. */
struct guard_use {
    uint32_t applied; /* bit i: guard i of the configuration */
    struct guard_filters before, after, logged;
    struct guard_found found, found_after, found_logged;
    struct guard_ask ask_before, ask_after;
    bool asking_after;
    struct guard_texts texts;
    yyjson_val *body; /* of the request, as JSON */
    struct failure refusal;

    bool streaming; /* `stream` is set up */
    struct guard_stream stream;
    unsigned facts;       /* of what it handed on */
    struct llm_fold fold; /* of a stream that is held */
    struct buf record, raw;
    struct guard_part *parts; /* of the answer that is vetted */
};

/* Sets the failure that the findings make; false if they make one. */
bool guard_judge(struct exchange *ex, const struct guard_filters *filters,
                 const struct guard_found *found, struct failure *f);

/* Lets filters look at all texts, and change them. */
void guard_filter_texts(const struct guard_filters *filters, struct guard_found *found,
                        struct guard_texts *texts);

#endif
