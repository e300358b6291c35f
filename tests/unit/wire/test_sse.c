#include "check.h"
#include "wire/sse.h"

static void test_events(void **state)
{
    struct buf out;
    buf_init(&out, SIZE_MAX);
    sse_data(&out, SLICE("{\"a\":1}"));
    sse_begin(&out);
    BUF_LITERAL(&out, "[DONE]");
    sse_end(&out);
    sse_comment(&out, SLICE("waiting"));
    sse_comment(&out, SLICE(""));
    check_slice(buf_slice(&out), SLICE("data: {\"a\":1}\n\ndata: [DONE]\n\n: waiting\n\n: \n\n"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_events)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
