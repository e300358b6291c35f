#include "aws/identity.h"
#include "wire/crypto.h"

/* ---- key ----------------------------------------------------------------------------------- */

#define KEY_TEXT_MAX (256u * 1024)

/* With its length in front, so that no two lists of texts look alike. */
static void add(struct buf *b, struct slice s)
{
    buf_addf(b, "%zu:", s.n);
    buf_add(b, s);
}

static void add_identity(struct buf *b, const struct aws_identity *id)
{
    for (; id; id = id->source) {
        buf_addf(b, "%d,%d,%d,%u,%u;", (int)id->kind, id->may_be_own, id->no_v1, id->timeout_ms,
                 id->attempts);
        add(b, id->keys.access_key_id);
        add(b, id->keys.secret_access_key);
        add(b, id->keys.session_token);
        for (int i = 0; i < AWS_TEXTS; i++)
            add(b, id->text[i]);
    }
}

static struct slice make_key(const struct aws_identity *id, struct arena *a)
{
    char key[HEX_SIZE(SHA256_SIZE)];
    struct buf b;
    buf_init(&b, KEY_TEXT_MAX);
    add_identity(&b, id);
    sha256_hex(buf_slice(&b), key);
    buf_fini(&b);
    return arena_dup(a, slice_of(key));
}

/* ---- copy ---------------------------------------------------------------------------------- */

const struct aws_identity *aws_identity_copy(const struct aws_identity *id, struct arena *a)
{
    struct aws_identity *to = ARENA_NEW(a, struct aws_identity);
    *to = *id;
    to->name = arena_strdup(a, slice_of(id->name));
    to->tried = arena_strdup(a, slice_of(id->tried));
    to->keys.access_key_id = arena_dup(a, id->keys.access_key_id);
    to->keys.secret_access_key = arena_dup(a, id->keys.secret_access_key);
    to->keys.session_token = arena_dup(a, id->keys.session_token);
    for (int i = 0; i < AWS_TEXTS; i++)
        to->text[i] = arena_dup(a, id->text[i]);
    to->key = make_key(id, a);
    if (id->source)
        to->source = aws_identity_copy(id->source, a);
    return to;
}
