#include "report_keys.h"

#include "admin.h"

static void select_keys(struct store_job *job, struct slice list)
{
    static const char *const columns[] = {"token", "user_id", "team_id"};
    static const enum store_table_id tables[] = {TABLE_VERIFICATION_TOKEN,
                                                 TABLE_DELETED_VERIFICATION_TOKEN};
    struct store_where where = admin_where_in("token", list);
    for (size_t i = 0; i < 2; i++)
        store_select(job, &(struct store_query){.table = tables[i],
                                                .columns = columns,
                                                .column_count = 3,
                                                .where = &where,
                                                .where_count = 1});
}

size_t report_keys_select(struct exchange *ex, struct store_job *job,
                          const struct store_rows *const *answers, size_t n)
{
    struct admin_texts list;
    struct map seen;
    size_t statements = 0;
    map_init(&seen);
    admin_texts_begin(&list);
    for (size_t a = 0; a < n; a++)
        for (size_t i = 0; i < answers[a]->count; i++) {
            struct slice key = store_rows_text(answers[a], i, "api_key");
            if (!key.n || map_get(&seen, key))
                continue;
            map_put(&seen, key, &seen);
            admin_texts_add(&list, key);
            if (seen.count % STORE_LIST_MAX)
                continue;
            select_keys(job, admin_texts_end(&list, &ex->arena));
            statements += 2;
            admin_texts_begin(&list);
        }
    select_keys(job, admin_texts_end(&list, &ex->arena));
    map_fini(&seen);
    return statements + 2;
}

void report_keys_init(struct report_keys *k, struct exchange *ex, size_t statements)
{
    map_init(&k->rows);
    for (size_t s = 0; s < statements; s++) {
        const struct store_rows *rows = ask_rows(ex, s);
        for (size_t i = 0; i < rows->count; i++) {
            struct slice token = store_rows_text(rows, i, "token");
            struct report_key *key = ARENA_NEW(&ex->arena, struct report_key);
            *key = (struct report_key){store_rows_text(rows, i, "user_id"),
                                       store_rows_text(rows, i, "team_id")};
            if (!map_get(&k->rows, token)) /* live ones come first */
                map_put(&k->rows, token, key);
        }
    }
}

void report_keys_fini(struct report_keys *k)
{
    map_fini(&k->rows);
}

const struct report_key *report_keys_find(const struct report_keys *k, struct slice key)
{
    return map_get(&k->rows, key);
}
