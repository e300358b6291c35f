/* Bedrock caches prompts by their prefix: what was sent in turn n must come again, byte for byte,
 * in turn n+1, and the system prompt and the tools must not move at all. A changed byte costs the
 * user the whole cache. Cache points themselves move with the conversation and are not part of what
 * is cached: they are taken out before the bytes are compared. */

#include "planned.h"

#define TURNS 30

struct setting {
    const char *name, *model;
    const char *members; /* beside tools and messages */
    const char *tool;    /* its name */
    const char *id;      /* what the ids of calls begin with */
    const char *part;    /* one more part of each message of the user */
    const char *kept;    /* stands in the body as the client wrote it */
    bool automatic;      /* prompt_caching: auto */
    int recalled;        /* thinking is put back in front of every so many turns' calls; 0: never */
};

static const struct setting settings[] = {
    {"plain", SONNET37, "'temperature':0.70,", "read", "call", "", "\"z\": 29.50", false, 0},
    {"cache points", SONNET45, "", "read", "call",
     ",{'type':'text','text':'marked','cache_control':{'type':'ephemeral'}}", "\"z\": 29.50", false,
     0},
    {"automatic cache points", SONNET45, "", "read", "call", "", "\"z\": 29.50", true, 0},
    {"mapped names and ids", SONNET45, "", "my.tool/rëad", "an id, with: spaces", "",
     "my_tool_r_ad", true, 0},
    {"documents", SONNET45, "", "read", "call",
     ",{'type':'file','file':{'file_data':'data:application/pdf;base64,JVBERi0xLjQK'}}",
     "DocumentPDFmessages_", true, 0},
    {"thinking", SONNET37, "'thinking':{'type':'enabled','budget_tokens':2000},", "read", "call",
     "", "\"signature\":\"Eq==\"", true, 1},
    {"thinking of the newest", OPUS55, "'reasoning_effort':'high',", "read", "call", "",
     "\"signature\":\"Eq==\"", true, 2},
    {"one id for all calls", SONNET45, "", "read", "", "", "\"z\": 29.50", true, 0},
};

/* ---- the conversation ---------------------------------------------------------------------- */

static void write_head(struct buf *b, const struct setting *s)
{
    const char *point = s->automatic ? "" : ",'cache_control':{'type':'ephemeral'}";
    buf_addf(b,
             "'model':'m',%s'tools':[{'type':'function','function':{'name':'%s','parameters':{"
             "'type':'object','properties':{'z':{'maximum':1.50},'a':{}}}}%s}],"
             "'messages':[{'role':'system','content':[{'type':'text','text':'",
             s->members, s->tool, point);
    for (int i = 0; i < 1200; i++) /* above every model's minimum */
        buf_add(b, SLICE("Long. "));
    buf_addf(b, "'%s}]},{'role':'user','content':[{'type':'text','text':'Fix it — größer.'}%s]}",
             point, s->part);
}

static void write_call(struct buf *b, const struct setting *s, const char *which, int turn)
{
    if (!*s->id)
        buf_addf(b,
                 "{'id':'id','type':'function','function':{'name':'%s','arguments':'{\\\"z\\\": "
                 "%d.50,  \\\"a\\\":[ ]}'}}",
                 s->tool, turn);
    else
        buf_addf(b,
                 "{'id':'%s %s%d','type':'function','function':{'name':'%s','arguments':'{\\\"z"
                 "\\\": %d.50,  \\\"a\\\":[ ]}'}}",
                 s->id, which, turn, s->tool, turn);
}

static void write_result(struct buf *b, const struct setting *s, const char *which, int turn)
{
    buf_addf(b, ",{'role':'tool','tool_call_id':'");
    if (*s->id)
        buf_addf(b, "%s %s%d", s->id, which, turn);
    else
        buf_add(b, SLICE("id"));
    buf_addf(b, "','content':[{'type':'text','text':'int %s = %d;\\n\\tü\\u00e9'}]}", which, turn);
}

