#include "services/edge/transport.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>
#include <utility>

#include "broker/values/text.h"

namespace capbroker {
namespace {

constexpr unsigned char kHttp2[] = {2, 'h', '2'};

std::string LastError() {
  char text[256] = "unknown error";
  if (const unsigned long error = ERR_peek_last_error(); error != 0)
    ERR_error_string_n(error, text, sizeof text);
  ERR_clear_error();
  return text;
}

// Another one after the file was written or replaced.
std::string VersionOf(const std::string& file) {
  struct stat found {};
  if (stat(file.c_str(), &found) != 0) return "none";
  return Cat(found.st_ino, ".", found.st_size, ".", found.st_mtim.tv_sec, ".",
             found.st_mtim.tv_nsec);
}

int SelectHttp2(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                unsigned offered_size, void*) {
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, size, kHttp2, sizeof kHttp2, offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

absl::StatusOr<SslContextPtr> Build(const TlsFiles& files) {
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(raw, SelectHttp2, nullptr);
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1) {
    return absl::InvalidArgumentError(Cat("--tls-cert: ", files.certificate, ": ", LastError()));
  }
  if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(raw) != 1) {
    return absl::InvalidArgumentError(Cat("--tls-key: ", files.key, ": ", LastError()));
  }
  if (files.authority.empty()) return context;
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(files.authority.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(raw, files.authority.c_str()) != 1) {
    return absl::InvalidArgumentError(Cat("--tls-client-ca: ", files.authority, ": ", LastError()));
  }
  SSL_CTX_set_client_CA_list(raw, names);
  SSL_CTX_set_verify(
      raw,
      SSL_VERIFY_PEER | (files.client_certificate_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT),
      nullptr);
  return context;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerTls>> ServerTls::Load(TlsFiles files) {
  std::unique_ptr<ServerTls> tls(new ServerTls(std::move(files)));
  if (absl::Status status = tls->Reload(); !status.ok()) return status;
  return tls;
}

absl::Status ServerTls::Reload() {
  std::string versions = Cat(VersionOf(files_.certificate), " ", VersionOf(files_.key), " ",
                             VersionOf(files_.authority));
  absl::MutexLock lock(&mutex_);
  if (versions == seen_) return absl::OkStatus();
  seen_ = std::move(versions);
  absl::StatusOr<SslContextPtr> context = Build(files_);
  if (!context.ok()) return context.status();
  context_ = *std::move(context);
  return absl::OkStatus();
}

SslPtr ServerTls::Accept(int fd, bool asks) {
  absl::MutexLock lock(&mutex_);
  SslPtr ssl(SSL_new(context_.get()));
  SSL_set_fd(ssl.get(), fd);
  SSL_set_accept_state(ssl.get());
  if (!asks) SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, nullptr);
  return ssl;
}

std::string SpiffeIdOf(SSL* ssl) {
  using NamesPtr = std::unique_ptr<GENERAL_NAMES, OpenSslFreer<GENERAL_NAMES, GENERAL_NAMES_free>>;
  X509* const certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return "";
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string id;
  int uris = 0;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_STRING* const uri = name->d.uniformResourceIdentifier;
    id.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
              static_cast<size_t>(ASN1_STRING_length(uri)));
    ++uris;
  }
  return uris == 1 && id.starts_with("spiffe://") ? id : "";
}

Instant ExpireTimeOf(SSL* ssl) {
  X509* const certificate = ssl == nullptr ? nullptr : SSL_get0_peer_certificate(ssl);
  tm parts{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1)
    return {};
  return Instant{int64_t{timegm(&parts)} * 1'000'000};
}

Transport::State Transport::StateOf(int result) const {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return State::kWantsRead;
    case SSL_ERROR_WANT_WRITE:
      return State::kWantsWrite;
    default:
      return State::kClosed;
  }
}

Transport::State Transport::Handshake() {
  if (ssl_ == nullptr) return State::kDone;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? State::kDone : StateOf(result);
}

Transport::Io Transport::Read(char* to, size_t size) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int result = SSL_read(ssl_.get(), to, static_cast<int>(std::min<size_t>(size, INT_MAX)));
    return result > 0 ? Io{State::kDone, static_cast<size_t>(result)} : Io{StateOf(result)};
  }
  const ssize_t got = recv(fd(), to, size, 0);
  if (got > 0) return {State::kDone, static_cast<size_t>(got)};
  return {got < 0 && (errno == EAGAIN || errno == EINTR) ? State::kWantsRead : State::kClosed};
}

Transport::Io Transport::Write(std::string_view bytes) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int result = SSL_write(ssl_.get(), bytes.data(),
                                 static_cast<int>(std::min<size_t>(bytes.size(), INT_MAX)));
    return result > 0 ? Io{State::kDone, static_cast<size_t>(result)} : Io{StateOf(result)};
  }
  const ssize_t sent = send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return {State::kDone, static_cast<size_t>(sent)};
  return {errno == EAGAIN || errno == EINTR ? State::kWantsWrite : State::kClosed};
}

void Transport::Close() {
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  socket_.Close();
}

}  // namespace capbroker
