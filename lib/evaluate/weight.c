#include "lib/evaluate/weight.h"

#include <math.h>

int
weight_from_lag(double lag, const struct range *critical, int min_percent)
{
	if (!critical->is_set || critical->is_inverted || isinf(critical->end) || isnan(lag) || lag <= 0)
		return 100;
	if (lag >= critical->end)
		return min_percent;
	return 100 - (int)((100 - min_percent) * lag / critical->end);
}
