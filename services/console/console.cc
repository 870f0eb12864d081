#include "services/console/console.h"

#include <utility>

#include "broker/values/ids.h"
#include "broker/values/text.h"
#include "services/console/console_files.h"
#include "services/console/gateway.h"
#include "services/console/same_origin.h"
#include "services/messages/errors.h"

namespace capbroker {
namespace {

// No resources from elsewhere, nothing inline, no framing.
constexpr char kPolicy[] =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

AdminReply Protected(AdminReply reply) {
  reply.headers.push_back({"Content-Security-Policy", kPolicy});
  reply.headers.push_back({"X-Content-Type-Options", "nosniff"});
  reply.headers.push_back({"Referrer-Policy", "no-referrer"});
  return reply;
}

const char* TypeOf(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/javascript; charset=utf-8";
}

AdminReply Show(const ConsoleFile& file, const std::string& tag, const AdminRequest& in) {
  // Revalidated on each load, so that no browser mixes files of two versions after an upgrade.
  AdminReply reply{200, std::string(file.text), TypeOf(file.name)};
  reply.headers = {{"ETag", tag}, {"Cache-Control", "no-cache"}};
  if (in.header("If-None-Match") == tag) {
    reply.code = 304;
    reply.text.clear();
  }
  return reply;
}

}  // namespace

std::vector<AdminPage> ConsolePages(const std::shared_ptr<grpc::Channel>& channel,
                                    const std::string& name) {
  std::vector<AdminPage> pages;
  const auto add = [&](bool post, std::string path, auto check,
                       std::function<AdminReply(const AdminRequest&)> reply) {
    pages.push_back(
        {post, std::move(path), [name, check, reply = std::move(reply)](const AdminRequest& in) {
           const absl::Status status = check(in, name);
           return Protected(status.ok() ? reply(in) : ReplyOf(ToGrpc(status)));
         }});
  };
  for (const ConsoleFile& file : ConsoleFiles()) {
    const std::string path = file.name == "index.html" ? "/" : Cat("/console/", file.name);
    const std::string tag = Cat("\"", Hex(Sha256(file.text)), "\"");
    add(false, path, CheckHost,
        [&file, tag](const AdminRequest& in) { return Show(file, tag, in); });
  }
  const auto gateway = std::make_shared<Gateway>(channel);
  add(true, "/api/\\w{1,64}/\\w{1,64}", CheckSameOrigin,
      [gateway](const AdminRequest& in) { return gateway->Call(in); });
  add(false, "/events/\\w{1,64}/\\w{1,64}", CheckSameOrigin,
      [gateway](const AdminRequest& in) { return gateway->Follow(in); });
  return pages;
}

}  // namespace capbroker
