#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

/* One HTTP request and everything done for it.
 *
 *   HEAD ─► AUTH ─► BODY ─► ADMIT ─► LOOKUP ─► LIMIT ─► ROUTE ─► PLACE ─► CREDENTIALS ─► FETCH
 *                             │         │                                      │            │
 *                             │         └ kept answer: to RELAY, or whole      │            ▼
 *                             └► ANSWER ────────► FLUSH ◄────────┐             ▼         RECALL
 *                                                 │  ▲           └──────── BATCH            │
 *                                                 │  │◄───── whole answer ───────────────┐  ▼
 *                                       SETTLE ◄──┘  └────── RELAY (stream) ◄────────── CALL
 *                                         └► DONE
 *
 * Every state before FLUSH may go to FLUSH (refuse: an error reply) and, like FLUSH, to SETTLE (the
 * client is gone). Where it suspends, and for what:
 *   HEAD    a place in the worker (exchange_admission.h)
 *   AUTH    the database, for a key that is not in the cache (exchange_auth.h)
 *   BODY    the rest of the request body
 *   GUARD   guards that have to be asked about the prompt; only where there are guards
 *   ADMIT   the shared state, for responses that the request refers to (exchange_responses.h)
 *   ANSWER  what an answer of our own needs: the database, probes (ask.h); from ADMIT, to FLUSH
 *   LOOKUP  the shared state, for a kept answer; or that of an equal request (exchange_cache.h)
 *   LIMIT   the shared state, for what the caller may (exchange_limits.h)
 *   ROUTE   a place at a deployment (exchange_queue.h)
 *   PLACE   the shared state, for what the deployment may; back to ROUTE when it may not
 *   CREDENTIALS  those of AWS, when there are none yet (exchange_credentials.h)
 *   FETCH   what the prompt names by URL (bounded by fetch_timeout)
 *   RECALL  the shared state, for thinking that the client dropped
 *   CALL    the first event that says something, or the whole answer; meanwhile keep-alives
 *   AGAIN   the wait before a retry; from CALL or BATCH, back to ROUTE (exchange_again.c)
 *   VET     guards that have to be asked about the answer: between CALL (or LOOKUP, or RELAY) and
 *           what follows there, for answers that are looked at once they are complete
 *   PASS    a request of pass_through_endpoints, from LIMIT, to FLUSH: body and answer pass
 *           (exchange_pass.h)
 *   RELAY   upstream events; room at the client; to AGAIN when a stream that broke off goes on
 *           elsewhere (exchange_resume.c)
 *   BATCH   the calls of an operation (operation.h), bounded by the timeout of the whole answer
 *   SETTLE  the end of the upstream call (bounded by SETTLE_GRACE_MS, then cancelled)
 *
 * Callbacks deposit into `facts`, `body`, `out`, `failure`, `usage` and mark the exchange; only
 * exchange_step (exchange.c) moves the state, from the turn.
 *
 * Owned here: arena, body, upstream_body, out, decoder, fold, thinking. The connection is lent
 * until conn_finish() or `gone`; the configuration snapshot is referenced. */

#include "admission.h"
#include "audience.h"
#include "base/sm.h"
#include "cache.h"
#include "caller.h"
#include "config/config.h"
#include "credentials.h"
#include "dialect/dialect.h"
#include "exchange_budget.h"
#include "exchange_limits.h"
#include "io/conn.h"
#include "io/upstream.h"
#include "llm/estimate.h"
#include "llm/resume.h"
#include "memory.h"
#include "provider/plan.h"
#include "provider/provider.h"
#include "reroute.h"
#include "router.h"
#include "routes.h"
#include "rows.h"
#include "tracker.h"
#include "wire/crypto.h"

struct batch;
struct exchange;
struct fetch;
struct guard_use;
struct health_run;
struct login_use;
struct observed;
struct password_job;
struct responses_use;
struct spend;
struct store_job;
struct worker;

