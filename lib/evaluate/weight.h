/* weight.h: a load balancer's weight from a lag. Pure. */
#ifndef PGHA_EVALUATE_WEIGHT_H
#define PGHA_EVALUATE_WEIGHT_H

#include "lib/model/range.h"

/*
 * Per cent of the configured weight: 100 at no lag, falling linearly to `min_percent` at the
 * end of the critical range. 100 when that range is not set or has no end, or the lag is NAN.
 */
int weight_from_lag(double lag, const struct range *critical, int min_percent);

#endif
