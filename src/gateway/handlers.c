#include "handlers.h"

#include "base/log.h"
#include "base/text.h"
#include "worker_private.h"

#include <dirent.h>

#define SHOWN_MAX 200 /* bytes of a text of theirs */

void handle_root(struct exchange *ex, struct buf *body)
{
    BUF_LITERAL(body, "\"Lintel: RUNNING\"");
}

/* ---- what lives ---------------------------------------------------------------------------- */

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

/* When each state was entered last, in ms since the request came. */
static void write_times(struct json_writer *w, const struct exchange *ex)
{
    json_key(w, "entered_ms");
    json_object(w);
    for (int s = EX_HEAD; s < EX_NR; s++)
        if (ex->times[s]) {
            json_key_slice(w, slice_of(exchange_states[s].name));
            json_integer(w, ex->times[s] - ex->times[EX_HEAD]);
        }
    json_object_end(w);
}

/* Clients choose how long some of them are. */
static void write_text(struct json_writer *w, const char *name, struct slice text)
{
    struct slice shown = slice_make(text.p, text.n < SHOWN_MAX ? text.n : SHOWN_MAX);
    json_key_slice(w, slice_of(name));
    json_string(w, slice_make(shown.p, text_utf8_prefix(shown)));
}

static void write_whose(struct json_writer *w, const struct exchange *ex)
{
    write_text(w, "key_alias", ex->caller.alias);
    write_text(w, "user", ex->caller.user);
    write_text(w, "team", ex->caller.team);
    write_text(w, "model", ex->request.model);
    write_text(w, "model_group", ex->model_group);
    write_text(w, "deployment", slice_of(ex->deployment ? ex->deployment->id : NULL));
    json_member_bool(w, "stream", ex->request.stream);
}

/* As it is written in the routes: what stands in its places may be a key. */
static struct slice path_of(const struct exchange *ex)
{
    const struct route *r = ex->route;
    if (!r && ex->conn) /* HEAD */
        r = routes_find(ex->head->method, ex->head->path).route;
    return slice_of(r ? r->path : NULL);
}

static void write_exchange(struct json_writer *w, const struct exchange *ex, int64_t now)
{
    json_object(w);
    json_member_string(w, "id", slice_of(ex->id));
    json_member_string(w, "state", slice_of(sm_name(&ex->sm)));
    json_member_string(w, "path", path_of(ex));
    write_whose(w, ex);
    json_member_integer(w, "age_ms", now - ex->times[EX_HEAD]);
    json_member_integer(w, "in_state_ms", now - ex->times[ex->sm.state]);
    json_member_integer(w, "first_ms", ex->first_event ? ex->first_event - ex->times[EX_HEAD] : 0);
    write_times(w, ex);
    json_member_integer(w, "attempts", ex->attempts);
    json_member_bool(w, "calling", ex->op || ex->batch);
    json_member_integer(w, "queued", ex->conn ? (int64_t)(conn_queued(ex->conn) + ex->out.n) : 0);
    json_member_bool(w, "paused", ex->facts & FACT_PAUSED);
    json_member_integer(w, "arena_bytes", (int64_t)ex->arena.total);
    json_member_integer(w, "request_bytes",
                        (int64_t)(ex->body.size + ex->upstream_body.size + ex->prompt.total));
    json_object_end(w);
}

static void write_memory(struct json_writer *w, const struct memory *m)
{
    struct memory_stats s;
    memory_stats(m, &s);
    json_object(w);
    json_member_integer(w, "entries", (int64_t)s.shared.entries);
    json_member_integer(w, "bytes", (int64_t)s.shared.bytes);
    json_member_integer(w, "hits", (int64_t)s.hits);
    json_member_integer(w, "misses", (int64_t)s.misses);
    json_member_integer(w, "evicted", (int64_t)s.shared.evicted);
    json_member_integer(w, "expired", (int64_t)s.shared.expired);
    json_member_integer(w, "dropped", (int64_t)(s.shared.dropped + s.unkept));
    json_member_integer(w, "late", (int64_t)s.late);
    json_object_end(w);
}

