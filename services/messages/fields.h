// Reader of a message's fields: collects every malformed field, so that the sender can correct all
// of them at once.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "broker/values/ids.h"
#include "broker/values/money.h"
#include "broker/values/terms.h"
#include "broker/values/time.h"
#include "capbroker/v1/money.pb.h"
#include "services/messages/errors.h"

namespace capbroker {

// Place of a field in a message: "capacity_request.segments[1].quantity". It becomes text only for
// an error; a path must not outlive its parent.
class Path {
 public:
  Path(const char* name) : name_(name) {}  // NOLINT: a field of the message itself.
  Path(const Path& up, const char* name, int index = -1) : up_(&up), name_(name), index_(index) {}
  Path(const char* name, int index) : name_(name), index_(index) {}
  // Of a list: the path of its element.
  Path Element(int index) const {
    Path element = *this;
    element.index_ = index;
    return element;
  }
  std::string Text() const;

 private:
  const Path* up_ = nullptr;
  const char* name_;
  int index_ = -1;
};

// `text` in quotes, cut after about 120 bytes, with unprintable characters escaped: safe to send
// back.
std::string Quoted(std::string_view text);

// Each reader returns the value; or, after a complaint, one that must not be used (status() is not
// OK then).
class Fields {
 public:
  void Complain(const Path& path, std::string_view got, std::string_view want);
  // OK, or INVALID_ARGUMENT with every complaint.
  absl::Status status() const;

  // UTF-8 without control characters, `least` to `most` bytes.
  std::string Text(const Path& path, const std::string& got, size_t least, size_t most);
  // An id: 1 to 63 of a-z, 0-9 and '-', beginning with a letter and not ending with '-'.
  std::string Name(const Path& path, const std::string& got);
  // 1 to 63 of A-Z, 0-9 and '_', beginning with a letter.
  std::string Word(const Path& path, const std::string& got);
  ClauseId Clause(const Path& path, const std::string& got);
  // A party, by role and name: "auditor/kpmg".
  // "auditor/kpmg"; `roles` as "owner|auditor".
  std::string Party(const Path& path, const std::string& got, std::string_view roles);
  // An idempotency key: 1 to 128 printable ASCII characters without spaces.
  void Key(const std::string& got);

  int64_t Number(const Path& path, int64_t got, int64_t least, int64_t most);
  int64_t Quantity(const Path& path, int64_t got, int64_t least) {
    return Number(path, got, least, kMostQuantity);
  }
  // 0 means 50, more than 1000 means 1000.
  uint32_t PageSize(int32_t got);
  bool Count(const Path& path, int got, int least, int most);

  // After 1970-01-01T00:00:00Z and before the year 10000; fractions of a microsecond are dropped.
  Instant Time(const Path& path, const google::protobuf::Timestamp& got);
  // Not negative, at most 100 years; fractions of a microsecond are dropped.
  capbroker::Span Span(const Path& path, const google::protobuf::Duration& got);
  // An amount with a currency, not finer than a micro; never rounded.
  capbroker::Money Money(const Path& path, const v1::Money& got);
  Hash Sha256(const Path& path, const std::string& got);

  // Names of resources: owners/{owner}, providers/{provider}.
  OwnerId Owner(const Path& path, const std::string& got);
  ProviderId Provider(const Path& path, const std::string& got);

 private:
  std::vector<Violation> violations_;
  size_t left_out_ = 0;
};

}  // namespace capbroker
