#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/run/mask.h"

static void
expect_masked(const char *conninfo, const char *wanted)
{
	char storage[512];
	struct text text;

	text_init(&text, storage, sizeof storage);
	mask_write(conninfo, &text);
	assert_string_equal(storage, wanted);
}

static void
what_holds_no_secret_stays(void **state)
{
	static const char *const harmless[] = {"", "postgres", "host=db1 port=5432 dbname=app",
		"host=/run/postgresql passfile=/etc/pgha/pgpass sslkey=/etc/key.pem",
		"require_auth=password host=db1", "postgres://pgha@db1:5432/app?sslmode=require",
		"postgresql:///app?host=/run&port=5432",
		"options='-c search_path=a,b' application_name=me@here", "password", "host=db1 password"};

	(void)state;
	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
		expect_masked(harmless[i], harmless[i]);
}

static void
values_end_where_libpq_ends_them(void **state)
{
	(void)state;
	expect_masked("host=a password=sesame user=b", "host=a password=*** user=b");
	expect_masked("password=sesame", "password=***");
	expect_masked("password=", "password=***");
	expect_masked("password = sesame user=b", "password = *** user=b");
	expect_masked("password='se same' user=b", "password=*** user=b");
	expect_masked("password='it\\'s x=y' user=b", "password=*** user=b");
	expect_masked("password=se\\ same user=b", "password=*** user=b");
	expect_masked("password=a\\", "password=***");
	expect_masked("password='user=b", "password=***");
	expect_masked("password=a'b user=b", "password=*** user=b");
	expect_masked("password=a&b=c user=b", "password=*** user=b");
	expect_masked("password=a\tuser=b", "password=***\tuser=b");
	expect_masked("password=a password=b", "password=*** password=***");
}

static void
every_secret_of_libpq_is_one(void **state)
{
	(void)state;
	expect_masked("sslpassword=a sslkey=b", "sslpassword=*** sslkey=b");
	expect_masked("scram_client_key=a scram_server_key=b oauth_client_secret=c",
		"scram_client_key=*** scram_server_key=*** oauth_client_secret=***");
	expect_masked("PASSWORD=sesame", "PASSWORD=***");
}

static void
slips_of_the_pen_are_secrets_too(void **state)
{
	(void)state;
	expect_masked("host=db1;password=sesame", "host=db1;password=***");
	expect_masked("host=db1,password=sesame user=b", "host=db1,password=*** user=b");
	expect_masked("password=open sesame user=b", "password=*** user=b");
	expect_masked("password='it's me' user=b", "password=*** user=b");
	expect_masked("password='it's=me' user=b", "password=*** user=b");
	expect_masked("dbname=postgres://u:sesame@h/d", "dbname=postgres://u:***@h/d");
	expect_masked(
		"password=x dbname=postgres://u:sesame@h/d", "password=*** dbname=postgres://u:***@h/d");
}

static void
passwords_in_uris_are_secrets(void **state)
{
	(void)state;
	expect_masked("postgres://u:sesame@db1:5432/app", "postgres://u:***@db1:5432/app");
	expect_masked("postgresql://:sesame@/app", "postgresql://:***@/app");
	expect_masked("postgres://u:@db1", "postgres://u:***@db1");
	expect_masked("postgres://u:a@b@db1", "postgres://u:***@db1");
	expect_masked("postgres://u:a/b@db1", "postgres://u:***@db1");
	expect_masked("postgres://u:a?b@db1", "postgres://u:***@db1");
	expect_masked("postgres://u:p@db1,db2:5433/app", "postgres://u:***@db1,db2:5433/app");
	expect_masked("postgres://u@db1/app?password=sesame&sslmode=require",
		"postgres://u@db1/app?password=***&sslmode=require");
	expect_masked("postgres://db1?sslpassword=a b", "postgres://db1?sslpassword=***");
	expect_masked("postgres://u:p@db1?password=q", "postgres://u:***@db1?password=***");
}

/* libpq reads %61 as "a" in the names of parameters, too. */
static void
an_encoded_name_may_be_password(void **state)
{
	(void)state;
	expect_masked("postgres://db1?p%61ssword=sesame&sslmode=require",
		"postgres://db1?p%61ssword=***&sslmode=require");
	expect_masked("postgres://db1?a=b&%70assword=sesame", "postgres://db1?a=b&%70assword=***");
	expect_masked("postgres://db1?a=b%20c&d=e", "postgres://db1?a=b%20c&d=e");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_holds_no_secret_stays),
		cmocka_unit_test(values_end_where_libpq_ends_them),
		cmocka_unit_test(every_secret_of_libpq_is_one),
		cmocka_unit_test(slips_of_the_pen_are_secrets_too),
		cmocka_unit_test(passwords_in_uris_are_secrets),
		cmocka_unit_test(an_encoded_name_may_be_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
