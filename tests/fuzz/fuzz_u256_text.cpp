// Numbers from text, bytes and doubles against Boost.Multiprecision, and the quick constant-product
// quote against the general one: the input is the text, and also the operands.
#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <gantry/constant_product.hpp>
#include <gantry/u256.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace {

using Reference = boost::multiprecision::cpp_int;
using gantry::u256;

void expect(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "%s is wrong\n", what);
  std::abort();
}

// What the text says, read digit by digit; nothing if it is not one number below 2^256.
std::optional<Reference> read(std::string_view text, unsigned base) {
  const std::string_view digits = base == 10 ? "0123456789" : "0123456789abcdef";
  Reference value = 0;
  for (const char character : text) {
    const bool upper = base == 16 && character >= 'A' && character <= 'F';
    const std::size_t digit =
        digits.find(upper ? static_cast<char>(character - 'A' + 'a') : character);
    if (digit == std::string_view::npos) return std::nullopt;
    value = value * base + digit;
    if (value >= Reference(1) << 256) return std::nullopt;
  }
  return text.empty() ? std::nullopt : std::optional(value);
}

void check_text(std::string_view text) {
  const auto decimal = gantry::parse_decimal(text);
  const auto decimal_expected = read(text, 10);
  expect(decimal.has_value() == decimal_expected.has_value(), "accepting a decimal");
  if (decimal) expect(gantry::to_string(*decimal) == decimal_expected->str(), "a decimal");

  const auto hex = gantry::parse_hex(text);
  const auto hex_expected = read(text.starts_with("0x") ? text.substr(2) : text, 16);
  expect(hex.has_value() == hex_expected.has_value(), "accepting a hexadecimal");
  if (!hex) return;
  expect(gantry::to_hex(*hex) == "0x" + hex_expected->str(0, std::ios_base::hex), "a hexadecimal");
  std::uint8_t bytes[32];
  gantry::store_be(*hex, bytes);
  expect(gantry::load_be(bytes) == *hex, "a word of bytes");
  expect(gantry::to_double(*hex) == hex_expected->convert_to<double>(), "a double");
}

void check_double(const std::uint8_t* bytes) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  const auto value = std::bit_cast<double>(bits);
  u256 out(7);
  const bool fits = value >= 0 && value < 0x1p256;  // false for NaN
  expect(gantry::from_double_floor(value, out) == fits, "accepting a double");
  if (fits) expect(Reference(gantry::to_string(out)) == Reference(value), "the floor of a double");
  if (!fits) expect(out == u256(7), "leaving a refused double's out alone");
}

void check_swap(const std::uint8_t* bytes) {
  gantry::ConstantProduct pool{gantry::shift_right(gantry::load_be(bytes), bytes[96]),
                               gantry::shift_right(gantry::load_be(bytes + 32), bytes[97])};
  if ((bytes[99] & 1) != 0) pool.fee_denominator = 10'000;
  const u256 amount = gantry::shift_right(gantry::load_be(bytes + 64), bytes[98]);
  u256 quick;
  u256 general;
  const gantry_status status = gantry::amount_out(pool, amount, quick);
  expect(status == gantry::detail::amount_out_general(pool, amount, general), "a status");
  expect(quick == general, "an amount out");
  if (status != GANTRY_OK) return;
  expect(quick < pool.reserve_out, "the limit of an amount out");
  u256 in;
  if (gantry::amount_in(pool, quick, in) != GANTRY_OK) return;
  if (gantry::amount_out(pool, in, general) == GANTRY_OK) expect(general >= quick, "an amount in");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_text(std::string_view(reinterpret_cast<const char*>(data), size));
  if (size >= 8) check_double(data);
  if (size >= 100) check_swap(data);
  return 0;
}
