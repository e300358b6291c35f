#include "http1_body.h"

bool http_is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!http1_is_token_char(s.p[i]))
            return false;
    return s.n;
}

bool http_is_visible(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return true;
}

bool http_is_line(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return true;
}

unsigned http_header_traits(struct slice name)
{
    static const struct {
        struct slice name;
        unsigned traits;
    } known[] = {
        {{"api-key", 7}, HTTP_HAS_KEY},
        {{"authorization", 13}, HTTP_HAS_KEY},
        {{"connection", 10}, HTTP_OF_HOP},
        {{"content-length", 14}, HTTP_OF_HOP},
        {{"cookie", 6}, HTTP_HAS_KEY},
        {{"expect", 6}, HTTP_OF_HOP},
        {{"host", 4}, HTTP_OF_HOP},
        {{"keep-alive", 10}, HTTP_OF_HOP},
        {{"ocp-apim-subscription-key", 25}, HTTP_HAS_KEY},
        {{"proxy-authenticate", 18}, HTTP_OF_HOP},
        {{"proxy-authorization", 19}, HTTP_OF_HOP | HTTP_HAS_KEY},
        {{"proxy-connection", 16}, HTTP_OF_HOP},
        {{"te", 2}, HTTP_OF_HOP},
        {{"trailer", 7}, HTTP_OF_HOP},
        {{"transfer-encoding", 17}, HTTP_OF_HOP},
        {{"upgrade", 7}, HTTP_OF_HOP},
        {{"x-amz-security-token", 20}, HTTP_HAS_KEY},
        {{"x-api-key", 9}, HTTP_HAS_KEY},
        {{"x-goog-api-key", 14}, HTTP_HAS_KEY},
        {{"x-litellm-api-key", 17}, HTTP_HAS_KEY},
        {{"x-litellm-key", 13}, HTTP_HAS_KEY},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (slice_eq_nocase(name, known[i].name))
            return known[i].traits;
    return 0;
}
