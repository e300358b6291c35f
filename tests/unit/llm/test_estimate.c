#include "../base/check.h"

#include "llm/estimate.h"

/* Counts by cl100k_base. */
static const struct {
    const char *text;
    int tokens;
} rows[] = {
    {"Let me think about this carefully.", 7},
    {"I need the weather tool.", 6},
    {"Visible part.", 3},
    {"The gateway keeps one connection per client and forgets nothing that it has promised. When "
     "the upstream is silent for too long, the call is given up, and whoever asked is told which "
     "of the four clocks ran out. In 2024 that happened 12,345 times, which was 3.5% of all "
     "requests; nobody could explain why until somebody looked at the firewall's configuration.",
     80},
    {"static int add(struct list *head, int value)\n{\n    struct node *n = malloc(sizeof(*n));\n"
     "    if (n == NULL)\n        return -ENOMEM;\n    n->value = value;\n    n->next = "
     "head->first;\n    head->first = n;\n    return 0;\n}\n",
     64},
    {"export async function fetchUserProfile(userId: string): Promise<UserProfile> {\n  const "
     "response = await fetch(`/api/users/${userId}`, { headers: getAuthHeaders() });\n  if "
     "(!response.ok) throw new HttpError(response.status, await response.text());\n  return "
     "response.json();\n}\n",
     57},
    {"{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"Current "
     "weather of a city\",\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":"
     "\"string\"},\"unit\":{\"type\":\"string\",\"enum\":[\"celsius\",\"fahrenheit\"]},\"days\":{"
     "\"type\":\"integer\",\"minimum\":1,\"maximum\":14}},\"required\":[\"city\"]}}}",
     69},
    {"本日はお忙しいところお時間をいただき、誠にありがとうございます。来週の会議の議題について、"
     "資料を添付いたしましたので、ご確認をお願いいたします。",
     69},
    {"Bonjour, je voudrais savoir si votre équipe peut préparer le rapport avant la fin de la "
     "semaine. Les chiffres du dernier trimestre ont déjà été vérifiés par le service comptable, "
     "mais il manque encore quelques précisions sur les dépenses.",
     55},
    {"Guten Tag, ich möchte gerne wissen, ob die Lieferung noch in dieser Woche ankommt. Für die "
     "Rückmeldung danke ich Ihnen schon jetzt und verbleibe mit freundlichen Grüßen.",
     42},
    {"Привет! Подскажите, пожалуйста, когда будет готов отчёт за прошлый месяц?", 38},
    {"今天天气很好，我们去公园散步吧。请帮我把这段文字翻译成英文，谢谢。", 43},
    {"안녕하세요. 다음 주 회의 일정에 대해 확인 부탁드립니다.", 25},
    {"| name | count |\n|------|-------|\n| a    | 1     |\n| b    | 22    |\n\n---\n\n# Next\n",
     30},
};

static void test_near_a_real_tokenizer(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t n = llm_estimate_text(slice_of(rows[i].text));
        int64_t off = n > rows[i].tokens ? n - rows[i].tokens : rows[i].tokens - n;
        if (off * 100 > rows[i].tokens * 15)
            fail_msg("%d tokens estimated as %d: %s", rows[i].tokens, (int)n, rows[i].text);
    }
}

static void test_the_recorded_thinking_is_exact(void **state)
{
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(llm_estimate_text(slice_of(rows[i].text)), rows[i].tokens);
}

static void test_anything_counts(void **state)
{
    static const char *const broken[] = {"\xff", "\xe3\x81", "\xf0\x9f\x98", "a\xc3", "\x80\x80"};
    assert_int_equal(llm_estimate_text(slice_of("")), 0);
    assert_int_equal(llm_estimate_text(slice_of(" ")), 1);
    assert_int_equal(llm_estimate_text(slice_make("\0", 1)), 1);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_in_range(llm_estimate_text(slice_of(broken[i])), 1, 4);
    for (int c = 0; c < 256; c++) {
        char text[64];
        memset(text, c, sizeof(text));
        assert_in_range(llm_estimate_text(slice_make(text, sizeof(text))), 1, 64);
    }
}

/* The parts of a text count about as much as the whole: one word more is cut. */
static void test_cut_anywhere(void **state)
{
    struct slice text = slice_of(rows[5].text);
    int64_t whole = llm_estimate_text(text);
    for (size_t i = 0; i <= text.n; i++) {
        int64_t parts =
            llm_estimate_text(slice_make(text.p, i)) + llm_estimate_text(slice_skip(text, i));
        assert_in_range(parts, whole - 1, whole + 4);
    }
}

static struct llm_block *text_block(struct arena *a, const char *text)
{
    struct llm_block *b = ARENA_NEW(a, struct llm_block);
    b->text = slice_of(text);
    return b;
}

