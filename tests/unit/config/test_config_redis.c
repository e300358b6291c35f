/* The Redis that gateways share: who names it, what completes it, what is refused. */

#include "check.h"
#include "world.h"

#include <string.h>

#define ROUTER  "router_settings:\n"
#define GENERAL "general_settings:\n"
#define PARAMS  "litellm_settings:\n  cache_params:\n"

struct setting {
    const char *name, *value;
};

/* One configuration in one environment, and the Redis it gives in shorthand:
 * "source|address|user:password@db|tls". */
struct row {
    const char *yaml;
    struct setting env[4];
    const char *redis; /* NULL: none */
    const char *problems;
};

static const char *or_dash(const char *s)
{
    return s ? s : "-";
}

static void add_address(struct buf *b, const struct config_redis *r)
{
    if (r->path)
        buf_addf(b, "%s", r->path);
    for (size_t i = 0; i < r->node_count; i++)
        buf_addf(b, "%s%s:%d", i ? "," : "", r->nodes[i].host, r->nodes[i].port);
    if (r->service)
        buf_addf(b, "(%s %s:%s)", r->service, or_dash(r->sentinel_username),
                 or_dash(r->sentinel_password));
}

static void describe(struct buf *b, const struct config_redis *r)
{
    buf_addf(b, "%s|", r->source);
    add_address(b, r);
    buf_addf(b, "|%s:%s@%d|", or_dash(r->username), or_dash(r->password), r->db);
    if (r->tls)
        buf_addf(b, "tls%s ca=%s cert=%s key=%s", r->tls_verify ? "" : " unverified",
                 or_dash(r->tls_ca_file), or_dash(r->tls_certificate), or_dash(r->tls_key));
    buf_add_char(b, 0);
}

#define MODELS                                                                                     \
    "model_list:\n- model_name: a\n  litellm_params: {model: bedrock/x.y, aws_region_name: "       \
    "us-east-1, aws_access_key_id: a, aws_secret_access_key: b}\n"

static struct config *load(struct world *w, const char *yaml)
{
    char text[2048];
    snprintf(text, sizeof(text), "%s" MODELS, yaml);
    return world_load(w, text);
}

static void check(const struct row *row)
{
    struct world w;
    struct buf text;
    world_init(&w);
    world_file(&w, "/ca", "PEM");
    buf_init(&text, 4096);
    for (size_t i = 0; i < 4 && row->env[i].name; i++)
        world_env(&w, row->env[i].name, row->env[i].value);
    struct config *c = load(&w, row->yaml);
    assert_string_equal(world_problems(c), row->problems ? row->problems : "");
    if (c->redis.source)
        describe(&text, &c->redis);
    else
        BUF_LITERAL(&text, "none\0");
    if (!row->problems)
        assert_string_equal(text.p, row->redis ? row->redis : "none");
    config_unref(c);
    buf_fini(&text);
}

static void check_all(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(&rows[i]);
}
#define CHECK_ALL(rows) check_all(rows, sizeof(rows) / sizeof(*(rows)))

static void nobody_names_one(void **state)
{
    static const struct row rows[] = {
        {"", {{NULL}}, NULL, NULL},
        {"", {{"REDIS_PORT", "1"}, {"REDIS_PASSWORD", "p"}}, NULL, NULL},
        {ROUTER "  redis_host: null\n", {{NULL}}, NULL, NULL},
        {PARAMS "    type: local\n    host: h\n", {{NULL}}, NULL, NULL},
    };
    CHECK_ALL(rows);
}

static void the_first_that_names_one_counts(void **state)
{
    static const struct row rows[] = {
        {ROUTER "  redis_host: h\n", {{NULL}}, "router_settings|h:6379|-:-@0|", NULL},
        {ROUTER "  redis_host: h\n  redis_port: 7\n  redis_password: p\n  redis_db: 3\n"
                "  redis_username: u\n",
         {{NULL}},
         "router_settings|h:7|u:p@3|",
         NULL},
        {PARAMS "    host: c\n" ROUTER "  redis_host: r\n" GENERAL
                "  coordination_redis: {host: g, ssl: true}\n",
         {{"REDIS_HOST", "e"}},
         "general_settings.coordination_redis|g:6379|-:-@0|tls ca=- cert=- key=-",
         NULL},
        {PARAMS "    host: c\n" ROUTER "  redis_host: r\n",
         {{"REDIS_URL", "redis://e"}},
         "router_settings|r:6379|-:-@0|",
         NULL},
        {PARAMS "    host: c\n",
         {{"REDIS_URL", "redis://e"}},
         "litellm_settings.cache_params|c:6379|-:-@0|",
         NULL},
        {PARAMS "    type: redis\n",
         {{"REDIS_HOST", "e"}, {"REDIS_PORT", "9"}},
         "the environment|e:9|-:-@0|",
         NULL},
        {PARAMS "    type: local\n    host: c\n",
         {{"REDIS_HOST", "e"}},
         "the environment|e:6379|-:-@0|",
         NULL},
    };
    CHECK_ALL(rows);
}

