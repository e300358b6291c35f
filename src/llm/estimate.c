/* Tokens by rule of thumb.
 *
 * A tokenizer first cuts a text into words (with the space before them), groups of three digits,
 * runs of punctuation and white space, and then each of these into pieces it knows. The cut is done
 * here as it is there; how many pieces come out of a word is taken from tables by the word's
 * length, measured with cl100k over English prose, source code, JSON, manuals in French, German,
 * Spanish, Polish, Russian, Japanese, Chinese and Korean. Words of other languages than English
 * fall into more pieces; accented letters tell such a text, so both sums are kept and one is chosen
 * at the end. The same goes for ideographs, which Japanese text pays more for than Chinese.
 *
 * Nothing fails: bytes that are no UTF-8 count as characters of an unknown script. */

#include "llm/estimate.h"

#include "base/buf.h"

#define SCHEMA_MAX (32u * 1024 * 1024) /* bytes of a tool's schema; a larger one counts 0 */

enum {
    TOKEN = 100, /* sums are in hundredths of a token */
    WORD_MAX = 12,
    FRAME_REQUEST = 3,
    FRAME_MESSAGE = 4, /* role and separators */
    FRAME_BLOCK = 6,   /* of a tool call or a tool result: ids and names' frame */
    FRAME_TOOL = 12,
    IMAGE_MIN = 60,
    IMAGE_MAX = 1600, /* larger ones are scaled down by the models */
    IMAGE_BYTES_PER_TOKEN = 110,
    DOCUMENT_BYTES_PER_TOKEN = 40,
    FILE_MIN = 4096, /* bytes of base64 */
    JSON_BYTES_PER_TOKEN = 4,
    TEXT_BYTES_PER_TOKEN = 8 /* at most, but in white space and the like */
};

enum kind {
    SPACE,
    NEWLINE,
    LETTER,
    ACCENTED,
    KANA,
    KANJI,
    HANGUL,
    CYRILLIC,
    ASTRAL,
    ALIEN,
    DIGIT,
    PUNCT
};

/* What stands right before a word: a space, nothing, or one character of punctuation. */
enum lead { SPACED, BARE, LED };

/* By letters. Words of English and code, by what stands before them; words of other languages. */
static const short word_cost[][WORD_MAX + 1] = {
    [SPACED] = {0, 100, 100, 101, 101, 102, 103, 106, 108, 110, 112, 120, 125},
    [BARE] = {0, 100, 100, 108, 105, 110, 120, 128, 132, 142, 160, 180, 200},
    [LED] = {0, 102, 106, 115, 115, 130, 140, 160, 165, 180, 200, 225, 240},
};
static const short word_foreign[WORD_MAX + 1] = {0,   100, 105, 103, 114, 122, 142,
                                                 160, 188, 195, 225, 235, 260};
/* Punctuation, by characters in a row. */
static const short run_cost[] = {0, 100, 102, 118, 140, 170, 230};

struct scan {
    const unsigned char *p, *end; /* what is left */
    int64_t sum;                  /* hundredths: what is the same in all languages */
    int64_t english;              /* words, if the text is English or code … */
    int64_t foreign;              /* … and if not */
    int64_t letters, accents, kana, kanji;
};

/* The character at `p`, of several bytes, and its length; a broken one has length 1. */
static uint32_t peek_long(const unsigned char *p, const unsigned char *end, size_t *n)
{
    size_t want = p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    *n = 1;
    if (want == 0 || want > (size_t)(end - p))
        return 0xfffd;
    uint32_t c = p[0] & (0xffu >> (want + 1));
    for (size_t i = 1; i < want; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0xfffd;
        c = c << 6 | (p[i] & 0x3fu);
    }
    *n = want;
    return c;
}

