/* GET /debug/exchanges: what lives in all workers of the gateway.
 *
 * Happy path: the workers are asked (rollcall.h), and what they say is made one: counts are added,
 * what each of them says of all alike (`of_all`) is taken once, and the oldest requests are listed,
 * each with its worker.
 *
 * Failure modes: a worker that has not answered in time is named in `workers`, and the rest is told
 * without it. */

#include "handlers.h"

#include "ask.h"
#include "rollcall.h"
#include "worker_private.h"

#include <unistd.h>

#define LISTED_MAX 1000 /* requests described at once, the oldest; each worker has its share */

struct question {
    uint64_t number;
    int64_t until; /* ms, turn time */
};

/* What a worker said. */
struct told {
    int worker;
    pid_t pid;
    yyjson_val *said; /* NULL: nothing */
    yyjson_arr_iter exchanges;
    yyjson_val *oldest; /* of those that are not yet listed; NULL: all are */
};

struct merging {
    struct json_writer w;
    struct arena *arena;
};

/* ---- many values, one ------------------------------------------------------------------------ */

static void merge(struct merging *m, struct slice name, yyjson_val **v, size_t n);

/* What each worker says of all of them, or of a server that they share. */
static bool is_of_all(struct slice name)
{
    static const char *const of_all[] = {"processes", "probe_ms", "requests_per_minute", "rest_ms",
                                         "tokens_per_minute"};
    for (size_t i = 0; i < sizeof(of_all) / sizeof(*of_all); i++)
        if (slice_eq(slice_of(of_all[i]), name))
            return true;
    return false;
}

static void merge_flags(struct merging *m, yyjson_val **v, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++)
        any = any || yyjson_is_true(v[i]);
    json_bool(&m->w, any);
}

static void merge_numbers(struct merging *m, struct slice name, yyjson_val **v, size_t n)
{
    bool most = is_of_all(name);
    double sum = 0, one;
    for (size_t i = 0; i < n; i++)
        if (json_double(v[i], &one))
            sum = !most ? sum + one : one > sum ? one : sum;
    if ((double)(int64_t)sum == sum)
        json_integer(&m->w, (int64_t)sum);
    else
        json_number(&m->w, sum);
}

/* The member of that name of all of them, unless one before `first` has it: then it is written. */
static void merge_member(struct merging *m, yyjson_obj_iter *all, size_t n, size_t first,
                         struct slice name)
{
    yyjson_val **v = arena_alloc(m->arena, n * sizeof(yyjson_val *));
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        yyjson_val *one = yyjson_obj_iter_getn(&all[i], name.p, name.n);
        if (one && i < first)
            return;
        if (one)
            v[found++] = one;
    }
    json_key_slice(&m->w, name);
    merge(m, name, v, found);
}

static void merge_members(struct merging *m, yyjson_val **v, size_t n, struct slice but)
{
    yyjson_obj_iter *all = arena_alloc(m->arena, n * sizeof(*all));
    for (size_t i = 0; i < n; i++)
        all[i] = yyjson_obj_iter_with(v[i]);
    for (size_t i = 0; i < n; i++) {
        yyjson_obj_iter keys = yyjson_obj_iter_with(v[i]);
        yyjson_val *key;
        while ((key = yyjson_obj_iter_next(&keys)))
            if (!slice_eq(json_slice(key), but))
                merge_member(m, all, n, i, json_slice(key));
    }
}

static yyjson_val *take(yyjson_val **v)
{
    yyjson_val *taken = *v;
    *v = NULL;
    return taken;
}

/* Entries of one name become one. */
static void merge_lists(struct merging *m, yyjson_val **v, size_t n)
{
    size_t count = 0, at = 0, k, size;
    yyjson_val *entry;
    for (size_t i = 0; i < n; i++)
        count += yyjson_arr_size(v[i]);
    yyjson_val **all = arena_alloc(m->arena, count * sizeof(yyjson_val *));
    yyjson_val **same = arena_alloc(m->arena, count * sizeof(yyjson_val *));
    for (size_t i = 0; i < n; i++)
        yyjson_arr_foreach(v[i], k, size, entry) all[at++] = entry;
    json_array(&m->w);
    for (size_t i = 0; i < count; i++) {
        struct slice name = json_get_slice(all[i], "name");
        size_t found = 0;
        for (k = i; all[i] && k < count; k++)
            if (all[k] && slice_eq(json_get_slice(all[k], "name"), name))
                same[found++] = k == i ? all[k] : take(&all[k]);
        if (found)
            merge(m, name, same, found);
    }
    json_array_end(&m->w);
}