static void the_environment_completes(void **state)
{
    static const struct row rows[] = {
        {ROUTER "  redis_host: h\n",
         {{"REDIS_PASSWORD", "p"},
          {"REDIS_USERNAME", "u"},
          {"REDIS_DB", "2"},
          {"REDIS_SSL", "True"}},
         "router_settings|h:6379|u:p@2|tls ca=- cert=- key=-",
         NULL},
        {ROUTER "  redis_host: h\n  redis_password: own\n",
         {{"REDIS_PASSWORD", "p"}},
         "router_settings|h:6379|-:own@0|",
         NULL},
        {ROUTER "  redis_url: redis://h\n",
         {{"REDIS_PASSWORD", "p"}},
         "router_settings|h:6379|-:-@0|",
         NULL},
        {ROUTER "  redis_host: os.environ/SOME\n",
         {{"SOME", "there"}},
         "router_settings|there:6379|-:-@0|",
         NULL},
    };
    CHECK_ALL(rows);
}

static void urls(void **state)
{
    static const struct row rows[] = {
        {"",
         {{"REDIS_URL", "redis://"}},
         NULL,
         "E0 REDIS_URL: expected host or host:port behind the scheme\n"},
        {"", {{"REDIS_URL", "redis://h:70/4"}}, "the environment|h:70|-:-@4|", NULL},
        {"", {{"REDIS_URL", "redis://:p%40ss@h"}}, "the environment|h:6379|-:p@ss@0|", NULL},
        {"", {{"REDIS_URL", "redis://u:a:b@h/"}}, "the environment|h:6379|u:a:b@0|", NULL},
        {"", {{"REDIS_URL", "redis://[::1]:80"}}, "the environment|::1:80|-:-@0|", NULL},
        {"", {{"REDIS_URL", "valkey://[fe80::1]"}}, "the environment|fe80::1:6379|-:-@0|", NULL},
        {"",
         {{"REDIS_URL", "rediss://h?ssl_cert_reqs=none&ssl_ca_certs=/ca"}},
         "the environment|h:6379|-:-@0|tls unverified ca=/ca cert=- key=-",
         NULL},
        {"",
         {{"REDIS_URL", "unix://u:p@/run/redis.sock?db=5"}},
         "the environment|/run/redis.sock|u:p@5|",
         NULL},
        {"", {{"REDIS_URL", "unix:///run/a@b"}}, "the environment|/run/a@b|-:-@0|", NULL},
        {"",
         {{"REDIS_URL", "http://h"}},
         NULL,
         "E0 REDIS_URL: expected redis://, rediss:// or unix://\n"},
        {"",
         {{"REDIS_URL", "redis://u:p%4@h"}},
         NULL,
         "E0 REDIS_URL: its user or password is not encoded as in a URL\n"},
        {"",
         {{"REDIS_URL", "redis://u:p%00@h"}},
         NULL,
         "E0 REDIS_URL: its user or password is not encoded as in a URL\n"},
        {"",
         {{"REDIS_URL", "redis://h:0"}},
         NULL,
         "E0 REDIS_URL: expected host or host:port behind the scheme\n"},
        {"",
         {{"REDIS_URL", "redis://h/x"}},
         NULL,
         "E0 REDIS_URL: expected the number of a database behind the host\n"},
        {"",
         {{"REDIS_URL", "redis://h?db=-1"}},
         NULL,
         "E0 REDIS_URL: its query cannot be understood\n"},
        {"",
         {{"REDIS_URL", "unix://socket"}},
         NULL,
         "E0 REDIS_URL: expected an absolute path behind unix://\n"},
        {ROUTER "  redis_url: redis://[::1\n",
         {{NULL}},
         NULL,
         "E2 router_settings.redis_url: expected host or host:port behind the scheme\n"},
    };
    CHECK_ALL(rows);
}

