/*
 * bare.c: the least that any libpq program does to learn a server's role, as the yardstick of bench.py.
 *
 * Deliberately without deadline, verdict or format: what a check costs more than this is its price.
 */
#include <libpq-fe.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	PGconn *conn = PQconnectdb(argc > 1 ? argv[1] : "");
	PGresult *result = NULL;
	int code = 1;

	if (PQstatus(conn) == CONNECTION_OK)
		result = PQexec(conn, "SELECT pg_is_in_recovery()");
	if (result != NULL && PQresultStatus(result) == PGRES_TUPLES_OK) {
		puts(PQgetvalue(result, 0, 0));
		code = 0;
	} else {
		fputs(PQerrorMessage(conn), stderr);
	}
	PQclear(result);
	PQfinish(conn);
	return code;
}
