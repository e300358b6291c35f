#ifndef WIRE_SECRETBOX_H
#define WIRE_SECRETBOX_H

/* Secrets that lie in a database, in LiteLLM's form: NaCl's secretbox (XSalsa20-Poly1305) under the
 * SHA-256 of a salt key; nonce and box together in base64url, padded. What LiteLLM sealed is opened
 * here, and the other way round. Later versions of it write AES-256-GCM instead, which is opened,
 * too: "v3:gcm:" (the key by HKDF-SHA256, RFC 5869) or "v2:gcm:" (by SHA-256), then nonce, text and
 * tag in base64url. They read either form, so the first is what is written here. */

#include "base/arena.h"
#include "base/buf.h"

/* Appends the sealed text; each time another one. */
void secretbox_seal(struct slice salt_key, struct slice text, struct buf *out);

/* False: it is no sealed text, or was sealed under another key. */
bool secretbox_open(struct slice salt_key, struct slice sealed, struct arena *a,
                    struct slice *text);

#endif