static void sentinels_and_clusters(void **state)
{
    static const struct row rows[] = {
        {PARAMS "    type: redis\n    sentinel_nodes: [[a, 1], \"b:2\", {host: c, port: 3}]\n"
                "    service_name: mine\n    sentinel_password: s\n    password: p\n",
         {{NULL}},
         "litellm_settings.cache_params|a:1,b:2,c:3(mine -:s)|-:p@0|",
         NULL},
        {"",
         {{"REDIS_SENTINEL_NODES", "[[\"a\", 1], [\"b\", 2]]"}, {"REDIS_SERVICE_NAME", "mine"}},
         "the environment|a:1,b:2(mine -:-)|-:-@0|",
         NULL},
        {"",
         {{"REDIS_SENTINEL_NODES", "a:1, b:2"}, {"REDIS_SERVICE_NAME", "mine"}},
         "the environment|a:1,b:2(mine -:-)|-:-@0|",
         NULL},
        {PARAMS "    redis_startup_nodes: [{host: a, port: 1}, {host: b, port: 2}]\n",
         {{NULL}},
         "litellm_settings.cache_params|a:1,b:2|-:-@0|",
         NULL},
        {"",
         {{"REDIS_CLUSTER_NODES", "[{\"host\": \"a\", \"port\": 1}]"}},
         "the environment|a:1|-:-@0|",
         NULL},
        {PARAMS "    sentinel_nodes: [[a, 1]]\n",
         {{NULL}},
         NULL,
         "E0 REDIS_SERVICE_NAME: is missing: the name under which the sentinels know the master\n"},
        {PARAMS "    sentinel_nodes: [a]\n",
         {{NULL}},
         NULL,
         "E3 litellm_settings.cache_params.sentinel_nodes: expected a list of at most 16 nodes: "
         "host:port, [host, port] or {host, port}\n"},
    };
    CHECK_ALL(rows);
}

static void bad_values(void **state)
{
    static const struct row rows[] = {
        {ROUTER "  redis_host: h\n  redis_port: 70000\n",
         {{NULL}},
         NULL,
         "E3 router_settings.redis_port: expected a number in its range\n"},
        {ROUTER "  redis_host: h\n",
         {{"REDIS_PORT", "x"}},
         NULL,
         "E0 REDIS_PORT: expected a number in its range\n"},
        {ROUTER "  redis_host: h\n",
         {{"REDIS_SSL", "perhaps"}},
         NULL,
         "E0 REDIS_SSL: expected true or false\n"},
        {PARAMS "    host: h\n    socket_timeout: 0\n",
         {{NULL}},
         NULL,
         "E4 litellm_settings.cache_params.socket_timeout: expected seconds, more than 0 and at "
         "most 600\n"},
        {PARAMS "    type: redis\n",
         {{NULL}},
         NULL,
         "E3 litellm_settings.cache_params.type: needs an address: url, host or sentinel_nodes "
         "here, or REDIS_URL or REDIS_HOST in the environment\n"},
        {GENERAL "  shared_namespace: \"a}b\"\n",
         {{NULL}},
         NULL,
         "E2 general_settings.shared_namespace: expected at most 100 bytes without braces\n"},
    };
    CHECK_ALL(rows);
}

static void what_is_ours(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = load(&w, GENERAL "  shared_patience: 0.2\n  shared_namespace: blue\n"
                                        "  fail_closed_rate_limit_enforcement: true\n");
    assert_string_equal(world_problems(c), "");
    assert_true(c->redis.patience > 0.19 && c->redis.patience < 0.21);
    assert_string_equal(c->redis.name_space, "blue");
    assert_true(c->redis.fail_closed);
    config_unref(c);
    c = load(&w, "");
    assert_true(c->redis.patience > 0.049 && c->redis.patience < 0.051);
    assert_false(c->redis.fail_closed);
    config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_names_one),
        cmocka_unit_test(the_first_that_names_one_counts),
        cmocka_unit_test(the_environment_completes),
        cmocka_unit_test(urls),
        cmocka_unit_test(sentinels_and_clusters),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(what_is_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