/* Text, two calls and their results, and a remark. */
static void write_turn(struct buf *b, const struct setting *s, int turn)
{
    buf_addf(b, ",{'role':'assistant','content':'Step %d\\n','tool_calls':[", turn);
    write_call(b, s, "a", turn);
    buf_add_char(b, ',');
    write_call(b, s, "b", turn);
    buf_add(b, SLICE("]}"));
    write_result(b, s, "a", turn);
    write_result(b, s, "b", turn);
    buf_addf(b, ",{'role':'user','content':[{'type':'text','text':'go on'}%s]}",
             turn % 3 ? "" : s->part);
}

/* As the gateway does it: the same blocks for the same calls, turn after turn. */
static void recall(struct planned *p, int every)
{
    int turn = 0;
    for (struct llm_message *m = p->x.request.messages; m; m = m->next) {
        if (m->role != LLM_ASSISTANT || turn++ % every)
            continue;
        struct llm_block *b = ARENA_NEW(&p->x.arena, struct llm_block);
        *b = (struct llm_block){.kind = LLM_REASONING,
                                .text = arena_printf(&p->x.arena, "thought %d", turn),
                                .signature = SLICE("Eq=="),
                                .recalled = true,
                                .next = m->blocks};
        m->blocks = b;
    }
}

/* ---- the comparison ------------------------------------------------------------------------ */

/* A cache point stands behind something: the comma in front goes with it. */
static struct slice without_points(struct arena *a, struct slice body)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    for (ptrdiff_t at; (at = slice_find(body, SLICE(",{\"cachePoint\""))) >= 0;) {
        buf_add(&b, slice_make(body.p, (size_t)at));
        body = slice_skip(body, (size_t)at);
        body = slice_skip(body, (size_t)slice_find(body, SLICE("}}")) + 2);
    }
    buf_add(&b, body);
    struct slice text = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

/* The body's messages without the brackets that close them, and the rest. */
static void translate(struct planned *p, const struct setting *s, int turns, struct slice *messages,
                      struct slice *rest)
{
    struct buf b;
    planned_init(p, s->model);
    buf_init(&b, 1 << 20);
    p->x.deployment.prompt_caching_auto = s->automatic;
    write_head(&b, s);
    for (int i = 0; i < turns; i++)
        write_turn(&b, s, i);
    buf_addf(&b, "]");
    buf_add_char(&b, '\0');
    planned_parse(p, b.p);
    if (s->recalled)
        recall(p, s->recalled);
    struct slice sent = slice_of(tell_body(p)), body = without_points(&p->x.arena, sent);
    assert_true(body.n < sent.n);
    ptrdiff_t end = slice_find(body, SLICE("]}],\"system\":"));
    assert_true(end > 0);
    *messages = slice_make(body.p, (size_t)end);
    *rest = slice_skip(body, (size_t)end);
    buf_fini(&b);
}

static void check_setting(const struct setting *s)
{
    struct planned p[2];
    struct slice messages[2], rest[2];
    translate(&p[0], s, 0, &messages[0], &rest[0]);
    for (int turns = 1; turns <= TURNS; turns++) {
        translate(&p[1], s, turns, &messages[1], &rest[1]);
        if (!slice_starts(messages[1], messages[0]))
            fail_msg("%s, turn %d:\n%.*s\ndoes not begin with\n%.*s", s->name, turns,
                     SLICE_ARG(messages[1]), SLICE_ARG(messages[0]));
        assert_true(messages[1].n > messages[0].n);
        check_slice(rest[1], rest[0]);
        planned_fini(&p[0]);
        p[0] = p[1];
        messages[0] = messages[1];
        rest[0] = rest[1];
    }
    if (slice_find(messages[0], slice_of(s->kept)) < 0)
        fail_msg("%s: %s is not in %.*s", s->name, s->kept, SLICE_ARG(messages[0]));
    planned_fini(&p[0]);
}

static void test_prefix_stays(void **state)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        check_setting(&settings[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prefix_stays)};
    return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
