#ifndef AWS_FLOW_H
#define AWS_FLOW_H

/* How the credentials of an identity are got, one step after the other: the flow says what it wants
 * (a file, an answer to a call, what a command prints, the credentials of its source), whoever
 * drives it gets that and hands it over, until nothing is wanted any more and there are credentials
 * or an error. Pure: no socket, no clock, no file.
 *
 *     aws_flow_begin(&f, identity, now, arena);
 *     while (f.want != AWS_WANT_NOTHING)
 *         aws_flow_take(&f, &(struct aws_result){ what f.want asked for });
 *
 * Protocols: AWS Security Token Service (query API 2011-06-15), IAM Identity Center (portal and
 * OIDC APIs), EC2 instance metadata service 2, the container credential provider and
 * credential_process as the AWS SDKs and Tools Reference Guide describes them. */

#include "aws/identity.h"

#define AWS_ANSWER_MAX  (128 * 1024) /* bytes of a file, an answer or an output */
#define AWS_OUTPUT_MS   60000        /* for a command */
#define AWS_CALL_MS     10000        /* for a call, but an instance's have their own limit */
#define AWS_CONNECT_MS  5000
#define AWS_CLOCK_OFF_S 240 /* more is a clock that is wrong: AWS allows five minutes */
#define AWS_REFRESH_S   900 /* credentials are renewed so long before they expire */

enum aws_want {
    AWS_WANT_NOTHING, /* the end: see `failed` */
    AWS_WANT_FILE,    /* the content of `path` */
    AWS_WANT_KEPT,    /* `kept` written to `path`, for its owner only; may fail */
    AWS_WANT_CALL,    /* the answer to `call` */
    AWS_WANT_OUTPUT,  /* what the command `arguments` prints */
    AWS_WANT_SOURCE   /* the credentials of identity->source */
};

struct aws_flow {
    enum aws_want want;
    const char *path;
    struct slice kept;
    struct http_call call;
    unsigned timeout_ms;    /* to connect, and then to the answer's head */
    char *const *arguments; /* ends with NULL */

    /* The end. */
    bool failed;
    bool transient;     /* it may go better soon */
    struct slice error; /* one line for people, without secrets */
    struct aws_credentials found;
    int64_t expires; /* unix seconds; 0: never */

    /* Of the flow itself. */
    const struct aws_identity *identity;
    struct arena *arena;
    int64_t now; /* unix seconds */
    int stage;
    unsigned tries; /* of the call so far */
    bool set_clock; /* `now` was corrected by an answer */
    const char *doing;
    struct aws_credentials source;
    int64_t source_expires;
    struct slice token; /* of a session, of the metadata service, or an Authorization header */
};

struct aws_result {
    bool ok;           /* it came: an answer of any status; else `error` */
    bool silent;       /* a call that connected and got no answer */
    bool transient;    /* of a source */
    const char *error; /* one line, no secret */
    int status;
    int64_t date; /* the answer's Date; 0: none */
    struct slice text;
    struct aws_credentials credentials;
    int64_t expires;
};

/* Not of AWS_NOBODY and AWS_KEYS, which need none. The flow points into `identity`. */
void aws_flow_begin(struct aws_flow *f, const struct aws_identity *id, int64_t now,
                    struct arena *a);
/* `result` need not outlive the call. */
void aws_flow_take(struct aws_flow *f, const struct aws_result *result);

/* The words of a command line, split as a POSIX shell would, without its expansions; NULL: a quote
 * is left open, or there is nothing. */
char *const *aws_split_command(struct slice text, struct arena *a);

#endif
