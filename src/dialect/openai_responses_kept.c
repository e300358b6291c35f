/* What Responses keep of a request and its answer, and what a request takes out of that.
 *
 * The happy path: a body that goes on from a response, or names items of some, is written anew with
 * all of them in its input, and parsed as if the client had sent it all. An item's id holds that of
 * its response.
 *
 * Failure modes: what is not found stays a reference, which the parser refuses by its place. */

#include "dialect/responses.h"

#include "openai_responses.h"

#define HEX      32       /* digits of a response's id */
#define KEPT_MAX SIZE_MAX /* of a text made of records, each of which is bounded */

struct slice responses_id(struct slice uuid, struct arena *a)
{
    char hex[HEX];
    size_t n = 0;
    for (size_t i = 0; i < uuid.n && n < sizeof(hex); i++)
        if (uuid.p[i] != '-')
            hex[n++] = uuid.p[i];
    return ARENA_JOIN(a, SLICE("resp_"), slice_make(hex, n));
}

bool responses_wants_kept(yyjson_val *body)
{
    yyjson_val *store = json_get(body, "store");
    return !yyjson_is_false(store) && !slice_eq(json_slice(store), SLICE("false"));
}

/* ---- what a body refers to ------------------------------------------------------------------- */

static bool is_reference(yyjson_val *item)
{
    return slice_eq(json_get_slice(item, "type"), SLICE("item_reference"));
}

/* Whether that response has the item: msg_<hex of the response><number>. */
static bool has_item(struct slice response, struct slice item)
{
    ptrdiff_t mark = slice_find_char(item, '_'), own = slice_find_char(response, '_');
    struct slice hex = slice_skip(item, (size_t)(mark + 1));
    return hex.n > HEX && slice_eq(slice_make(hex.p, HEX), slice_skip(response, (size_t)(own + 1)));
}

static bool is_noted(const struct slice *ids, size_t n, struct slice item)
{
    for (size_t i = 0; i < n; i++)
        if (has_item(ids[i], item))
            return true;
    return false;
}

/* An id of another form is not ours. */
static struct slice response_of(struct slice item, struct arena *a)
{
    ptrdiff_t mark = slice_find_char(item, '_');
    struct slice hex = slice_skip(item, (size_t)(mark + 1));
    if (mark < 0 || hex.n <= HEX)
        return slice_make(NULL, 0);
    return ARENA_JOIN(a, SLICE("resp_"), slice_make(hex.p, HEX));
}

bool responses_refers(yyjson_val *body, struct arena *a, struct slice ids[RESPONSES_REFERS_MAX],
                      size_t *n, bool *goes_on)
{
    struct slice previous = json_get_slice(body, "previous_response_id");
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(body, "input"));
    *n = 0;
    *goes_on = previous.p != NULL;
    if (previous.p)
        ids[(*n)++] = previous;
    while ((item = yyjson_arr_iter_next(&it))) {
        struct slice id = is_reference(item) ? json_get_slice(item, "id") : slice_make(NULL, 0);
        struct slice response = response_of(id, a);
        if (!response.n || is_noted(ids, *n, id))
            continue;
        if (*n == RESPONSES_REFERS_MAX)
            return false;
        ids[(*n)++] = response;
    }
    return true;
}

size_t responses_chain(const struct responses_record *r, struct slice *ids, size_t max)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(r->json, "chain"));
    size_t n = 0;
    while (n < max && (item = yyjson_arr_iter_next(&it)))
        ids[n++] = json_slice(item);
    return n;
}

/* ---- the body with everything in it ---------------------------------------------------------- */

static void write_items(struct json_writer *w, yyjson_val *list)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    while ((item = yyjson_arr_iter_next(&it)))
        json_value(w, item);
}

static yyjson_val *output_of(const struct responses_record *r)
{
    return json_get(json_get(r->json, "response"), "output");
}

static yyjson_val *find_item(const struct responses_record *records, size_t n, struct slice id)
{
    for (size_t i = 0; i < n; i++) {
        yyjson_val *item;
        yyjson_arr_iter it = yyjson_arr_iter_with(output_of(&records[i]));
        while ((item = yyjson_arr_iter_next(&it)))
            if (slice_eq(json_get_slice(item, "id"), id))
                return item;
    }
    return NULL;
}

/* A text is a message of the user's. */
static void write_text(struct json_writer *w, struct slice text)
{
    json_object(w);
    json_member_string(w, "type", SLICE("message"));
    json_member_string(w, "role", SLICE("user"));
    json_member_string(w, "content", text);
    json_object_end(w);
}

static void write_own(struct json_writer *w, yyjson_val *input,
                      const struct responses_record *named, size_t n)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(input);
    if (yyjson_is_str(input))
        write_text(w, json_slice(input));
    while ((item = yyjson_arr_iter_next(&it))) {
        yyjson_val *found =
            is_reference(item) ? find_item(named, n, json_get_slice(item, "id")) : NULL;
        json_value(w, found ? found : item);
    }
}

static bool is_input(struct slice name)
{
    return slice_eq(name, SLICE("input"));
}

yyjson_val *responses_expand(yyjson_val *body, const struct responses_record *so_far, size_t n,
                             const struct responses_record *named, size_t named_n, struct arena *a)
{
    struct buf text;
    struct json_writer w;
    yyjson_val *expanded;
    buf_init(&text, KEPT_MAX);
    json_begin(&w, &text);
    json_object(&w);
    json_members_but(&w, body, is_input);
    json_key(&w, "input");
    json_array(&w);
    for (size_t i = 0; i < n; i++) {
        write_items(&w, json_get(so_far[i].json, "input"));
        write_items(&w, output_of(&so_far[i]));
    }
    write_own(&w, json_get(body, "input"), named, named_n);
    json_array_end(&w);
    json_object_end(&w);
    expanded = json_parse(buf_slice(&text), a, NULL);
    buf_fini(&text);
    return expanded;
}

