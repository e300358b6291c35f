#include "../llm/seen.h"

#include "guard/stream.h"

#include <stdio.h>

/* Texts reach the client as they are, everything else is seen as "<kind>". */
static void on_event(void *user, const struct llm_event *e)
{
    char word[64];
    if (e->kind == EV_TEXT || e->kind == EV_REASONING || e->kind == EV_TOOL_ARGS) {
        see(user, e->text);
        return;
    }
    snprintf(word, sizeof(word), "<%s>", seen_name(e->kind));
    see(user, slice_of(word));
    if (e->json) {
        struct arena a;
        arena_init(&a);
        see(user, json_text_of(e->json, &a));
        arena_fini(&a);
    }
}

struct test {
    struct guard_rules *rules;
    const struct guard_rules *set;
    struct guard_found found;
    struct guard_stream s;
    struct seen seen;
    struct arena a;
};

static void begin(struct test *t, enum guard_action action)
{
    const char *error;
    *t = (struct test){.rules = guard_rules_new()};
    t->set = t->rules;
    arena_init(&t->a);
    assert_true(guard_rules_add(t->rules, SLICE("p"), SLICE("[X]"), action, SLICE("secret\\d"),
                                &t->a, &error));
    guard_stream_init(&t->s, &t->set, 1, &t->found, (struct llm_sink){on_event, &t->seen});
}

static void end(struct test *t)
{
    guard_stream_fini(&t->s);
    guard_rules_free(t->rules);
    arena_fini(&t->a);
}

static void send(struct test *t, enum llm_event_kind kind, unsigned block, const char *text)
{
    struct llm_event e = {.kind = kind, .block = block, .text = slice_of(text)};
    if (kind == EV_CITATION || kind == EV_FOREIGN) {
        e.json = json_parse(slice_of(text), &t->a, NULL);
        e.text = SLICE("");
    }
    t->s.sink.event(t->s.sink.user, &e);
}

/* A text, cut in two at every place. */
static void test_cuts(void **state)
{
    static const char text[] = "so secret1 it is";
    for (int kind = 0; kind < 2; kind++)
        for (size_t cut = 0; cut <= strlen(text); cut++) {
            struct test t;
            char one[32];
            enum llm_event_kind k = kind ? EV_REASONING : EV_TEXT;
            begin(&t, GUARD_MASK);
            snprintf(one, sizeof(one), "%.*s", (int)cut, text);
            send(&t, EV_START, 0, "");
            send(&t, k, 0, one);
            send(&t, k, 0, text + cut);
            send(&t, EV_BLOCK_STOP, 0, "");
            send(&t, EV_END, 0, "");
            assert_string_equal(t.seen.text, "<start>so [X] it is<stopped><end>");
            assert_int_equal(t.found.masked, 1);
            end(&t);
        }
}

static void test_held_to_the_end(void **state)
{
    struct test t;
    begin(&t, GUARD_MASK);
    send(&t, EV_TEXT, 0, "a sec");
    assert_string_equal(t.seen.text, "a ");
    send(&t, EV_BLOCK_STOP, 0, "");
    assert_string_equal(t.seen.text, "a sec<stopped>");
    end(&t);
}

/* The escapes of JSON hide nothing; what is no JSON is looked at as it is. */
static void test_arguments(void **state)
{
    struct test t;
    begin(&t, GUARD_MASK);
    send(&t, EV_BLOCK_START, 1, "");
    send(&t, EV_TOOL_ARGS, 1, "{\"q\":\"secr");
    assert_string_equal(t.seen.text, "<call>");
    send(&t, EV_TOOL_ARGS, 1, "\\u0065t1\", \"n\": 1}");
    send(&t, EV_BLOCK_STOP, 1, "");
    assert_string_equal(t.seen.text, "<call>{\"q\":\"[X]\",\"n\":1}<stopped>");
    send(&t, EV_BLOCK_START, 2, "");
    send(&t, EV_TOOL_ARGS, 2, "{\"q\":\"secret2");
    send(&t, EV_BLOCK_STOP, 2, "");
    assert_non_null(strstr(t.seen.text, "<call>{\"q\":\"[X]<stopped>"));
    end(&t);
}

static void test_blocked(void **state)
{
    struct test t;
    begin(&t, GUARD_BLOCK);
    send(&t, EV_START, 0, "");
    send(&t, EV_TEXT, 0, "it is sec");
    send(&t, EV_TEXT, 0, "ret7");
    send(&t, EV_TEXT, 0, " and more");
    send(&t, EV_BLOCK_STOP, 0, "");
    send(&t, EV_END, 0, "");
    assert_string_equal(t.seen.text, "<start>it is ");
    assert_true(t.found.blocked);
    end(&t);
}

/* Changed thinking is not what was signed. */
static void test_signatures(void **state)
{
    struct test t;
    begin(&t, GUARD_MASK);
    send(&t, EV_REASONING, 0, "well");
    send(&t, EV_SIGNATURE, 0, "s");
    send(&t, EV_BLOCK_STOP, 0, "");
    send(&t, EV_REASONING, 1, "secret5");
    send(&t, EV_SIGNATURE, 1, "s");
    send(&t, EV_BLOCK_STOP, 1, "");
    assert_string_equal(t.seen.text, "well<signed><stopped>[X]<stopped>");
    end(&t);
}

static void test_values(void **state)
{
    struct test t;
    begin(&t, GUARD_MASK);
    send(&t, EV_CITATION, 0, "{\"cited_text\":\"a secret3\"}");
    send(&t, EV_FOREIGN, 1, "{\"type\":\"x\",\"content\":[\"secret4\"]}");
    assert_string_equal(t.seen.text, "<cited>{\"cited_text\":\"a [X]\"}"
                                     "<foreign>{\"type\":\"x\",\"content\":[\"[X]\"]}");
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),       cmocka_unit_test(test_held_to_the_end),
        cmocka_unit_test(test_arguments),  cmocka_unit_test(test_blocked),
        cmocka_unit_test(test_signatures), cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
