#include "host/config/capabilities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace gantry::host {
namespace {

constexpr std::string_view http_prefix = "http:";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// A name, an address, or [one of IPv6]; no port, path or wildcard.
bool is_host(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  const auto holds_only = [](std::string_view part, std::string_view more) {
    return std::ranges::all_of(part, [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != more.npos;
    });
  };
  if (text.front() != '[') return holds_only(text, ".-_");
  return text.size() > 2 && text.back() == ']' && holds_only(text.substr(1, text.size() - 2), ":.");
}

}  // namespace

std::optional<std::string> not_a_capability(std::string_view text, PluginKind kind) {
  if (text == "calls") {
    if (kind == PluginKind::strategy) return std::nullopt;
    return fmt::format("holds \"calls\", which only a strategy can have, not a {}",
                       to_string(kind));
  }
  if (text.starts_with(http_prefix)) {
    if (kind != PluginKind::paymaster) {
      return fmt::format("holds \"{}\": this host sends requests for paymasters only", text);
    }
    const auto host = text.substr(http_prefix.size());
    if (is_host(lower(host))) return std::nullopt;
    return fmt::format("holds \"{}\", which names no host: without scheme, port and path", text);
  }
  return fmt::format("holds \"{}\", which is no capability", text);
}

bool may_add_calls(const InstanceSettings& settings) {
  return settings.capabilities &&
         std::ranges::find(*settings.capabilities, "calls") != settings.capabilities->end();
}

std::string host_of_url(std::string_view url) {
  if (url.starts_with("https://")) {
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return {};
  }
  // Some read a backslash as a slash: whoever writes one means no good.
  std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  if (authority.find_first_of("\\ \t\r\n") != std::string_view::npos) return {};
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    authority.remove_prefix(at + 1);
  }
  const auto bracket = authority.rfind(']');
  const auto colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    authority = authority.substr(0, colon);
  }
  return lower(authority);
}

bool may_request(const InstanceSettings& settings, std::string_view url) {
  const std::string host = host_of_url(url);
  if (host.empty()) return false;
  if (settings.capabilities) {
    return std::ranges::any_of(*settings.capabilities, [&](std::string_view capability) {
      return capability.starts_with(http_prefix) &&
             lower(capability.substr(http_prefix.size())) == host;
    });
  }
  return std::ranges::any_of(settings.parameters, [&](const ParameterSetting& parameter) {
    const auto* text = std::get_if<std::string>(&parameter.value);
    return text != nullptr && host_of_url(*text) == host;
  });
}

}  // namespace gantry::host
