#include "shortened.h"

/* Of the beginning, in percent; the rest of what is kept is the end, where the question stands. */
#define BEGINNING 35

/* ---- a text --------------------------------------------------------------------------------- */

static size_t at_character(struct slice s, size_t n)
{
    while (n && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return n;
}

void shortened_text(struct json_writer *w, struct slice s, size_t max)
{
    char digits[SLICE_DIGITS];
    if (s.n <= max) {
        json_string(w, s);
        return;
    }
    size_t head = at_character(s, max * BEGINNING / 100);
    size_t tail = at_character(s, s.n - (max - head));
    json_string_begin(w);
    json_string_part(w, slice_make(s.p, head));
    json_string_part(w, SLICE("... (litellm_truncated skipped "));
    json_string_part(w, slice_digits((int64_t)(tail - head), digits));
    json_string_part(w, SLICE(" chars) ..."));
    json_string_part(w, slice_skip(s, tail));
    json_string_end(w);
}

/* ---- a conversation ------------------------------------------------------------------------- */

/* Bytes of its strings. */
static size_t size_of(yyjson_val *v)
{
    size_t i, n, size = 0;
    yyjson_val *key, *item;
    if (yyjson_is_str(v))
        return yyjson_get_len(v);
    yyjson_arr_foreach(v, i, n, item) size += size_of(item);
    yyjson_obj_foreach(v, i, n, key, item) size += size_of(item);
    return size;
}

/* `left` bytes of strings are shown, and a little of those behind them. */
static void write_value(struct json_writer *w, yyjson_val *v, size_t *left)
{
    size_t i, n;
    yyjson_val *key, *item;
    if (yyjson_is_str(v)) {
        struct slice s = json_slice(v);
        shortened_text(w, s, *left > SHORTENED_OLD ? *left : SHORTENED_OLD);
        *left -= s.n < *left ? s.n : *left;
    } else if (yyjson_is_arr(v)) {
        json_array(w);
        yyjson_arr_foreach(v, i, n, item) write_value(w, item, left);
        json_array_end(w);
    } else if (yyjson_is_obj(v)) {
        json_object(w);
        yyjson_obj_foreach(v, i, n, key, item)
        {
            json_key_slice(w, json_slice(key));
            write_value(w, item, left);
        }
        json_object_end(w);
    } else {
        json_value(w, v);
    }
}

/* One element; `size` is that of it and all behind it: from the one on with which everything has
 * room, they are whole; the one before them is shown as far as there is room. Returns the size of
 * those behind it. */
static size_t write_element(struct json_writer *w, yyjson_val *item, size_t size, size_t max)
{
    if (size <= max) {
        json_value(w, item);
        return size; /* … and so are they */
    }
    size_t rest = size - size_of(item), left = rest <= max ? max - rest : 0;
    write_value(w, item, &left);
    return rest;
}

static void write_elements(struct json_writer *w, yyjson_val *list, size_t size, size_t max)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(list, i, n, item) size = write_element(w, item, size, max);
}

void shortened_messages(struct json_writer *w, yyjson_val *messages, size_t max)
{
    size_t size = size_of(messages), left = max;
    if (size <= max) {
        json_value(w, messages);
    } else if (yyjson_is_arr(messages)) {
        json_array(w);
        write_elements(w, messages, size, max);
        json_array_end(w);
    } else {
        write_value(w, messages, &left);
    }
}

static void begin_message(struct json_writer *w, struct slice role)
{
    json_object(w);
    json_member_string(w, "role", role);
    json_key(w, "content");
}

void shortened_conversation(struct json_writer *w, yyjson_val *system, yyjson_val *messages,
                            size_t max)
{
    size_t size = size_of(system) + size_of(messages);
    json_array(w);
    begin_message(w, SLICE("system"));
    size = write_element(w, system, size, max);
    json_object_end(w);
    if (yyjson_is_arr(messages)) {
        write_elements(w, messages, size, max);
    } else if (messages) {
        begin_message(w, SLICE("user"));
        write_element(w, messages, size, max);
        json_object_end(w);
    }
    json_array_end(w);
}
