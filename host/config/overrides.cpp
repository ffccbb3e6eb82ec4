#include "host/config/overrides.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace gantry::host::config {
namespace {

std::vector<std::string> words_of(std::string_view path) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t dot = path.find('.');
    words.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return words;
    path.remove_prefix(dot + 1);
  }
}

// The one of that name, of a table or of a list of tables; null: there is none, and it cannot be
// made.
Node* below(Node& node, const std::string& word) {
  if (node.kind == Node::Kind::list) {
    for (Node& item : node.items) {
      const Member* name = item.find("name");
      if (name != nullptr && name->value.text == word) return &item;
    }
    return nullptr;
  }
  if (node.kind != Node::Kind::table) return nullptr;
  const auto at = std::ranges::find(node.members, word, &Member::key);
  if (at != node.members.end()) return &at->value;
  node.members.push_back({.key = word, .key_place = {}, .value = {}});
  return &node.members.back().value;
}

}  // namespace

void override_keys(std::span<const std::string> settings, Document& gantry, Document& dex,
                   Document& strategies, Diagnostics& diagnostics) {
  Document line;
  line.file = "--set";
  for (const std::string& setting : settings) {
    const auto refuse = [&](std::string_view key, std::string_view message) {
      diagnostics.add(Severity::error, line, {}, key, message,
                      "KEY=VALUE, as risk.min_profit_usd=1 or strategies.triangular.max_hops=3");
    };
    const std::size_t equals = setting.find('=');
    const auto words = words_of(std::string_view(setting).substr(0, equals));
    const std::string key = setting.substr(0, equals);
    if (equals == std::string::npos || words.size() < 2 ||
        std::ranges::any_of(words, &std::string::empty)) {
      refuse(key, fmt::format("`{}` is no key with a value.", setting));
      continue;
    }
    Diagnostics unread;
    const Document value = parse_document("value = " + setting.substr(equals + 1), "--set", unread);
    if (!value.parsed || value.root.members.size() != 1) {
      refuse(key, fmt::format(
                      "{} has a value that is no TOML; text goes in quotes: KEY='\"text\"'.", key));
      continue;
    }
    Document& file = words[0] == "dex"                                               ? dex
                     : words[0] == "strategies" || words[0] == "strategy_priorities" ? strategies
                                                                                     : gantry;
    Node* at = &file.root;
    for (const std::string& word : words) {
      if (at != nullptr) at = below(*at, word);
    }
    if (at == nullptr) {
      refuse(key, fmt::format("{} is not there to be set: no table of that name is in the "
                              "configuration.",
                              key));
      continue;
    }
    *at = value.root.members.front().value;
    at->place = {};
  }
}

}  // namespace gantry::host::config
