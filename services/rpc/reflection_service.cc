#include "services/rpc/reflection_service.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <utility>

#include "absl/container/flat_hash_set.h"

namespace capbroker {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1alpha::FileDescriptorResponse;
using grpc::reflection::v1alpha::ServerReflectionRequest;
using grpc::reflection::v1alpha::ServerReflectionResponse;

// The file, and after it what it imports, each once.
void AddFile(const FileDescriptor& file, absl::flat_hash_set<const FileDescriptor*>& added,
             FileDescriptorResponse* out) {
  if (!added.insert(&file).second) return;
  google::protobuf::FileDescriptorProto described;
  file.CopyTo(&described);
  described.SerializeToString(out->add_file_descriptor_proto());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), added, out);
}

ServerReflectionResponse Answer(const std::vector<std::string>& services,
                                const ServerReflectionRequest& question) {
  ServerReflectionResponse out;
  out.set_valid_host(question.host());
  *out.mutable_original_request() = question;
  const FileDescriptor* file = nullptr;
  switch (question.message_request_case()) {
    case ServerReflectionRequest::kListServices:
      for (const std::string& name : services)
        out.mutable_list_services_response()->add_service()->set_name(name);
      return out;
    case ServerReflectionRequest::kFileByFilename:
      file = DescriptorPool::generated_pool()->FindFileByName(question.file_by_filename());
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      file = DescriptorPool::generated_pool()->FindFileContainingSymbol(
          question.file_containing_symbol());
      break;
    default:  // The API extends nothing.
      out.mutable_error_response()->set_error_code(grpc::StatusCode::UNIMPLEMENTED);
      return out;
  }
  if (file == nullptr) {
    out.mutable_error_response()->set_error_code(grpc::StatusCode::NOT_FOUND);
    out.mutable_error_response()->set_error_message("no such file or symbol");
    return out;
  }
  absl::flat_hash_set<const FileDescriptor*> added;
  AddFile(*file, added, out.mutable_file_descriptor_response());
  return out;
}

}  // namespace

// Reads one question, answers it, reads the next.
class ReflectionService::Stream final
    : public grpc::ServerBidiReactor<ServerReflectionRequest, ServerReflectionResponse> {
 public:
  Stream(const std::vector<std::string>& services, std::pair<Quota::Place, Quota::Refusal> taken)
      : services_(services), place_(std::move(taken.first)) {
    if (taken.second == Quota::Refusal::kNone) {
      StartRead(&question_);
    } else {
      Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                          "too many reflection streams, of this connection or in all"));
    }
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    answer_ = Answer(services_, question_);
    StartWrite(&answer_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    StartRead(&question_);
  }
  void OnDone() override { delete this; }

  const std::vector<std::string>& services_;
  const Quota::Place place_;
  ServerReflectionRequest question_;
  ServerReflectionResponse answer_;
};

grpc::ServerBidiReactor<ServerReflectionRequest, ServerReflectionResponse>*
ReflectionService::ServerReflectionInfo(grpc::CallbackServerContext* context) {
  return new Stream(services_, streams_.Take(context->peer()));
}

}  // namespace capbroker
