#include "cache_entry.h"

#include "base/pack.h"
#include "base/text.h"
#include "wire/crc32.h"

#define ANSWER_VERSION 0x11
#define VECTOR_VERSION 0x21
#define STAMP_SIZE     8
#define CRC_SIZE       4

static void write_little(char *p, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(value >> 8 * i & 0xff);
}

static uint64_t read_little(const char *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)(unsigned char)p[i] << 8 * i;
    return value;
}

static void begin(struct buf *out, char version, int64_t stored_at)
{
    char head[1 + STAMP_SIZE] = {version};
    write_little(head + 1, (uint64_t)stored_at, STAMP_SIZE);
    buf_add(out, slice_make(head, sizeof(head)));
}

static bool read_head(struct slice *rest, char version, int64_t *stored_at)
{
    if (rest->n < 1 + STAMP_SIZE || rest->p[0] != version)
        return false;
    *stored_at = (int64_t)read_little(rest->p + 1, STAMP_SIZE);
    *rest = slice_skip(*rest, 1 + STAMP_SIZE);
    return true;
}

static bool read_count(struct slice *rest, int64_t *value)
{
    uint64_t n;
    if (!unpack_number(rest, &n) || n > INT64_MAX / 2)
        return false;
    *value = (int64_t)n;
    return true;
}

static void add_crc(struct buf *out)
{
    char crc[CRC_SIZE];
    write_little(crc, crc32_of(buf_slice(out)), CRC_SIZE);
    buf_add(out, slice_make(crc, CRC_SIZE));
}

bool cache_entry_open(struct slice *bytes)
{
    if (bytes->n < CRC_SIZE)
        return false;
    bytes->n -= CRC_SIZE;
    return read_little(bytes->p + bytes->n, CRC_SIZE) == crc32_of(*bytes);
}

/* ---- answers ------------------------------------------------------------------------------- */

void cache_entry_begin(struct buf *out, const struct cache_entry *e)
{
    begin(out, ANSWER_VERSION, e->stored_at);
    pack_number(out, e->created > 0 ? (uint64_t)e->created : 0);
    pack_bytes(out, e->id);
    pack_bytes(out, e->deployment);
    pack_bytes(out, e->group);
    pack_bytes(out, e->model);
}

void cache_entry_seal(struct buf *entry, int64_t now)
{
    write_little(entry->p + 1, (uint64_t)now, STAMP_SIZE);
    add_crc(entry);
}

bool cache_entry_read(struct slice *rest, struct cache_entry *e)
{
    return read_head(rest, ANSWER_VERSION, &e->stored_at) && read_count(rest, &e->created) &&
           unpack_bytes(rest, &e->id) && unpack_bytes(rest, &e->deployment) &&
           unpack_bytes(rest, &e->group) && unpack_bytes(rest, &e->model) && text_is_utf8(e->id);
}

/* ---- vectors ------------------------------------------------------------------------------- */

void cache_vector_write(struct buf *out, const struct cache_vector *v)
{
    begin(out, VECTOR_VERSION, v->stored_at);
    pack_number(out, v->tokens > 0 ? (uint64_t)v->tokens : 0);
    buf_add_char(out, v->estimated);
    pack_bytes(out, v->type);
    pack_bytes(out, v->json);
    add_crc(out);
}

static bool read_vector(struct slice rest, struct cache_vector *v)
{
    uint8_t estimated;
    if (!read_head(&rest, VECTOR_VERSION, &v->stored_at) || !read_count(&rest, &v->tokens) ||
        !unpack_byte(&rest, &estimated))
        return false;
    v->estimated = estimated;
    return unpack_bytes(&rest, &v->type) && unpack_bytes(&rest, &v->json) && !rest.n;
}

bool cache_vector_read(struct slice bytes, struct cache_vector *v)
{
    return cache_entry_open(&bytes) && read_vector(bytes, v);
}