static void test_all_of_a_request_counts(void **state)
{
    struct arena a;
    arena_init(&a);
    struct llm_request r;
    llm_request_init(&r);
    int64_t empty = llm_estimate_request(&r);
    assert_in_range(empty, 0, 10);

    r.system = text_block(&a, "You are a helpful assistant.");
    int64_t with_system = llm_estimate_request(&r);
    assert_int_equal(with_system - empty, llm_estimate_text(r.system->text));

    struct llm_message m = {.role = LLM_USER, .blocks = text_block(&a, "What is the weather?")};
    r.messages = &m;
    int64_t with_message = llm_estimate_request(&r);
    assert_true(with_message > with_system + llm_estimate_text(m.blocks->text));

    struct llm_block use = {
        .kind = LLM_TOOL_USE, .name = SLICE("get"), .input = SLICE("{\"a\":1}")};
    struct llm_block result = {.kind = LLM_TOOL_RESULT, .content = text_block(&a, "sunny today")};
    m.blocks->next = &use;
    use.next = &result;
    int64_t with_calls = llm_estimate_request(&r);
    assert_true(with_calls > with_message + llm_estimate_text(use.input) + 2);

    struct llm_tool tool = {.name = SLICE("get_weather"), .description = SLICE("Current weather")};
    r.tools = &tool;
    int64_t with_tool = llm_estimate_request(&r);
    assert_true(with_tool > with_calls + 5);
    tool.schema = json_parse(SLICE("{\"type\":\"object\",\"properties\":{}}"), &a, NULL);
    assert_true(llm_estimate_request(&r) > with_tool + 5);
    arena_fini(&a);
}

static void test_media_count_by_size(void **state)
{
    char data[60000];
    memset(data, 'A', sizeof(data));
    struct llm_block b = {.kind = LLM_IMAGE, .data = slice_make(data, 400)};
    struct llm_message m = {.blocks = &b};
    struct llm_request r = {.messages = &m};
    int64_t small = llm_estimate_request(&r);
    b.data.n = sizeof(data);
    int64_t medium = llm_estimate_request(&r);
    b.data.n = 0;
    b.url = SLICE("https://example.com/a.png"); /* of a size nobody knows yet */
    int64_t unknown = llm_estimate_request(&r);
    assert_true(small > 40 && small < medium && medium < unknown && unknown < 2000);
    b = (struct llm_block){.kind = LLM_DOCUMENT, .data = slice_make(data, sizeof(data))};
    assert_in_range(llm_estimate_request(&r), 500, 2000);
}

/* Around the exact count, and for a prompt that is long enough in whatever part of it. */
static void test_reaches(void **state)
{
    static const char piece[] = "int main(void) { return 0; }\n";
    const size_t n = sizeof(piece) - 1;
    char *text = malloc(1000 * n + 1);
    for (size_t i = 0; i < 1000; i++)
        memcpy(text + i * n, piece, n);
    struct llm_block b = {.text = slice_make(text, 20 * n)}, result = {.kind = LLM_TOOL_RESULT};
    struct llm_message m = {.blocks = &b};
    struct llm_tool tool = {.name = SLICE("t")};
    struct llm_request r = {.messages = &m};
    int64_t count = llm_estimate_request(&r);
    assert_true(llm_estimate_reaches(&r, count));
    assert_false(llm_estimate_reaches(&r, count + 1));
    b.text.n = 1000 * n;
    assert_true(llm_estimate_reaches(&r, 2000));
    assert_false(llm_estimate_reaches(&r, 100000));
    result.content = &b;
    m.blocks = &result;
    assert_true(llm_estimate_reaches(&r, 2000));
    r = (struct llm_request){.system = &b};
    assert_true(llm_estimate_reaches(&r, 2000));
    tool.description = b.text;
    r = (struct llm_request){.tools = &tool};
    assert_true(llm_estimate_reaches(&r, 2000));
    r = (struct llm_request){.tools = NULL};
    assert_false(llm_estimate_reaches(&r, 2000));
    free(text);
}

/* Of a long text only the beginning is looked at; a short one is counted piece by piece. */
static void test_text_in_pieces(void **state)
{
    const struct slice piece = SLICE(" some more words of the same kind");
    struct llm_estimate e = {0};
    assert_int_equal(llm_estimate_sum(&e), 0);
    llm_estimate_add(&e, SLICE(""));
    for (int64_t i = 1; i <= 20; i++) {
        llm_estimate_add(&e, piece);
        assert_int_equal(llm_estimate_sum(&e), i * llm_estimate_text(piece));
    }
    for (int64_t i = 21; i <= 1000; i++)
        llm_estimate_add(&e, piece);
    assert_in_range(e.counted, 1024, 1024 + piece.n);
    assert_int_equal(llm_estimate_sum(&e), 1000 * llm_estimate_text(piece));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reaches),
        cmocka_unit_test(test_text_in_pieces),
        cmocka_unit_test(test_near_a_real_tokenizer),
        cmocka_unit_test(test_the_recorded_thinking_is_exact),
        cmocka_unit_test(test_anything_counts),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_all_of_a_request_counts),
        cmocka_unit_test(test_media_count_by_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
