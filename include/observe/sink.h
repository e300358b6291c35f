#ifndef OBSERVE_SINK_H
#define OBSERVE_SINK_H

/* Where records go: one `struct sink_kind` per destination.
 *
 * How to add one, in one file:
 *   1. src/observe/sink_NAME.c: `open` reads what it needs with sink_variable and sink_setting
 *      (URL, keys) and makes its state; `write` turns some records into one HTTP call; `free`.
 *   2. a row in sink_kinds (sinks.c), the file's name in meson.build.
 *   3. a stand-in server in tests/integration/test_sinks.py that its calls are held against.
 * Everything else is done here: the configuration names it (callbacks, success_callback,
 * failure_callback), each instance has an outbox (bounded, batched, tried again, flushed at the
 * end), and its counters stand in /metrics and in /debug/exchanges. `write` runs in the loop: it
 * formats, and does nothing else. A sink that wants to tell of something else than requests makes
 * parcels of its own and gives them to its outbox (outbox.h).
 *
 * With setup->wants_bodies the gateway keeps prompts and answers for it, which costs memory and
 * time. */

#include "base/json.h"
#include "io/mail.h"
#include "observe/record.h"
#include "wire/http1.h"

#define SINK_ERROR_SIZE   256
#define SINK_HEADERS_MAX  16
#define SINK_CALL_MAX     (8u * 1024 * 1024) /* bytes of a call's body; beyond, it is not sent */
#define SINK_ANSWER_SHOWN 512                /* bytes of an answer that the log shows */

struct aws_credentials; /* wire/sigv4.h */

/* What `open` may ask; valid during the call. */
struct sink_setup {
    struct slice name;    /* as the configuration has it */
    yyjson_val *settings; /* callback_settings.NAME, or NULL */
    yyjson_val *headers;  /* generic_logger_headers, or NULL */
    yyjson_val *options;  /* of litellm_settings, by their names there: langfuse_default_tags, …;
                             an object, or NULL */
    /* Of the environment; NULL: not set. */
    const char *(*variable)(const void *user, const char *name);
    const void *variable_user;
    yyjson_val *own; /* instead of it: {"langfuse_public_key": …}, what a key says; or NULL */
    bool own_first;  /* not instead: it says what `own` does not */
    /* AWS credentials of the callback, as they are now, until the end of the step; false: there are
     * none yet. May be kept, with its user. NULL: `open` reads what it is given. */
    bool (*credentials)(void *user, struct aws_credentials *found);
    void *credentials_user;
    /* Whether a URL may lead anywhere; NULL: all of them. The others are called at public addresses
     * only (struct http_fence). */
    bool (*trusts)(const void *user, const char *url);
    const void *user;  /* of `trusts`; both live as long as the sink */
    bool wants_bodies; /* set by `open`: it tells of prompts and answers */
    size_t batch_max;  /* set by `open`, as that of its kind; 0: that */
    bool patient;      /* set by `open`: each call has a price, it waits for a whole batch */
    char error[SINK_ERROR_SIZE]; /* set by `open`: why it returned NULL; one line */
};

/* The first of both that says something: the setting, then the variable. Either name may be NULL.
 * Empty: nobody says anything. */
struct slice sink_setting(const struct sink_setup *s, const char *setting, const char *variable);

/* One HTTP call, being written. Everything in the arena, but for the body. */
struct sink_call {
    struct arena arena;
    struct buf body;    /* capped at SINK_CALL_MAX */
    const char *method; /* NULL: POST */
    const char *url;
    const struct mail_envelope *mail; /* the body is an e-mail; NULL: an HTTP call */
    bool later;                       /* it cannot be written yet: `write` is asked again */
    struct http_header headers[SINK_HEADERS_MAX];
    size_t header_count;
};
/* The first of one name stays; what is no header (a line break in its value) is left out. */
void sink_call_header(struct sink_call *c, const char *name, struct slice value);

enum sink_verdict {
    SINK_TAKEN,
    SINK_AGAIN,     /* later, as it is */
    SINK_OTHERWISE, /* at once, written anew */
    SINK_REFUSED    /* never: it is dropped and counted */
};

/* By the status alone: 2xx; 408, 429, 5xx; others. */
enum sink_verdict sink_judge(int status);

struct sink_kind {
    const char *names[4];     /* of callbacks; NULL behind the last */
    const char *variables[8]; /* of the environment, that it asks for; NULL behind the last */
    size_t batch_max;         /* parcels in a call; 0: OUTBOX_BATCH_MAX */
    bool payloads;            /* it tells LiteLLM's payloads, and so other events too (record.h) */
    /* NULL: setup->error says why. */
    void *(*open)(struct sink_setup *setup);
    /* The call that tells of `parcels`; without a URL there is nothing to tell. False: it can never
     * be told; they are dropped. */
    bool (*write)(void *self, struct parcel *const *parcels, size_t n, struct sink_call *call);
    /* What an answer means; NULL: sink_judge. */
    enum sink_verdict (*judge)(void *self, int status, struct slice answer);
    /* How many parcels of a call that was taken were not, all the same, as the answer has it, and
     * why (in the answer, or the arena); NULL: none, ever. */
    size_t (*missed)(void *self, struct slice answer, struct arena *a, struct slice *why);
    void (*free)(void *self);
};

/* Of that name, or of the kind that its settings name (callback_type: generic_api, LiteLLM's word
 * for a URL of one's own); NULL: there is none. */
const struct sink_kind *sink_find(const struct sink_setup *s);
const struct sink_kind *sink_kind_at(size_t i); /* all of them; NULL: no more */

#endif