enum exchange_state {
    EX_HEAD,
    EX_AUTH,
    EX_BODY,
    EX_GUARD,
    EX_ADMIT,
    EX_ANSWER,
    EX_LOOKUP,
    EX_LIMIT,
    EX_ROUTE,
    EX_PLACE,
    EX_CREDENTIALS,
    EX_FETCH,
    EX_RECALL,
    EX_CALL,
    EX_AGAIN,
    EX_VET,
    EX_PASS,
    EX_RELAY,
    EX_BATCH,
    EX_FLUSH,
    EX_SETTLE,
    EX_DONE
};
enum { EX_NR = EX_DONE + 1, EX_SUSPEND = -1 }; /* kept out of the enum for -Wswitch */

/* Why AWS refused a call, as far as it matters for whoever signs. */
enum exchange_refusal { REFUSED_OTHERWISE, REFUSED_CLOCK, REFUSED_TOKEN };

/* What callbacks deposited. */
enum exchange_fact {
    FACT_BODY_END = 1 << 0,  /* the request body is complete */
    FACT_BODY_BAD = 1 << 1,  /* it will never be; `failure` says why */
    FACT_EVENT = 1 << 2,     /* the answer said something */
    FACT_COMPLETE = 1 << 3,  /* EV_END */
    FACT_FAILED = 1 << 4,    /* EV_FAIL or the call broke; `failure` */
    FACT_CALL_OVER = 1 << 5, /* the upstream op has ended */
    FACT_PAUSED = 1 << 6,    /* the upstream waits for room */
    FACT_ROOM = 1 << 7,      /* the client took some bytes */
    FACT_TIMER = 1 << 8,     /* `deadline` has passed */
    FACT_GONE = 1 << 9,      /* the client is gone */
    FACT_VET = 1 << 10       /* all of a held answer is there, for the guards */
};

#define EXCHANGE_HIGH   (256 * 1024) /* bytes queued for a client: the upstream pauses */
#define EXCHANGE_LOW    (64 * 1024)  /* … and resumes */
#define SETTLE_GRACE_MS 2000         /* for an upstream to end after its last event */
#define TRIED_MAX       16           /* deployments that a request remembers */

#define STATUS_CLIENT_GONE 499 /* nginx's; nobody is sent it */

/* For streams that go on elsewhere when they break off; see exchange_resume.h. */
struct resuming {
    bool on;                             /* mid_stream_fallbacks, and the answer is streamed */
    unsigned count;                      /* continuations begun */
    struct llm_resume answer;            /* what the client has seen */
    struct llm_usage spent;              /* of the calls that broke off … */
    struct model_cost cost;              /* … at their models' prices */
    const struct deployment *deployment; /* of the last of them … */
    struct slice group, model_id;        /* … under these names */
};

typedef void answer_next(struct exchange *ex, struct buf *body);

#define ASK_KEPT_MAX 4 /* jobs whose rows are looked at again */

/* An answer of our own on its way; ask.c's. */
struct own_answer {
    struct buf body;
    struct slice type;                  /* of the body; empty: application/json */
    int status;                         /* 0: 200 */
    bool packed;                        /* it is gzip already, for a client that takes it */
    bool apart;                         /* it is sent behind ex->out, not copied into it */
    struct http_headers headers;        /* more of them, in the arena */
    bool (*ready)(struct exchange *ex); /* NULL: nothing is waited for */
    answer_next *next;
    void (*end)(struct exchange *ex); /* NULL: nothing to end */
    void *state;                      /* the handler's, in the arena */
    yyjson_val *given;                /* the body, read; NULL: not yet */
    struct store_job *job;            /* asked, or asked last; NULL: none */
    struct store_job *kept[ASK_KEPT_MAX];
    unsigned kept_count;
    answer_next *with_rows;
    bool polled;                   /* ask_later: the next step goes on */
    bool running;                  /* the job; nobody else may touch it */
    bool conflicts;                /* with_rows looks at them */
    struct password_job *password; /* being checked; NULL: none */
};

/* A request that goes to another server: exchange_pass.c's. */
struct pass {
    const struct pass_endpoint *to;
    struct route route;
    int64_t received; /* bytes of the body */
    size_t taken;     /* of ex->body, by the call */
    bool held;        /* the client is not read */
    bool starved;     /* the call waits for more of the body */
    bool answered;
};

