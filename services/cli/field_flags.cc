#include "services/cli/field_flags.h"

namespace capbroker {
namespace {

std::string FlagOf(std::string_view path) {
  std::string flag(path.substr(path.rfind('.') + 1));
  std::replace(flag.begin(), flag.end(), '_', '-');
  return Cat("--", flag);
}

CLI::Option* AddOne(CLI::App& verb, const std::string& flag, const std::string& path,
                    FlagShape shape, const FlagHelp& help, std::vector<Written>& out) {
  const std::string what(help.what);
  if (shape == FlagShape::kSwitch) {
    return verb.add_flag_callback(
        flag,
        [&out, path, flag] {
          out.push_back({path, {"true"}, flag});
        },
        what);
  }
  const bool is_list = shape == FlagShape::kList;
  CLI::Option* option = verb.add_option_function<std::vector<std::string>>(
      flag,
      [&out, path, flag](const std::vector<std::string>& texts) {
        out.push_back({path, texts, flag});
      },
      is_list ? what + "; repeat for more" : what);
  option->type_name(std::string(help.type));
  // CLI11 would let the flag swallow every word after it, a positional's among them.
  return is_list ? option->allow_extra_args(false) : option->expected(1);
}

}  // namespace

void AddFieldFlag(CLI::App& verb, const std::string& path, FlagShape shape, const FlagHelp& help,
                  std::vector<Written>& out) {
  const std::string flag = FlagOf(path);
  AddOne(verb, flag, path, shape, help, out);
  for (const Alias& alias : Aliases()) {
    const std::string old = FlagOf(alias.old);
    if (alias.name != path || old == flag || verb.get_option_no_throw(old) != nullptr) continue;
    AddOne(verb, old, path, shape, help, out)->group("");
  }
}

}  // namespace capbroker