static const uint8_t ascii_kinds[0x80] = {
    SPACE,  SPACE,  SPACE,   SPACE,  SPACE,  SPACE,   SPACE,  SPACE,  /* 00 */
    SPACE,  SPACE,  NEWLINE, SPACE,  SPACE,  NEWLINE, SPACE,  SPACE,  /* 08 */
    SPACE,  SPACE,  SPACE,   SPACE,  SPACE,  SPACE,   SPACE,  SPACE,  /* 10 */
    SPACE,  SPACE,  SPACE,   SPACE,  SPACE,  SPACE,   SPACE,  SPACE,  /* 18 */
    SPACE,  PUNCT,  PUNCT,   PUNCT,  PUNCT,  PUNCT,   PUNCT,  PUNCT,  /* 20 */
    PUNCT,  PUNCT,  PUNCT,   PUNCT,  PUNCT,  PUNCT,   PUNCT,  PUNCT,  /* 28 */
    DIGIT,  DIGIT,  DIGIT,   DIGIT,  DIGIT,  DIGIT,   DIGIT,  DIGIT,  /* 30 */
    DIGIT,  DIGIT,  PUNCT,   PUNCT,  PUNCT,  PUNCT,   PUNCT,  PUNCT,  /* 38 */
    PUNCT,  LETTER, LETTER,  LETTER, LETTER, LETTER,  LETTER, LETTER, /* 40 */
    LETTER, LETTER, LETTER,  LETTER, LETTER, LETTER,  LETTER, LETTER, /* 48 */
    LETTER, LETTER, LETTER,  LETTER, LETTER, LETTER,  LETTER, LETTER, /* 50 */
    LETTER, LETTER, LETTER,  PUNCT,  PUNCT,  PUNCT,   PUNCT,  PUNCT,  /* 58 */
    PUNCT,  LETTER, LETTER,  LETTER, LETTER, LETTER,  LETTER, LETTER, /* 60 */
    LETTER, LETTER, LETTER,  LETTER, LETTER, LETTER,  LETTER, LETTER, /* 68 */
    LETTER, LETTER, LETTER,  LETTER, LETTER, LETTER,  LETTER, LETTER, /* 70 */
    LETTER, LETTER, LETTER,  PUNCT,  PUNCT,  PUNCT,   PUNCT,  SPACE,  /* 78 */
};

static enum kind kind_of_long(uint32_t c)
{
    static const struct {
        uint32_t last; /* code point */
        enum kind kind;
    } ranges[] = {
        {0xbf, PUNCT},    {0x24f, ACCENTED},  {0x36f, ALIEN},  {0x3ff, ALIEN},  {0x52f, CYRILLIC},
        {0x1dff, ALIEN},  {0x1eff, ACCENTED}, {0x1fff, ALIEN}, {0x2bff, PUNCT}, {0x2fff, ALIEN},
        {0x303f, PUNCT},  {0x30ff, KANA},     {0x33ff, ALIEN}, {0x9fff, KANJI}, {0xabff, ALIEN},
        {0xd7ff, HANGUL}, {0xfeff, ALIEN},    {0xffef, PUNCT},
    };
    if (c > 0xffff)
        return ASTRAL;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (c <= ranges[i].last)
            return ranges[i].kind;
    return ALIEN;
}

/* Of the character at `p`, which is before the end, and its length. */
static inline enum kind kind_at(const unsigned char *p, const unsigned char *end, size_t *n)
{
    *n = 1;
    return *p < 0x80 ? (enum kind)ascii_kinds[*p] : kind_of_long(peek_long(p, end, n));
}

static inline enum kind kind_next(const struct scan *s)
{
    size_t n;
    return s->p < s->end ? kind_at(s->p, s->end, &n) : SPACE;
}

static int64_t by_length(const short *cost, size_t n)
{
    if (n <= WORD_MAX)
        return cost[n];
    return cost[WORD_MAX] + (int64_t)(n - WORD_MAX) * (cost[WORD_MAX] - cost[WORD_MAX - 4]) / 4;
}

/* One part of a camelCase name: its letters, and how many of these are capitals. */
static void add_part(struct scan *s, size_t n, size_t capitals, enum lead lead)
{
    int64_t cost = by_length(word_cost[lead], n);
    bool shouted = capitals > 1 && n > 3;
    if (shouted)
        cost += (int64_t)(n - 3) * 22;
    s->english += cost;
    s->foreign += lead == SPACED && !shouted ? by_length(word_foreign, n) : cost + (n > 3 ? 40 : 0);
}

/* A run of Latin letters. Where a capital follows a small letter a new part begins. */
static void scan_word(struct scan *s, enum lead lead)
{
    const unsigned char *p = s->p;
    size_t n = 0, capitals = 0, accents = 0, size;
    bool small = false;
    for (; p < s->end; p += size) {
        enum kind k = kind_at(p, s->end, &size);
        if (k != LETTER && k != ACCENTED)
            break;
        bool capital = *p <= 'Z';
        if (capital && small) {
            add_part(s, n, capitals, lead);
            n = capitals = 0;
            lead = SPACED;
        }
        small = !capital;
        n++;
        capitals += capital;
        accents += k == ACCENTED;
    }
    s->p = p;
    add_part(s, n, capitals, lead);
    s->foreign += (int64_t)accents * 45;
    s->english += (int64_t)accents * 60;
    s->letters += (int64_t)n;
    s->accents += (int64_t)accents;
}

