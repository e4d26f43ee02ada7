// slipway completion: scripts that let a shell complete commands, options and their words, made
// from the commands themselves.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "cli/command.h"

namespace slipway::cli {

namespace {

struct CompletionOptions {
  CLI::App* app = nullptr;
  std::string shell;
};

struct OptionText {
  std::string name;  // "--output"
  std::string description;
  std::vector<std::string> words;  // what may follow, where that is known
};

struct CommandText {
  std::string name;
  std::string description;
  std::vector<OptionText> options;
};

// "text|json" names its words; "URL" does not.
std::vector<std::string> words_of(const std::string& type) {
  if (!type.contains('|') || type.contains("FILE")) return {};
  return CLI::detail::split(type, '|');
}

std::vector<CommandText> commands_of(const CLI::App& app) {
  std::vector<CommandText> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    CommandText text{command->get_name(), command->get_description(), {}};
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_lnames().empty()) continue;
      text.options.push_back({"--" + option->get_lnames().front(), option->get_description(),
                              words_of(option->get_type_name())});
    }
    commands.push_back(std::move(text));
  }
  return commands;
}

std::string join(const std::vector<std::string>& words) { return CLI::detail::join(words, " "); }

// In single quotes, for sh-like shells and fish.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string bash_script(const std::vector<CommandText>& commands) {
  std::string names;
  std::string cases;
  std::map<std::string, std::string> words;
  for (const CommandText& command : commands) {
    names += command.name + ' ';
    std::string options;
    for (const OptionText& option : command.options) {
      options += option.name + ' ';
      if (!option.words.empty()) words[option.name] = join(option.words);
    }
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command.name, options);
  }
  std::string values;
  for (const auto& [option, choices] : words) {
    values += fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$current\")); return ;;\n",
                          option, choices);
  }
  return fmt::format(R"(_slipway() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" words="--help"
  COMPREPLY=()
  case "${{COMP_WORDS[COMP_CWORD-1]}}" in
{}  esac
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "{}--help" -- "$current"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{}  esac
  [[ $current == -* ]] && COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _slipway slipway
)",
                     values, names, cases);
}

std::string zsh_script(const std::vector<CommandText>& commands) {
  std::string names;
  std::string cases;
  const auto plain = [](std::string text) {
    std::erase_if(text, [](char c) { return c == '[' || c == ']' || c == '\''; });
    std::ranges::replace(text, ':', ',');
    return text;
  };
  for (const CommandText& command : commands) {
    names += fmt::format("    '{}:{}'\n", command.name, plain(command.description));
    cases += fmt::format("    {}) _arguments", command.name);
    for (const OptionText& option : command.options) {
      const std::string value =
          option.words.empty() ? "" : fmt::format(":value:({})", join(option.words));
      cases += fmt::format(" \\\n      '{}[{}]{}'", option.name, plain(option.description), value);
    }
    cases += " \\\n      '*:file:_files' ;;\n";
  }
  return fmt::format(R"(#compdef slipway
_slipway() {{
  local -a commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=${{words[2]}}
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
}}
compdef _slipway slipway
)",
                     names, cases);
}

std::string fish_script(const std::vector<CommandText>& commands) {
  std::string script;
  for (const CommandText& command : commands) {
    script += fmt::format("complete -c slipway -n __fish_use_subcommand -f -a {} -d {}\n",
                          command.name, quoted(command.description));
    for (const OptionText& option : command.options) {
      const std::string words =
          option.words.empty() ? "" : fmt::format(" -x -a {}", quoted(join(option.words)));
      script +=
          fmt::format("complete -c slipway -n '__fish_seen_subcommand_from {}' -l {}{} -d {}\n",
                      command.name, option.name.substr(2), words, quoted(option.description));
    }
  }
  return script;
}

Result<> print_script(World& world, const CompletionOptions& options) {
  const auto commands = commands_of(*options.app);
  if (options.shell == "bash") world.out << bash_script(commands);
  if (options.shell == "zsh") world.out << zsh_script(commands);
  if (options.shell == "fish") world.out << fish_script(commands);
  return {};
}

}  // namespace

void add_completion(CLI::App& app, World& world) {
  auto options = std::make_shared<CompletionOptions>();
  options->app = &app;
  CLI::App* command =
      app.add_subcommand("completion", "Print a script that completes for your shell");
  command->add_option("SHELL", options->shell, "bash, zsh or fish")
      ->required()
      ->type_name("")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""));
  command->footer(
      "Examples:\n"
      "  source <(slipway completion bash)\n"
      "  slipway completion zsh > \"${fpath[1]}/_slipway\"\n"
      "  slipway completion fish > ~/.config/fish/completions/slipway.fish");
  set_action(*command, world, std::move(options), print_script);
}

}  // namespace slipway::cli
