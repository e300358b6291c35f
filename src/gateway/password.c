/* Checking and storing passwords, away from the loop.
 *
 * Happy path: the words are copied into a job, a thread of libuv's pool derives the key, the job's
 * end is deposited, and `next` compares or keeps it. Failure modes: too many at once (503); a
 * client that leaves, whose job frees itself at its end. */

#include "password.h"

#include "base/text.h"
#include "wire/crypto.h"
#include "worker_private.h"

#include <stdlib.h>

#define PREFIX SLICE("scrypt:")
#define SALT   16
#define KEY    32
#define LONGER 64 /* what Python derives unless told otherwise */

struct password_job {
    uv_work_t work;
    struct worker *worker;
    struct exchange *ex; /* NULL: gone */
    size_t salt_n, key_n, word_n;
    uint8_t salt[SALT], key[LONGER], wanted[LONGER];
    char word[PASSWORD_MAX];
    bool known; /* there is something to compare with */
    bool done;
};

/* ---- the job --------------------------------------------------------------------------------- */

static void derive(uv_work_t *work)
{
    struct password_job *j = work->data;
    scrypt(slice_make(j->word, j->word_n), slice_make((const char *)j->salt, SALT), j->key,
           j->key_n);
}

static void forget(struct password_job *j)
{
    explicit_bzero(j->word, sizeof(j->word));
    free(j);
}

static void on_derived(uv_work_t *work, int status)
{
    struct password_job *j = work->data;
    (void)status;
    j->worker->passwords--;
    j->done = true;
    if (j->ex)
        exchange_deposit(j->ex, 0);
    else
        forget(j);
}

static bool is_done(struct exchange *ex)
{
    return ex->own.password->done;
}

static void end(struct exchange *ex)
{
    struct password_job *j = ex->own.password;
    ex->own.password = NULL;
    if (j->done)
        forget(j);
    else
        j->ex = NULL;
}

/* NULL: the failure is set. */
static struct password_job *job_new(struct exchange *ex, struct slice word)
{
    struct password_job *j;
    if (ex->worker->passwords == PASSWORD_JOBS_MAX) {
        failure_set(&ex->failure, &ex->arena, FAILURE_UNAVAILABLE, 503,
                    "Too many passwords are being checked.");
        ex->failure.retry_after_s = 1;
        return NULL;
    }
    j = calloc(1, sizeof(*j));
    if (!j)
        abort();
    j->worker = ex->worker;
    j->ex = ex;
    j->key_n = KEY;
    j->word_n = word.n < PASSWORD_MAX ? word.n : PASSWORD_MAX;
    memcpy(j->word, word.p ? word.p : "", j->word_n);
    random_bytes(j->salt, SALT);
    return j;
}

static void start(struct exchange *ex, struct password_job *j, answer_next *next)
{
    ask_wait(ex, is_done, next, end);
    ex->own.password = j;
    if (j->done)
        return;
    j->work.data = j;
    ex->worker->passwords++;
    if (uv_queue_work(&ex->worker->loop, &j->work, derive, on_derived) != 0)
        abort();
}

/* ---- what is stored -------------------------------------------------------------------------- */

static void read_scrypt(struct exchange *ex, struct password_job *j, struct slice text)
{
    struct slice bytes;
    if (!base64_decode(text, &ex->arena, &bytes) || bytes.n <= SALT || bytes.n > SALT + LONGER)
        return;
    j->key_n = bytes.n - SALT;
    memcpy(j->salt, bytes.p, SALT);
    memcpy(j->wanted, bytes.p + SALT, j->key_n);
    j->known = true;
}

/* Such a digest is there at once. */
static void read_digest(struct password_job *j, struct slice hex)
{
    if (hex.n != 2 * SHA256_SIZE)
        return;
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        int high = text_hex_digit(hex.p[2 * i]), low = text_hex_digit(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return;
        j->wanted[i] = (uint8_t)(high << 4 | low);
    }
    sha256(slice_make(j->word, j->word_n), j->key);
    j->key_n = SHA256_SIZE;
    j->known = j->done = true;
}

void password_check(struct exchange *ex, struct slice stored, struct slice word, answer_next *next)
{
    struct password_job *j = job_new(ex, word);
    if (!j)
        return;
    if (slice_starts(stored, PREFIX))
        read_scrypt(ex, j, slice_skip(stored, PREFIX.n));
    else
        read_digest(j, stored);
    if (word.n > PASSWORD_MAX)
        j->known = false;
    start(ex, j, next);
}

bool password_is_right(const struct exchange *ex)
{
    const struct password_job *j = ex->own.password;
    struct slice key = slice_make((const char *)j->key, j->key_n);
    return ct_equal(key, slice_make((const char *)j->wanted, j->key_n)) && j->known;
}

void password_seal(struct exchange *ex, struct slice word, answer_next *next)
{
    struct password_job *j = job_new(ex, word);
    if (j)
        start(ex, j, next);
}

struct slice password_sealed(struct exchange *ex)
{
    const struct password_job *j = ex->own.password;
    uint8_t bytes[SALT + KEY];
    struct buf text;
    struct slice sealed;
    memcpy(bytes, j->salt, SALT);
    memcpy(bytes + SALT, j->key, KEY);
    buf_init(&text, 4 * sizeof(bytes));
    base64_encode(slice_make((const char *)bytes, sizeof(bytes)), &text);
    sealed = ARENA_JOIN(&ex->arena, PREFIX, buf_slice(&text));
    buf_fini(&text);
    return sealed;
}

/* ---- a new one ------------------------------------------------------------------------------- */

static bool has(struct slice word, char low, char high)
{
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] >= low && word.p[i] <= high)
            return true;
    return false;
}

static bool has_sign(struct slice word)
{
    return has(word, '!', '/') || has(word, ':', '@') || has(word, '[', '`') || has(word, '{', '~');
}

/* What the settings want of it and it has not; NULL: nothing. */
static const char *missing(const struct settings *s, struct slice word)
{
    if ((s->password_lower && !has(word, 'a', 'z')) || (s->password_upper && !has(word, 'A', 'Z')))
        return "password: small and capital letters are wanted";
    if (s->password_digit && !has(word, '0', '9'))
        return "password: a digit is wanted";
    return s->password_sign && !has_sign(word) ? "password: a sign such as ! or - is wanted" : NULL;
}

bool password_read(struct exchange *ex, yyjson_val *body, struct slice *word)
{
    const struct settings *s = &ex->config->settings;
    yyjson_val *v = json_get(body, "password");
    const char *why;
    *word = slice_make(NULL, 0);
    if (!v || yyjson_is_null(v))
        return true;
    *word = json_slice(v);
    if (!word->n || (int64_t)word->n < s->password_min || word->n > PASSWORD_MAX)
        return failure_bad_param(&ex->failure, &ex->arena, "password",
                                 "password: a text of %lld to %d characters is wanted",
                                 (long long)(s->password_min > 1 ? s->password_min : 1),
                                 PASSWORD_MAX);
    why = missing(s, *word);
    return !why || failure_bad_param(&ex->failure, &ex->arena, "password", "%s", why);
}
