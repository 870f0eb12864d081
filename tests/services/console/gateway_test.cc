// The console's gateway over HTTP in front of a whole broker: it may do what gRPC may do, and no
// more.
#include "services/console/gateway.h"

#include <httplib.h>
#include <rapidjson/document.h>

#include <memory>
#include <string>
#include <vector>

#include "broker/values/refusal.h"
#include "services/console/console.h"
#include "tests/services/rpc/rpc_fixture.h"

namespace capbroker {
namespace {

// The value at `path`, for instance "/details/0/reason", as text; empty without one.
std::string At(const std::string& json, const std::string& path) {
  rapidjson::Document document;
  document.Parse(json.c_str());
  if (document.HasParseError()) return "not JSON: " + json;
  const rapidjson::Value* value = &document;
  for (const std::string_view part : Split(std::string_view(path).substr(1), '/')) {
    if (value->IsArray()) {
      const auto index = ParseNumber<rapidjson::SizeType>(part);
      if (!index || *index >= value->Size()) return "";
      value = &(*value)[*index];
    } else {
      const std::string key(part);
      if (!value->IsObject() || !value->HasMember(key.c_str())) return "";
      value = &(*value)[key.c_str()];
    }
  }
  if (value->IsString()) return value->GetString();
  return value->IsInt() ? Cat(value->GetInt()) : "";
}

class ConsoleTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    RegisterProviders({"azure", "coreweave"});
    RecordAgreement();
    Serve("");
  }
  void TearDown() override {
    http_ = nullptr;
    admin_ = nullptr;
    RpcTest::TearDown();
  }

  void Serve(const std::string& name) {
    absl::StatusOr<std::unique_ptr<AdminServer>> admin =
        AdminServer::Start("127.0.0.1:0", ConsolePages(server_->InProcessChannel(), name));
    ASSERT_TRUE(admin.ok()) << admin.status();
    admin_ = *std::move(admin);
    http_ = Connect();
  }
  std::unique_ptr<httplib::Client> Connect() const {
    auto client = std::make_unique<httplib::Client>("http://" + admin_->address());
    client->set_read_timeout(30);  // Only against a hang.
    return client;
  }

  static httplib::Headers By(const std::string& who) {
    return {{"Authorization", "Bearer " + TokenOf(who)}};
  }
  httplib::Result Post(const httplib::Headers& headers, const std::string& method,
                       const std::string& body) {
    return http_->Post("/api/" + method, headers, body, "application/json");
  }
  // Reads until `enough` accepts what has come, or the stream ends.
  std::string Follow(const std::string& who, const std::string& method, const std::string& body,
                     const std::function<bool(const std::string&)>& enough) {
    std::string heard;
    Connect()->Get("/events/" + method + "?body=" + httplib::detail::encode_query_param(body),
                   By(who), [&](const char* data, size_t length) {
                     heard.append(data, length);
                     return !enough(heard);
                   });
    return heard;
  }

  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<httplib::Client> http_;
};

constexpr char kAzure[] = R"({"parent":"providers/azure"})";

TEST_F(ConsoleTest, AnswersACallAsTheApiDoes) {
  const auto who = Post(By("provider/azure"), "CallerService/GetCaller", "{}");
  ASSERT_TRUE(who);
  EXPECT_EQ(who->status, 200);
  EXPECT_EQ(At(who->body, "/actor"), "provider/azure");

  const v1::CapacityRequest request = Create();
  const auto list = Post(By("provider/azure"), "OfferService/ListOffers", kAzure);
  ASSERT_TRUE(list);
  EXPECT_EQ(At(list->body, "/offers/0/name"), request.offers(0).name());
  EXPECT_EQ(At(list->body, "/offers/0/state"), "STATE_OPEN");
  const auto accept =
      Post(By("provider/azure"), "OfferService/AcceptOffer",
           Cat(R"({"requestId":"k","quantity":"5000","name":")", request.offers(0).name(),
               R"(","termsHash":")", At(list->body, "/offers/0/termsHash"), R"("})"));
  ASSERT_TRUE(accept);
  EXPECT_EQ(accept->status, 200) << accept->body;
  EXPECT_EQ(At(accept->body, "/state"), "STATE_PARTIALLY_ACCEPTED");
  EXPECT_EQ(At(accept->body, "/acceptedQuantity"), "5000");
  const auto trail = Post(By("owner/openai"), "DecisionService/ListDecisions",
                          Cat(R"({"parent":")", request.name(), R"("})"));
  EXPECT_EQ(At(trail->body, "/acts/1/decisions/0/text"), "azure accepts 5,000 [offer 1]");
}

