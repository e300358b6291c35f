#include "api_document.h"
#include "api_text.h"
#include "handlers.h"

void handle_openapi(struct exchange *ex, struct buf *body)
{
    (void)ex;
    api_document_write(body);
}

/* As LiteLLM lists them; `name` and `endpoint` say what there is to say of a route here. */
void handle_routes(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    (void)ex;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "routes");
    json_array(&w);
    for (size_t i = 0; routes_at(i); i++) {
        const struct route *r = routes_at(i);
        const struct api_text *t = api_text_find(r);
        json_object(&w);
        json_member_string(&w, "path", slice_of(r->path));
        json_key(&w, "methods");
        json_array(&w);
        json_string(&w, slice_of(r->method));
        json_array_end(&w);
        json_member_string(&w, "name", slice_of(t ? t->summary : ""));
        json_member_string(&w, "endpoint", slice_of(t ? t->group : ""));
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
}

void handle_redoc(struct exchange *ex, struct buf *body)
{
    struct http_header *to = arena_alloc(&ex->arena, sizeof(*to));
    (void)body;
    *to = (struct http_header){SLICE("location"), SLICE("docs")};
    ex->own.headers = (struct http_headers){to, 1};
    ex->own.status = 307;
}
