#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/collect/conf_conninfo.h"
#include "lib/collect/conf_value.h"

static struct snapshot snapshot;

/* Sets a value; what the snapshot then holds, as text. */
static int
set(const char *name, const char *value, char shown[256], struct err *err)
{
	const struct snapshot_field *field = snapshot_field_find(SNAPSHOT_CONFIG, name);
	struct text text;

	snapshot_init(&snapshot);
	if (conf_value_set(conf_value_find(name), value, &snapshot, err) != 0)
		return -1;
	text_init(&text, shown, 256);
	if (snapshot_is_set(&snapshot, field))
		snapshot_write(&snapshot, field, &text);
	return 0;
}

static void
values_are_shown_as_the_server_shows_them(void **state)
{
	static const struct {
		const char *name, *value, *shown;
	} cases[] = {
		{"fsync", "on", "on"},
		{"fsync", "T", "on"},
		{"fsync", "yes", "on"},
		{"fsync", "1", "on"},
		{"fsync", "fal", "off"},
		{"fsync", "N", "off"},
		{"fsync", "of", "off"},
		{"wal_level", "archive", "replica"},
		{"wal_level", "Hot_Standby", "replica"},
		{"wal_level", "LOGICAL", "logical"},
		{"archive_mode", "yes", "on"},
		{"archive_mode", "Always", "always"},
		{"synchronous_commit", "0", "off"},
		{"synchronous_commit", "REMOTE_APPLY", "remote_apply"},
		{"wal_receiver_timeout", "60000", "1min"},
		{"wal_receiver_timeout", "1500", "1500ms"},
		{"wal_receiver_timeout", "24h", "1d"},
		{"wal_receiver_timeout", "0", "0"},
		{"wal_receiver_timeout", "0min", "0"},
		{"wal_receiver_timeout", "1.5 s", "1500ms"},
		{"wal_receiver_timeout", "2500us", "2ms"}, /* half way, to the even one */
		{"wal_receiver_timeout", "3500us", "4ms"},
		{"wal_receiver_timeout", "0.0301h", "2min"}, /* to whole minutes first */
		{"wal_keep_size", "1536", "1536MB"},
		{"wal_keep_size", "1.5GB", "1536MB"},
		{"wal_keep_size", "2048", "2GB"},
		{"wal_keep_size", "1048576kB", "1GB"},
		{"wal_keep_size", "2097152", "2TB"},
		{"max_slot_wal_keep_size", "-1", "-1"},
		{"max_slot_wal_keep_size", " -1 ", "-1"},
		{"max_connections", "0x64", "100"},
		{"max_connections", "0144", "100"},
		{"max_connections", "99.5", "100"},
		{"max_connections", "1e2", "100"},
		{"max_connections", " 100 ", "100"},
		{"tcp_keepalives_idle", "2min", "120"},
		{"tcp_user_timeout", "30s", "30000"},
		{"synchronous_standby_names", "ALL (a, b)", "ALL (a, b)"},
		{"cluster_name", "0123456789012345678901234567890123456789012345678901234567890123456789",
			"012345678901234567890123456789012345678901234567890123456789012"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char shown[256] = "";
		struct err err;

		if (set(cases[i].name, cases[i].value, shown, &err) != 0)
			fail_msg("%s = %s: %s", cases[i].name, cases[i].value, err.text);
		if (strcmp(shown, cases[i].shown) != 0)
			fail_msg("%s = %s is shown as %s", cases[i].name, cases[i].value, shown);
	}
}

static void
values_that_the_server_refuses_are_refused(void **state)
{
	static const struct {
		const char *name, *value, *hint;
	} cases[] = {
		{"fsync", "o", "write on or off"},
		{"fsync", "", "write on or off"},
		{"fsync", "onn", "write on or off"},
		{"fsync", "2", "write on or off"},
		{"wal_level", "all", "it is one of minimal, replica, logical"},
		{"archive_mode", "tr", "it is one of always, on, off"},
		{"synchronous_commit", "remote_flush",
			"it is one of local, remote_write, remote_apply, on, off"},
		{"max_connections", "0", "it may be 1 to 262143"},
		{"max_connections", "262144", "it may be 1 to 262143"},
		{"max_connections", "99999999999999999999", "it may be 1 to 262143"},
		{"max_connections", "1e999", "it is a number without a unit"},
		{"max_connections", "", "it is a number without a unit"},
		{"max_connections", "1kB", "it is a number without a unit"},
		{"max_connections", "nan", "it is a number without a unit"},
		{"max_connections", "inf", "it is a number without a unit"},
		{"wal_keep_size", "1KB", "units are B, kB, MB, GB and TB, in just this case"},
		{"wal_keep_size", "1GB x", "units are B, kB, MB, GB and TB, in just this case"},
		{"wal_keep_size", "2048TB", "it may be 0 to 2147483647"},
		{"max_slot_wal_keep_size", "-2", "it may be -1 to 2147483647"},
		{"wal_receiver_timeout", "10S", "units are us, ms, s, min, h and d, in just this case"},
		{"primary_slot_name", "Bad-Name",
			"a slot's name has lower case letters, digits and underscores"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char shown[256];
		struct err err;

		if (set(cases[i].name, cases[i].value, shown, &err) != -1)
			fail_msg("%s = %s is taken", cases[i].name, cases[i].value);
		assert_int_equal(err.class, ERR_USAGE);
		assert_string_equal(err.hint, cases[i].hint);
		assert_non_null(strstr(err.text, cases[i].name));
	}
}

static void
a_text_that_must_be_whole_is_not_cut(void **state)
{
	char names[1100], shown[256];
	struct err err;

	(void)state;
	memset(names, 'a', sizeof names);
	names[1024] = '\0';
	assert_int_equal(set("synchronous_standby_names", names, shown, &err), -1);
	assert_int_equal(err.class, ERR_PROTOCOL);
}

static void
names_are_found_in_any_case_and_near_ones_are_told(void **state)
{
	(void)state;
	assert_string_equal(conf_value_name(conf_value_find("Wal_LEVEL")), "wal_level");
	assert_true(conf_value_find("wal_levels") == SIZE_MAX);
	assert_string_equal(conf_value_nearest("wal_levels"), "wal_level");
	assert_string_equal(conf_value_nearest("synchronous_standby_name"), "synchronous_standby_names");
	assert_string_equal(conf_value_nearest("WAL_SENDERS_TIMEOUT"), "wal_sender_timeout");
	assert_null(conf_value_nearest("shared_buffers"));
	assert_null(conf_value_nearest("log_connections")); /* near, but a setting of its own */
	assert_null(conf_value_nearest("In_Hot_Standby"));
	for (size_t i = 0; conf_value_name(i) != NULL; i++)
		assert_true(conf_value_find(conf_value_name(i)) == i);
}

static void
every_setting_has_a_default_that_is_taken(void **state)
{
	(void)state;
	snapshot_init(&snapshot);
	conf_value_set_initial(&snapshot);
	assert_string_equal(snapshot.config.wal_level, "replica");
	assert_string_equal(snapshot.config.wal_sender_timeout, "1min"); /* the last row */
	assert_string_equal(snapshot.config.max_slot_wal_keep_size, "-1");
	assert_int_equal(snapshot.config.max_connections, 100);
	assert_int_equal(snapshot.config.tcp_user_timeout, 0);
	assert_true(snapshot.config.slots == SNAPSHOT_NONE);
	assert_false(snapshot.config.has_primary_conninfo);
}

static void
connection_strings_are_understood_without_libpq(void **state)
{
	static const struct {
		const char *conninfo;
		bool has_name, has_dbname;
	} cases[] = {
		{"", false, false},
		{"host=a application_name=n2", true, false},
		{"host = 'a' application_name = n2 dbname\t=\nx", true, true},
		{"application_name=''", false, false},
		{"application_name=", false, false},
		{"application_name", false, false},
		{"host=a fallback_application_name=n2", false, false},
		{"password='a\\' application_name=x' host=b", false, false},
		{"password=a\\ application_name=x", false, false},
		{"password=it's application_name=n2", true, false},
		{"password='open application_name=n2", false, false},
		{"host application_name=n2", false, false},
		{"application_name= dbname=x", true, false}, /* as libpq has it: its value is "dbname=x" */
		{"postgresql://", false, false},
		{"postgresql://u@a/", false, false},
		{"postgresql://u@a/db", false, true},
		{"postgres://a?application_name=n2", true, false},
		{"postgres://a?x=1&application_name=n2&dbname=", true, false},
		{"postgres://a?application_name=&y=1", false, false},
		{"postgres://a?application_name", false, false},
		{"postgres:/a?application_name=n2", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (conf_conninfo_has(cases[i].conninfo, "application_name") != cases[i].has_name
			|| conf_conninfo_has(cases[i].conninfo, "dbname") != cases[i].has_dbname)
			fail_msg("%s", cases[i].conninfo);
}

static void
a_port_may_stand_behind_the_host_of_a_uri(void **state)
{
	static const struct {
		const char *conninfo;
		bool has_port;
	} cases[] = {
		{"host=a", false},
		{"host=a port=6432", true},
		{"postgresql://a", false},
		{"postgresql://a:6432", true},
		{"postgresql://a:6432/db?x=1", true},
		{"postgresql://a:/db", false},
		{"postgresql://user:word@a/db", false},
		{"postgresql://user:word@a:6432/db", true},
		{"postgresql://a/db:1", false},
		{"postgresql://a?port=6432", true},
		{"postgresql://[::1]/db", false},
		{"postgresql://[::1]:6432/db", true},
		{"postgresql://a,b:6432/db", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (conf_conninfo_has(cases[i].conninfo, "port") != cases[i].has_port)
			fail_msg("%s", cases[i].conninfo);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_shown_as_the_server_shows_them),
		cmocka_unit_test(values_that_the_server_refuses_are_refused),
		cmocka_unit_test(a_text_that_must_be_whole_is_not_cut),
		cmocka_unit_test(names_are_found_in_any_case_and_near_ones_are_told),
		cmocka_unit_test(every_setting_has_a_default_that_is_taken),
		cmocka_unit_test(connection_strings_are_understood_without_libpq),
		cmocka_unit_test(a_port_may_stand_behind_the_host_of_a_uri),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