TEST_F(ConsoleTest, NobodyIsKnownByWhereTheCallComesFrom) {
  for (const httplib::Headers& headers :
       std::vector<httplib::Headers>{{},
                                     By("provider/stranger"),
                                     {{"Authorization", "Basic YXp1cmU6"}},
                                     // Two tokens would leave open which one counts.
                                     {{"Authorization", "Bearer " + TokenOf("provider/azure")},
                                      {"Authorization", "Bearer " + TokenOf("operator/ada")}},
                                     {{"Authorization", "Bearer \x01\xff"}}}) {
    const auto call = Post(headers, "OfferService/ListOffers", kAzure);
    ASSERT_TRUE(call);
    EXPECT_EQ(call->status, 401) << call->body;
    EXPECT_EQ(call->get_header_value("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(At(call->body, "/details/0/reason"), "NO_IDENTITY");
    const auto stream =
        http_->Get("/events/OfferService/WatchOffers?body=" + std::string(kAzure), headers);
    ASSERT_TRUE(stream);
    EXPECT_EQ(stream->status, 401) << stream->body;
  }
}

TEST_F(ConsoleTest, WhatIsAnothersIsRefusedAsOverGrpc) {
  const v1::CapacityRequest request = Create();
  const auto list = Post(By("provider/coreweave"), "OfferService/ListOffers", kAzure);
  EXPECT_EQ(list->status, 403);
  EXPECT_EQ(At(list->body, "/details/0/reason"), "NOT_PERMITTED");
  const auto get = Post(By("provider/coreweave"), "OfferService/GetOffer",
                        Cat(R"({"name":")", request.offers(0).name(), R"("})"));
  EXPECT_EQ(get->status, 404);
  EXPECT_EQ(At(get->body, "/details/0/metadata/name"), request.offers(0).name());
  const auto watch = http_->Get("/events/OfferService/WatchOffers?body=" + std::string(kAzure),
                                By("provider/coreweave"));
  EXPECT_EQ(watch->status, 403);
  const auto answer =
      Post(By("provider/coreweave"), "OfferService/DeclineOffer",
           Cat(R"({"requestId":"k","decline":{"reason":"DECLINE_REASON_PRICE"},"name":")",
               request.offers(0).name(), R"("})"));
  EXPECT_EQ(answer->status, 404);
}

TEST_F(ConsoleTest, VersionsAreComparedThatAreThere) {
  const auto compare = [&](int base, int version) {
    return Post(By("owner/openai"), "AgreementService/CompareAgreementVersions",
                Cat(R"({"name":"owners/openai/agreements/azure-2019","baseVersion":)", base,
                    R"(,"version":)", version, "}"));
  };
  EXPECT_EQ(compare(1, 1)->body, "{}");
  EXPECT_EQ(compare(1, 2)->status, 404);
  EXPECT_EQ(compare(2, 1)->status, 404);
  EXPECT_EQ(At(compare(0, 1)->body, "/details/1/fieldViolations/0/field"), "base_version");
}

TEST_F(ConsoleTest, MethodsThatAreNotThereAreNotFound) {
  const std::string long_path(4000, 'x');
  for (const std::string& method :
       {std::string("OfferService/Nothing"), std::string("NoService/ListOffers"),
        std::string("OfferService"), std::string("OfferService/WatchOffers"),
        std::string("OfferService/ListOffers/more"), long_path}) {
    const auto call = Post(By("provider/azure"), method, "{}");
    ASSERT_TRUE(call);
    EXPECT_EQ(call->status, 404) << method;
  }
  // A method of the other kind, of another verb, or not of this API.
  EXPECT_EQ(http_->Get("/events/OfferService/ListOffers", By("provider/azure"))->status, 404);
  EXPECT_EQ(http_->Get("/api/OfferService/ListOffers", By("provider/azure"))->status, 404);
  EXPECT_EQ(Post(By("operator/ada"), "Health/Check", "{}")->status, 404);
}

TEST_F(ConsoleTest, BadJsonNamesItsField) {
  struct Row {
    const char *method, *body, *field;
  };
  for (const Row& row : std::vector<Row>{
           {"OfferService/ListOffers", "", "body"},
           {"OfferService/ListOffers", "{\"parent\":", "body"},
           {"OfferService/ListOffers", "[]", "body"},
           {"OfferService/ListOffers", R"({"parnt":"providers/azure"})", "parnt"},
           {"OfferService/ListOffers", R"({"parent":"providers/azure","pageSize":"ten"})",
            "page_size"},
           {"OfferService/DeclineOffer", R"({"decline":{"resn":"PRICE"}})", "decline.resn"},
           {"OfferService/AcceptOffer", R"({"quantity":1.5})", "quantity"},
           {"OfferService/DeclineOffer", R"({"decline":{"reason":"BECAUSE"}})", "decline.reason"},
           {"OfferService/CounterOffer", R"({"terms":{"startTime":"soon"}})", "terms.start_time"},
           // The fault is not in the JSON but in the value, and the broker names it.
           {"OfferService/ListOffers", R"({"parent":"azure"})", "parent"},
       }) {
    const auto call = Post(By("provider/azure"), row.method, row.body);
    ASSERT_TRUE(call);
    EXPECT_EQ(call->status, 400) << row.body;
    EXPECT_EQ(At(call->body, "/details/0/reason"), "INVALID_FIELD") << call->body;
    EXPECT_EQ(At(call->body, "/details/1/fieldViolations/0/field"), row.field) << call->body;
  }
  const auto event =
      http_->Get("/events/OfferService/WatchOffers?body=nonsense", By("provider/azure"));
  EXPECT_EQ(event->status, 400);
}

TEST_F(ConsoleTest, TakesNothingButJsonOfABoundedSize) {
  const auto form =
      http_->Post("/api/CallerService/GetCaller", By("owner/openai"), "{}", "text/plain");
  EXPECT_EQ(form->status, 415);
  const auto huge =
      Post(By("owner/openai"), "CallerService/GetCaller", std::string(300 * 1024, ' ') + "{}");
  EXPECT_EQ(huge->status, 413);
}

TEST_F(ConsoleTest, OtherSitesAreRefused) {
  const auto status = [&](const httplib::Headers& extra) {
    httplib::Headers headers = By("owner/openai");
    headers.insert(extra.begin(), extra.end());
    const auto call = Post(headers, "CallerService/GetCaller", "{}");
    return call ? call->status : 0;
  };
  const std::string here = admin_->address(), port = here.substr(here.rfind(':'));
  EXPECT_EQ(status({}), 200);
  EXPECT_EQ(status({{"Origin", "http://" + here}}), 200);
  EXPECT_EQ(status({{"Host", "localhost" + port}, {"Origin", "http://localhost" + port}}), 200);
  EXPECT_EQ(status({{"Host", "[::1]" + port}}), 200);
  EXPECT_EQ(status({{"Host", "[::1]"}}), 200);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "same-origin"}}), 200);
  EXPECT_EQ(status({{"Origin", "http://evil.example"}}), 403);
  EXPECT_EQ(status({{"Origin", "http://127.0.0.1:1"}}), 403);
  EXPECT_EQ(status({{"Origin", "null"}}), 403);
  EXPECT_EQ(status({{"Host", "evil.example" + port}}), 403);
  EXPECT_EQ(status({{"Host", "127.0.0.1.evil.example"}}), 403);
  EXPECT_EQ(status({{"Host", "unix:x"}}), 403);
  EXPECT_EQ(status({{"Host", "console.example"}}), 403);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(http_->Get("/", {{"Host", "evil.example"}})->status, 403);
  // A link to the page may come from any site.
  EXPECT_EQ(http_->Get("/", {{"Sec-Fetch-Site", "cross-site"}})->status, 200);
  EXPECT_EQ(
      http_->Get("/events/OfferService/WatchOffers", {{"Origin", "http://evil.example"}})->status,
      403);

  Serve("console.example");
  EXPECT_EQ(status({{"Host", "console.example"}, {"Origin", "https://console.example"}}), 200);
  EXPECT_EQ(status({{"Host", "console.example:8443"}}), 200);
  EXPECT_EQ(status({{"Host", "evil.example"}}), 403);
  EXPECT_EQ(status({{"Host", "console.example"}, {"Origin", "https://evil.example"}}), 403);
}