static void merge(struct merging *m, struct slice name, yyjson_val **v, size_t n)
{
    size_t said = 0;
    while (said + 1 < n && yyjson_is_null(v[said]))
        said++;
    if (n == 1 || yyjson_is_null(v[said]) || yyjson_is_str(v[said])) {
        json_value(&m->w, v[said]);
    } else if (yyjson_is_obj(v[said])) {
        json_object(&m->w);
        merge_members(m, v, n, SLICE("of_these_elsewhere")); /* which is here, mostly */
        json_object_end(&m->w);
    } else if (yyjson_is_arr(v[said])) {
        merge_lists(m, v, n);
    } else if (yyjson_is_bool(v[said])) {
        merge_flags(m, v, n);
    } else {
        merge_numbers(m, name, v, n);
    }
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void next_exchange(struct told *t)
{
    t->oldest = yyjson_arr_iter_next(&t->exchanges);
}

static int64_t age(yyjson_val *exchange)
{
    int64_t ms = 0;
    json_int(json_get(exchange, "age_ms"), &ms);
    return ms;
}

/* NULL: all are listed. */
static struct told *oldest_of(struct told *told, int n)
{
    struct told *oldest = NULL;
    for (int i = 0; i < n; i++)
        if (told[i].oldest && (!oldest || age(told[i].oldest) > age(oldest->oldest)))
            oldest = &told[i];
    return oldest;
}

static void write_exchanges(struct json_writer *w, struct told *told, int n)
{
    struct told *t;
    yyjson_val *key;
    for (int i = 0; i < n; i++) {
        yyjson_arr_iter_init(json_get(told[i].said, "exchanges"), &told[i].exchanges);
        next_exchange(&told[i]);
    }
    json_key(w, "exchanges");
    json_array(w);
    for (; (t = oldest_of(told, n)); next_exchange(t)) {
        yyjson_obj_iter members = yyjson_obj_iter_with(t->oldest);
        json_object(w);
        json_member_integer(w, "worker", t->worker);
        while ((key = yyjson_obj_iter_next(&members))) {
            json_key_slice(w, json_slice(key));
            json_value(w, yyjson_obj_iter_get_val(key));
        }
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_worker(struct json_writer *w, const struct told *t)
{
    int64_t live = 0, served = 0;
    json_object(w);
    json_member_integer(w, "worker", t->worker);
    json_member_integer(w, "pid", t->pid);
    json_member_bool(w, "answered", t->said != NULL);
    if (json_int(json_get(t->said, "live"), &live))
        json_member_integer(w, "live", live);
    if (json_int(json_get(t->said, "served"), &served))
        json_member_integer(w, "served", served);
    json_object_end(w);
}

static void write_all(struct exchange *ex, struct told *told, int n, struct buf *body)
{
    struct merging m = {.arena = &ex->arena};
    yyjson_val **v = arena_alloc(&ex->arena, (size_t)n * sizeof(yyjson_val *));
    size_t said = 0;
    for (int i = 0; i < n; i++)
        if (told[i].said)
            v[said++] = told[i].said;
    json_begin(&m.w, body);
    json_object(&m.w);
    merge_members(&m, v, said, SLICE("exchanges"));
    json_key(&m.w, "workers");
    json_array(&m.w);
    for (int i = 0; i < n; i++)
        write_worker(&m.w, &told[i]);
    json_array_end(&m.w);
    write_exchanges(&m.w, told, n);
    json_object_end(&m.w);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void say(void *ctx, struct buf *out)
{
    const struct worker *w = ctx;
    int workers = w->roll ? rollcall_workers(roll_of(w->roll)) : 1;
    handlers_write_worker(w, LISTED_MAX / (unsigned)workers, out);
}

static void on_heard(void *ctx)
{
    struct worker *w = ctx;
    for (struct list *l = w->exchanges.next; l != &w->exchanges; l = l->next) {
        struct exchange *ex = LIST_ENTRY(l, struct exchange, link);
        if (ex->route && ex->route->handle == handle_exchanges)
            exchange_deposit(ex, 0);
    }
}

struct roll *handlers_listen(struct worker *w)
{
    static const struct roll_events events = {say, on_heard};
    const struct worker_options *o = w->options;
    return o->rollcall ? roll_join(o->rollcall, o->index, &w->turn, &events, w) : NULL;
}

static bool is_over(struct exchange *ex)
{
    const struct question *q = ex->own.state;
    ex->facts &= ~(unsigned)FACT_TIMER;
    ex->deadline = q->until;
    return roll_is_complete(ex->worker->roll, q->number) || turn_now(&ex->worker->turn) >= q->until;
}

static void end(struct exchange *ex)
{
    roll_end(ex->worker->roll);
}

static void write_answers(struct exchange *ex, struct buf *body)
{
    const struct question *q = ex->own.state;
    const struct roll *r = ex->worker->roll;
    int n = rollcall_workers(roll_of(r));
    struct told *told = arena_zalloc(&ex->arena, (size_t)n * sizeof(*told));
    for (int i = 0; i < n; i++) {
        struct slice text;
        told[i].worker = i;
        told[i].pid = roll_pid(r, i);
        if (roll_answer(r, q->number, i, &ex->arena, &text))
            told[i].said = json_parse(text, &ex->arena, NULL);
    }
    write_all(ex, told, n, body);
}

static void write_own(struct exchange *ex, struct buf *body)
{
    struct told told = {.worker = ex->worker->options->index, .pid = getpid()};
    struct buf own;
    buf_init(&own, ROLLCALL_TEXT_MAX);
    say(ex->worker, &own);
    told.said = json_parse(buf_slice(&own), &ex->arena, NULL);
    buf_fini(&own);
    write_all(ex, &told, 1, body);
}

void handle_exchanges(struct exchange *ex, struct buf *body)
{
    struct question *q = ARENA_NEW(&ex->arena, struct question);
    if (!ex->worker->roll) {
        write_own(ex, body);
        return;
    }
    ex->own.state = q;
    q->until = turn_now(&ex->worker->turn) + ROLLCALL_WAIT_MS;
    q->number = roll_ask(ex->worker->roll);
    ask_wait(ex, is_over, write_answers, end);
}
