/* Includes and their merging, and the real files and environment of the system. */

#include "check.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODEL(name)                                                                                \
    "model_list: [{model_name: " name                                                              \
    ", litellm_params: {model: bedrock/x.y, aws_region_name: r}}]\n"

static void including(void **state)
{
    struct world w;
    world_init(&w);
    world_file(&w, "models.yaml", MODEL("b") "litellm_settings: {drop_params: true}\n");
    world_file(&w, "sub/more.yaml", "include: [deep.yaml]\n" MODEL("c"));
    world_file(&w, "sub/deep.yaml",
               MODEL("d") "general_settings: {master_key: k, idle_timeout: 9}\n");
    struct config *c = world_load(&w, "include: [./models.yaml, sub/more.yaml]\n" MODEL(
                                          "a") "litellm_settings: {json_logs: true}\n"
                                               "general_settings: {master_key: first}\n");
    (void)state;
    assert_string_equal(world_problems(c), "Wsub/deep.yaml:2 general_settings.master_key: replaces "
                                           "the value of c.yaml line 4\n");
    assert_int_equal(c->deployment_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(c->deployments[i].model_name[0], "abcd"[i]);
    assert_true(c->settings.drop_params && c->settings.json_logs);
    assert_string_equal(c->settings.master_key, "k");
    assert_float_equal(c->settings.idle_timeout, 9, 0);
    config_unref(c);
}

/* Shared nodes stay as they are: what is merged is a copy. */
static void merging_into_aliases(void **state)
{
    struct world w;
    world_init(&w);
    world_file(&w, "b.yaml", "general_settings: {idle_timeout: 9}\n");
    struct config *c = world_load(&w, MODEL("a") "include: [b.yaml]\n"
                                                 "general_settings: &x {idle_timeout: 5}\n"
                                                 "mcp_servers: *x\n");
    (void)state;
    assert_string_equal(
        world_problems(c),
        "W4 mcp_servers: is accepted but has no effect yet\n"
        "Wb.yaml:1 general_settings.idle_timeout: replaces the value of c.yaml line 3\n");
    assert_float_equal(c->settings.idle_timeout, 9, 0);
    config_unref(c);
}

static void refusals(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_file(&w, "self.yaml", "include: [self.yaml]\n");
    world_file(&w, "one.yaml", "include: [./two.yaml]\n");
    world_file(&w, "two.yaml", "include: [one.yaml]\n");
    world_file(&w, "bad.yaml", "a: [\n");
    world_expect(&w, MODEL("a") "include: [c.yaml]\n", "E2 include[0]: c.yaml includes itself\n");
    world_expect(&w, MODEL("a") "include: [self.yaml]\n",
                 "Eself.yaml:1 include[0]: self.yaml includes itself\n");
    world_expect(&w, MODEL("a") "include: [one.yaml]\n",
                 "Etwo.yaml:1 include[0]: one.yaml includes itself\n");
    world_expect(&w, MODEL("a") "include:\n- nosuch.yaml\n- [x]\n- ''\n",
                 "E3 include[0]: cannot read nosuch.yaml: No such file or directory\n"
                 "E4 include[1]: expected the name of a file, got a list\n"
                 "E5 include[2]: expected the name of a file, got a string\n");
    world_expect(&w, MODEL("a") "include: x.yaml\n", "E2 include: expected a list, got a string\n");
    world_expect(&w, MODEL("a") "include: [bad.yaml]\n",
                 "Ebad.yaml:2 not valid YAML: did not find expected node content, while parsing a "
                 "flow node\n");
}

static void files_are_counted(void **state)
{
    struct world w;
    struct buf b;
    (void)state;
    buf_init(&b, 4096);
    BUF_LITERAL(&b, MODEL("a") "include: [");
    for (int i = 0; i < CONFIG_MAX_FILES; i++)
        BUF_LITERAL(&b, "e.yaml, ");
    BUF_LITERAL(&b, "]\n");
    buf_add_char(&b, '\0');
    world_init(&w);
    world_file(&w, "e.yaml", "");
    world_expect(&w, b.p, "E2 include[63]: more than 64 files\n");
    buf_fini(&b);
}

/* ---- the real world ------------------------------------------------------------------------ */

static char folder[] = "/tmp/lintel-config-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"main.yaml", "more.yaml", "large.yaml"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlink(path_of(names[i]));
    return rmdir(folder);
}

static void real_files(void **state)
{
    (void)state;
    write_file("main.yaml", "include: [more.yaml]\nenvironment_variables: {LINTEL_TEST_A: b}\n");
    write_file("more.yaml", MODEL("os.environ/LINTEL_TEST_A"));
    struct config *c = config_load(path_of("main.yaml"));
    assert_int_equal(c->errors, 0);
    assert_string_equal(c->deployments[0].model_name, "b");
    assert_string_equal(getenv("LINTEL_TEST_A"), "b");
    unsetenv("LINTEL_TEST_A");
    config_unref(c);
    c = config_load("/nonexistent/lintel.yaml");
    assert_int_equal(c->errors, 1);
    assert_string_equal(c->problems->text,
                        "cannot read /nonexistent/lintel.yaml: No such file or directory");
    assert_string_equal(c->problems->file, "/nonexistent/lintel.yaml");
    assert_int_equal(c->problems->line, 0);
    config_unref(c);
}

static void files_have_a_size(void **state)
{
    (void)state;
    write_file("large.yaml", "a: b\n");
    assert_int_equal(truncate(path_of("large.yaml"), CONFIG_MAX_FILE_SIZE + 1), 0);
    struct config *c = config_load(path_of("large.yaml"));
    assert_int_equal(c->errors, 1);
    assert_non_null(strstr(c->problems->text, "larger than 16 MiB"));
    config_unref(c);
    c = config_load(folder);
    assert_int_equal(c->errors, 1);
    assert_non_null(strstr(c->problems->text, "Is a directory"));
    config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(including),  cmocka_unit_test(merging_into_aliases),
        cmocka_unit_test(refusals),   cmocka_unit_test(files_are_counted),
        cmocka_unit_test(real_files), cmocka_unit_test(files_have_a_size),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
