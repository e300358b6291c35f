#include "auth.h"

#include "wire/crypto.h"

#define KEY_MIN 8 /* characters; shorter keys count as weak */

static struct slice bearer(struct slice value)
{
    struct slice v = slice_trim(value), scheme = SLICE("Bearer ");
    return slice_starts_nocase(v, scheme) ? slice_trim(slice_skip(v, scheme.n)) : v;
}

struct slice auth_key(const struct config *c, const struct http_head *head)
{
    const char *names[] = {c->settings.litellm_key_header_name, "x-litellm-api-key",
                           "authorization", "x-api-key", "api-key"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct slice v = names[i] ? http_header_get(head->headers, names[i]) : slice_make(NULL, 0);
        if (v.n)
            return bearer(v);
    }
    return slice_make(NULL, 0);
}

static bool refuse(struct failure *f, struct arena *a, const char *why)
{
    failure_set(f, a, FAILURE_AUTHENTICATION, 401, "Authentication Error, %s", why);
    f->param = SLICE("None"); /* as LiteLLM's clients know it */
    f->param_shown = true;
    return false;
}

bool auth_check(const struct config *c, const struct http_head *head, struct arena *a,
                struct failure *f)
{
    struct slice master = slice_of(c->settings.master_key);
    struct slice key = auth_key(c, head);
    if (!master.n)
        return true;
    if (!key.n)
        return refuse(f, a, "No api key passed in.");
    return ct_equal(key, master) || refuse(f, a, "Invalid proxy server token passed.");
}

bool auth_key_is_weak(const char *master_key)
{
    static const char *const samples[] = {"sk-litellm-test-key", "sk-1234", "sk-master-key",
                                          "sk-12345678", "changeme"};
    struct slice key = slice_of(master_key);
    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++)
        if (slice_eq(key, slice_of(samples[i])))
            return true;
    return key.n < KEY_MIN;
}
