// `capbroker reference`: documents the command line from its own parser, as docs/configuration.md,
// as a manual page and as bash completion.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>

#include "broker/values/text.h"
#include "services/cli/app.h"
#include "services/cli/call.h"
#include "services/server/version.h"

namespace capbroker {
namespace {

constexpr char kPreface[] =
    R"(# Configuration

Every flag of every verb, with its environment variable, its key in the configuration file, and its default. This
page is written by `capbroker reference --format markdown`; a test compares it.

A value comes from the command line, else from the environment, else from the file that `--config` or
`CAPBROKER_CONFIG` names (TOML: `serve.listen = "..."`, or `listen` below `[serve]`), else it is the default.
Durations are written `90s`, `2h`, `3d`, `1d12h`, `250ms`.
)";

std::string Replace(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string Trimmed(std::string_view text) {
  const size_t from = text.find_first_not_of(' ');
  return from == std::string_view::npos
             ? ""
             : std::string(text.substr(from, text.find_last_not_of(' ') - from + 1));
}

// A flag or positional argument.
struct Entry {
  std::string flags;        // "--listen", "-h, --help", or a positional's name.
  std::string value;        // "FILE", "text|json"; empty for a switch.
  std::string environment;  // Empty: none.
  std::string key;          // Key in the configuration file, after its verb; empty: none.
  std::string standard;     // Default; empty: none.
  std::string what;
  std::vector<std::string> choices;  // Allowed values, if listed.
  bool required = false, positional = false;
};

// The values that a check allows: "TEXT:{text,json}".
std::vector<std::string> ChoicesOf(const std::string& type) {
  const size_t from = type.find('{'), to = type.find('}');
  std::vector<std::string> out;
  if (from == std::string::npos || to == std::string::npos) return out;
  for (std::string_view one : Split(std::string_view(type).substr(from + 1, to - from - 1), ','))
    out.emplace_back(one);
  return out;
}

Entry EntryOf(const CLI::Option& option, const std::string& path) {
  Entry out;
  out.positional = option.get_positional();
  if (out.positional) {
    out.flags = option.get_name(true);
  } else {
    for (const std::string& name : option.get_snames())
      out.flags += Cat(out.flags.empty() ? "" : ", ", "-", name);
    for (const std::string& name : option.get_lnames())
      out.flags += Cat(out.flags.empty() ? "" : ", ", "--", name);
  }
  const std::string type = option.get_type_name();
  out.choices = ChoicesOf(type);
  out.standard = option.get_default_str();
  if (option.get_expected_max() != 0 && !out.positional) {
    out.value = option.get_option_text().empty() ? type.substr(0, type.find(':'))
                                                 : option.get_option_text();
    // Some option texts end with the default in brackets.
    const size_t bracket = out.value.rfind(" [");
    if (bracket != std::string::npos && out.value.ends_with(']')) {
      if (out.standard.empty())
        out.standard = out.value.substr(bracket + 2, out.value.size() - bracket - 3);
      out.value.resize(bracket);
    }
    if (out.value.empty()) out.value = "TEXT";
  }
  out.environment = option.get_envname();
  const bool has_key = !out.positional && option.get_configurable() && !option.get_lnames().empty();
  if (has_key)
    out.key = path.empty() ? option.get_lnames().front()
                           : Cat(Replace(path, " ", "."), ".", option.get_lnames().front());
  out.what = option.get_description();
  out.required = option.get_required();
  return out;
}

bool IsHelp(const CLI::Option& option) { return option.check_lname("help"); }

// A verb, or the program itself if `path` is empty.
struct Verb {
  std::string path;  // "request create".
  const CLI::App* app = nullptr;
  std::vector<Entry> entries;  // Without --help.
  std::vector<std::string> verbs;
};

void Collect(const CLI::App& app, const std::string& path, std::vector<Verb>& out) {
  Verb verb{.path = path, .app = &app, .entries = {}, .verbs = {}};
  // The flag of the configuration file has no key in it, and its default depends on this process.
  for (const CLI::Option* option : app.get_options()) {
    if (IsHelp(*option) || option->get_group().empty()) continue;  // An old name has no group.
    verb.entries.push_back(EntryOf(*option, path));
    if (!option->check_lname("config")) continue;
    verb.entries.back().environment = "CAPBROKER_CONFIG";
    verb.entries.back().key.clear();
    verb.entries.back().standard.clear();
  }
  const std::vector<const CLI::App*> subs =
      app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : subs) verb.verbs.push_back(sub->get_name());
  out.push_back(std::move(verb));
  for (const CLI::App* sub : subs)
    Collect(*sub, path.empty() ? sub->get_name() : Cat(path, " ", sub->get_name()), out);
}

// ---- Markdown.

// A bar would end the cell, a line break the row.
std::string Cell(const std::string& text) {
  const std::string escaped = Replace(text, "|", "\\|");
  std::string out;
  for (std::string_view line : Split(escaped, '\n')) {
    out += Cat(out.empty() ? "" : "<br>", Replace(Trimmed(line), "<", "&lt;"));
  }
  return out;
}

std::string Code(const std::string& text) {
  return text.empty() ? "" : Cat("`", Replace(text, "|", "\\|"), "`");
}

std::string Row(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const std::string& cell : cells) out += cell.empty() ? " |" : Cat(" ", cell, " |");
  return out + "\n";
}

