// Text that may hold ${NAME}: the template may be printed, what it resolves to may not.
#pragma once
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"

namespace gantry::host {

// The port to environment variables; nullopt: not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
// The process's own environment.
Environment process_environment();

// ${CHAIN_ID} is the chain's number: the host fills it in, and it is no variable of the
// environment.
inline constexpr std::string_view chain_variable = "CHAIN_ID";
// The same environment for texts of one chain, given as CAIP-2: with ${CHAIN_ID}.
Environment with_chain(Environment environment, std::string_view chain);

// A resolved value. It prints as "[secret]"; only reveal() gives it away, at the place of use.
class Secret {
 public:
  Secret() = default;
  Secret(std::string value, std::string written)
      : value_(std::move(value)), written_(std::move(written)) {}
  const std::string& reveal() const { return value_; }
  // The template that it was resolved from: what a message is made of.
  const std::string& written() const { return written_; }
  bool empty() const { return value_.empty(); }
  friend std::ostream& operator<<(std::ostream& out, const Secret& secret);

 private:
  std::string value_;
  std::string written_;
};
std::string to_string(const Secret& secret);

// A URL or other text with ${NAME} in it, checked when it was read. Printing shows the template.
class TemplatedText {
 public:
  TemplatedText() = default;
  // ErrorKind::configuration: "${" without "}", or a name other than [A-Za-z_][A-Za-z0-9_]*.
  static Result<TemplatedText> parse(std::string_view text);

  const std::string& text() const { return text_; }  // as written
  const std::vector<std::string>& variables() const { return variables_; }
  bool empty() const { return text_.empty(); }
  // ErrorKind::configuration, naming the variable that is not set or empty.
  Result<Secret> resolve(const Environment& environment) const;
  friend std::ostream& operator<<(std::ostream& out, const TemplatedText& text);
  friend bool operator==(const TemplatedText&, const TemplatedText&) = default;

 private:
  std::string text_;
  std::vector<std::string> variables_;
};
using TemplatedUrl = TemplatedText;

// Whether nobody on the way can read what is sent there: https, or http to this machine itself.
bool is_private_url(std::string_view url);

// TemplatedText::parse and resolve in one, for a parameter's text.
Result<Secret> resolve_text(std::string_view text, const Environment& environment);

// True for what looks like an API key, a token or a private key rather than a word, a file name or
// an address.
bool looks_like_key(std::string_view text);
// The text with whatever looks like a key, and every value of a name such as `password`, replaced
// by as many asterisks: columns stay where they were.
std::string mask_keys(std::string_view text);

}  // namespace gantry::host