/* The run of ASCII of that kind at the front: most runs are that and nothing else. */
static size_t scan_ascii(struct scan *s, enum kind kind)
{
    const unsigned char *p = s->p;
    while (p < s->end && *p < 0x80 && ascii_kinds[*p] == kind)
        p++;
    size_t n = (size_t)(p - s->p);
    s->p = p;
    return n;
}

static size_t scan_while(struct scan *s, enum kind kind)
{
    size_t count = scan_ascii(s, kind), size;
    while (s->p < s->end && kind_at(s->p, s->end, &size) == kind) {
        s->p += size;
        count++;
    }
    return count;
}

/* Punctuation: long runs are mostly one character repeated, of which tokenizers know long pieces.
 * The line end behind it belongs to it. */
static void scan_punctuation(struct scan *s)
{
    size_t known = sizeof(run_cost) / sizeof(run_cost[0]) - 1;
    const unsigned char *run = s->p;
    size_t n = scan_while(s, PUNCT), same = 1;
    while (run + same < s->p && run[same] == run[0])
        same++;
    if (same > 3) {
        s->sum += TOKEN + (int64_t)(same / 32) * TOKEN;
        n = run + same < s->p;
    }
    s->sum += n <= known ? run_cost[n] : run_cost[known] + (int64_t)(n - known) * 60;
    scan_while(s, NEWLINE);
}

static void scan_newlines(struct scan *s)
{
    scan_while(s, NEWLINE);
    s->sum += TOKEN;
}

/* White space costs nothing when it is the single space before a word; of a longer run the last
 * space goes to the word. Before a line end it belongs to that. */
static void scan_space(struct scan *s)
{
    size_t n = scan_while(s, SPACE);
    enum kind next = kind_next(s);
    if (s->p < s->end && next != DIGIT)
        n--;
    if (n > 0 && next != NEWLINE)
        s->sum += TOKEN + (int64_t)(n / 80) * TOKEN;
}

static void scan_digits(struct scan *s)
{
    s->sum += (int64_t)(scan_while(s, DIGIT) + 2) / 3 * TOKEN;
}

static void scan_script(struct scan *s, enum kind kind)
{
    static const short cost[] = {
        [KANA] = 84, [HANGUL] = 105, [CYRILLIC] = 49, [ASTRAL] = 230, [ALIEN] = 95};
    int64_t n = (int64_t)scan_while(s, kind);
    if (kind == KANJI)
        s->kanji += n;
    else
        s->sum += n * cost[kind];
    if (kind == KANA)
        s->kana += n;
}

/* Punctuation directly before a word, and alone there, is part of the word's first piece. */
static void scan_lead(struct scan *s, bool after_space)
{
    const unsigned char *mark = s->p;
    size_t n;
    kind_at(mark, s->end, &n);
    s->p += n;
    enum kind next = kind_next(s);
    if (!after_space && (next == LETTER || next == ACCENTED))
        scan_word(s, LED);
    else {
        s->p = mark;
        scan_punctuation(s);
    }
}

static void scan_next(struct scan *s, enum kind kind, bool after_space)
{
    switch (kind) {
    case LETTER:
    case ACCENTED: scan_word(s, after_space ? SPACED : BARE); break;
    case PUNCT: scan_lead(s, after_space); break;
    case DIGIT: scan_digits(s); break;
    case SPACE: scan_space(s); break;
    case NEWLINE: scan_newlines(s); break;
    default: scan_script(s, kind); break;
    }
}

static int64_t in_tokens(const struct scan *s)
{
    bool foreign = s->accents * 200 > s->letters;
    int64_t sum = s->sum + (foreign ? s->foreign : s->english);
    sum += s->kanji * (s->kana > 0 ? 130 : 115);
    int64_t tokens = (sum + TOKEN / 2) / TOKEN;
    return tokens > 0 ? tokens : 1;
}

int64_t llm_estimate_text(struct slice text)
{
    if (!text.n)
        return 0;
    struct scan s = {.p = (const unsigned char *)text.p,
                     .end = (const unsigned char *)text.p + text.n};
    bool after_space = false;
    while (s.p < s.end) {
        enum kind kind = kind_next(&s);
        scan_next(&s, kind, after_space);
        after_space = kind == SPACE;
    }
    return in_tokens(&s);
}

#define COUNTED_MAX 1024 /* bytes of a text in pieces */

void llm_estimate_add(struct llm_estimate *e, struct slice piece)
{
    e->bytes += piece.n;
    if (e->counted >= COUNTED_MAX)
        return;
    e->counted += piece.n;
    e->tokens += llm_estimate_text(piece);
}

