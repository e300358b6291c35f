/* Vectors: the same for the same bytes, of unit length, nearer where words are shared. */

#include "check.h"
#include "vector.h"

#include <math.h>

static struct vector first, second;

static double product(const struct vector *a, const struct vector *b)
{
    double sum = 0;
    for (size_t i = 0; i < a->n; i++)
        sum += a->v[i] * b->v[i];
    return sum;
}

static void test_same(void **state)
{
    static const char *const texts[] = {"", "a", "Hello, world", "Grüße", "\n\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        vector_of(slice_of(texts[i]), 256, &first);
        vector_of(slice_of(texts[i]), 256, &second);
        assert_memory_equal(first.v, second.v, 256 * sizeof(double));
        assert_true(fabs(product(&first, &first) - 1) < 1e-6);
    }
}

static void test_near(void **state)
{
    vector_of(SLICE("the weather in Paris"), VECTOR_MAX, &first);
    vector_of(SLICE("WEATHER: Paris?"), VECTOR_MAX, &second);
    const double near = product(&first, &second);
    vector_of(SLICE("a recipe for bread"), VECTOR_MAX, &second);
    assert_true(near > product(&first, &second) + 0.2);
    /* What differs in punctuation only is near, and not the same. */
    vector_of(SLICE("the weather in Paris!"), VECTOR_MAX, &second);
    assert_true(product(&first, &second) > 0.9 && product(&first, &second) < 0.9999);
}

static void test_unscale(void **state)
{
    vector_of(SLICE("hello"), 256, &first);
    second = first;
    vector_unscale(SLICE("hello"), &second);
    const double size = sqrt(product(&second, &second));
    assert_true(size >= 2 && size <= 10);
    assert_true(fabs(product(&first, &second) / size - 1) < 1e-6);
}

static void check_written(void (*write)(struct json_writer *w, const struct vector *v),
                          const char *expected)
{
    struct buf out;
    struct json_writer w;
    const struct vector v = {.n = 8, .v = {0.5, -1, 0.25, 0, -0.125, 1, 1, -1}};
    buf_init(&out, 1 << 16);
    json_begin(&w, &out);
    write(&w, &v);
    check_same(expected, buf_slice(&out), expected);
    buf_fini(&out);
}

static void write_int8(struct json_writer *w, const struct vector *v)
{
    vector_write_bytes(w, v, true);
}

static void write_uint8(struct json_writer *w, const struct vector *v)
{
    vector_write_bytes(w, v, false);
}

static void write_binary(struct json_writer *w, const struct vector *v)
{
    vector_write_packed(w, v, true);
}

static void write_ubinary(struct json_writer *w, const struct vector *v)
{
    vector_write_packed(w, v, false);
}

static void test_written(void **state)
{
    check_written(vector_write_floats, "[0.5,-1,0.25,0,-0.125,1,1,-1]");
    check_written(vector_write_bits, "[1,0,1,0,0,1,1,0]");
    check_written(write_int8, "[64,-127,32,0,-16,127,127,-127]");
    check_written(write_uint8, "[192,1,160,128,112,255,255,1]");
    check_written(write_ubinary, "[166]");
    check_written(write_binary, "[38]");
    check_written(vector_write_base64, "\"AAAAPwAAgL8AAIA+AAAAAAAAAL4AAIA/AACAPwAAgL8=\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same), cmocka_unit_test(test_near),
                                       cmocka_unit_test(test_unscale),
                                       cmocka_unit_test(test_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
