#ifndef WIRE_EVENTSTREAM_H
#define WIRE_EVENTSTREAM_H

/* application/vnd.amazon.eventstream: the frames of Bedrock's streamed answers.
 * Frame: total length (4 bytes, big endian), headers length (4), CRC-32 of those 8, headers,
 * payload, CRC-32 of all before. Header: name length (1), name, type (1), value; string (type 7)
 * has a 2-byte length. Source: AWS event stream encoding; caps are botocore's (headers 128 KiB,
 * payload 24 MiB). Both CRCs are always checked. Pure; fed with any split of the bytes.
 * Memory: what arrived of one cut frame, up to those caps; more than 64 KiB is not kept. */

#include "base/buf.h"

#define EVENTSTREAM_HEADERS_MAX (128u * 1024)
#define EVENTSTREAM_PAYLOAD_MAX (24u * 1024 * 1024)

struct eventstream_message {
    struct slice message_type;   /* :message-type   "event", "exception" or "error" */
    struct slice event_type;     /* :event-type     "contentBlockDelta", … */
    struct slice exception_type; /* :exception-type "throttlingException", … */
    struct slice error_code;     /* :error-code, with message type "error" */
    struct slice error_message;  /* :error-message */
    struct slice content_type;   /* :content-type */
    struct slice payload;
    struct slice frame; /* all of it, as it came */
};

enum eventstream_error {
    ES_OK,
    ES_BAD_PRELUDE, /* prelude CRC wrong */
    ES_BAD_MESSAGE, /* message CRC wrong */
    ES_TOO_LARGE,   /* lengths over the caps, or inconsistent */
    ES_BAD_HEADER,  /* header block malformed, or one of ours is no string or comes twice */
    ES_STOPPED,     /* the sink returned false */
};

/* The message is valid during the call. Returning false stops the feed (ES_STOPPED). */
typedef bool eventstream_sink(void *user, const struct eventstream_message *message);

struct eventstream {
    struct buf partial; /* bytes of a frame not complete yet; usually empty */
    size_t want;        /* total length of that frame, once known */
    enum eventstream_error failed;
};

void eventstream_init(struct eventstream *es);
void eventstream_fini(struct eventstream *es);

/* After an error the stream stays failed. Whole frames inside `bytes` are decoded in place without
 * a copy. */
enum eventstream_error eventstream_feed(struct eventstream *es, struct slice bytes,
                                        eventstream_sink *sink, void *user);

bool eventstream_at_boundary(const struct eventstream *es); /* no frame is half read */
const char *eventstream_error_text(enum eventstream_error e);

/* Writes one frame (string headers only; names 1 to 255 bytes, values up to 32 KiB - 1). */
struct eventstream_header {
    struct slice name;
    struct slice value;
};
void eventstream_write(struct buf *out, const struct eventstream_header *headers, size_t n,
                       struct slice payload);

#endif
