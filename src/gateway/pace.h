#ifndef GATEWAY_PACE_H
#define GATEWAY_PACE_H

/* How many calls a second a deployment takes that throttles. Nothing is limited until a call is
 * refused; from then on calls are spaced out at a rate that is found like this:
 *
 * - A refusal cuts the rate to 0.9 of what was admitted of late (at least 0.85, at most all of the
 *   rate before, which is then the ceiling). Refusals of calls that were sent before the last cut
 *   say nothing new.
 * - Calls that were sent PACE_GRACE_MS ago and not refused are evidence: they bring the rate back
 *   to the ceiling in about PACE_RETURN_MS, level off there and feel beyond it, along CUBIC's curve
 *   (RFC 9438), after twice that time by the call that is admitted: e-fold in a second (at once
 *   where the first cut came too early for a measure, and from PACE_LEAST). Without evidence (no
 * demand, nothing sent) the rate stays.
 * - PACE_FORGET_MS without a refusal and without anybody who had to wait, and nothing is limited
 *   any more.
 *
 * So the rate swings by a tenth around what the deployment takes, if that is at least PACE_LEAST a
 * second, and a few per cent of the calls are refused. With several processes each finds its share.
 *
 * Pure; times in ms of any steady clock, never going back. All zero is a new one. */

#include <stdbool.h>
#include <stdint.h>

#define PACE_SLOT_MS   200
#define PACE_SLOTS     16   /* those that are counted: 3.2 s */
#define PACE_WINDOW_MS 2000 /* over which the admitted rate is measured */
#define PACE_GRACE_MS  1000 /* a throttle is told sooner */
#define PACE_RETURN_MS 2000 /* or four calls, if they take longer */
#define PACE_FORGET_MS 30000
#define PACE_LATE_MS   50  /* calls that are late by so much are caught up with */
#define PACE_FIRST     4.0 /* the first guess is not below: calls a second */
#define PACE_LEAST     1.0 /* one call a second is no storm, and finds out when it is over */

struct pace {
    double rate;     /* calls a second; 0: not limited */
    double ceiling;  /* at which it was refused last */
    double progress; /* since then; 1: back at the ceiling */
    double next;     /* ms: the next call may go */
    int64_t cut_at;  /* of the last cut */
    int64_t refused_at;
    int64_t waited_at; /* somebody asked and had to wait */
    int64_t sent_at;   /* the last call */
    int64_t began;     /* the first one after a pause */
    int64_t slot;      /* that is under way, counted from 0 */
    uint32_t sent[PACE_SLOTS], refused[PACE_SLOTS];
};

/* 0: a call may go; else ms until one may. */
int64_t pace_wait(struct pace *p, int64_t now);

/* One goes. It may go without having asked. */
void pace_sent(struct pace *p, int64_t now);

/* One that went at `sent_at` was refused. True: the pace is found, most calls are admitted, and
 * this refusal is no more than the price for looking whether there is room. */
bool pace_refused(struct pace *p, int64_t sent_at, int64_t now);

#endif