TEST_F(ConsoleTest, ThePageLoadsNothingFromElsewhere) {
  const auto page = http_->Get("/");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->get_header_value("Content-Type"), "text/html; charset=utf-8");
  const std::string policy = page->get_header_value("Content-Security-Policy");
  EXPECT_TRUE(policy.starts_with("default-src 'self';")) << policy;
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(page->get_header_value("X-Content-Type-Options"), "nosniff");
  const auto again = http_->Get("/", {{"If-None-Match", page->get_header_value("ETag")}});
  EXPECT_EQ(again->status, 304);
  EXPECT_EQ(again->body, "");
  EXPECT_EQ(http_->Get("/console/main.js")->get_header_value("Content-Type"),
            "text/javascript; charset=utf-8");
  EXPECT_EQ(http_->Get("/console/nothing.js")->status, 404);
  // A browser may show a refused call in a window of its own.
  EXPECT_EQ(Post({}, "CallerService/GetCaller", "{}")->get_header_value("X-Content-Type-Options"),
            "nosniff");
}

TEST_F(ConsoleTest, AStreamTellsWhatHappensAndWhyItEnds) {
  const auto has = [](const char* what) {
    return [what](const std::string& heard) { return heard.find(what) != std::string::npos; };
  };
  EXPECT_EQ(Follow("provider/azure", "OfferService/WatchOffers", kAzure, has("\n\n")),
            "data: {\"synced\":true}\n\n");
  std::string created;
  const std::string heard =
      Follow("provider/azure", "OfferService/WatchOffers", kAzure, [&](const std::string& so_far) {
        if (created.empty()) created = Create().offers(0).name();
        return so_far.find(created) != std::string::npos;
      });
  EXPECT_NE(heard.find("\"state\":\"STATE_OPEN\""), std::string::npos) << heard;
  EXPECT_NE(heard.find("\"remaining\":\"7200s\""), std::string::npos) << heard;

  // The response of a file ends.
  const std::string file =
      Follow("owner/openai", "DecisionService/ExportEvidence", R"({"parent":"owners/openai"})",
             [](const std::string&) { return false; });
  EXPECT_TRUE(file.ends_with("event: end\ndata: {}\n\n")) << file;
  EXPECT_EQ(file.find("data: {\"chunk\":"), 0U) << file;

  // A watch ends too, when the broker goes down. Only the feed is closed here: a whole server would
  // also close the connection, which within one process may be quicker.
  const std::string last =
      Follow("provider/azure", "OfferService/WatchOffers", kAzure, [&](const std::string&) {
        feed_.EndAll(
            Refuse(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "this replica is going down"));
        return false;
      });
  EXPECT_NE(last.find("event: end\ndata: {\"code\":14"), std::string::npos) << last;
  EXPECT_NE(last.find("SHUTTING_DOWN"), std::string::npos) << last;
}

