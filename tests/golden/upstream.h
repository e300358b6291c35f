#ifndef GOLDEN_UPSTREAM_H
#define GOLDEN_UPSTREAM_H

/* What the upstream of a golden case answers, built from the case's files. */

#include "base/json.h"
#include "wire/http1.h"

struct upstream {
    int status;
    struct http_headers headers;
    struct buf body;
};

/* upstream.events.json, a list of frames. Each row is one of
 *     {"event": "messageStart", "payload": {…}}
 *     {"exception": "throttlingException", "payload": {…}}
 *     {"error": "InternalError", "message": "…"}
 *     {"chunk": {…}}              InvokeModel's: the model's own event, or a string as it is
 *     {"raw": "bytes that are no frame"}
 * "payload_text" in place of "payload" sends a string as it is; "fault" spoils the frame:
 * "message_crc", "prelude_crc", or a number: only so many bytes of it are sent. */
void upstream_from_events(struct upstream *u, yyjson_val *events);

/* upstream.reply.json: {"status": 200, "headers": {…}, "body": {…} or "text"}. */
void upstream_from_reply(struct upstream *u, yyjson_val *reply, struct arena *a);

#endif
