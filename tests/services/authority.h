// Certificate authority for tests: issues certificates as they are needed.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string>

namespace capbroker {

struct Pem {
  std::string certificate, key;
};

inline std::string Take(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

inline void Extend(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signs certificates for any name.
class Authority {
 public:
  Authority()
      : key_(EVP_EC_gen("P-256")), certificate_(Make(key_, "authority", nullptr, "CA:TRUE")) {}
  ~Authority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  std::string certificate() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate_);
    return Take(bio);
  }
  Pem Issue(const char* alternative_name) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = Make(key, "party", alternative_name, "CA:FALSE");
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(out, certificate);
    BIO* key_out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(key_out, key, nullptr, nullptr, 0, nullptr, nullptr);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return {Take(out), Take(key_out)};
  }

 private:
  X509* Make(EVP_PKEY* key, const char* name, const char* alternative_name,
             const char* constraints) {
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509* issuer = alternative_name == nullptr ? certificate : certificate_;
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    Extend(certificate, issuer, NID_basic_constraints, constraints);
    if (alternative_name != nullptr)
      Extend(certificate, issuer, NID_subject_alt_name, alternative_name);
    X509_sign(certificate, key_, EVP_sha256());
    return certificate;
  }

  long serial_ = 0;
  EVP_PKEY* const key_;
  X509* certificate_ = nullptr;
};

}  // namespace capbroker
