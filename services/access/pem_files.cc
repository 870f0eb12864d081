#include "services/access/pem_files.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>

#include "absl/status/statusor.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

template <class T, void (*Free)(T*)>
struct Freer {
  void operator()(T* t) const { Free(t); }
};
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;

template <class T>
absl::StatusOr<T> ReadPem(const char* option, const std::string& file, auto read) {
  std::FILE* in = std::fopen(file.c_str(), "r");
  if (in == nullptr)
    return absl::InvalidArgumentError(Cat(option, ": ", file, ": ", std::strerror(errno)));
  T value(read(in, nullptr, nullptr, nullptr));
  std::fclose(in);
  if (value == nullptr)
    return absl::InvalidArgumentError(Cat(option, ": ", file, ": want PEM without a passphrase"));
  return value;
}

}  // namespace

absl::Status CheckIdentity(const char* certificate_option, const std::string& certificate_file,
                           const char* key_option, const std::string& key_file) {
  const auto certificate =
      ReadPem<Certificate>(certificate_option, certificate_file, PEM_read_X509);
  if (!certificate.ok()) return certificate.status();
  const auto key = ReadPem<Key>(key_option, key_file, PEM_read_PrivateKey);
  if (!key.ok()) return key.status();
  if (X509_check_private_key(certificate->get(), key->get()) == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      Cat(key_option, ": ", key_file, " is not the key of ", certificate_file));
}

absl::Status CheckAuthority(const char* option, const std::string& file) {
  return ReadPem<Certificate>(option, file, PEM_read_X509).status();
}

Instant ExpiryOf(const std::string& file) {
  const auto certificate = ReadPem<Certificate>("", file, PEM_read_X509);
  tm parts{};
  if (!certificate.ok() || ASN1_TIME_to_tm(X509_get0_notAfter(certificate->get()), &parts) != 1)
    return {};
  return Instant{int64_t{timegm(&parts)} * 1'000'000};
}

}  // namespace capbroker
