#include "storage/evidence.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "broker/trail/canonical.h"
#include "broker/trail/json_flags.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

// One parsed line of the file.
struct Line {
  uint64_t sequence = 0;
  Hash hash{};
  std::string body{};
};

// The bytes of the value of `key` in a JSON object on one line, unchanged: the hash covers bytes,
// and parsing and writing them again could change them. The object is well-formed.
std::string_view RawValue(std::string_view object, std::string_view key) {
  const std::string quoted = Cat("\"", key, "\"");
  int depth = 0;
  size_t from = std::string_view::npos;
  for (size_t i = 0; i < object.size(); ++i) {
    const char c = object[i];
    if (c == '"') {
      const size_t start = i;
      for (++i; object[i] != '"'; ++i) i += object[i] == '\\' ? 1 : 0;
      if (depth == 1 && from == std::string_view::npos &&
          object.substr(start, i + 1 - start) == quoted) {
        size_t colon = object.find_first_not_of(" \t", i + 1);
        if (colon == std::string_view::npos || object[colon] != ':')
          continue;  // A value, not a key.
        from = object.find_first_not_of(" \t", colon + 1);
        i = from - 1;
      }
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    }
    const bool ends = depth == 0 || (depth == 1 && c == ',');
    if (from != std::string_view::npos && ends && i > from) return object.substr(from, i - from);
  }
  return {};
}

// Each of these members once, and no other: of two members of one name, this reader would see the
// one and another reader the other.
absl::Status CheckMembers(const rapidjson::Value& object, std::vector<std::string_view> names) {
  for (const auto& member : object.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
      return absl::DataLossError(Cat("has an unknown or second member ", name));
    names.erase(found);
  }
  return names.empty() ? absl::OkStatus() : absl::DataLossError(Cat("lacks ", names.front()));
}

absl::StatusOr<Line> ReadLine(std::string_view text) {
  rapidjson::Document document;
  document.Parse<kJsonFlags>(text.data(), text.size());
  if (document.HasParseError() || !document.IsObject())
    return absl::DataLossError("is not a JSON object");
  if (absl::Status status = CheckMembers(document, {"sequence", "hash", "body"}); !status.ok())
    return status;
  const rapidjson::Value &sequence = document["sequence"], &hash = document["hash"],
                         &body = document["body"];
  Line out;
  if (sequence.IsUint64()) {
    out.sequence = sequence.GetUint64();
  } else if (sequence.IsString()) {  // Protobuf's JSON quotes 64-bit figures.
    out.sequence = ParseNumber<uint64_t>(sequence.GetString()).value_or(0);
  }
  if (out.sequence == 0) return absl::DataLossError("sequence: want a number from 1");
  const absl::StatusOr<Hash> parsed = ParseHash(hash.IsString() ? hash.GetString() : "");
  if (!parsed.ok()) return absl::DataLossError("hash: want 64 hexadecimal digits");
  out.hash = *parsed;
  out.body = body.IsString() ? std::string(body.GetString(), body.GetStringLength())
                             : std::string(RawValue(text, "body"));
  return out;
}

// DATA_LOSS if the line is no header.
struct Header {
  OwnerId owner{};
  RequestId request{};
};
absl::StatusOr<Header> ReadHeader(std::string_view text) {
  rapidjson::Document document;
  document.Parse<kJsonFlags>(text.data(), text.size());
  const auto is_text = [&](const char* key) {
    return document.HasMember(key) && document[key].IsString();
  };
  if (document.HasParseError() || !document.IsObject() || !document.HasMember("evidence") ||
      !is_text("owner"))
    return absl::DataLossError("does not say whose evidence this is");
  std::vector<std::string_view> members = {"evidence", "owner"};
  if (document.HasMember("request")) members.push_back("request");
  if (absl::Status status = CheckMembers(document, std::move(members)); !status.ok()) return status;
  const rapidjson::Value& format = document["evidence"];
  if (!format.IsInt() || format.GetInt() != 1)
    return absl::DataLossError("evidence: want format 1");
  Header header{.owner = {document["owner"].GetString()}};
  if (!document.HasMember("request")) return header;
  const absl::StatusOr<RequestId> request =
      ParseRequestId(is_text("request") ? document["request"].GetString() : "");
  if (!request.ok()) return absl::DataLossError("request: want its id");
  header.request = *request;
  return header;
}

}  // namespace

