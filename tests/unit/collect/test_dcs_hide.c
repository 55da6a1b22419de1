#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/collect/dcs_hide.h"

/* What becomes of a text of the store, where root:geheim and a token were sent. */
static const char *
hidden(const char *user, const char *password, const char *header, const char *said)
{
	static struct snapshot_dcs dcs;
	struct web_secret secret = {.user = ""};
	struct err err = {.class = ERR_NONE};

	memset(&dcs, 0, sizeof dcs);
	dcs.total = 2;
	snprintf(secret.user, sizeof secret.user, "%s", user);
	snprintf(secret.password, sizeof secret.password, "%s", password);
	snprintf(dcs.rows[1].fault, sizeof dcs.rows[1].fault, "%s", said);
	snprintf(dcs.rows[1].health, sizeof dcs.rows[1].health, "%s", said);
	snprintf(dcs.scope_fault, sizeof dcs.scope_fault, "%s", said);
	snprintf(err.text, sizeof err.text, "%s", said);
	snprintf(err.hint, sizeof err.hint, "%s", said);
	dcs_hide(&(struct dcs_hide_sent){.secret = &secret, .header = header}, &dcs, &err);
	assert_string_equal(dcs.rows[1].health, dcs.rows[1].fault);
	assert_string_equal(dcs.scope_fault, dcs.rows[1].fault);
	assert_string_equal(err.text, dcs.rows[1].fault);
	assert_string_equal(err.hint, dcs.rows[1].fault);
	return dcs.rows[1].fault;
}

static void
test_hidden(void **state)
{
	(void)state;
	assert_string_equal(hidden("root", "geheim", "", "got geheim, geheim"), "got ***, ***");
	assert_string_equal(hidden("root", "geheim", "", "geheimgeheim"), "******");
	assert_string_equal(hidden("root", "geheim", "", "Basic cm9vdDpnZWhlaW0="), "Basic ***");
	assert_string_equal(hidden("", "t0ken", "X-Consul-Token: t0ken", "X-Consul-Token: t0ken!"),
		"X-Consul-Token: ***!");
	assert_string_equal(
		hidden("root", "geheim", "Authorization: abcdef.7", "bad token abcdef.7"), "bad token ***");
	assert_string_equal(hidden("root", "geheim", "", ""), "");
}

/* A text has an end, which may fall into the password. */
static void
test_cut_short(void **state)
{
	(void)state;
	assert_string_equal(hidden("root", "geheimnis", "", "said: geheim"), "said: ***");
	assert_string_equal(hidden("root", "geheimnis", "", "said: gehe"), "said: ***");
	assert_string_equal(hidden("root", "geheimnis", "", "said: geh"), "said: geh");
}

static void
test_what_stays(void **state)
{
	(void)state;
	assert_string_equal(hidden("", "", "", "no leader"), "no leader");
	assert_string_equal(hidden("root", "e", "", "there is no leader"), "there is no leader");
	assert_string_equal(hidden("root", "geheim", "", "gehege, geheime"), "gehege, ***e");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_what_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
