/* Patterns with the names that LiteLLM's content filter gives such things. */

#include "guard/rules.h"

static const struct preset {
    const char *name, *pattern;
} presets[] = {
    {"amex", "\\b3[47]\\d{2}[ -]?\\d{6}[ -]?\\d{5}\\b"},
    {"aws_access_key", "\\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\\b"},
    {"aws_secret_key", "\\baws.{0,20}?[\"'=: ]{1,4}[0-9a-z/+]{40}(?![0-9a-z/+])"},
    {"credit_card", "\\b(?:\\d{4}[ -]?){3}\\d{1,7}\\b|\\b3[47]\\d{2}[ -]?\\d{6}[ -]?\\d{5}\\b"},
    {"discover", "\\b6(?:011|5\\d{2})(?:[ -]?\\d{4}){3}\\b"},
    {"email", "\\b[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]{1,63}\\.){1,8}[a-z]{2,24}\\b"},
    {"generic_api_key", "\\b(?:api|access|secret)[_-]?key[\"']?\\s{0,3}[:=]\\s{0,3}[\"']?"
                        "[a-z0-9_-]{16,128}"},
    {"github_token", "\\b(?:gh[pousr]_[a-z0-9]{36,251}|github_pat_[a-z0-9_]{22,255})\\b"},
    {"iban", "\\b[a-z]{2}\\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?\\b"},
    {"ipv4", "\\b(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)\\.){3}(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)\\b"},
    {"mastercard", "\\b(?:5[1-5]\\d{2}|2[2-7]\\d{2})(?:[ -]?\\d{4}){3}\\b"},
    {"slack_token", "\\bxox[abprs]-[a-z0-9-]{10,250}"},
    {"us_phone", "(?<![\\d.])(?:\\+?1[ .-]?)?(?:\\(\\d{3}\\)|\\d{3})[ .-]?\\d{3}[ .-]?\\d{4}\\b"},
    {"us_ssn", "\\b\\d{3}-\\d{2}-\\d{4}\\b"},
    {"visa", "\\b4\\d{3}(?:[ -]?\\d{4}){3}\\b"},
};

const char *guard_preset(struct slice name)
{
    for (size_t i = 0; i < sizeof(presets) / sizeof(*presets); i++)
        if (slice_eq(name, slice_of(presets[i].name)))
            return presets[i].pattern;
    return NULL;
}
