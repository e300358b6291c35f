#ifndef CONFIG_GUARDS_H
#define CONFIG_GUARDS_H

/* The guardrails of a configuration: what looks at prompts and answers. Owned by the snapshot. */

#include "guard/rules.h"
#include "provider/deployment.h"

#define GUARDS_MAX GUARD_SETS_MAX

enum guard_kind {
    GUARD_FILTER,  /* patterns and words: `rules` */
    GUARD_WEBHOOK, /* somebody who is asked at `url` */
    GUARD_BEDROCK  /* Bedrock's ApplyGuardrail */
};

enum guard_mode {
    GUARD_BEFORE = 1 << 0, /* pre_call, during_call */
    GUARD_AFTER = 1 << 1,  /* post_call */
    GUARD_LOGGED = 1 << 2  /* logging_only: masks what is logged, nothing else */
};

struct guard {
    const char *name, *id;
    enum guard_kind kind;
    unsigned modes; /* guard_mode bits */
    bool default_on;
    struct guard_rules *rules;
    const char *url;
    yyjson_val *headers, *params;     /* of the webhook: objects, or NULL */
    struct deployment *at;            /* of Bedrock: where, and by whose credentials */
    const char *identifier, *version; /* likewise */
    bool mask_request, mask_response; /* likewise: what it anonymizes goes on so */
    bool monitor;                     /* what it objects to is noted, and goes on as it is */
    bool fail_open;                   /* so does what it cannot be asked about … */
    bool errors_pass;                 /* … or gives no answer that is one to */
    double timeout;                   /* seconds */
    yyjson_val *shown, *info;         /* for clients: its parameters without secrets; its info */
};

struct guards {
    struct guard *v;
    size_t n;
};

/* NULL: there is none of that name. */
const struct guard *guards_find(const struct guards *g, struct slice name);

#endif