TEST_F(ConsoleTest, AStreamEndsWhenItsReaderIsGone) {
  for (int i = 0; i < 3; ++i) {
    Follow("provider/azure", "OfferService/WatchOffers", kAzure, [&](const std::string&) {
      EXPECT_EQ(feed_.counts().providers, 1U);
      return true;
    });
    // The watch ends as soon as the closed connection is noticed.
    const absl::Time patience = absl::Now() + absl::Seconds(20);
    while (feed_.counts().providers != 0 && absl::Now() < patience) std::this_thread::yield();
    EXPECT_EQ(feed_.counts().providers, 0U);
  }
}

TEST_F(ConsoleTest, OneStreamTooManyIsToldSoAndCallsGoOn) {
  const std::function<int(size_t)> open = [&](size_t more) {
    int code = 0;
    const auto deeper = [&](const httplib::Response& reply) {
      code = reply.status;
      return true;
    };
    Connect()->Get(
        "/events/OfferService/WatchOffers?body=" + std::string(kAzure), By("provider/azure"),
        deeper, [&](const char*, size_t) {
          if (code == 200 && more > 0) code = open(more - 1);
          if (code == 200) {
            EXPECT_EQ(Post(By("provider/azure"), "CallerService/GetCaller", "{}")->status, 200);
          }
          return false;
        });
    return code;
  };
  EXPECT_EQ(open(kMostAdminStreams - 1), 200);
  EXPECT_EQ(open(kMostAdminStreams), 429);
}

TEST(HttpCode, IsThatOfTheCodesOwnFile) {
  EXPECT_EQ(HttpCodeOf(grpc::StatusCode::OK), 200);
  EXPECT_EQ(HttpCodeOf(grpc::StatusCode::FAILED_PRECONDITION), 400);
  EXPECT_EQ(HttpCodeOf(grpc::StatusCode::ABORTED), 409);
  EXPECT_EQ(HttpCodeOf(grpc::StatusCode::INTERNAL), 500);
  EXPECT_EQ(HttpCodeOf(grpc::StatusCode::UNAVAILABLE), 503);
  const AdminReply reply = ReplyOf(grpc::Status(grpc::StatusCode::UNKNOWN, "without details"));
  EXPECT_EQ(reply.code, 500);
  EXPECT_EQ(At(reply.text, "/message"), "without details");
}

}  // namespace
}  // namespace capbroker