struct exchange {
    struct list link;      /* worker.exchanges */
    struct turn_item item; /* marked when there is something to do */
    struct turn_grave grave;
    struct sm sm;
    bool entered;                  /* the current state's step has run once */
    bool routed;                   /* ROUTE was entered before */
    bool busy;                     /* no deployment had a place … */
    bool queued;                   /* … so it waits for one */
    bool call_sent;                /* `call` is on its way */
    bool signed_again;             /* the call, after a refusal for the sake of its signature */
    bool settled;                  /* SETTLE has done its work, and waits */
    enum exchange_refusal refusal; /* of the last answer */
    unsigned facts;                /* exchange_fact bits */
    unsigned attempts;             /* upstream calls made */
    unsigned learned;              /* members that this request found its model not to take */
    struct reroute reroute;
    int64_t wait_ms;              /* before the next attempt */
    struct failure last_failure;  /* of the attempt before */
    struct slice fallback_errors; /* why groups were left, a JSON list without its end; or empty */
    struct admission_ticket admission; /* its place in the worker */
    struct worker *worker;
    struct config *config;        /* the snapshot it started with */
    struct conn *conn;            /* NULL once the client is gone or served */
    const struct http_head *head; /* valid while conn is */
    struct arena arena;           /* what lives as long as the exchange */
    struct arena prompt;          /* the parsed body: gone once nothing can be tried again */
    char id[UUID_SIZE];           /* x-litellm-call-id */

    const struct route *route;
    struct pass *pass;         /* NULL: the route is one of ours */
    struct slice route_model;  /* model named in the path, or empty */
    struct slice route_item;   /* what another hole of the path stands for, or empty; encoded … */
    struct slice route_second; /* … and a second one */
    struct own_answer own;
    struct audit_note *audit; /* changes that are not told yet: see audit.h */
    struct access *access;    /* what the caller may manage besides; NULL: see access.h */
    struct slice session;     /* made for a call without one; p == NULL: none was */
    struct slice client;      /* its address, see exchange_client.h; p == NULL: not asked for yet */
    struct buf body;          /* of the client's request */
    struct http1_reply reply;

    struct llm_request request;   /* the client's */
    struct llm_request effective; /* of this attempt: with the deployment's presets */
    const struct deployment *deployment;
    struct slice
        asked_model;       /* as the client named it: request.model may be what that stands for */
    struct slice model_id; /* Bedrock id to call */
    const struct model *model; /* facts about it */
    struct slice model_group;  /* name of the group that serves */
    struct dialect_answer answer;
    struct clientside *clientside;   /* what it says of its upstream, see clientside.h; or NULL */
    yyjson_val *parsed;              /* the body without that, once it was read; or NULL */
    yyjson_val *read_body;           /* the body with what it refers to; NULL: as it came */
    struct responses_use *responses; /* of the Responses API, and what is kept of it; NULL: none */

    struct cache_use cache;  /* of the response cache */
    struct guard_use *guard; /* what looks at prompt and answer; NULL: nothing */

    struct caller caller;
    struct login_use *login;                   /* of the admin UI, instead of a key; NULL: none */
    struct rows_wait rows_wait;                /* for what the database says of it */
    struct budget_hold budget_hold;            /* what it may cost, and whom */
    struct limit_hold caller_hold, place_hold; /* granted to the caller, at the deployment */
    const struct deployment
        *passed_over[ROUTER_PASSED_OVER_MAX]; /* granted nothing in this round */
    size_t passed_over_count, over_budget_count;
    struct slice over_budget; /* who of them, for people */
    int64_t place_wait_ms;    /* until one of them may grant again; 0: nobody knows */

    struct list queue;        /* of worker.queue */
    int64_t queue_until;      /* ms, turn time: it has waited long enough */
    int64_t wake_at;          /* ms, turn time: its turn comes; 0: not known */
    int64_t place_ms;         /* until a deployment has a place; 0: not known … */
    double pace;              /* calls a second of the group; 0: not paced */
    struct tracked_call call; /* that is under way, as the tracker counts it */
    const struct deployment *tried[TRIED_MAX]; /* called for this request */
    size_t tried_count;
    int64_t prompt_tokens; /* estimated, where routing asks for it; else 0 */