EvidenceReport VerifyEvidence(std::string_view file) {
  EvidenceReport report;
  std::optional<Line> before;
  Instant time_before;
  size_t number = 0;
  for (std::string_view rest = file; !rest.empty();) {
    const size_t end = rest.find('\n');
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    ++number;
    const auto find = [&](const auto&... words) {
      report.findings.push_back(Cat("line ", number, ": ", words...));
    };
    if (end == std::string_view::npos) find("is not ended; the file may have been cut");
    if (number == 1) {
      const absl::StatusOr<Header> header = ReadHeader(text);
      if (header.ok()) {
        report.owner = header->owner;
        report.request = header->request;
        continue;
      }
      find(header.status().message());  // It may still be an act.
    }
    absl::StatusOr<Line> line = ReadLine(text);
    if (!line.ok()) {
      find(line.status().message());
      before.reset();  // The next link cannot be checked.
      continue;
    }
    ++report.acts;
    if (report.first == 0) report.first = line->sequence;
    if (line->sequence <= report.last)
      find("act ", line->sequence, " stands after act ", report.last);

    const bool follows = before && line->sequence == before->sequence + 1;
    if (follows || line->sequence == 1) {
      ++report.links_checked;
      if (Chain(follows ? before->hash : Hash{}, line->body) != line->hash) {
        find("act ", line->sequence, ": the hash does not follow from the act before and the body");
      }
    } else {
      ++report.links_unchecked;
      // The acts of one request are among others of its owner; the owner's whole trail has no gaps.
      if (!report.request.IsSet() && line->sequence > report.last + 1)
        find("acts ", report.last + 1, " to ", line->sequence - 1, " are missing");
    }
    report.last = line->sequence;
    report.head = line->hash;

    const absl::StatusOr<Act> act = DecodeAct(line->body);
    if (!act.ok()) {
      find("act ", line->sequence, ": ", act.status().message());
    } else {
      report.decisions += act->decisions.size();
      if (Encode(*act) != line->body)
        find("act ", line->sequence, ": the body is not in canonical form");
      if (act->sequence != line->sequence)
        find("act ", line->sequence, ": its body says ", act->sequence);
      if (report.owner.empty()) report.owner = act->owner;
      if (act->owner != report.owner) find("act ", line->sequence, " is of ", act->owner.value);
      const bool belongs =
          !report.request.IsSet() || !act->request.IsSet() || act->request == report.request;
      if (!belongs) find("act ", line->sequence, " is about request ", Format(act->request));
      if (act->time < time_before)
        find("act ", line->sequence, " is earlier than the act before it");
      time_before = act->time;
      if (act->decisions.empty()) find("act ", line->sequence, " decides nothing");
    }
    before = *std::move(line);
  }
  if (report.acts == 0) report.findings.push_back("there is no act");
  return report;
}

absl::StatusOr<std::vector<Act>> ReadEvidence(std::string_view file) {
  std::vector<Act> acts;
  size_t number = 0;
  for (std::string_view text : Split(file, '\n')) {
    ++number;
    if (text.empty() || (number == 1 && ReadHeader(text).ok())) continue;
    const absl::StatusOr<Line> line = ReadLine(text);
    absl::StatusOr<Act> act =
        line.ok() ? DecodeAct(line->body) : absl::StatusOr<Act>(line.status());
    if (!act.ok())
      return absl::DataLossError(Cat("line ", number, ": ", View(act.status().message())));
    acts.push_back(*std::move(act));
  }
  return acts;
}

std::string EvidenceHeader(const OwnerId& owner, const RequestId& request) {
  return Cat("{\"evidence\":1,\"owner\":\"", owner.value, "\"",
             request.IsSet() ? Cat(",\"request\":\"", Format(request), "\"") : "", "}\n");
}

std::string EvidenceLine(const SealedAct& act) {
  return Cat("{\"sequence\":", act.sequence, ",\"hash\":\"", Hex(act.hash),
             "\",\"body\":", act.text, "}\n");
}

}  // namespace capbroker