/* ---- records --------------------------------------------------------------------------------- */

static size_t own_count(yyjson_val *input)
{
    return yyjson_is_arr(input) ? yyjson_arr_size(input) : 1;
}

/* The last `count` items of the expanded input. */
static void write_last(struct json_writer *w, yyjson_val *input, size_t count)
{
    size_t skip = yyjson_arr_size(input) - count;
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(input);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++)
        if (i >= skip)
            json_value(w, item);
}

static void write_chain(struct json_writer *w, const struct responses_record *previous)
{
    if (!previous)
        return;
    write_items(w, json_get(previous->json, "chain"));
    json_string(w, previous->id);
}

bool responses_is_of(const struct responses_record *r, const struct responses_owner *caller)
{
    yyjson_val *owner = json_get(r->json, "owner");
    struct slice user = json_get_slice(owner, "user"), team = json_get_slice(owner, "team");
    if (user.n || team.n)
        return slice_eq(user, caller->user) && slice_eq(team, caller->team);
    return slice_eq(json_get_slice(owner, "key"), caller->key);
}

static void write_owner(struct json_writer *w, const struct responses_owner *owner)
{
    json_key(w, "owner");
    json_object(w);
    json_member_string(w, "key", owner->key);
    json_member_string(w, "user", owner->user);
    json_member_string(w, "team", owner->team);
    json_object_end(w);
}

struct slice responses_record_begin(const struct responses_owner *owner,
                                    const struct responses_record *previous, yyjson_val *own,
                                    yyjson_val *expanded, struct arena *a)
{
    struct buf b;
    struct json_writer w;
    yyjson_val *input = json_get(expanded, "input");
    bool full =
        previous && yyjson_arr_size(json_get(previous->json, "chain")) + 1 >= RESPONSES_CHAIN_MAX;
    buf_init(&b, KEPT_MAX);
    json_begin(&w, &b);
    json_object(&w);
    write_owner(&w, owner);
    json_key(&w, "chain");
    json_array(&w);
    write_chain(&w, full ? NULL : previous);
    json_array_end(&w);
    json_key(&w, "input");
    json_array(&w);
    if (yyjson_is_str(input))
        write_text(&w, json_slice(input));
    else
        write_last(&w, input, full ? yyjson_arr_size(input) : own_count(json_get(own, "input")));
    json_array_end(&w);
    json_key(&w, "response");
    struct slice begin = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return begin;
}

void responses_record_end(struct slice begin, struct slice response, struct buf *out)
{
    buf_add(out, begin);
    buf_add(out, response);
    buf_add_char(out, '}');
}

/* ---- the list of the input ------------------------------------------------------------------- */

static struct slice item_id(const struct responses_record *r, size_t i, yyjson_val *item,
                            struct arena *a)
{
    struct slice id = json_get_slice(item, "id");
    return id.n ? id : arena_printf(a, "in_%.*s_%zu", SLICE_ARG(r->id), i);
}

/* A text is one part, for clients that expect a list. */
static void write_content(struct json_writer *w, yyjson_val *item, yyjson_val *content)
{
    bool assistant = slice_eq(json_get_slice(item, "role"), SLICE("assistant"));
    json_key(w, "content");
    json_array(w);
    json_object(w);
    json_member_string(w, "type", assistant ? SLICE("output_text") : SLICE("input_text"));
    json_member_string(w, "text", json_slice(content));
    json_object_end(w);
    json_array_end(w);
}

static void write_member(struct json_writer *w, yyjson_val *item, yyjson_val *key)
{
    yyjson_val *v = yyjson_obj_iter_get_val(key);
    struct slice name = json_slice(key);
    if (slice_eq(name, SLICE("content")) && yyjson_is_str(v))
        write_content(w, item, v);
    else if (!slice_eq(name, SLICE("id")))
        (json_key_slice(w, name), json_value(w, v));
}

static void write_input_item(struct json_writer *w, yyjson_val *item, struct slice id)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(item);
    json_object(w);
    json_member_string(w, "id", id);
    if (!json_get(item, "type"))
        json_member_string(w, "type", SLICE("message"));
    while ((key = yyjson_obj_iter_next(&it)))
        write_member(w, item, key);
    json_object_end(w);
}

static void write_end(struct json_writer *w, struct slice first, struct slice last, bool more)
{
    json_key(w, "first_id");
    first.p ? json_string(w, first) : json_null(w);
    json_key(w, "last_id");
    last.p ? json_string(w, last) : json_null(w);
    json_member_bool(w, "has_more", more);
}

void responses_write_input(const struct responses_record *r, const struct responses_page *page,
                           struct json_writer *w)
{
    yyjson_val *input = json_get(r->json, "input");
    size_t n = yyjson_arr_size(input), written = 0, i = 0;
    struct slice first = {0}, last = {0};
    struct arena a;
    bool begun = !page->after.n;
    arena_init(&a);
    json_object(w);
    json_member_string(w, "object", SLICE("list"));
    json_key(w, "data");
    json_array(w);
    for (; i < n && written < page->limit; i++) {
        size_t at = page->descending ? n - 1 - i : i;
        yyjson_val *item = yyjson_arr_get(input, at);
        struct slice id = item_id(r, at, item, &a);
        if (begun) {
            write_input_item(w, item, id);
            first = written++ ? first : id;
            last = id;
        }
        begun = begun || slice_eq(id, page->after);
    }
    json_array_end(w);
    write_end(w, first, last, i < n);
    json_object_end(w);
    arena_fini(&a);
}
