/* /get/allowed_ips, /add/allowed_ip, /delete/allowed_ip: general_settings.allowed_ips, of the file
 * and, behind them, of the database (stored.h).
 *
 * Failure modes: what is no address or range, is there already, is not there, or is the file's; and
 * a list that would shut out whoever asks, who could not take it back. */

#include "exchange_client.h"
#include "handlers_admin.h"
#include "stored.h"
#include "stored_list.h"
#include "worker_private.h"

#define NAME "allowed_ips"

struct ip_change {
    struct stored_list list;
    struct slice ip; /* as the client writes it */
};

/* As written; NULL: everybody may call. */
static yyjson_val *ips_now(const struct exchange *ex)
{
    return json_get(ex->worker->config->general_settings, NAME);
}

static bool is_of_file(const struct exchange *ex, struct slice ip)
{
    bool is = false;
    for (size_t i = 0; i < ex->worker->config->access.file_ips; i++)
        is = is || slice_eq(json_slice(yyjson_arr_get(ips_now(ex), i)), ip);
    return is;
}

/* Who asks, and whether a list lets it in. */
struct look {
    struct ip client;
    bool known, in;
    size_t listed;
};

static void look_at(struct look *l, struct slice ip)
{
    struct ip_range range;
    l->listed++;
    l->in = l->in || (l->known && ip_range_parse(ip, &range) && ip_is_in(&l->client, &range));
}

/* Whether it could go on with the file's addresses, the stored ones without one, and another;
 * empty: none. */
static bool lets_in(const struct exchange *ex, yyjson_val *stored, struct slice without,
                    struct slice with)
{
    struct look l = {.in = false};
    size_t i, n;
    yyjson_val *v;
    l.known = exchange_address(ex, &l.client);
    for (size_t k = 0; k < ex->worker->config->access.file_ips; k++)
        look_at(&l, json_slice(yyjson_arr_get(ips_now(ex), k)));
    yyjson_arr_foreach(stored, i, n, v)
    {
        if (!slice_eq(json_slice(v), without))
            look_at(&l, json_slice(v));
    }
    if (with.n)
        look_at(&l, with);
    return l.in || !l.listed;
}

static void write_old(struct json_writer *w, yyjson_val *old, struct slice without)
{
    size_t i, n;
    yyjson_val *v;
    yyjson_arr_foreach(old, i, n, v) if (!slice_eq(json_slice(v), without)) json_value(w, v);
}

static void answer(struct exchange *ex, struct buf *body, const char *said)
{
    const struct ip_change *c = ex->own.state;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "message", ARENA_JOIN(&ex->arena, SLICE("IP "), c->ip, slice_of(said)));
    json_member_string(&w, "status", SLICE("success"));
    json_object_end(&w);
}

static void change(struct exchange *ex,
                   bool (*edit)(struct exchange *ex, yyjson_val *old, struct json_writer *w),
                   answer_next *next)
{
    struct ip_change *c = ARENA_NEW(&ex->arena, struct ip_change);
    yyjson_val *given = ask_body(ex);
    ex->own.state = c;
    if (!given || !admin_may_store(ex))
        return;
    *c = (struct ip_change){.list = {.name = NAME, .edit = edit, .answer = next},
                            .ip = admin_need_text(ex, given, "ip")};
    if (c->ip.n)
        stored_list_change(ex);
}

/* ---- GET ------------------------------------------------------------------------------------- */

void handle_allowed_ips(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "data");
    if (ips_now(ex))
        json_value(&w, ips_now(ex));
    else
        json_null(&w);
    json_object_end(&w);
}

/* ---- adding ---------------------------------------------------------------------------------- */

static bool is_usable(struct exchange *ex, struct slice ip)
{
    struct slice json = ARENA_JOIN(&ex->arena, SLICE("\""), ip, SLICE("\""));
    struct stored_change with = {NAME, ip, json};
    struct slice problem = stored_check(ex->worker->stored, &with, &ex->arena);
    return !problem.n || stored_list_refuse(ex, 400, "The list cannot be used: ", problem, "");
}

static bool add(struct exchange *ex, yyjson_val *old, struct json_writer *w)
{
    struct slice ip = ((struct ip_change *)ex->own.state)->ip;
    struct ip_range range;
    if (json_list_has(old, ip) || is_of_file(ex, ip))
        return stored_list_refuse(ex, 400, "IP address already exists", SLICE(""), "");
    if (!ip_range_parse(ip, &range))
        return stored_list_refuse(
            ex, 400, "", ip, ": an address or a range is wanted, such as 192.0.2.7 or 10.0.0.0/8");
    if (!lets_in(ex, old, SLICE(""), ip))
        return stored_list_refuse(
            ex, 400, "This list would shut you out: first add the address from which you call, ",
            exchange_client(ex), ".");
    if (!is_usable(ex, ip))
        return false;
    write_old(w, old, SLICE(""));
    json_string(w, ip);
    return true;
}

static void added(struct exchange *ex, struct buf *body)
{
    answer(ex, body, " address added successfully");
}

void handle_allowed_ip_add(struct exchange *ex, struct buf *body)
{
    (void)body;
    change(ex, add, added);
}

/* ---- deleting -------------------------------------------------------------------------------- */

static bool delete_ip(struct exchange *ex, yyjson_val *old, struct json_writer *w)
{
    struct slice ip = ((struct ip_change *)ex->own.state)->ip;
    if (!json_list_has(old, ip) && is_of_file(ex, ip))
        return stored_list_refuse(ex, 400, "", ip,
                                  ": the configuration file has it, change it there.");
    if (!json_list_has(old, ip))
        return stored_list_refuse(ex, 404, "IP address not found", SLICE(""), "");
    if (!lets_in(ex, old, ip, SLICE("")))
        return stored_list_refuse(ex, 400, "Without it you would be shut out: you call from ",
                                  exchange_client(ex), ".");
    write_old(w, old, ip);
    return true;
}

static void deleted(struct exchange *ex, struct buf *body)
{
    const struct ip_change *c = ex->own.state;
    bool stays = is_of_file(ex, c->ip);
    answer(ex, body,
           stays ? " deleted from the database; the configuration file has it, too"
                 : " deleted successfully");
}

void handle_allowed_ip_delete(struct exchange *ex, struct buf *body)
{
    (void)body;
    change(ex, delete_ip, deleted);
}
