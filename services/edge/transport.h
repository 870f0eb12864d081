// A caller's socket that does not block, with TLS on it or without; and what the listener needs for
// TLS.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/values/time.h"
#include "services/edge/socket.h"

namespace capbroker {

template <class T, void (*Free)(T*)>
struct OpenSslFreer {
  void operator()(T* t) const { Free(t); }
};
using SslPtr = std::unique_ptr<SSL, OpenSslFreer<SSL, SSL_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, OpenSslFreer<SSL_CTX, SSL_CTX_free>>;

// PEM files. Callers' certificates are those that the authority signed; none: they are not asked
// for one.
struct TlsFiles {
  std::string certificate, key, authority{};
  bool client_certificate_optional = false;
};

// A server's TLS 1.2 and 1.3, for HTTP/2 alone, from files that are read again when they change.
// Sessions are not resumed: every connection shows its certificate.
class ServerTls {
 public:
  // INVALID_ARGUMENT says what is wrong with a file.
  static absl::StatusOr<std::unique_ptr<ServerTls>> Load(TlsFiles files);

  // For a connection that comes now. Without `asks`, the caller's certificate is not asked for.
  SslPtr Accept(int fd, bool asks) ABSL_LOCKS_EXCLUDED(mutex_);
  // Reads the files again, if they have changed since they were last read. What they said before
  // stays if they are wrong.
  absl::Status Reload() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  explicit ServerTls(TlsFiles files) : files_(std::move(files)) {}

  const TlsFiles files_;
  absl::Mutex mutex_;
  SslContextPtr context_ ABSL_GUARDED_BY(mutex_);
  std::string seen_ ABSL_GUARDED_BY(mutex_);  // Of the files, when they were last read.
};

// The URI of the certificate that the other end showed and that was verified, if it has exactly one
// and that is a SPIFFE id; else empty.
std::string SpiffeIdOf(SSL* ssl);
// The last instant of that certificate; unset if there is none.
Instant ExpireTimeOf(SSL* ssl);

class Transport {
 public:
  explicit Transport(Descriptor socket, SslPtr ssl = nullptr)
      : socket_(std::move(socket)), ssl_(std::move(ssl)) {}

  enum class State { kDone, kWantsRead, kWantsWrite, kClosed };
  struct Io {
    State state;
    size_t bytes = 0;
  };
  // The server's part of the handshake; kDone at once without TLS.
  State Handshake();
  // kDone with at least one byte; kClosed: the other end has sent its last one, or the connection
  // broke. With room for 16 kB, nothing stays decrypted and unread, for which the socket would not
  // become readable.
  Io Read(char* to, size_t size);
  Io Write(std::string_view bytes);
  // Tells the other end that this was the last.
  void Close();

  int fd() const { return socket_.get(); }
  SSL* ssl() const { return ssl_.get(); }

 private:
  State StateOf(int result) const;

  Descriptor socket_;
  SslPtr ssl_;
};

}  // namespace capbroker
