/* Addresses, ranges of them, and who is behind a proxy. */

#include "check.h"

#include "wire/ip.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(slice_of(text), &ip));
    return ip;
}

static void addresses(void **state)
{
    static const struct {
        const char *text, *shown; /* NULL: is none */
    } rows[] = {
        {"192.0.2.7", "192.0.2.7"},
        {" 192.0.2.7 ", "192.0.2.7"},
        {"192.0.2.7:8080", "192.0.2.7"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
        {"::FFFF:c000:207", "192.0.2.7"},
        {"[::ffff:192.0.2.7]:80", "192.0.2.7"},
        {"2001:DB8:0::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        {"::1", "::1"},
        {"", NULL},
        {"unknown", NULL},
        {"_hidden", NULL},
        {"192.0.2", NULL},
        {"192.0.2.256", NULL},
        {"192.0.2.7/32", NULL},
        {"0x7f.1", NULL},
        {"[", NULL},
        {"[]", NULL},
        {":", NULL},
        {"1.2.3.4,5.6.7.8", NULL},
        {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", NULL},
    };
    struct arena a;
    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct ip ip;
        bool is = ip_parse(slice_of(rows[i].text), &ip);
        assert_int_equal(is, rows[i].shown != NULL);
        if (is)
            assert_string_equal(ip_text(&ip, &a).p, rows[i].shown);
    }
    arena_fini(&a);
}

static void ranges(void **state)
{
    static const struct {
        const char *range, *address;
        bool in;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.1.2.3/8", "10.9.9.9", true},
        {"10.0.0.0/8", "::ffff:10.0.0.1", true},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.8", false},
        {"192.0.2.0/31", "192.0.2.1", true},
        {"192.0.2.0/31", "192.0.2.2", false},
        {"0.0.0.0/0", "203.0.113.1", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "203.0.113.1", true},
        {"::/0", "2001:db8::1", true},
        {"2001:db8::/32", "2001:db8:1::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::ffff:10.0.0.0/104", "10.1.1.1", true},
        {"::1", "::1", true},
        {"127.0.0.1", "::1", false},
    };
    static const char *const none[] = {"",          "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/",
                                       "10.0.0/8",  "::/129",      "host",        "10.0.0.0/8/8",
                                       "[::1]/128", "10.0.0.0/x",  "10.0.0.1:80", "10.0.0.1:80/8"};
    struct ip_range range;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct ip ip = ip_of(rows[i].address);
        assert_true(ip_range_parse(slice_of(rows[i].range), &range));
        if (ip_is_in(&ip, &range) != rows[i].in)
            fail_msg("%s in %s", rows[i].address, rows[i].range);
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        if (ip_range_parse(slice_of(none[i]), &range))
            fail_msg("%s is a range", none[i]);
}

static void forwarded(void **state)
{
    static const struct {
        const char *peer, *headers[2], *client;
    } rows[] = {
        {"203.0.113.9", {"198.51.100.1"}, "203.0.113.9"}, /* anybody can write that */
        {"10.0.0.1", {NULL}, "10.0.0.1"},
        {"10.0.0.1", {"198.51.100.1"}, "198.51.100.1"},
        {"::ffff:10.0.0.1", {"198.51.100.1"}, "198.51.100.1"},
        {"10.0.0.1", {"1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
        {"10.0.0.1", {"198.51.100.1,10.0.0.2 , 10.0.0.3"}, "198.51.100.1"},
        {"10.0.0.1", {"1.1.1.1", "198.51.100.1"}, "198.51.100.1"},
        {"10.0.0.1", {"198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
        {"10.0.0.1", {"2001:db8::7"}, "2001:db8::7"},
        {"10.0.0.1", {"198.51.100.1:4711"}, "198.51.100.1"},
        {"10.0.0.1", {"10.0.0.9, 10.0.0.2"}, "10.0.0.9"},
        {"10.0.0.1", {"198.51.100.1, unknown"}, "10.0.0.1"},
        {"10.0.0.1", {"198.51.100.1,, 10.0.0.2"}, "10.0.0.2"},
        {"10.0.0.1", {""}, "10.0.0.1"},
        {"10.0.0.1", {","}, "10.0.0.1"},
    };
    struct ip_range range;
    struct arena a;
    (void)state;
    arena_init(&a);
    assert_true(ip_range_parse(SLICE("10.0.0.0/8"), &range));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct http_header v[3] = {{SLICE("host"), SLICE("127.0.0.1")}};
        struct ip peer = ip_of(rows[i].peer), wanted = ip_of(rows[i].client);
        size_t n = 1;
        for (size_t k = 0; k < 2 && rows[i].headers[k]; k++)
            v[n++] = (struct http_header){SLICE("X-Forwarded-For"), slice_of(rows[i].headers[k])};
        ip_forwarded((struct http_headers){v, n}, (struct ip_ranges){&range, 1}, &peer);
        assert_string_equal(ip_text(&peer, &a).p, ip_text(&wanted, &a).p);
    }
    arena_fini(&a);
}

/* A chain of nothing but proxies is not walked without end. */
static void long_chain(void **state)
{
    char text[300];
    struct ip_range all;
    struct ip peer = ip_of("10.0.0.1");
    struct http_header v[100];
    (void)state;
    memset(text, ',', sizeof(text));
    assert_true(ip_range_parse(SLICE("0.0.0.0/0"), &all));
    for (size_t i = 0; i < 100; i++)
        v[i] = (struct http_header){SLICE("x-forwarded-for"),
                                    i ? SLICE("10.0.0.2") : SLICE("198.51.100.1")};
    ip_forwarded((struct http_headers){v, 100}, (struct ip_ranges){&all, 1}, &peer);
    assert_int_equal(peer.bytes[12], 10);
}

static void groups(void **state)
{
    struct ip a = ip_of("2001:db8:0:1::7"), b = ip_of("2001:db8:0:1:ffff::"), c = ip_of("1.2.3.4");
    struct ip one = ip_group(&a), other = ip_group(&b), same = ip_group(&c);
    (void)state;
    assert_memory_equal(&one, &other, sizeof(one));
    assert_memory_equal(&same, &c, sizeof(c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),  cmocka_unit_test(ranges), cmocka_unit_test(forwarded),
        cmocka_unit_test(long_chain), cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
