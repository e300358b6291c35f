#ifndef SIM_PROMPT_H
#define SIM_PROMPT_H

/* What the simulator understands of a prompt: its gist, and the names, paths and quotations in it
 * that make plausible tool arguments. Pure. */

#include "body.h"

#define PROMPT_CANDIDATES_MAX 8

/* The text of the last user message: its text blocks, one per line. Empty: none. */
struct slice prompt_text(yyjson_val *body, struct arena *a);

/* The text of the latest user message before that one which tells of later turns ([[sim:turn(…)]]),
 * and how many assistant turns stand behind it. False: there is none. */
bool prompt_plan(yyjson_val *body, struct arena *a, struct slice *text, int64_t *turn);

/* One line of at most `max` bytes: white space folded, <tags> dropped, cut at a character and, if
 * possible, at a word, with "…" where something is missing. */
struct slice prompt_gist(struct slice text, size_t max, struct arena *a);

enum candidate_kind { CANDIDATE_NAME, CANDIDATE_PATH, CANDIDATE_QUOTED };

/* What of one kind stands in the text, in order. When `joined`, only the first row of them that is
 * joined by commas or "and" ("Paris, Rome and Tokyo"). */
size_t prompt_candidates(struct slice text, enum candidate_kind kind, bool joined,
                         struct slice out[PROMPT_CANDIDATES_MAX]);

/* Whole word, without regard to ASCII case. */
bool prompt_has_word(struct slice text, struct slice word);

bool prompt_number(struct slice text, struct slice *number); /* the first decimal integer */

size_t utf8_cut(struct slice s, size_t max); /* longest prefix <= max that ends at a character */
size_t utf8_count(struct slice s);           /* characters */

#endif