int64_t llm_estimate_sum(const struct llm_estimate *e)
{
    if (e->bytes == e->counted)
        return e->tokens;
    return (int64_t)((double)e->tokens * (double)e->bytes / (double)e->counted);
}

/* ---- requests ---------------------------------------------------------------------------------
 */

static int64_t by_size(struct slice base64, int64_t bytes_per_token)
{
    return (int64_t)(base64.n / 4 * 3) / bytes_per_token;
}

static int64_t image_tokens(const struct llm_block *b)
{
    int64_t n = by_size(b->data, IMAGE_BYTES_PER_TOKEN);
    return !b->data.n || n > IMAGE_MAX ? IMAGE_MAX : n < IMAGE_MIN ? IMAGE_MIN : n;
}

static int64_t blocks_tokens(const struct llm_block *blocks);

static int64_t block_tokens(const struct llm_block *b)
{
    switch (b->kind) {
    case LLM_TEXT: return llm_estimate_text(b->text);
    case LLM_REASONING:
        return llm_estimate_text(b->text) + by_size(b->redacted, DOCUMENT_BYTES_PER_TOKEN);
    case LLM_IMAGE: return image_tokens(b);
    case LLM_DOCUMENT:
    case LLM_VIDEO:
        return llm_estimate_text(b->text) + by_size(b->data, DOCUMENT_BYTES_PER_TOKEN) +
               blocks_tokens(b->content);
    case LLM_TOOL_USE:
        return FRAME_BLOCK + llm_estimate_text(b->name) + llm_estimate_text(b->input);
    case LLM_TOOL_RESULT: return FRAME_BLOCK + blocks_tokens(b->content);
    case LLM_SEARCH:
        return FRAME_BLOCK + llm_estimate_text(b->name) + llm_estimate_text(b->source) +
               blocks_tokens(b->content);
    case LLM_CACHE_POINT:
    case LLM_FOREIGN: break;
    }
    return 0;
}

/* Tool results hold no tool results: one level of recursion. */
static int64_t blocks_tokens(const struct llm_block *blocks)
{
    int64_t n = 0;
    for (const struct llm_block *b = blocks; b; b = b->next)
        n += block_tokens(b);
    return n;
}

static int64_t tool_tokens(const struct llm_tool *t, struct buf *scratch)
{
    struct json_writer w;
    buf_reset(scratch);
    json_begin(&w, scratch);
    if (t->schema)
        json_value(&w, t->schema);
    return FRAME_TOOL + llm_estimate_text(t->name) + llm_estimate_text(t->description) +
           llm_estimate_text(buf_slice(scratch));
}

/* Of JSON that nobody here reads. What runs on without a space or a quote is an image's or a
 * document's bytes. */
static int64_t json_tokens(struct slice json)
{
    size_t bytes = 0, files = 0, run = 0;
    for (size_t i = 0; i < json.n; i++) {
        bool ends = json.p[i] == ' ' || json.p[i] == '"';
        run = ends ? 0 : run + 1;
        bytes += run <= FILE_MIN;
        files += run == FILE_MIN + 1;
    }
    return (int64_t)(bytes / JSON_BYTES_PER_TOKEN + files * IMAGE_MAX);
}

int64_t llm_estimate_request(const struct llm_request *r)
{
    struct buf scratch;
    if (r->native)
        return json_tokens(r->native_body);
    int64_t n = FRAME_REQUEST + blocks_tokens(r->system);
    for (const struct llm_message *m = r->messages; m; m = m->next)
        n += FRAME_MESSAGE + blocks_tokens(m->blocks);
    buf_init(&scratch, SCHEMA_MAX);
    for (const struct llm_tool *t = r->tools; t; t = t->next)
        n += tool_tokens(t, &scratch);
    buf_fini(&scratch);
    return n;
}

static size_t blocks_bytes(const struct llm_block *blocks)
{
    size_t n = 0;
    for (const struct llm_block *b = blocks; b; b = b->next)
        n += b->text.n + b->input.n + blocks_bytes(b->content);
    return n;
}

bool llm_estimate_reaches(const struct llm_request *r, int64_t tokens)
{
    size_t enough = (size_t)tokens * TEXT_BYTES_PER_TOKEN, n = blocks_bytes(r->system);
    for (const struct llm_tool *t = r->tools; t && n < enough; t = t->next)
        n += t->description.n;
    for (const struct llm_message *m = r->messages; m && n < enough; m = m->next)
        n += blocks_bytes(m->blocks);
    return n >= enough || llm_estimate_request(r) >= tokens;
}
