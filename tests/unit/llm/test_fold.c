#include "../base/check.h"

#include "llm/fold.h"

static void send(struct llm_fold *f, struct llm_event e)
{
    llm_fold_event(f, &e);
}

static void send_text(struct llm_fold *f, enum llm_event_kind kind, unsigned block,
                      const char *text)
{
    send(f, (struct llm_event){.kind = kind, .block = block, .text = slice_of(text)});
}

static void send_call(struct llm_fold *f, unsigned block, const char *id, const char *name)
{
    send(f,
         (struct llm_event){
             .kind = EV_BLOCK_START, .block = block, .id = slice_of(id), .name = slice_of(name)});
}

static void test_a_good_answer(void **state)
{
    struct arena a;
    struct llm_fold f;
    struct llm_usage u = {.input = 1, .output = 2, .cache_read = 30, .cache_write = 400};
    char id[] = "t1";
    arena_init(&a);
    yyjson_val *foreign = json_parse(SLICE("{\"type\": \"x\"}"), &a, NULL);
    llm_fold_init(&f, &a);
    send(&f, (struct llm_event){.kind = EV_START, .id = SLICE("msg_1")});
    send_text(&f, EV_REASONING, 0, "I ");
    send_text(&f, EV_REASONING, 0, "think");
    send_text(&f, EV_SIGNATURE, 0, "sig");
    send_text(&f, EV_REDACTED, 1, "AAAA");
    send_text(&f, EV_TEXT, 2, "Hel");
    send_text(&f, EV_TEXT, 2, "lo");
    send_call(&f, 3, id, "get");
    id[0] = 'x'; /* slices are valid during the call only */
    send_call(&f, 4, "t2", "put");
    send_text(&f, EV_TOOL_ARGS, 3, "{\"a\":");
    send_text(&f, EV_TOOL_ARGS, 4, "{}");
    send_text(&f, EV_TOOL_ARGS, 3, "1}");
    send_text(&f, EV_TOOL_ARGS, 9, "of no call");
    send(&f, (struct llm_event){.kind = EV_BLOCK_STOP, .block = 3});
    send(&f, (struct llm_event){.kind = EV_FOREIGN, .block = 5, .json = foreign});
    send(&f, (struct llm_event){.kind = EV_STOP,
                                .stop = LLM_STOP_TOOL_USE,
                                .text = SLICE("END"),
                                .name = SLICE("later")});
    assert_false(f.response.complete);
    send(&f, (struct llm_event){.kind = EV_USAGE, .usage = &u});
    send(&f, (struct llm_event){.kind = EV_END});
    const struct llm_response *r = &f.response;
    const struct llm_part *p = r->parts;
    assert_true(r->complete && r->stopped && r->has_usage && r->failure.kind == FAILURE_NONE);
    assert_int_equal(r->stop, LLM_STOP_TOOL_USE);
    assert_int_equal(llm_usage_prompt(&r->usage), 431);
    assert_int_equal(p->kind, LLM_PART_REASONING);
    check_text(buf_slice(&p->text), "I think");
    check_text(buf_slice(&p->signature), "sig");
    p = p->next;
    check_text(buf_slice(&p->redacted), "AAAA");
    p = p->next;
    assert_int_equal(p->kind, LLM_PART_TEXT);
    check_text(buf_slice(&p->text), "Hello");
    p = p->next;
    assert_int_equal(p->kind, LLM_PART_TOOL_CALL);
    check_text(p->id, "t1");
    check_text(p->name, "get");
    check_text(buf_slice(&p->text), "{\"a\":1}");
    p = p->next;
    check_text(p->id, "t2");
    check_text(buf_slice(&p->text), "{}");
    p = p->next;
    assert_int_equal(p->kind, LLM_PART_FOREIGN);
    check_text(buf_slice(&p->text), "{\"type\":\"x\"}");
    assert_null(p->next);
    check_text(r->id, "msg_1");
    check_text(r->stop_sequence, "END");
    check_text(r->stop_word, "later");
    llm_fold_fini(&f);
    llm_fold_fini(&f);
    assert_null(f.response.parts);
    arena_fini(&a);
}

/* Blocks by turns, and of one number: each text goes where its like are. */
static void test_blocks_by_turns(void **state)
{
    struct arena a;
    struct llm_fold f;
    arena_init(&a);
    llm_fold_init(&f, &a);
    for (int i = 0; i < 3; i++) {
        send_text(&f, EV_TEXT, 0, "a");
        send_text(&f, EV_TEXT, 0, "a");
        send_text(&f, EV_REASONING, 0, "b");
        send_text(&f, EV_TEXT, 1, "c");
    }
    send_call(&f, 1, "t1", "get");
    send_text(&f, EV_TEXT, 1, "c");
    send_text(&f, EV_TOOL_ARGS, 1, "{}");
    const struct llm_part *p = f.response.parts;
    check_text(buf_slice(&p->text), "aaaaaa");
    check_text(buf_slice(&p->next->text), "bbb");
    check_text(buf_slice(&p->next->next->text), "cccc");
    check_text(buf_slice(&p->next->next->next->text), "{}");
    assert_null(p->next->next->next->next);
    llm_fold_fini(&f);
    llm_fold_init(&f, &a);
    send_text(&f, EV_TEXT, 0, "anew");
    check_text(buf_slice(&f.response.parts->text), "anew");
    llm_fold_fini(&f);
    arena_fini(&a);
}

static void test_failure_is_kept(void **state)
{
    struct arena a;
    struct llm_fold f;
    char text[] = "slow down";
    struct failure first = {.kind = FAILURE_RATE_LIMIT,
                            .status = 429,
                            .upstream = true,
                            .retry_after_s = 3,
                            .message = slice_make(text, 9)};
    struct failure second = {.kind = FAILURE_MODEL, .status = 424};
    arena_init(&a);
    llm_fold_init(&f, &a);
    send_text(&f, EV_TEXT, 0, "Hel");
    send(&f, (struct llm_event){.kind = EV_FAIL, .failure = &first});
    text[0] = 'X';
    send(&f, (struct llm_event){.kind = EV_FAIL, .failure = &second});
    assert_int_equal(f.response.failure.kind, FAILURE_RATE_LIMIT);
    assert_int_equal(f.response.failure.status, 429);
    assert_int_equal(f.response.failure.retry_after_s, 3);
    assert_true(f.response.failure.upstream);
    check_text(f.response.failure.message, "slow down");
    assert_false(f.response.complete);
    llm_fold_fini(&f);
    arena_fini(&a);
}

/* The cap counts all parts together. */
static void test_too_large(void **state)
{
    struct arena a;
    struct llm_fold f;
    size_t piece = LLM_ANSWER_MAX / 4;
    char *text = calloc(1, piece);
    assert_non_null(text);
    arena_init(&a);
    llm_fold_init(&f, &a);
    for (unsigned i = 0; i < 4; i++)
        send(&f, (struct llm_event){.kind = i % 2 ? EV_TEXT : EV_REASONING,
                                    .block = i,
                                    .text = slice_make(text, piece)});
    assert_int_equal(f.response.failure.kind, FAILURE_NONE);
    send_text(&f, EV_SIGNATURE, 0, "x");
    assert_int_equal(f.response.failure.kind, FAILURE_BAD_GATEWAY);
    assert_int_equal(f.response.failure.status, 502);
    assert_int_equal(f.response.parts->signature.n, 0);
    llm_fold_fini(&f);
    arena_fini(&a);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_answer),
        cmocka_unit_test(test_blocks_by_turns),
        cmocka_unit_test(test_failure_is_kept),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
