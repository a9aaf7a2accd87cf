/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls.h"

#include <base.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#define LIFE_S  (825L * 86400)
#define RENEW_S (30L * 86400)

static int crypto_err(struct wa_err *err, const char *what)
{
	return wa_err_set(err, WA_ECRYPTO, "%s: %s", what,
			  ERR_reason_error_string(ERR_get_error()));
}

static bool extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

/* A certificate without extensions and signature. */
static X509 *blank(EVP_PKEY *key, const char *name, X509 *issuer)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_NAME_new();
	unsigned char serial[8];
	BIGNUM *bn = NULL;
	bool ok = x && subject && RAND_bytes(serial, sizeof(serial)) == 1;

	if (ok) {
		serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
		bn = BN_bin2bn(serial, sizeof(serial), NULL);
	}
	ok = ok && bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) &&
	     X509_set_version(x, 2) &&
	     X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name,
					-1, -1, 0) &&
	     X509_set_subject_name(x, subject) &&
	     X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject) &&
	     X509_gmtime_adj(X509_getm_notBefore(x), -86400) &&
	     X509_gmtime_adj(X509_getm_notAfter(x), LIFE_S) && X509_set_pubkey(x, key);
	BN_free(bn);
	X509_NAME_free(subject);
	if (!ok) {
		X509_free(x);
		return NULL;
	}
	return x;
}

static X509 *make_ca(EVP_PKEY *key)
{
	X509 *x = blank(key, "Warbler sandbox", NULL);

	if (x && (!extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
		  !extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") ||
		  !extension(x, x, NID_subject_key_identifier, "hash") ||
		  !X509_sign(x, key, EVP_sha256()))) {
		X509_free(x);
		return NULL;
	}
	return x;
}

static void alt_names(const char *address, char *out, size_t size)
{
	unsigned char ip[16];
	bool literal =
		inet_pton(AF_INET, address, ip) == 1 || inet_pton(AF_INET6, address, ip) == 1;

	if (!*address || strpbrk(address, ",\n:") ? !literal : false)
		address = "127.0.0.1", literal = true;
	snprintf(out, size, "DNS:localhost,IP:127.0.0.1,IP:::1,%s:%s", literal ? "IP" : "DNS",
		 address);
}

static X509 *make_leaf(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *address)
{
	X509 *x = blank(key, "localhost", ca);
	char names[320];

	alt_names(address, names, sizeof(names));
	if (x && (!extension(x, ca, NID_basic_constraints, "critical,CA:FALSE") ||
		  !extension(x, ca, NID_key_usage, "critical,digitalSignature") ||
		  !extension(x, ca, NID_ext_key_usage, "serverAuth") ||
		  !extension(x, ca, NID_subject_alt_name, names) ||
		  !extension(x, ca, NID_authority_key_identifier, "keyid") ||
		  !X509_sign(x, ca_key, EVP_sha256()))) {
		X509_free(x);
		return NULL;
	}
	return x;
}

/* Whole or not at all: written beside, then renamed. */
static int write_pem(const char *path, mode_t mode, X509 *cert, EVP_PKEY *key, struct wa_err *err)
{
	char tmp[SB_PATH_MAX + 8];
	int fd;
	FILE *f;
	bool ok;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f) {
		if (fd >= 0)
			close(fd);
		return wa_err_set(err, WA_EIO, "cannot write %s", tmp);
	}
	ok = cert ? PEM_write_X509(f, cert)
		  : PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	ok = fclose(f) == 0 && ok;
	if (!ok || rename(tmp, path))
		return wa_err_set(err, WA_EIO, "cannot write %s", path);
	return 0;
}

static X509 *read_cert(const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	return x;
}

static bool still_good(const struct sb_tls_files *t, const char *address)
{
	X509 *ca = read_cert(t->ca), *leaf = read_cert(t->cert);
	time_t limit = time(NULL) + RENEW_S;
	bool ok = ca && leaf && access(t->key, R_OK) == 0 &&
		  X509_cmp_time(X509_get0_notAfter(leaf), &limit) > 0 &&
		  (!*address || X509_check_ip_asc(leaf, address, 0) == 1 ||
		   X509_check_host(leaf, address, 0, 0, NULL) == 1);

	X509_free(ca);
	X509_free(leaf);
	return ok;
}

static int make(const struct sb_tls_files *t, const char *address, struct wa_err *err)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca = ca_key ? make_ca(ca_key) : NULL;
	X509 *leaf = ca && key ? make_leaf(key, ca, ca_key, address) : NULL;
	int rc = leaf ? 0 : crypto_err(err, "certificate");

	if (!rc)
		rc = write_pem(t->key, 0600, NULL, key, err);
	if (!rc)
		rc = write_pem(t->cert, 0644, leaf, NULL, err);
	if (!rc)
		rc = write_pem(t->ca, 0644, ca, NULL, err);
	X509_free(leaf);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return rc;
}

int sb_tls_files(const char *dir, const char *address, struct sb_tls_files *ret, struct wa_err *err)
{
	int n = snprintf(ret->ca, sizeof(ret->ca), "%s/ca.pem", dir);

	if (n < 0 || (size_t)n > sizeof(ret->ca) - 16)
		return wa_err_set(err, WA_EINVALID, "path too long");
	snprintf(ret->cert, sizeof(ret->cert), "%s/server.pem", dir);
	snprintf(ret->key, sizeof(ret->key), "%s/server.key", dir);
	return still_good(ret, address) ? 0 : make(ret, address, err);
}
