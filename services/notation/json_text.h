// JSON text, built value by value: objects and arrays on one line, members in the order they are
// added.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace capbroker {

std::string JsonString(std::string_view text);

// An array of values that are JSON texts already.
std::string JsonArray(const std::vector<std::string>& values);
std::string JsonStrings(const std::vector<std::string>& texts);

class JsonObject {
 public:
  // `value` is a JSON text: an object, an array, or null.
  JsonObject& AddJson(std::string_view key, std::string_view value);
  JsonObject& Add(std::string_view key, std::string_view value) {
    return AddJson(key, JsonString(value));
  }
  JsonObject& Add(std::string_view key, const char* value) {
    return Add(key, std::string_view(value));
  }
  JsonObject& Add(std::string_view key, std::same_as<bool> auto value) {
    return AddJson(key, value ? "true" : "false");
  }
  JsonObject& Add(std::string_view key,
                  std::integral auto value) requires(!std::same_as<decltype(value), bool>) {
    return AddJson(key, std::to_string(value));
  }
  JsonObject& Add(std::string_view key, double value);
  std::string text() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

}  // namespace capbroker
