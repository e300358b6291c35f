/* Directives: each one parsed, each one refused when its arguments are wrong. */

#include "check.h"
#include "script.h"

static struct script parse(struct arena *a, const char *text)
{
    struct script s;
    struct fault f = {0};
    if (!script_parse(json_text(a, text), a, &s, &f))
        fail_msg("%s: %.*s", text, SLICE_ARG(f.message));
    return s;
}

static void test_plain(void **state)
{
    static const struct {
        const char *text, *plain;
    } cases[] = {
        {"hello", "hello"},
        {" [[sim:echo]] hello [[sim:gap(5)]]there ", "hello there"},
        {"[[sim:reply(a, b (c))]]", ""},
        {"[[other]] [[simulate", "[[other]] [[simulate"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        const struct script s = parse(&a, cases[i].text);
        check_text(cases[i].text, s.plain, cases[i].plain);
        arena_fini(&a);
    }
}

static void test_nothing(void **state)
{
    struct arena a;
    arena_init(&a);
    const struct script s = parse(&a, "hello");
    assert_int_equal(s.times, SCRIPT_NEVER);
    assert_int_equal(s.fault.status, 0);
    assert_int_equal(s.http_status, 0);
    assert_int_equal(s.exception_after, SCRIPT_NEVER);
    assert_int_equal(s.cut_after, SCRIPT_NEVER);
    assert_int_equal(s.end_after, SCRIPT_NEVER);
    assert_int_equal(s.badcrc_after, SCRIPT_NEVER);
    assert_int_equal(s.silence_after, SCRIPT_NEVER);
    assert_int_equal(s.gap_ms, SCRIPT_NEVER);
    assert_null(s.reply.p);
    assert_null(s.stop.p);
    assert_false(s.hang || s.echo || s.empty || s.has_usage || s.chunks || s.tool_count);
    arena_fini(&a);
}

static void test_failures(void **state)
{
    struct arena a;
    arena_init(&a);
    struct script s = parse(&a, "[[sim:throttle]]");
    assert_int_equal(s.fault.status, 429);
    assert_string_equal(s.fault.type, "ThrottlingException");
    assert_int_equal(s.times, SCRIPT_NEVER);
    assert_int_equal(parse(&a, "[[sim:throttle(2)]]").times, 2);
    static const struct {
        const char *text;
        int status;
        const char *type, *message;
    } errors[] = {
        {"[[sim:error(400)]]", 400, "ValidationException", "The provided request is not valid."},
        {"[[sim:error(403)]]", 403, "AccessDeniedException", "You don't have access…"},
        {"[[sim:error(404)]]", 404, "ResourceNotFoundException", "This model version…"},
        {"[[sim:error(408)]]", 408, "ModelTimeoutException", "Model has timed out…"},
        {"[[sim:error(424)]]", 424, "ModelErrorException", "The system encountered…"},
        {"[[sim:error(500)]]", 500, "InternalServerException", "The system encountered…"},
        {"[[sim:error(503)]]", 503, "ServiceUnavailableException", "Bedrock is unable…"},
        {"[[sim:error(ServiceQuotaExceededException)]]", 400, "ServiceQuotaExceededException",
         "Your…"},
        {"[[sim:error(400,Input is too long, really)]]", 400, "ValidationException",
         "Input is too long, really"},
    };
    for (size_t i = 0; i < COUNT(errors); i++) {
        s = parse(&a, errors[i].text);
        assert_int_equal(s.fault.status, errors[i].status);
        assert_string_equal(s.fault.type, errors[i].type);
        check_text(errors[i].text, s.fault.message, errors[i].message);
    }
    s = parse(&a, "[[sim:http(502,<html>a, b</html>)]]");
    assert_int_equal(s.http_status, 502);
    check_text("http body", s.http_body, "<html>a, b</html>");
    assert_int_equal(parse(&a, "[[sim:http(504,)]]").http_body.n, 0);
    assert_true(parse(&a, "[[sim:hang]]").hang);
    arena_fini(&a);
}

static void test_stream(void **state)
{
    struct arena a;
    arena_init(&a);
    struct script s = parse(&a, "[[sim:exception(throttlingException)]]");
    assert_int_equal(s.exception_after, 0);
    assert_string_equal(s.exception_type, "throttlingException");
    s = parse(&a, "[[sim:exception(modelStreamErrorException, 3)]]");
    assert_int_equal(s.exception_after, 3);
    assert_string_equal(s.exception_type, "modelStreamErrorException");
    assert_int_equal(parse(&a, "[[sim:cut(4)]]").cut_after, 4);
    assert_int_equal(parse(&a, "[[sim:end(5)]]").end_after, 5);
    assert_int_equal(parse(&a, "[[sim:badcrc(6)]]").badcrc_after, 6);
    s = parse(&a, "[[sim:silence(700)]] [[sim:slow_head(800)]] [[sim:gap(9)]]");
    assert_int_equal(s.silence_after, 0);
    assert_int_equal(s.silence_ms, 700);
    assert_int_equal(s.slow_head_ms, 800);
    assert_int_equal(s.gap_ms, 9);
    assert_int_equal(parse(&a, "[[sim:silence(1,2)]]").silence_after, 2);
    arena_fini(&a);
}

static void test_answers(void **state)
{
    struct arena a;
    arena_init(&a);
    check_text("reply", parse(&a, "[[sim:reply( a, (b) )]]").reply, " a, (b) ");
    assert_int_equal(parse(&a, "[[sim:reply()]]").reply.n, 0);
    assert_non_null(parse(&a, "[[sim:reply()]]").reply.p);
    assert_true(parse(&a, "[[sim:echo]]").echo);
    assert_true(parse(&a, "[[sim:empty]]").empty);
    assert_true(parse(&a, "[[sim:redacted]]").redacted);
    struct script s = parse(&a, "[[sim:chunks(3,5)]]");
    assert_int_equal(s.chunks, 3);
    assert_int_equal(s.chunk_bytes, 5);
    s = parse(&a, "[[sim:tool(get, {'a':[[1,2]]})]] [[sim:tool(now)]]");
    assert_int_equal(s.tool_count, 2);
    check_text("name", s.tools[0].name, "get");
    check_text("input", s.tools[0].input, "{\"a\":[[1,2]]}");
    check_text("no input", s.tools[1].input, "{}");
    check_text("stop", parse(&a, "[[sim:stop(content_filtered)]]").stop, "content_filtered");
    s = parse(&a, "[[sim:usage(1,2,3,4)]]");
    assert_true(s.has_usage);
    for (int i = 0; i < 4; i++)
        assert_int_equal(s.usage[i], i + 1);
    assert_int_equal(parse(&a, "[[sim:usage(1,2)]]").usage[3], 0);
    arena_fini(&a);
}

static void test_turns(void **state)
{
    static const char text[] = "[[sim:gap(7)]] Go. [[sim:turn(0)]] [[sim:tool(a)]] [[sim:tool(b)]]"
                               "[[sim:turn(2)]] [[sim:reply(done)]] [[sim:turn(1)]] [[sim:echo]]"
                               "[[sim:tool(c)]]";
    struct arena a;
    struct fault f = {0};
    arena_init(&a);
    struct script s = parse(&a, text);
    check_text("plain", s.plain, "Go.");
    assert_true(s.gap_ms == 7 && s.tool_count == 2 && !s.reply.p && !s.echo);
    static const struct {
        const char *own;
        int64_t turn, gap;
        size_t tools;
        const char *reply;
        bool echo;
    } cases[] = {
        {"", 1, SCRIPT_NEVER, 1, NULL, true},
        {"", 2, SCRIPT_NEVER, 0, "done", false},
        {"", 3, SCRIPT_NEVER, 0, NULL, false},
        {"Results. [[sim:gap(9)]] [[sim:tool(d)]]", 1, 9, 2, NULL, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        s = parse(&a, cases[i].own);
        assert_true(script_plan(slice_of(text), cases[i].turn, &a, &s, &f));
        check_text("plain", s.plain, cases[i].own[0] ? "Results." : "");
        assert_true(s.gap_ms == cases[i].gap && s.tool_count == cases[i].tools);
        check_text("reply", s.reply, cases[i].reply ? cases[i].reply : "");
        assert_true(s.echo == cases[i].echo);
    }
    s = parse(&a, "");
    assert_false(script_plan(SLICE("[[sim:turn(0)]] [[sim:gap(x)]]"), 1, &a, &s, &f));
    arena_fini(&a);
}

static void test_forgiven(void **state)
{
    struct arena a;
    arena_init(&a);
    struct script s = parse(&a, "[[sim:times(1)]] [[sim:error(500)]] [[sim:cut(1)]] [[sim:end(1)]]"
                                "[[sim:badcrc(1)]] [[sim:exception(validationException,1)]]"
                                "[[sim:silence(5,1)]] [[sim:slow_head(5)]] [[sim:http(500,a)]]"
                                "[[sim:hang]] [[sim:reply(kept)]]");
    assert_int_equal(s.times, 1);
    script_forgive(&s);
    assert_false(s.fault.status || s.http_status || s.hang || s.slow_head_ms);
    assert_true(s.cut_after == SCRIPT_NEVER && s.end_after == SCRIPT_NEVER &&
                s.badcrc_after == SCRIPT_NEVER && s.exception_after == SCRIPT_NEVER &&
                s.silence_after == SCRIPT_NEVER);
    check_text("reply", s.reply, "kept");
    arena_fini(&a);
}

static void test_wrong(void **state)
{
    static const char *const texts[] = {
        "[[sim:]]",
        "[[sim:unknown]]",
        "[[sim:Throttle]]",
        "[[sim:echo",
        "[[sim:reply(a]]",
        "[[sim:echo(1)]]",
        "[[sim:reply]]",
        "[[sim:throttle(x)]]",
        "[[sim:throttle()]]",
        "[[sim:error]]",
        "[[sim:error(418)]]",
        "[[sim:error(NoSuchException)]]",
        "[[sim:exception]]",
        "[[sim:exception(AccessDeniedException)]]",
        "[[sim:exception(throttlingException,-1)]]",
        "[[sim:cut]]",
        "[[sim:end(a)]]",
        "[[sim:badcrc(1.5)]]",
        "[[sim:silence]]",
        "[[sim:slow_head(999999999)]]",
        "[[sim:gap]]",
        "[[sim:chunks(5)]]",
        "[[sim:chunks(0,5)]]",
        "[[sim:chunks(100000,100000)]]",
        "[[sim:chunks(100001,1)]]",
        "[[sim:tool]]",
        "[[sim:tool(a,[1])]]",
        "[[sim:tool(a,{)]]",
        "[[sim:stop]]",
        "[[sim:stop()]]",
        "[[sim:http]]",
        "[[sim:http(99,a)]]",
        "[[sim:usage]]",
        "[[sim:usage(1)]]",
        "[[sim:usage(1,-2)]]",
        "[[sim:hang(1)]]",
        "[[sim:empty(1)]]",
        "[[sim:times]]",
        "[[sim:redacted(1)]]",
        "[[sim:turn]]",
        "[[sim:turn(-1)]]",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct arena a;
        struct script s;
        struct fault f = {0};
        arena_init(&a);
        if (script_parse(slice_of(texts[i]), &a, &s, &f))
            fail_msg("%s is accepted", texts[i]);
        assert_int_equal(f.status, 400);
        assert_true(slice_find(f.message, slice_of(texts[i])) > 0);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),    cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_stream),
        cmocka_unit_test(test_answers),  cmocka_unit_test(test_forgiven),
        cmocka_unit_test(test_turns),    cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
