/* SPDX-License-Identifier: Apache-2.0 */
/* tlserr.c - OpenSSL's reasons as stable codes. Runs in the link agent. */
#include "wire/tlserr.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static const struct {
	int	     reason;
	enum kr_code kr;
} reasons[] = {
	{ SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, KR_E_TLS_FORGED },
	{ SSL_R_SSLV3_ALERT_BAD_RECORD_MAC,	KR_E_TLS_FORGED },
	{ SSL_R_TLSV1_ALERT_DECRYPT_ERROR,	KR_E_TLS_FORGED },
	{ SSL_R_DIGEST_CHECK_FAILED,		KR_E_TLS_FORGED },
	{ SSL_R_BAD_SIGNATURE,			KR_E_TLS_FORGED },
	{ SSL_R_UNSUPPORTED_PROTOCOL,		KR_E_TLS_VERSION },
	{ SSL_R_VERSION_TOO_LOW,		KR_E_TLS_VERSION },
	{ SSL_R_WRONG_SSL_VERSION,		KR_E_TLS_VERSION },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,	KR_E_TLS_VERSION },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, KR_E_PEER_ANON },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, KR_E_REFUSED_US },
	{ SSL_R_NO_APPLICATION_PROTOCOL,	KR_E_TLS_ALPN },
	{ SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, KR_E_TLS_ALPN },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA,		KR_E_REFUSED_US },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,	KR_E_REFUSED_US },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, KR_E_REFUSED_US },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, KR_E_REFUSED_US },
	{ SSL_R_TLSV1_ALERT_ACCESS_DENIED,	KR_E_REFUSED_US },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,	KR_E_TLS_HANDSHAKE },
	{ SSL_R_TLSV1_ALERT_INTERNAL_ERROR,	KR_E_TLS_HANDSHAKE },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING,	KR_E_PEER_TRUNCATED },
};

int kr_tlserr_take(bool proved, struct kr_err *e)
{
	unsigned long err = ERR_get_error();
	const char *text = ERR_reason_error_string(err);
	enum kr_code kr = proved ? KR_E_TLS_FORGED : KR_E_TLS_HANDSHAKE;

	ERR_clear_error();
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (ERR_GET_REASON(err) == reasons[i].reason)
			kr = reasons[i].kr;
	return kr_fail(e, kr, "TLS: %s", text ? text : "no reason given");
}
