#include "host/import/pairs_json.hpp"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <optional>
#include <string_view>

#include "host/recording/records.hpp"

namespace gantry::host {
namespace {

namespace json = boost::json;

constexpr std::size_t read_bytes = 64U << 10U;
constexpr std::size_t number_chars_max = 80;  // 2^256 has 78 digits
constexpr unsigned reserve_bits_max = 112;
constexpr unsigned decimals_max = 77;  // 10^77 is the largest power of ten below 2^256

std::optional<gantry_address> parse_address(std::string_view text) {
  if (text.size() != 42 || !text.starts_with("0x")) return std::nullopt;
  gantry_address address{GANTRY_ADDRESS_EVM, 20, {}, {}};
  for (std::size_t i = 0; i < 20; ++i) {
    const auto byte = parse_hex(std::string("0x").append(text.substr(2 + 2 * i, 2)));
    if (!byte) return std::nullopt;
    address.bytes[i] = static_cast<std::uint8_t>(byte->limb(0));
  }
  return address;
}

// Receives the parser's events and holds what is expected where.
class PairHandler {
 public:
  using Error = json::error_code;
  using Text = json::string_view;
  static constexpr std::size_t max_object_size = 16;
  static constexpr std::size_t max_array_size = pairs_max;
  static constexpr std::size_t max_key_size = 64;
  static constexpr std::size_t max_string_size = 4096;

  PairList list;
  std::string problem;  // set when one of these functions stopped the parser

  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }

  bool on_array_begin(Error& error) {
    if (place_ != Place::outside) return refuse(error, "a list is not expected here");
    place_ = Place::list;
    return true;
  }
  bool on_array_end(std::size_t, Error&) {
    place_ = Place::done;
    return true;
  }

  bool on_object_begin(Error& error) {
    if (place_ == Place::list) {
      place_ = Place::pair;
      pair_ = PairEntry{};
      seen_ = 0;
      return true;
    }
    if (place_ == Place::pair && (key_ == "token0" || key_ == "token1")) {
      place_ = Place::token;
      token_ = key_ == "token0" ? 0 : 1;
      token_seen_ = 0;
      return true;
    }
    return refuse(error, place_ == Place::outside ? "the file is not a list of pairs"
                                                  : "an object is not expected here");
  }
  bool on_object_end(std::size_t, Error& error) {
    if (place_ == Place::token) {
      place_ = Place::pair;
      return require_all(token_keys, token_seen_, error);
    }
    place_ = Place::list;
    if (!require_all(pair_keys, seen_, error)) return false;
    return take_pair(error);
  }

  bool on_key_part(Text text, std::size_t, Error&) {
    key_parts_.append(text.data(), text.size());
    return true;
  }
  bool on_key(Text text, std::size_t, Error& error) {
    key_parts_.append(text.data(), text.size());
    key_.swap(key_parts_);
    key_parts_.clear();
    return place_ == Place::token ? see(token_keys, token_seen_, error)
                                  : see(pair_keys, seen_, error);
  }

  bool on_string_part(Text text, std::size_t, Error&) {
    text_.append(text.data(), text.size());
    return true;
  }
  bool on_string(Text text, std::size_t, Error& error) {
    text_.append(text.data(), text.size());
    const std::string whole = std::exchange(text_, {});
    if (key_ == "address" && (place_ == Place::pair || place_ == Place::token)) {
      const auto address = parse_address(whole);
      if (!address) return refuse(error, "\"address\" is not 0x and 40 hexadecimal digits");
      (place_ == Place::pair ? pair_.address : pair_.tokens[token_].address) = *address;
      return true;
    }
    if (key_ == "symbol" && place_ == Place::token) {
      std::string& symbol = pair_.tokens[token_].symbol;
      symbol = printable_symbol(whole);
      if (symbol != whole) ++list.sanitised_symbols;
      return true;
    }
    return refuse(error, "a string is not expected here");
  }

  bool on_number_part(Text text, Error& error) { return append_number(text, error); }
  bool on_int64(std::int64_t, Text text, Error& error) { return on_number(text, error); }
  bool on_uint64(std::uint64_t, Text text, Error& error) { return on_number(text, error); }
  bool on_double(double, Text text, Error& error) { return on_number(text, error); }
  bool on_bool(bool, Error& error) { return refuse(error, "true or false is not expected here"); }
  bool on_null(Error& error) { return refuse(error, "null is not expected here"); }
  bool on_comment_part(Text, Error&) { return true; }
  bool on_comment(Text, Error&) { return true; }

 private:
  enum class Place { outside, list, pair, token, done };
  static constexpr std::array<std::string_view, 6> pair_keys = {"index",  "address",  "token0",
                                                                "token1", "reserve0", "reserve1"};
  static constexpr std::array<std::string_view, 3> token_keys = {"address", "symbol", "decimal"};

  bool refuse(Error& error, std::string what) {
    problem = std::move(what);
    error = json::error::syntax;  // any will do: `problem` is what is reported
    return false;
  }

