#include "lib/collect/web_failure.h"

#include <stdbool.h>
#include <string.h>

#include "lib/collect/web.h"
#include "lib/collect/web_transfer.h"

/* A refusal comes a round trip after the handshake; what ends later was under way, and died. */
enum { REFUSAL_MAX_US = 500000 };

/*
 * Whether the connection ended between the handshake and the first byte of an answer. In TLS 1.3 a server
 * refuses the certificate of its client only then, and the reset that follows may be faster than what it says
 * of that. With a certificate to show it would be no more than a guess.
 */
static bool
is_refused_unheard(const struct web_transfer *transfer)
{
	curl_off_t shaken_us = 0, ended_us = 0;

	if (!web_url_is_secured(&transfer->url) || transfer->has_certificate || transfer->header_bytes > 0)
		return false;
	transfer->library->easy_getinfo(transfer->easy, CURLINFO_APPCONNECT_TIME_T, &shaken_us);
	transfer->library->easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &ended_us);
	return shaken_us > 0 && ended_us - shaken_us < REFUSAL_MAX_US;
}

static int
explain_end(const struct web_transfer *transfer, const char *words, struct err *err)
{
	if (is_refused_unheard(transfer)) {
		err_set(err, ERR_SETUP, "TLS with %s: closed right after the handshake", transfer->url.place);
		return err_hint(err, "does it want a client certificate (cert-file)?");
	}
	if (words[0] == '\0')
		err_set(err, ERR_DOWN, "%s closed the connection without an answer", transfer->url.place);
	else
		err_set(err, ERR_DOWN, "cannot reach %s: %s", transfer->url.place, words);
	return err_hint(err,
		web_url_is_secured(&transfer->url)
			? "does it run there, and listen on that address and port?"
			: "does it run there, and is it http that it speaks, not https?");
}

static int
explain_tls(const struct web_transfer *transfer, const char *words, struct err *err)
{
	err_set(err, ERR_SETUP, "TLS with %s: %s", transfer->url.place, words);
	if (strstr(words, "unable to set private key") != NULL)
		return err_hint(err,
			"is the key in that file (else: key-file), and without a passphrase? nobody is there "
			"to give one");
	if (strstr(words, "wrong version number") != NULL || strstr(words, "SSL_ERROR_SYSCALL") != NULL)
		return err_hint(err, "does it speak TLS there? if not, write http://");
	return err_hint(
		err, "see the options ca-file, cert-file and key-file, and the name in its certificate");
}

int
web_failure_explain(const struct web_transfer *transfer, CURLcode code, struct err *err)
{
	const char *words = transfer->words[0] != '\0' ? transfer->words
						       : transfer->library->easy_strerror(code);
	const char *place = transfer->url.place;
	long number = 0;

	/* In TLS 1.3 a server refuses the certificate of its client only after the handshake. */
	if ((code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) && strstr(words, "alert") != NULL)
		code = CURLE_SSL_CERTPROBLEM;
	if (code == CURLE_RECV_ERROR
		&& (strstr(words, "Too large response headers") != NULL
			|| strstr(words, "chunked-encoding") != NULL))
		code = CURLE_WEIRD_SERVER_REPLY;
	if (transfer->is_too_long)
		return err_set(err, ERR_PROTOCOL, "the answer of %s is longer than %d KB", place,
			WEB_BODY_MAX / 1024);
	if (transfer->is_packed)
		return err_set(err, ERR_PROTOCOL, "%s answers in an encoding that nobody asked for", place);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		/* The library's words name the place once more, and not always the reason. */
		transfer->library->easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
		if (number != 0)
			words = strerror((int)number);
		err_set(err, ERR_DOWN, "cannot reach %s: %s", place, words);
		return err_hint(err, "does it run there, and listen on that address and port?");
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return explain_end(transfer, words, err);
	case CURLE_GOT_NOTHING:
		return explain_end(transfer, "", err);
	case CURLE_OPERATION_TIMEDOUT:
		err_set(err, ERR_TIMEOUT, "no answer from %s in time", place);
		return err_hint(err,
			"is it frozen, or does it wait for its server or store? does a firewall drop what is "
			"sent?");
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return explain_tls(transfer, words, err);
	case CURLE_OUT_OF_MEMORY: /* hardly that: a line of the headers is too long */
		return err_set(err, ERR_PROTOCOL, "%s answers with a header that is too long", place);
	default:
		err_set(err, ERR_PROTOCOL, "%s does not answer as HTTP should: %s", place, words);
		return err_hint(err, "is this the right port?");
	}
}
