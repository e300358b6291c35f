/* What is read out of a prompt. */

#include "check.h"
#include "prompt.h"

static void test_gist(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *gist;
    } cases[] = {
        {"hello", 20, "hello"},
        {"  a \n\t b  ", 20, "a b"},
        {"<task>\nfix it\n</task><env x=\"1\">", 20, "fix it"},
        {"a < b", 20, "a < b"},
        {"one two three four", 13, "one two three…"},
        {"oneword_without_any_space", 10, "oneword_wi…"},
        {"äöüäöü", 5, "äö…"},
        {"", 5, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        check_same(cases[i].text, prompt_gist(slice_of(cases[i].text), cases[i].max, &a),
                   cases[i].gist);
        arena_fini(&a);
    }
}

static void test_candidates(void **state)
{
    static const struct {
        const char *text;
        enum candidate_kind kind;
        bool joined;
        const char *found; /* joined by | */
    } cases[] = {
        {"What is the weather in Paris?", CANDIDATE_NAME, false, "Paris"},
        {"Weather in New York, please. Then stop.", CANDIDATE_NAME, false, "New York"},
        {"weather in Paris and Tokyo", CANDIDATE_NAME, true, "Paris|Tokyo"},
        {"weather in Paris, Rome and Zürich today", CANDIDATE_NAME, true, "Paris|Rome|Zürich"},
        {"from Paris by train to Rome", CANDIDATE_NAME, true, "Paris"},
        {"from Paris by train to Rome", CANDIDATE_NAME, false, "Paris|Rome"},
        {"in Århus", CANDIDATE_NAME, false, "Århus"},
        {"Hello there", CANDIDATE_NAME, false, ""},
        {"read src/main.c and notes.txt", CANDIDATE_PATH, true, "src/main.c|notes.txt"},
        {"open /tmp, version 3.5 and/or https://a.b/c", CANDIDATE_PATH, false, "/tmp"},
        {"search for \"two words\" or 'x'", CANDIDATE_QUOTED, true, "two words|x"},
        {"don't and won't", CANDIDATE_QUOTED, false, ""},
        {"run `ls -l`", CANDIDATE_QUOTED, false, "ls -l"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice found[PROMPT_CANDIDATES_MAX];
        struct buf got;
        buf_init(&got, 1000);
        const size_t n =
            prompt_candidates(slice_of(cases[i].text), cases[i].kind, cases[i].joined, found);
        for (size_t j = 0; j < n; j++)
            buf_addf(&got, "%s%.*s", j ? "|" : "", SLICE_ARG(found[j]));
        check_text(cases[i].text, buf_slice(&got), cases[i].found);
        buf_fini(&got);
    }
}

static void test_bounded(void **state)
{
    struct slice found[PROMPT_CANDIDATES_MAX];
    const struct slice text = SLICE("x A, B, C, Da, Eb, Fc, Gd, He, If, Jg, Kh, Li, Mj, Nk");
    assert_int_equal(prompt_candidates(text, CANDIDATE_NAME, false, found), PROMPT_CANDIDATES_MAX);
}

static void test_words(void **state)
{
    assert_true(prompt_has_word(SLICE("use get_weather now"), SLICE("get_weather")));
    assert_true(prompt_has_word(SLICE("Weather?"), SLICE("weather")));
    assert_false(prompt_has_word(SLICE("weathered"), SLICE("weather")));
    assert_false(prompt_has_word(SLICE("anything"), SLICE("")));
}

static void test_number(void **state)
{
    struct slice n;
    assert_true(prompt_number(SLICE("the 12 of a5"), &n));
    check_text("number", n, "12");
    assert_false(prompt_number(SLICE("a5 and none"), &n));
}

static void test_text(void **state)
{
    struct arena a;
    arena_init(&a);
    yyjson_val *body = json_of(
        &a, "{'messages':[{'role':'user','content':[{'text':'old'}]},{'role':'assistant',"
            "'content':[{'text':'b'}]},{'role':'user','content':[{'text':'one'},{'cachePoint':"
            "{'type':'default'}},{'guardContent':{'text':{'text':'two'}}}]}]}");
    check_text("text", prompt_text(body, &a), "one\ntwo");
    check_text("none", prompt_text(json_of(&a, "{}"), &a), "");
    arena_fini(&a);
}

static void test_plan(void **state)
{
#define USER(text)      "{'role':'user','content':[{'text':'" text "'}]}"
#define ASSISTANT(text) "{'role':'assistant','content':[{'text':'" text "'}]}"
    static const struct {
        const char *messages;
        const char *text; /* NULL: no plan */
        int64_t turn;
    } cases[] = {
        {"", NULL, 0},
        {USER("[[sim:turn(0)]]"), NULL, 0},
        {USER("[[sim:echo]]") "," ASSISTANT("a") "," USER("b"), NULL, 0},
        {USER("[[sim:turn(1)]]") "," ASSISTANT("a") "," USER("b"), "[[sim:turn(1)]]", 1},
        {USER("0 [[sim:turn(1)]]") "," ASSISTANT("a") "," USER("1 [[sim:turn(1)]]") "," ASSISTANT(
             "a") "," USER("b") "," ASSISTANT("a") "," USER("c"),
         "1 [[sim:turn(1)]]", 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        struct slice text = SLICE("");
        int64_t turn = 0;
        arena_init(&a);
        yyjson_val *body = json_of(&a, arena_printf(&a, "{'messages':[%s]}", cases[i].messages).p);
        assert_int_equal(prompt_plan(body, &a, &text, &turn), cases[i].text != NULL);
        check_text("plan", text, cases[i].text ? cases[i].text : "");
        if (cases[i].text)
            assert_int_equal(turn, cases[i].turn);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gist),    cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_bounded), cmocka_unit_test(test_words),
        cmocka_unit_test(test_number),  cmocka_unit_test(test_text),
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
