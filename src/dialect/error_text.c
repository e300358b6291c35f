#include "error_text.h"

void error_text_write(struct json_writer *w, const struct failure *f)
{
    if (f->upstream) {
        json_string_part(w, SLICE("litellm."));
        json_string_part(w, slice_of(failure_class(f)));
        json_string_part(w, SLICE(": BedrockException - "));
    }
    json_string_part(w, f->message);
}
