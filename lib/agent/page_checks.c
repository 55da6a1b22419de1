#include "lib/agent/page_checks.h"

#include <math.h>
#include <string.h>

#include "lib/agent/page_html.h"

struct answer {
	enum page_tone tone;
	const char *word;
	const char *icon;
};

/* A no to a question that is not this node's, is nothing to get up for. */
static enum page_tone
no_tone(const struct verdict *verdict)
{
	if (verdict->is_wrong_role)
		return PAGE_CALM;
	return verdict->state == STATE_UNKNOWN ? PAGE_UNSURE : PAGE_BAD;
}

static struct answer
answer_of(const struct page_check *check)
{
	static const enum page_tone yes[STATE_COUNT] = {
		[STATE_OK] = PAGE_GOOD,
		[STATE_WARNING] = PAGE_WARN,
		[STATE_CRITICAL] = PAGE_WARN,
		[STATE_UNKNOWN] = PAGE_UNSURE,
	};

	if (check->verdict == NULL)
		return (struct answer){PAGE_UNSURE, "NO", "no"};
	if (check->verdict->is_drained)
		return (struct answer){PAGE_WARN, "DRAINED", "drained"};
	if (check->is_yes)
		return (struct answer){yes[check->verdict->state], "YES", "yes"};
	return (struct answer){no_tone(check->verdict), "NO", "no"};
}

static void
write_count(size_t count, const char *what, bool *is_first, struct text *text)
{
	if (count > 0)
		text_add(text, "%s%zu %s", *is_first ? "" : ", ", count, what);
	*is_first = *is_first && count == 0;
}

void
page_checks_tally(const struct page_check *checks, size_t count, struct text *text)
{
	size_t yes = 0, other = 0, drained = 0;
	enum page_tone worst = PAGE_GOOD;
	bool is_first = true;

	for (size_t i = 0; i < count; i++) {
		struct answer answer = answer_of(&checks[i]);

		yes += strcmp(answer.icon, "yes") == 0;
		other += answer.tone == PAGE_CALM;
		drained += strcmp(answer.icon, "drained") == 0;
		if (answer.tone > worst && answer.tone != PAGE_CALM)
			worst = answer.tone;
	}
	if (count == 0)
		return;
	text_add(text, "<p class=\"tally %s\">", page_html_tone(worst));
	page_html_icon(yes + other == count              ? "yes"
			: yes + other + drained == count ? "drained"
							 : "no",
		text);
	text_add(text, "<span>checks: ");
	write_count(yes, "yes", &is_first, text);
	write_count(count - yes - other - drained, "no", &is_first, text);
	write_count(drained, "drained by the operator", &is_first, text);
	write_count(other, "about the other role", &is_first, text);
	text_add(text, "</span></p>\n");
}

/* The findings that the summary does not hold: those of another state than its own. */
static void
write_reasons(const struct verdict *verdict, struct text *text)
{
	for (int i = 0; i < verdict->reason_count; i++) {
		if (verdict->reasons[i].state == verdict->state || verdict->reasons[i].is_detail)
			continue;
		text_add(text, "<p class=\"more\">%s: ", state_word(verdict->reasons[i].state));
		page_html_name(verdict->reasons[i].text, text);
		text_add(text, "</p>");
	}
	if (verdict->hint[0] != '\0') {
		text_add(text, "<p class=\"more\">hint: ");
		page_html_name(verdict->hint, text);
		text_add(text, "</p>");
	}
}

static void
write_limit(const char *word, const struct range *range, enum unit unit, struct text *text)
{
	if (!range->is_set)
		return;
	text_add(text, ", %s ", word);
	range_describe(range, unit, text);
}

static void
write_figures(const struct verdict *verdict, struct text *text)
{
	text_add(text, "<p class=\"figures\">");
	for (int i = 0; i < verdict->metric_count; i++) {
		const struct verdict_metric *metric = &verdict->metrics[i];

		text_add(text, "<span>");
		if (metric->subject[0] != '\0') {
			page_html_name(metric->subject, text);
			text_add(text, " ");
		}
		page_html_text(metric->name, text);
		text_add(text, " <b>");
		if (isnan(metric->value))
			text_add(text, "not known");
		else
			range_write_quantity(metric->value, metric->unit, text);
		text_add(text, "</b>");
		write_limit("warning", &metric->warning, metric->unit, text);
		write_limit("critical", &metric->critical, metric->unit, text);
		text_add(text, "</span> ");
	}
	text_add(text, "</p>");
}

/* The state, for how long, and what a load balancer is told beside yes. */
static void
write_side(const struct page_check *check, struct text *text)
{
	const struct verdict *verdict = check->verdict;

	text_add(text, "<div class=\"side\"><b>%s</b>",
		verdict == NULL                  ? "not known"
			: verdict->is_wrong_role ? "other role"
						 : state_name(verdict->state));
	if (check->since_ms >= 0) {
		text_add(text, " for ");
		page_html_duration(check->since_ms, text);
	}
	if (verdict != NULL && check->is_yes && verdict->weight_percent != VERDICT_NO_WEIGHT)
		text_add(text, ", weight %d%%", verdict->weight_percent);
	text_add(text, "</div>");
}

static void
write_check(const struct page_check *check, struct text *text)
{
	struct answer answer = answer_of(check);

	text_add(text, "<li class=\"%s\"><div class=\"answer\">", page_html_tone(answer.tone));
	page_html_icon(answer.icon, text);
	text_add(text, "%s</div><div class=\"what\"><b>", answer.word);
	page_html_name(check->name, text);
	text_add(text, "</b> ");
	if (check->verdict == NULL) {
		text_add(text, "nothing has been seen yet");
	} else {
		page_html_name(check->verdict->summary, text);
		write_reasons(check->verdict, text);
		if (check->verdict->metric_count > 0)
			write_figures(check->verdict, text);
	}
	text_add(text, "</div>");
	write_side(check, text);
	text_add(text, "</li>\n");
}

void
page_checks_write(const struct page_check *checks, size_t count, size_t length_max, struct text *text)
{
	size_t written = 0;

	text_add(text, "<h2>Checks</h2>\n<ul class=\"list\">\n");
	for (size_t i = 0; i < count; i++) {
		size_t start = text->length;

		write_check(&checks[i], text);
		written += page_html_fits(text, start, length_max);
	}
	text_add(text, "</ul>\n");
	if (count == 0)
		text_add(text, "<p class=\"none\">none is configured</p>\n");
	else if (written < count)
		text_add(text,
			"<p class=\"none\">%zu more are not shown: their findings are too long for this "
			"page</p>\n",
			count - written);
}
