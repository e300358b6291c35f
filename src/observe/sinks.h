#ifndef OBSERVE_SINKS_H
#define OBSERVE_SINKS_H

/* All sinks, and what they have in common. */

#include "observe/sink.h"

extern const struct sink_kind sink_langfuse, sink_langfuse_otel; /* sink_langfuse.c */
extern const struct sink_kind sink_otel;                         /* sink_otel.c */
extern const struct sink_kind sink_weave;                        /* sink_weave.c */
extern const struct sink_kind sink_traceloop;                    /* sink_traceloop.c */
extern const struct sink_kind sink_webhook;                      /* sink_webhook.c */
extern const struct sink_kind sink_datadog;                      /* sink_datadog.c */
extern const struct sink_kind sink_s3;                           /* sink_s3.c */
extern const struct sink_kind sink_lunary;                       /* sink_lunary.c */
extern const struct sink_kind sink_helicone;                     /* sink_helicone.c */
extern const struct sink_kind sink_promptlayer;                  /* sink_promptlayer.c */

/* What `open` makes: a struct, zeroed, whose first member is the arena that it lies in. */
void *sink_new(size_t size);
void sink_free(void *self);
/* Of `open`: says why, frees `self` (NULL is fine); returns NULL. */
void *sink_refuse(struct sink_setup *s, void *self, const char *why, ...)
    __attribute__((format(printf, 3, 4)));

/* A list of texts, of setup->options: of its own in the arena; NULL: it is not there, or empty. */
yyjson_val *sink_option_list(struct arena *a, const struct sink_setup *s, const char *name);

/* sink_setting, or `otherwise` where nobody says anything; in the arena. */
struct slice sink_kept(struct arena *a, const struct sink_setup *s, const char *setting,
                       const char *variable, struct slice otherwise);
/* `base`, without slashes at its end and with https:// if it has no scheme, and the path. */
const char *sink_url(struct arena *a, struct slice base, struct slice path);

/* Of the client, by its name in any case; record.h has them as a JSON object. Empty: not said. */
struct slice sink_client_header(const struct record *r, struct slice name, struct arena *a);

struct slice sink_bearer(struct arena *a, struct slice key); /* "Bearer …" */
/* "Basic …" of a name and a password. */
struct slice sink_basic(struct arena *a, struct slice name, struct slice password);
/* "k=v,k2=v2", or a JSON object: what OpenTelemetry and LiteLLM write into variables. */
void sink_call_headers(struct sink_call *c, struct slice list);

/* Members that are left out where the text is empty. */
#define sink_member_text(w, literal, value)                                                        \
    do {                                                                                           \
        if ((value).n)                                                                             \
            json_member_string((w), literal, (value));                                             \
    } while (0)
#define sink_member_json(w, literal, value)                                                        \
    do {                                                                                           \
        if ((value).n) {                                                                           \
            json_key((w), literal);                                                                \
            json_raw((w), (value));                                                                \
        }                                                                                          \
    } while (0)

#endif
