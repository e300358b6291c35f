#include "config/callbacks.h"

#define LIST_MAX (1024 * 1024) /* bytes of such a list as JSON */

/* Beside the lists when there is no map of their own for them. */
static bool is_no_variable(struct slice name)
{
    static const char *const names[] = {"team_id", "success_callback", "failure_callback"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(name, slice_of(names[i])))
            return true;
    return false;
}

static void write_entries(struct json_writer *w, yyjson_val *settings, const char *member,
                          struct slice type)
{
    yyjson_val *own = json_get(settings, "callback_vars"), *name;
    size_t i, n;
    yyjson_arr_foreach(json_get(settings, member), i, n, name)
    {
        if (!yyjson_is_str(name))
            continue;
        json_object(w);
        json_member_string(w, "callback_name", json_slice(name));
        json_member_string(w, "callback_type", type);
        json_key(w, "callback_vars");
        json_object(w);
        json_members_but(w, own ? own : settings, is_no_variable);
        json_object_end(w);
        json_object_end(w);
    }
}

yyjson_val *callback_list_make(yyjson_val *settings, struct arena *a)
{
    struct buf b;
    struct json_writer w;
    if (!yyjson_arr_size(json_get(settings, "success_callback")) &&
        !yyjson_arr_size(json_get(settings, "failure_callback")))
        return NULL;
    buf_init(&b, LIST_MAX);
    json_begin(&w, &b);
    json_array(&w);
    write_entries(&w, settings, "success_callback", SLICE("success"));
    write_entries(&w, settings, "failure_callback", SLICE("failure"));
    json_array_end(&w);
    yyjson_val *list = b.overflow ? NULL : json_parse(buf_slice(&b), a, NULL);
    buf_fini(&b);
    return list;
}
