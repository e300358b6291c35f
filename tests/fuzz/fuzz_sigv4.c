/* SigV4 over any request: it ends, stays in its memory, and neither the order of the headers nor
 * that of the query pairs, nor a kept key, changes the signature.
 * Input: lines "method", "path", "query", "secret", then one "name:value" a header. */

#include "wire/sigv4.h"

#include <stdlib.h>

#define HEADERS_MAX 64
#define EMPTY_HASH  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t read_headers(struct slice rest, struct http_header headers[HEADERS_MAX])
{
    size_t n = 0;
    while (rest.p && n < HEADERS_MAX) {
        struct slice value = slice_split(&rest, '\n');
        struct slice name = slice_split(&value, ':');
        headers[n++] = (struct http_header){name, value};
    }
    return n;
}

/* Moves the first header to the end, unless its name comes again: then the order means something.
 */
static void rotate_headers(struct http_header *headers, size_t n)
{
    struct http_header first = headers[0];
    for (size_t i = 1; i < n; i++)
        if (slice_eq_nocase(headers[i].name, first.name))
            return;
    for (size_t i = 1; i < n; i++)
        headers[i - 1] = headers[i];
    headers[n - 1] = first;
}

/* Moves the first pair to the end. */
static struct slice rotate_query(struct slice query, struct arena *a)
{
    struct slice rest = query;
    struct slice first = slice_split(&rest, '&');
    if (!rest.p)
        return query;
    return arena_printf(a, "%.*s&%.*s", SLICE_ARG(rest), SLICE_ARG(first));
}

static struct slice sign(const struct sigv4_request *r, struct slice secret, struct sigv4_key *key,
                         struct arena *a)
{
    const struct aws_credentials credentials = {SLICE("AKID"), secret, {NULL, 0}};
    return sigv4_authorization(r, &credentials, SLICE("eu-west-1"), SLICE("bedrock"),
                               "20261120T234700Z", key, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_header headers[HEADERS_MAX];
    struct sigv4_key fresh = {0}, kept = {0};
    struct slice rest = slice_make((const char *)data, size), secret;
    struct sigv4_request r = {.payload_hash = EMPTY_HASH};
    struct arena a;
    for (size_t i = 0; i < size; i++)
        if (!data[i])
            return 0; /* arena_printf ends there; nothing the gateway signs holds a NUL */
    arena_init(&a);
    r.method = slice_split(&rest, '\n');
    r.path = slice_split(&rest, '\n');
    r.query = slice_split(&rest, '\n');
    secret = slice_split(&rest, '\n');
    r.headers = (struct http_headers){headers, read_headers(rest, headers)};
    sign(&r, SLICE("another secret"), &kept, &a);
    struct slice first = sign(&r, secret, &fresh, &a);
    if (r.headers.n)
        rotate_headers(headers, r.headers.n);
    r.query = rotate_query(r.query, &a);
    if (!slice_eq(first, sign(&r, secret, &kept, &a)))
        abort();
    arena_fini(&a);
    return 0;
}
