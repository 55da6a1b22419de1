/* writers.h: one writer per format, each in the file of its name; format.h says what they do. */
#ifndef PGHA_RENDER_WRITERS_H
#define PGHA_RENDER_WRITERS_H

#include "lib/render/format.h"

void nagios_write(const struct verdict *verdict, const struct format_options *options, struct text *text);
void haproxy_write(const struct verdict *verdict, const struct format_options *options, struct text *text);
void http_write(const struct verdict *verdict, const struct format_options *options, struct text *text);
void json_write(const struct verdict *verdict, const struct format_options *options, struct text *text);
void plain_write(const struct verdict *verdict, const struct format_options *options, struct text *text);
void prometheus_write(const struct verdict *verdict, const struct format_options *options, struct text *text);

#endif
