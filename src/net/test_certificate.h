// A certificate for tests of TLS.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "base/encoding.h"

namespace slipway::net {

// A certificate for 127.0.0.1 and localhost, signed by itself, in files of its own.
struct TestCertificate {
  TestCertificate() {
    char name[] = "/tmp/slipway_tls_test_XXXXXX";
    folder = ::mkdtemp(name);
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* made = X509_new();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -60);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, pair);
    X509_NAME* subject = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("slipway test"), -1, -1, 0);
    X509_set_issuer_name(made, subject);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    X509_add_ext(made, names, -1);
    X509_sign(made, pair, EVP_sha256());
    std::array<unsigned char, 20> digest;
    X509_digest(made, EVP_sha1(), digest.data(), nullptr);
    thumbprint = to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
    FILE* file = std::fopen(cert().c_str(), "w");
    PEM_write_X509(file, made);
    std::fclose(file);
    file = std::fopen(key().c_str(), "w");
    PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_EXTENSION_free(names);
    X509_free(made);
    EVP_PKEY_free(pair);
  }
  ~TestCertificate() { std::filesystem::remove_all(folder); }
  std::string cert() const { return folder + "/cert.pem"; }
  std::string key() const { return folder + "/key.pem"; }
  std::string folder;
  std::string thumbprint;  // SHA-1 in hex
};

}  // namespace slipway::net