std::string Markdown(const std::vector<Verb>& verbs) {
  std::string out = kPreface;
  for (const Verb& verb : verbs) {
    if (verb.entries.empty()) continue;
    out += verb.path.empty() ? "\n## All verbs\n"
                             : Cat("\n## ", verb.path, "\n\n", verb.app->get_description(), ".\n");
    out += "\n| flag | environment | in the file | default | |\n| --- | --- | --- | --- | --- |\n";
    for (const Entry& entry : verb.entries) {
      out += Row({Code(Cat(entry.flags, entry.value.empty() ? "" : " ", entry.value)),
                  Code(entry.environment), Code(entry.key),
                  entry.required ? "required" : Code(entry.standard), Cell(entry.what)});
    }
  }
  return out;
}

// ---- Manual page.

std::string Roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool starts = out.empty() || out.back() == '\n';
    if (starts && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";  // A minus that can be copied, not a hyphen.
    } else {
      out += c;
    }
  }
  return out;
}

std::string Paragraph(const std::string& text) {
  return Cat(".nf\n", Roff(text), text.ends_with('\n') ? "" : "\n", ".fi\n");
}

std::string Items(const std::vector<Entry>& entries) {
  std::string out;
  for (const Entry& entry : entries) {
    out += Cat(".TP\n\\fB", Roff(entry.flags), "\\fR");
    if (!entry.value.empty()) out += Cat(" \\fI", Roff(entry.value), "\\fR");
    out += Cat("\n", entry.what.find('\n') == std::string::npos ? Roff(entry.what) + "\n"
                                                                : Paragraph(entry.what));
    if (entry.required) out += ".br\nRequired.\n";
    if (!entry.standard.empty()) out += Cat(".br\nDefault: ", Roff(entry.standard), ".\n");
    if (!entry.environment.empty())
      out += Cat(".br\nEnvironment: ", Roff(entry.environment), ".\n");
  }
  return out;
}

std::string Man(const std::vector<Verb>& verbs) {
  const Verb& program = verbs.front();
  std::string out = Cat(
      ".TH CAPBROKER 1 \"\" \"capbroker ", Roff(std::string(Version())), "\" \"User Commands\"\n",
      ".SH NAME\ncapbroker \\- places requests for compute capacity as agreements demand\n",
      ".SH SYNOPSIS\n.B capbroker\n.I VERB\n[\\fIFLAG\\fR...]\n.SH DESCRIPTION\n",
      Roff(program.app->get_description()), "\n.SH SHARED OPTIONS\n", Items(program.entries),
      ".SH VERBS\n");
  for (const Verb& verb : verbs) {
    if (verb.path.empty() || !verb.verbs.empty()) continue;  // A family has no options of its own.
    out += Cat(".SS capbroker ", Roff(verb.path), "\n", Roff(verb.app->get_description()), ".\n",
               Items(verb.entries));
  }
  return out + ".SH ENVIRONMENT, FILES AND EXIT STATUS\n" + Paragraph(program.app->get_footer());
}

// ---- Bash completion.

std::string FlagWords(const std::vector<Entry>& entries) {
  std::string out;
  for (const Entry& entry : entries) {
    if (!entry.positional) out += Cat(" ", Replace(entry.flags, ",", ""));
  }
  return out;
}

std::string Bash(const std::vector<Verb>& verbs) {
  std::string paths, words, values, shared_values;
  const std::string shared = FlagWords(verbs.front().entries);
  for (const Verb& verb : verbs) {
    std::string subs;
    for (const std::string& sub : verb.verbs) subs += Cat(subs.empty() ? "" : " ", sub);
    const std::string mine = verb.path.empty() ? "" : FlagWords(verb.entries);
    words += Cat("    \"", verb.path, "\") verbs=\"", subs, "\" flags=\"--help", mine, shared,
                 "\" ;;\n");
    if (!verb.path.empty()) paths += Cat(paths.empty() ? "" : " | ", "\"", verb.path, "\"");
    for (const Entry& entry : verb.entries) {
      if (entry.choices.empty()) continue;
      std::string choices;
      for (const std::string& choice : entry.choices)
        choices += Cat(choices.empty() ? "" : " ", choice);
      const std::string choose =
          Cat("\" ", entry.flags, "\") verbs=\"", choices, "\" flags=\"\" ;;\n");
      if (verb.path.empty()) {
        shared_values +=
            // A shared flag may stand after any verb, which may have one of the same name.
            "    *" + choose;
      } else {
        values += Cat("    \"", verb.path, choose.substr(1));
      }
    }
  }
  return Cat(R"(# bash completion for capbroker, written by `capbroker reference --format bash`.
_capbroker() {
  local path="" verbs="" flags="" word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "${path:+$path }$word" in
      )",
             paths, R"() path+="${path:+ }$word" ;;
    esac
  done
  case "$path" in
)",
             words, R"(  esac
  case "$path ${COMP_WORDS[COMP_CWORD-1]}" in
)",
             values, shared_values, R"(  esac
  word=${COMP_WORDS[COMP_CWORD]}
  if [[ $word == -* ]]; then verbs=$flags; fi
  mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
}
complete -o default -F _capbroker capbroker
)");
}

}  // namespace

void AddReference(CLI::App& app, Session&) {
  auto format = std::make_shared<std::string>("markdown");
  CLI::App* verb = AddVerbTo(app, "reference",
                             "Write this reference as a page, a manual page or bash completion",
                             "capbroker reference --format man | man -l -\n"
                             "source <(capbroker reference --format bash)");
  verb->add_option("--format", *format, "Format to write")
      ->check(CLI::IsMember({"markdown", "man", "bash"}))
      ->capture_default_str()
      ->option_text("markdown|man|bash [markdown]");
  verb->callback([&app, format] {
    std::vector<Verb> verbs;
    Collect(app, "", verbs);
    Print(*format == "man" ? Man(verbs) : *format == "bash" ? Bash(verbs) : Markdown(verbs));
  });
}

}  // namespace capbroker
