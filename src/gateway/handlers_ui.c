/* The admin UI's files: /ui, the page; /ui/HASH/…, what it is made of.
 *
 * Happy path: a file of the table is the answer, compressed for those who take it so; one below the
 * hash never changes and is kept by browsers for good. Failure modes: no such file, or one of
 * another build (404: the page is loaded anew). */

#include "ask.h"
#include "detail.h"
#include "handlers.h"

#include "ui_files.h"
#include "wire/gzip.h"

#define KEPT  "public, max-age=31536000, immutable"
#define ASKED "no-cache" /* kept, but asked for each time by its ETag */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "                   \
    "frame-ancestors 'none'"

static const struct ui_file *find(struct slice name)
{
    for (size_t i = 0; i < ui_file_count; i++)
        if (slice_eq(name, slice_of(ui_files[i].name)))
            return &ui_files[i];
    return NULL;
}

static void give(struct exchange *ex, const struct ui_file *file, struct slice caching,
                 struct buf *body)
{
    struct http_headers asked = ex->head->headers;
    const struct http_header headers[] = {
        {SLICE("cache-control"), caching},
        {SLICE("etag"), slice_of(file->etag)},
        {SLICE("content-security-policy"), SLICE(POLICY)},
        {SLICE("referrer-policy"), SLICE("no-referrer")},
        {SLICE("x-frame-options"), SLICE("DENY")},
        {SLICE("cross-origin-opener-policy"), SLICE("same-origin")},
    };
    ex->own.type = slice_of(file->type);
    ask_headers(ex, headers, sizeof(headers) / sizeof(*headers));
    if (slice_eq(http_header_get(asked, "if-none-match"), slice_of(file->etag))) {
        ex->own.status = 304;
        return;
    }
    ex->own.packed = gzip_accepted(http_header_get(asked, "accept-encoding"));
    buf_add(body, ex->own.packed ? file->packed : file->plain);
}

void handle_ui(struct exchange *ex, struct buf *body)
{
    if (ex->config->settings.ui_disabled) {
        failure_set(&ex->failure, &ex->arena, FAILURE_NOT_FOUND, 404,
                    "The admin UI is disabled (DISABLE_ADMIN_UI).");
        return;
    }
    give(ex, find(SLICE("index.html")), SLICE(ASKED), body);
}

/* The same page, which shows the reference there, to everybody. */
void handle_docs(struct exchange *ex, struct buf *body)
{
    give(ex, find(SLICE("index.html")), SLICE(ASKED), body);
}

void handle_robots(struct exchange *ex, struct buf *body)
{
    if (!ex->config->settings.block_robots) {
        detail_refuse(ex, 404, SLICE("Not Found"));
        return;
    }
    ex->own.type = SLICE("text/plain");
    BUF_LITERAL(body, "User-agent: *\nDisallow: /\n");
}

void handle_ui_file(struct exchange *ex, struct buf *body)
{
    struct slice name = ex->route_item, folder = slice_split(&name, '/');
    const struct ui_file *file = slice_eq(folder, slice_of(ui_folder)) ? find(name) : NULL;
    if (file)
        give(ex, file, SLICE(KEPT), body);
    else
        detail_refuse(ex, 404, SLICE("Not Found"));
}