static void write_shared(struct json_writer *w, const struct worker *of)
{
    struct shared_stats s;
    const struct config_redis *r = &of->config->redis;
    of->shared->ops->stats(of->shared, &s);
    json_object(w);
    json_member_string(w, "kind", r->source ? SLICE("redis") : SLICE("local"));
    json_member_bool(w, "away", s.away);
    json_member_integer(w, "hits", (int64_t)s.hits);
    json_member_integer(w, "misses", (int64_t)s.misses);
    json_member_integer(w, "asked", (int64_t)s.asked);
    json_member_integer(w, "late", (int64_t)s.late);
    json_member_integer(w, "failed", (int64_t)s.failed);
    json_member_integer(w, "alone", (int64_t)s.alone);
    json_member_integer(w, "losses", (int64_t)s.losses);
    json_member_integer(w, "answered", (int64_t)s.answered);
    json_member_integer(w, "waited_us", (int64_t)s.waited_us);
    json_member_integer(w, "probe_ms", (int64_t)s.probe_ms);
    json_member_integer(w, "processes", (int64_t)s.processes);
    json_member_integer(w, "dropped", (int64_t)s.dropped);
    json_object_end(w);
}

static void write_cache(struct json_writer *w, const struct cache *c)
{
    struct shared_stats s;
    c->shared->ops->stats(c->shared, &s);
    json_object(w);
    json_member_integer(w, "hits", (int64_t)c->stats.hits);
    json_member_integer(w, "joined", (int64_t)c->stats.joined);
    json_member_integer(w, "misses", (int64_t)c->stats.misses);
    json_member_integer(w, "awaited", (int64_t)c->stats.awaited);
    json_member_integer(w, "kept", (int64_t)c->stats.kept);
    json_member_integer(w, "unkept", (int64_t)c->stats.unkept);
    json_member_integer(w, "corrupt", (int64_t)c->stats.corrupt);
    json_member_integer(w, "entries", (int64_t)s.entries);
    json_member_integer(w, "bytes", (int64_t)s.bytes);
    json_member_integer(w, "evicted", (int64_t)s.evicted);
    json_object_end(w);
}

static void write_repairs(struct json_writer *j, const struct worker *w)
{
    json_key(j, "repairs");
    json_object(j);
    for (unsigned i = 0; i < REPAIR_COUNT; i++)
        if (w->repairs[i]) {
            json_key_slice(j, slice_of(plan_repair_name(i)));
            json_integer(j, (int64_t)w->repairs[i]);
        }
    json_object_end(j);
}

/* Whoever asks is no news to those who read the answer. */
static bool is_listed(const struct exchange *ex)
{
    return !ex->route || ex->route->handle != handle_exchanges;
}

static unsigned count_live(const struct worker *w)
{
    unsigned n = 0;
    for (struct list *l = w->exchanges.next; l != &w->exchanges; l = l->next)
        n += is_listed(LIST_ENTRY(l, struct exchange, link));
    return n;
}

static void write_states(struct json_writer *j, const struct worker *w)
{
    unsigned count[EX_NR] = {0};
    for (struct list *l = w->exchanges.next; l != &w->exchanges; l = l->next) {
        const struct exchange *ex = LIST_ENTRY(l, struct exchange, link);
        count[ex->sm.state] += is_listed(ex);
    }
    json_key(j, "states");
    json_object(j);
    for (int s = EX_HEAD; s < EX_NR; s++)
        if (count[s]) {
            json_key_slice(j, slice_of(exchange_states[s].name));
            json_integer(j, count[s]);
        }
    json_object_end(j);
}

static void write_exchanges(struct json_writer *j, const struct worker *w, unsigned most)
{
    json_key(j, "exchanges");
    json_array(j);
    for (struct list *l = w->exchanges.next; l != &w->exchanges && most; l = l->next) {
        const struct exchange *ex = LIST_ENTRY(l, struct exchange, link);
        if (!is_listed(ex))
            continue;
        write_exchange(j, ex, turn_now(&w->turn));
        most--;
    }
    json_array_end(j);
}

void handlers_write_worker(const struct worker *w, unsigned listed, struct buf *out)
{
    struct json_writer j;
    json_begin(&j, out);
    json_object(&j);
    json_member_integer(&j, "live", count_live(w));
    json_member_integer(&j, "served", (int64_t)w->served);
    json_member_integer(&j, "connections", w->listener ? listener_connections(w->listener) : 0);
    json_member_integer(&j, "upstream", upstream_active(w->upstream));
    json_member_integer(&j, "descriptors", open_descriptors());
    json_member_integer(&j, "log_lost", (int64_t)log_dropped());
    json_key(&j, "shared_state");
    write_shared(&j, w);
    if (w->memory) {
        json_key(&j, "thinking_memory");
        write_memory(&j, w->memory);
    }
    if (w->cache) {
        json_key(&j, "response_cache");
        write_cache(&j, w->cache);
    }
    json_member_integer(&j, "queued", w->queued);
    write_repairs(&j, w);
    json_key(&j, "callbacks");
    observing_write(w, &j);
    json_key(&j, "deployments");
    handlers_write_deployments(w, &j);
    write_states(&j, w);
    write_exchanges(&j, w, listed);
    json_object_end(&j);
}