    struct health_run *health; /* that GET /health waits for; or NULL */
    void *operation;           /* the operation's own state, of routes that have one */
    struct batch *batch;       /* its calls; NULL: none is running */
    struct fetch *fetch;       /* NULL: none is running */
    struct memory_scope scope; /* of what the gateway remembers for this caller and model */
    struct memory_recall recall;
    struct thinking_capture thinking; /* of the answer */

    struct aws_credentials credentials; /* of the call; empty with an API key */
    struct credentials_wait credentials_wait;
    int64_t refused_date; /* of the last answer: its Date, unix seconds; 0: none */

    const struct provider *provider;
    struct provider_attempt attempt;
    struct plan plan;
    struct upstream_op *op; /* NULL: no call is running */
    struct buf upstream_body;
    void *decoder;
    struct llm_sink sink;
    const struct llm_sink *undo;          /* of the plan, in front of `sink`; NULL: none yet */
    void *encoder;                        /* streamed answers */
    struct llm_fold fold;                 /* whole answers */
    struct http_headers upstream_headers; /* of the answer, renamed for the client: reply.c */

    struct resuming resuming;
    bool head_sent;      /* a status line is written */
    bool released;       /* the prompt is forgotten: no further attempt */
    bool committed;      /* … and handed out: a failure can only be an event of the stream now */
    bool chunk_open;     /* `out` ends in a chunk of the stream … */
    size_t chunk;        /* … that began here */
    const char *allow;   /* of a 405, or NULL */
    struct slice detail; /* p != NULL: what a failure says in FastAPI's shape, {"detail": …} … */
    bool detail_is_json; /* … as a JSON value, not as a text */
    struct buf out;      /* bytes for the client, not handed to conn yet */
    int status;          /* of the reply */
    bool estimated;      /* what it tells is an estimate: x-lintel-estimated */
    struct failure failure;
    struct llm_usage usage;
    char service_tier[16];  /* that served, as Bedrock says, or "" */
    struct model_cost cost; /* of `usage`, at the model's prices */

    bool hangs;                  /* somebody was told that it does */
    struct buf *raw;             /* the answer as it came, for the log; NULL: nobody wants it */
    struct audience audience;    /* who may be told of it, and of what */
    struct observed *observed;   /* what is noted for who watches; NULL: nothing */
    struct slice stored_request; /* its body, for the database; or empty */
    struct spend *spend;         /* what is noted for the database; NULL: nothing */
    struct slice user_agent;     /* of the client, likewise */
    struct slice told_tags;      /* of its spend, a JSON list; p == NULL: not written yet */

    struct llm_estimate answered; /* of a stream, so far, in case nobody reports its tokens */
    size_t call_bytes;            /* of the upstream body of this attempt */
    int64_t mock_until;           /* ms, turn time: a mocked timeout comes; 0: none */

    int64_t deadline;     /* ms, turn time; 0: none */
    int64_t times[EX_NR]; /* ms, turn time, when each state was entered … */
    int64_t spent[EX_NR]; /* … and ms in it, altogether, once it was left */
    int64_t first_event;  /* ms, turn time, when the answer began to say something */
};

extern const struct sm_state exchange_states[EX_NR];
extern const struct conn_events exchange_conn_events; /* for the listener */

/* What a callback says; the exchange will be moved in this turn. */
void exchange_deposit(struct exchange *ex, unsigned facts);

void exchange_expire(struct exchange *ex, int64_t now); /* the clock looks at `deadline` */

/* The id that an answer has for clients, by its own part. In the arena. */
struct slice exchange_answer_id(struct exchange *ex, struct slice id);

/* Seconds that a whole answer may take; 0: no limit. Once there is a deployment. */
double exchange_timeout(const struct exchange *ex);
/* Seconds of silence after which a stream says that it lives; 0: never. */
double exchange_keepalive(const struct exchange *ex);

#endif