  template <std::size_t count>
  bool see(const std::array<std::string_view, count>& keys, unsigned& seen, Error& error) {
    for (std::size_t i = 0; i < count; ++i) {
      if (keys[i] != key_) continue;
      if ((seen >> i & 1U) != 0) return refuse(error, fmt::format("\"{}\" comes twice", key_));
      seen |= 1U << i;
      return true;
    }
    return refuse(error, fmt::format("\"{}\" is not a key of a {}", printable_symbol(key_),
                                     place_ == Place::token ? "token" : "pair"));
  }

  template <std::size_t count>
  bool require_all(const std::array<std::string_view, count>& keys, unsigned seen, Error& error) {
    for (std::size_t i = 0; i < count; ++i) {
      if ((seen >> i & 1U) == 0) return refuse(error, fmt::format("\"{}\" is missing", keys[i]));
    }
    return true;
  }

  bool append_number(Text text, Error& error) {
    if (text_.size() + text.size() > number_chars_max) return refuse(error, "a number is too long");
    text_.append(text.data(), text.size());
    return true;
  }

  bool on_number(Text text, Error& error) {
    if (!append_number(text, error)) return false;
    const std::string whole = std::exchange(text_, {});
    const auto value = parse_decimal(whole);  // digits only: no sign, fraction or exponent
    const bool in_pair = place_ == Place::pair;
    const bool in_token = place_ == Place::token;
    const bool reserve = in_pair && (key_ == "reserve0" || key_ == "reserve1");
    if (!reserve && !(in_pair && key_ == "index") && !(in_token && key_ == "decimal")) {
      return refuse(error, "a number is not expected here");
    }
    if (!value) {
      return refuse(error, fmt::format("\"{}\" is {}, not a whole number from 0", key_, whole));
    }
    if (reserve) {
      if (bit_width(*value) > reserve_bits_max) {
        return refuse(error, fmt::format("\"{}\" is {}, above 2^112-1", key_, whole));
      }
      pair_.reserves[key_ == "reserve0" ? 0 : 1] = *value;
    }
    if (in_token) {
      if (*value > u256(decimals_max)) {
        return refuse(error, fmt::format("\"decimal\" is {}, above {}", whole, decimals_max));
      }
      pair_.tokens[token_].decimals = static_cast<std::uint8_t>(value->limb(0));
    }
    return true;
  }

  bool take_pair(Error& error) {
    const auto& [low, high] = pair_.tokens;
    if (!std::lexicographical_compare(std::begin(low.address.bytes), std::end(low.address.bytes),
                                      std::begin(high.address.bytes),
                                      std::end(high.address.bytes))) {
      return refuse(error, "\"token0\" is not below \"token1\": this is not a Uniswap V2 pair");
    }
    list.pairs.push_back(std::move(pair_));
    return true;
  }

  Place place_ = Place::outside;
  PairEntry pair_;
  std::size_t token_ = 0;
  unsigned seen_ = 0;
  unsigned token_seen_ = 0;
  std::string key_;
  std::string key_parts_;
  std::string text_;
};

// Where in the file the parser is.
struct Cursor {
  std::uint64_t offset = 0;
  std::uint64_t line = 1;
  std::uint64_t column = 1;

  void advance(std::string_view text) {
    for (const char c : text) {
      ++offset;
      ++column;
      if (c == '\n') {
        ++line;
        column = 1;
      }
    }
  }
};

}  // namespace

std::string printable_symbol(const std::string& symbol) {
  std::string result;
  for (const char c : symbol) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) == 0x80U) continue;  // the rest of a character of UTF-8
    result.push_back(byte >= 0x20 && byte <= 0x7E ? c : '?');
  }
  if (result.empty()) return "?";
  if (result.size() > recording::text_bytes_max) result.resize(recording::text_bytes_max);
  for (std::size_t i = 0; i < result.size() && result[i] == ' '; ++i) result[i] = '_';
  for (std::size_t i = result.size(); i > 0 && result[i - 1] == ' '; --i) result[i - 1] = '_';
  return result;
}

Result<PairList> read_pairs(recording::ByteSource& source, const std::string& name) {
  json::parse_options options;
  options.allow_invalid_utf8 = true;  // in symbols, which are sanitised
  json::basic_parser<PairHandler> parser(options);
  Cursor cursor;
  std::vector<std::uint8_t> buffer(read_bytes);
  bool more = true;
  while (more) {
    const auto got = source.read(buffer);
    if (!got) return std::unexpected(got.error());
    more = *got == buffer.size();
    const auto* text = reinterpret_cast<const char*>(buffer.data());
    json::error_code error;
    std::size_t used = parser.write_some(more, text, *got, error);
    // After the list there may be blanks, and nothing else.
    if (!error && used < *got) error = json::error::extra_data;
    cursor.advance(std::string_view(text, used));
    if (error) {
      const std::string& problem = parser.handler().problem;
      return fail(ErrorKind::format,
                  fmt::format("{}:{}:{} (byte {}), pair {}: {}", name, cursor.line, cursor.column,
                              cursor.offset, parser.handler().list.pairs.size(),
                              problem.empty() ? error.message() : problem));
    }
  }
  return std::move(parser.handler().list);
}

}  // namespace gantry::host
