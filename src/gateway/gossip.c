/* Words between gateways.
 *
 * Happy path: a timer, or news of the tracker, marks the item; its step writes what the tracker has
 * to tell into one message and publishes it. What is heard is handed to whoever registered its
 * kind; words on deployments go into the tracker at once, which is data and nothing else. Failure
 * modes: what is no message of ours (another version, another program) is left alone; a message
 * that gets lost is made up for by the next one a second later. */

#include "gossip.h"

#include "base/json.h"
#include "wire/crypto.h"

#include <stdio.h>
#include <stdlib.h>

#define FIELDS  8 /* of a deployment */
#define ID_SIZE 17

struct gossip {
    struct turn *turn;
    struct shared *shared;
    struct tracker *tracker;
    uv_timer_t timer;
    struct turn_item item;
    bool due; /* the second is over: all have something to say, else only those with news */
    size_t next;
    char id[ID_SIZE]; /* of this process */
    struct buf out;
    struct arena arena; /* of one message that is heard */
    struct {
        gossip_heard *heard;
        void *ctx;
    } kinds[GOSSIP_KINDS];
};

/* ---- saying -------------------------------------------------------------------------------- */

void gossip_say(struct gossip *g, char kind, struct slice body)
{
    struct buf message;
    buf_init(&message, GOSSIP_MESSAGE_MAX);
    buf_add_char(&message, kind);
    buf_add(&message, body);
    if (!message.overflow)
        g->shared->ops->publish(g->shared, buf_slice(&message));
    buf_fini(&message);
}

static void write_word(void *ctx, const char *id, const struct tracked_word *word)
{
    struct json_writer *w = ctx;
    json_array(w);
    json_string(w, slice_of(id));
    json_integer(w, word->load.running);
    json_integer(w, word->load.requests);
    json_integer(w, word->load.tokens);
    json_number(w, word->first);
    json_number(w, word->per_token);
    json_integer(w, word->rest_ms);
    json_integer(w, word->awake);
    json_array_end(w);
}

static void say_deployments(struct gossip *g)
{
    struct json_writer w;
    size_t empty;
    buf_reset(&g->out);
    json_begin(&w, &g->out);
    json_object(&w);
    json_member_string(&w, "from", slice_of(g->id));
    json_key(&w, "deployments");
    json_array(&w);
    empty = g->out.n;
    size_t next = tracker_tell(g->tracker, !g->due, g->due ? g->next : 0, GOSSIP_DEPLOYMENTS_MAX,
                               turn_now(g->turn), write_word, &w);
    g->next = g->due ? next : g->next;
    bool said = g->out.n > empty;
    json_array_end(&w);
    json_object_end(&w);
    if (said && !g->out.overflow)
        gossip_say(g, GOSSIP_DEPLOYMENTS, buf_slice(&g->out));
}

static void step(struct turn_item *item)
{
    struct gossip *g = LIST_ENTRY(item, struct gossip, item);
    say_deployments(g);
    g->due = false;
}

static void on_timer(uv_timer_t *timer)
{
    struct gossip *g = timer->data;
    g->due = true;
    turn_mark(g->turn, &g->item);
}

static void on_news(void *ctx)
{
    struct gossip *g = ctx;
    turn_mark(g->turn, &g->item);
}

/* ---- hearing ------------------------------------------------------------------------------- */

static double number_at(yyjson_val *list, size_t i)
{
    double value = 0;
    json_double(yyjson_arr_get(list, i), &value);
    return value;
}

static int64_t count_at(yyjson_val *list, size_t i)
{
    int64_t value = 0;
    return json_int(yyjson_arr_get(list, i), &value) && value > 0 ? value : 0;
}

static void hear_word(struct gossip *g, uint64_t peer, yyjson_val *v)
{
    struct slice id = json_slice(yyjson_arr_get(v, 0));
    if (yyjson_arr_size(v) < FIELDS || !id.n)
        return;
    const struct tracked_word word = {
        .load = {count_at(v, 1), count_at(v, 2), count_at(v, 3)},
        .first = number_at(v, 4),
        .per_token = number_at(v, 5),
        .rest_ms = count_at(v, 6),
        .awake = count_at(v, 7) > 0,
    };
    tracker_hear(g->tracker, peer, id, &word, turn_now(g->turn));
}

static uint64_t peer_of(struct slice from)
{
    char text[ID_SIZE] = "";
    memcpy(text, from.p, from.n < sizeof(text) ? from.n : sizeof(text) - 1);
    return strtoull(text, NULL, 16);
}

static void hear_deployments(void *ctx, struct slice body)
{
    struct gossip *g = ctx;
    yyjson_val *root = json_parse(body, &g->arena, NULL), *v;
    struct slice from = json_get_slice(root, "from");
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(root, "deployments"));
    bool others = from.n && !slice_eq(from, slice_of(g->id));
    while (others && (v = yyjson_arr_iter_next(&it)))
        hear_word(g, peer_of(from), v);
    arena_fini(&g->arena);
}

static void on_heard(void *ctx, struct slice message)
{
    struct gossip *g = ctx;
    unsigned char kind = message.n ? (unsigned char)message.p[0] : GOSSIP_KINDS;
    if (kind < GOSSIP_KINDS && g->kinds[kind].heard && message.n <= GOSSIP_MESSAGE_MAX)
        g->kinds[kind].heard(g->kinds[kind].ctx, slice_skip(message, 1));
}

/* ---- life ---------------------------------------------------------------------------------- */

void gossip_register(struct gossip *g, char kind, gossip_heard *heard, void *ctx)
{
    g->kinds[(unsigned char)kind].heard = heard;
    g->kinds[(unsigned char)kind].ctx = ctx;
}

static void name_process(struct gossip *g)
{
    uint64_t random;
    random_bytes(&random, sizeof(random));
    snprintf(g->id, sizeof(g->id), "%016llx", (unsigned long long)random);
}

struct gossip *gossip_new(struct turn *turn, struct shared *shared, struct tracker *tracker,
                          bool talks)
{
    struct gossip *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    g->turn = turn;
    g->shared = shared;
    g->tracker = tracker;
    name_process(g);
    buf_init(&g->out, GOSSIP_MESSAGE_MAX - 1);
    arena_init(&g->arena);
    turn_item_init(&g->item, step);
    shared->hearer = (struct shared_hearer){on_heard, g};
    gossip_register(g, GOSSIP_DEPLOYMENTS, hear_deployments, g);
    uv_timer_init(turn->loop, &g->timer);
    g->timer.data = g;
    if (talks) {
        tracker_on_news(tracker, on_news, g);
        uv_timer_start(&g->timer, on_timer, GOSSIP_PERIOD_MS, GOSSIP_PERIOD_MS);
        uv_unref((uv_handle_t *)&g->timer);
    }
    return g;
}

static void on_closed(uv_handle_t *timer)
{
    struct gossip *g = timer->data;
    buf_fini(&g->out);
    free(g);
}

void gossip_free(struct gossip *g)
{
    g->shared->hearer = (struct shared_hearer){0};
    tracker_on_news(g->tracker, NULL, NULL);
    turn_unmark(&g->item);
    uv_close((uv_handle_t *)&g->timer, on_closed);
}
