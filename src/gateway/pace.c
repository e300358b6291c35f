/* The search for the rate that a deployment takes; pace.h tells how.
 *
 * Happy path: nothing was ever refused: a call costs a count in its slot.
 *
 * Failure modes: everything is refused: the rate sinks to PACE_LEAST, and that many calls look
 * whether it is over. A refusal that is told late (a call that waited long for it) hits another
 * slot or none: the counts never go below zero. */

#include "pace.h"

#include <string.h>

#define CUT         0.1  /* below the ceiling, after a refusal */
#define SLOWEST     0.85 /* of the rate before: a ceiling is not lower than that */
#define GRACE_SLOTS (PACE_GRACE_MS / PACE_SLOT_MS + 1)
#define ELAPSED_MIN 500 /* ms of calls that a rate is measured over, at least */
#define STEADY      4   /* calls that it takes at least to come back */
#define BEYOND      2.0 /* progress from which on nothing is known of the ceiling */
#define MS_PER_S    1000.0

static unsigned at(int64_t slot)
{
    return (unsigned)(slot % PACE_SLOTS);
}

static uint32_t admitted(const struct pace *p, int64_t slot)
{
    uint32_t sent = p->sent[at(slot)], refused = p->refused[at(slot)];
    return sent > refused ? sent - refused : 0;
}

/* ---- growing ------------------------------------------------------------------------------- */

static void grow(struct pace *p, double calls)
{
    double seconds = PACE_RETURN_MS / MS_PER_S, rate = p->rate;
    if (STEADY / p->ceiling > seconds)
        seconds = STEADY / p->ceiling;
    p->progress += calls / (rate * seconds);
    double x = p->progress - 1;
    if (p->progress < BEYOND)
        rate = p->ceiling * (1 + CUT * x * x * x);
    else
        rate += calls;
    if (rate > 2 * p->rate)
        rate = 2 * p->rate;
    if (rate > p->rate)
        p->rate = rate;
}

/* What was sent in that slot was not refused, and is long enough ago. */
static void settle(struct pace *p, int64_t slot, int64_t now)
{
    bool after = slot * PACE_SLOT_MS >= p->cut_at, wanted = now - p->waited_at < 2 * PACE_GRACE_MS;
    uint32_t calls = slot < 0 ? 0 : admitted(p, slot);
    if (p->rate > 0 && calls && after && wanted)
        grow(p, calls);
}

static void forget(struct pace *p)
{
    p->rate = 0;
    p->next = 0;
}

static void advance(struct pace *p, int64_t now)
{
    int64_t slot = now / PACE_SLOT_MS, passed = slot - p->slot;
    if (passed > PACE_SLOTS) { /* nobody has asked for so long: nothing is counted any more */
        memset(p->sent, 0, sizeof(p->sent));
        memset(p->refused, 0, sizeof(p->refused));
        p->slot = slot;
    }
    while (p->slot < slot) {
        p->slot++;
        settle(p, p->slot - GRACE_SLOTS, now);
        p->sent[at(p->slot)] = p->refused[at(p->slot)] = 0;
    }
    if (p->rate > 0 && now - p->refused_at > PACE_FORGET_MS && now - p->waited_at > PACE_FORGET_MS)
        forget(p);
}

/* ---- cutting ------------------------------------------------------------------------------- */

/* Calls a second that were admitted of late. */
static double measure(const struct pace *p, int64_t now)
{
    int64_t slots = PACE_WINDOW_MS / PACE_SLOT_MS, first = p->slot - slots + 1;
    int64_t elapsed = now - first * PACE_SLOT_MS;
    uint32_t calls = 0;
    for (int64_t i = first > 0 ? first : 0; i <= p->slot; i++)
        calls += admitted(p, i);
    if (elapsed > now - p->began)
        elapsed = now - p->began;
    if (elapsed < 1)
        elapsed = 1;
    return calls * MS_PER_S / (double)elapsed;
}

static double between(double low, double v, double high)
{
    return v < low ? low : v > high ? high : v;
}

static void cut(struct pace *p, int64_t now)
{
    double measured = measure(p, now);
    bool guessed = p->rate <= 0 && now - p->began < PACE_WINDOW_MS;
    if (p->rate > 0)
        p->ceiling = between(SLOWEST * p->rate, measured, p->rate);
    else
        p->ceiling = measured > PACE_FIRST ? measured : PACE_FIRST;
    if (p->ceiling < PACE_LEAST)
        p->ceiling = PACE_LEAST;
    p->rate = between(PACE_LEAST, (1 - CUT) * p->ceiling, p->ceiling);
    p->progress = guessed || (1 - CUT) * p->ceiling <= PACE_LEAST ? BEYOND : 0;
    p->cut_at = now;
}

/* Calls that were paced, so far as they are counted. */
static bool is_mostly_admitted(const struct pace *p)
{
    uint32_t good = 0, refused = 0;
    for (unsigned i = 0; i < PACE_SLOTS; i++) {
        good += admitted(p, i);
        refused += p->refused[i];
    }
    return good >= refused;
}

/* ---- what others call ---------------------------------------------------------------------- */

int64_t pace_wait(struct pace *p, int64_t now)
{
    if (p->rate <= 0)
        return 0;
    advance(p, now);
    if (p->rate <= 0 || (double)now >= p->next)
        return 0;
    p->waited_at = now;
    return (int64_t)(p->next - (double)now) + 1;
}

/* Nothing was sent for so long that it says nothing of what the deployment takes. */
static bool is_pause(const struct pace *p, int64_t ms)
{
    return ms > PACE_WINDOW_MS ||
           (p->rate > 0 && ms > ELAPSED_MIN && (double)ms > 2 * MS_PER_S / p->rate);
}

void pace_sent(struct pace *p, int64_t now)
{
    double earliest = (double)(now - PACE_LATE_MS);
    advance(p, now);
    if (!p->sent_at || is_pause(p, now - p->sent_at))
        p->began = now;
    p->sent_at = now;
    p->sent[at(p->slot)]++;
    if (p->rate > 0)
        p->next = (p->next > earliest ? p->next : earliest) + MS_PER_S / p->rate;
}

bool pace_refused(struct pace *p, int64_t sent_at, int64_t now)
{
    int64_t slot = sent_at / PACE_SLOT_MS;
    advance(p, now);
    if (slot > p->slot - PACE_SLOTS)
        p->refused[at(slot)]++;
    p->refused_at = now;
    bool paced = p->rate > 0 && sent_at >= p->cut_at;
    bool measurable = now - p->began >= ELAPSED_MIN;
    if (paced || (p->rate <= 0 && measurable))
        cut(p, now);
    return paced && is_mostly_admitted(p);
}
