/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_CERTS_H
#define TEST_CERTS_H

/*
 * A throw-away CA and a server certificate for "localhost" and 127.0.0.1, in
 * files below a temporary folder. Header only: the network and the HTTP tests
 * share it.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

struct test_certs {
	char dir[32];
	char ca[64];
	char cert[64];
	char key[64];
};

static inline X509 *certs_one(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key,
			      long serial)
{
	X509 *x = X509_new();
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
	X509V3_set_ctx(&ctx, issuer ? issuer : x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, issuer ? NID_subject_alt_name : NID_basic_constraints,
				  issuer ? "DNS:localhost,IP:127.0.0.1" : "critical,CA:TRUE");
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	X509_sign(x, issuer_key ? issuer_key : key, EVP_sha256());
	return x;
}

static inline void certs_write(const char *path, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	if (!f)
		abort();
	if (cert)
		PEM_write_X509(f, cert);
	if (key)
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

static inline void certs_make(struct test_certs *c)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca, *cert;

	snprintf(c->dir, sizeof(c->dir), "/tmp/wb-certs-XXXXXX");
	if (!mkdtemp(c->dir))
		abort();
	snprintf(c->ca, sizeof(c->ca), "%s/ca.pem", c->dir);
	snprintf(c->cert, sizeof(c->cert), "%s/cert.pem", c->dir);
	snprintf(c->key, sizeof(c->key), "%s/key.pem", c->dir);
	ca = certs_one(ca_key, "Warbler test CA", NULL, NULL, 1);
	cert = certs_one(key, "localhost", ca, ca_key, 2);
	certs_write(c->ca, ca, NULL);
	certs_write(c->cert, cert, NULL);
	certs_write(c->key, NULL, key);
	X509_free(ca);
	X509_free(cert);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}

static inline void certs_break(struct test_certs *c)
{
	FILE *f = fopen(c->cert, "w");

	if (!f)
		abort();
	fputs("not a certificate\n", f);
	fclose(f);
}

static inline void certs_free(struct test_certs *c)
{
	unlink(c->ca);
	unlink(c->cert);
	unlink(c->key);
	rmdir(c->dir);
}

#endif
