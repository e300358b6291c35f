#ifndef GATEWAY_API_TEXT_H
#define GATEWAY_API_TEXT_H

/* What the API reference says of a route beside what its row in routes.c says: the texts that
 * /openapi.json is made of. Every route has one; a unit test walks them. */

#include "admin.h"
#include "routes.h"

/* Members of a body, or parameters of a query: "name name:i name!:b", separated by spaces. The
 * letter behind the colon is the type: i(nteger), n(umber), b(oolean), o(bject), l(ist), t (a list
 * of texts), a(ny); without one it is a text. "!": it must be there. */
struct api_text {
    const char *method;
    const char *path; /* of the route, or how it ends, from a '/' on: the longest counts */
    const char *group, *summary;
    const char *query;                 /* NULL: none */
    const char *body;                  /* NULL: none, but for `fields` */
    const struct admin_fields *fields; /* more members of the body: what clients may say of it */
    const char *example;               /* of the body, JSON */
    const char *answer;                /* its type; NULL: application/json */
};

/* NULL: there is none. */
const struct api_text *api_text_find(const struct route *route);

const struct api_text *api_text_at(size_t i); /* NULL: no more */

/* The next of such a list. False: no more. */
struct api_member {
    struct slice name;
    char type; /* 's': a text */
    bool needed;
};
bool api_member_next(struct slice *list, struct api_member *m);

#endif
