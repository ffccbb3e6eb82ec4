#include "host/config/secret.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ostream>

namespace gantry::host {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alphanumeric(char c) { return is_digit(c) || is_upper(c) || is_lower(c); }
bool is_key_character(char c) { return is_alphanumeric(c) || c == '_' || c == '-'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_evm_address(std::string_view text) {
  return text.size() == 42 && text.starts_with("0x") && std::ranges::all_of(text.substr(2), is_hex);
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && !is_digit(name[0]) &&
         std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == '_'; });
}

// The end of a "${...}" that begins at `at`, or `at` itself.
std::size_t skip_variable(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "${") return at;
  const std::size_t end = text.find('}', at);
  return end == std::string_view::npos || !is_variable_name(text.substr(at + 2, end - at - 2))
             ? at
             : end + 1;
}

// Stars instead of text[from, to), but for the ${NAME} in it. Characters, not bytes, are counted.
void star(std::string& out, std::string_view text, std::size_t from, std::size_t to) {
  while (from < to) {
    const std::size_t variable_end = skip_variable(text, from);
    if (variable_end != from) {
      out.append(text.substr(from, variable_end - from));
      from = variable_end;
      continue;
    }
    if ((text[from] & 0xc0) != 0x80) out.push_back('*');
    ++from;
  }
}

bool names_a_secret(std::string_view word) {
  static constexpr std::array<std::string_view, 8> words = {
      "password", "passphrase", "secret", "private_key", "mnemonic", "api_key", "apikey", "seed"};
  std::string lower(word);
  for (char& c : lower) {
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  return std::ranges::any_of(
      words, [&](std::string_view part) { return lower.find(part) != std::string::npos; });
}

// Where a value named by a secret's name begins and ends, after "name = " or "name: ".
struct ValueRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};
ValueRange value_after(std::string_view text, std::size_t at) {
  const auto skip_blanks = [&] {
    while (at < text.size() && text[at] == ' ') ++at;
  };
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) ++at;  // a quoted name
  skip_blanks();
  if (at >= text.size() || (text[at] != '=' && text[at] != ':')) return {};
  ++at;
  skip_blanks();
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
    const char quote = text[at];
    while (at < text.size() && text[at] == quote) ++at;  // also the three of a long text
    std::size_t end = at;
    while (end < text.size() && text[end] != quote) end += text[end] == '\\' ? 2u : 1u;
    return {at, std::min(end, text.size())};
  }
  std::size_t end = at;
  while (end < text.size()) {
    const std::size_t variable_end = skip_variable(text, end);
    if (variable_end == end && std::string_view(" &,]}\"'").contains(text[end])) break;
    end = variable_end == end ? end + 1 : variable_end;
  }
  return {at, end};
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

Environment with_chain(Environment environment, std::string_view chain) {
  const std::size_t colon = chain.find(':');
  std::string number(colon == std::string_view::npos ? chain : chain.substr(colon + 1));
  return [environment = std::move(environment),
          number = std::move(number)](std::string_view name) -> std::optional<std::string> {
    return name == chain_variable ? number : environment(name);
  };
}

std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "[secret]"; }
std::string to_string(const Secret&) { return "[secret]"; }
std::ostream& operator<<(std::ostream& out, const TemplatedText& text) {
  return out << mask_keys(text.text());
}

Result<TemplatedText> TemplatedText::parse(std::string_view text) {
  TemplatedText parsed;
  parsed.text_ = text;
  for (std::size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
    const std::size_t end = skip_variable(text, at);
    if (end == at) {
      return fail(ErrorKind::configuration,
                  text.find('}', at) == std::string_view::npos
                      ? "has a ${ without its }"
                      : "has a ${...} whose name is not made of letters, digits and _");
    }
    parsed.variables_.emplace_back(text.substr(at + 2, end - at - 3));
    at = end;
  }
  return parsed;
}

Result<Secret> TemplatedText::resolve(const Environment& environment) const {
  std::string resolved;
  std::size_t at = 0;
  while (at < text_.size()) {
    const std::size_t end = skip_variable(text_, at);
    if (end == at) {
      resolved.push_back(text_[at++]);
      continue;
    }
    const std::string_view name = std::string_view(text_).substr(at + 2, end - at - 3);
    const auto value = environment(name);
    if (!value || value->empty()) {
      return fail(
          ErrorKind::configuration,
          fmt::format("the environment variable {} is not set. Set it before the start.", name));
    }
    resolved += *value;
    at = end;
  }
  return Secret(std::move(resolved), text_);
}

bool is_private_url(std::string_view url) {
  if (url.starts_with("https://")) return true;
  static constexpr std::string_view plain = "http://";
  if (!url.starts_with(plain)) return false;
  std::string_view host = url.substr(plain.size());
  host = host.substr(0, host.find_first_of("/?#"));
  if (const auto at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  const std::string_view name =
      host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  if (name == "localhost" || name == "[::1]") return true;
  // Not "127.example.org".
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos;
}

Result<Secret> resolve_text(std::string_view text, const Environment& environment) {
  auto parsed = TemplatedText::parse(text);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  return parsed->resolve(environment);
}

bool looks_like_key(std::string_view text) {
  if (is_evm_address(text)) return false;
  if (is_uuid(text)) return true;
  std::size_t chunk = 0, chunk_digits = 0, digits = 0;
  bool upper = false, lower = false, long_mixed_chunk = false;
  for (const char c : text) {
    if (!is_key_character(c)) return false;
    digits += is_digit(c) ? 1u : 0u;
    upper |= is_upper(c);
    lower |= is_lower(c);
    chunk = is_alphanumeric(c) ? chunk + 1 : 0;
    chunk_digits = is_alphanumeric(c) ? chunk_digits + (is_digit(c) ? 1u : 0u) : 0;
    long_mixed_chunk |= chunk >= 16 && chunk_digits >= 2 && chunk_digits < chunk;
  }
  return text.size() >= 16 && (long_mixed_chunk || (upper && lower && digits >= 2));
}

std::string mask_keys(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    if (const std::size_t end = skip_variable(text, at); end != at) {
      out.append(text.substr(at, end - at));
      at = end;
      continue;
    }
    if (text.substr(at, 3) == "://") {  // the password of user:password@host
      const std::size_t end = std::min(text.find_first_of("/?# \"'", at + 3), text.size());
      const std::size_t sign = text.substr(0, end).rfind('@');
      const std::size_t colon = text.find(':', at + 3);
      if (sign != std::string_view::npos && sign > at && colon < sign) {
        out.append(text.substr(at, colon + 1 - at));
        star(out, text, colon + 1, sign);
        at = sign;
        continue;
      }
    }
    if (!is_key_character(text[at])) {
      out.push_back(text[at++]);
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_key_character(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    if (looks_like_key(word)) {
      star(out, text, at, end);
    } else {
      out.append(word);
    }
    at = end;
    if (!names_a_secret(word)) continue;
    if (const ValueRange value = value_after(text, end); value.end > value.begin) {
      out.append(text.substr(end, value.begin - end));
      star(out, text, value.begin, value.end);
      at = value.end;
    }
  }
  return out;
}

}  // namespace gantry::host
