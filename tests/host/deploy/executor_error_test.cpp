// What the executor's errors say, for people.
#include "host/deploy/executor_error.hpp"

#include <catch2/catch.hpp>

#include "host/base/keccak.hpp"

using namespace gantry;
using namespace gantry::host;

namespace {

std::vector<std::uint8_t> error(std::string_view signature,
                                const std::vector<std::vector<std::uint8_t>>& words) {
  const Hash32 hash = keccak_of(signature);
  std::vector<std::uint8_t> data(hash.begin(), hash.begin() + 4);
  for (const auto& word : words) data.insert(data.end(), word.begin(), word.end());
  return data;
}

// Low bytes of a word; `fill` above them.
std::vector<std::uint8_t> word(std::vector<std::uint8_t> low, std::uint8_t fill = 0) {
  std::vector<std::uint8_t> out(32 - low.size(), fill);
  out.insert(out.end(), low.begin(), low.end());
  return out;
}

}  // namespace

TEST_CASE("the executor's errors are told with what they carry") {
  const auto token = word(std::vector<std::uint8_t>(20, 0xab));
  CHECK(deploy::error_text(error("Expired()", {})) == "Expired");
  CHECK(deploy::error_text(
            error("Short(address,int256,int256)", {token, word({0xfe}, 0xff), word({7})})) ==
        "Short: 0xabababababababababababababababababababab, -2, 7");
  CHECK(deploy::error_text(error("CallFailed(address)", {token})) ==
        "CallFailed: 0xabababababababababababababababababababab");
  std::vector<std::uint8_t> selector(32);
  selector[0] = 0xa9;
  selector[3] = 0xbb;
  const std::string refused =
      deploy::error_text(error("CallRefused(address,bytes4)", {token, selector}));
  CHECK(refused.starts_with("CallRefused: 0xabab"));
}

TEST_CASE("errors of others, and what is none, are told safely") {
  CHECK(deploy::error_text({}).empty());
  std::vector<std::uint8_t> text(32);
  const std::string words = "UniswapV2: K\x1b[31m";
  std::copy(words.begin(), words.end(), text.begin());
  const auto said = deploy::error_text(error(
      "Error(string)", {word({0x20}), word({static_cast<std::uint8_t>(words.size())}), text}));
  CHECK(said == "UniswapV2: K?[31m");
  // A length that is not there.
  CHECK(deploy::error_text(error("Error(string)", {word({0x20}), word({0xff})}))
            .starts_with("error 0x08c379a0"));
  // Too short for its words.
  CHECK(deploy::error_text(error("Short(address,int256,int256)", {word({1})}))
            .starts_with("error 0x"));
  const std::vector<std::uint8_t> bytes{1, 2, 3};
  CHECK(deploy::error_text(bytes) == "error 0x010203");
  CHECK(deploy::error_text(std::vector<std::uint8_t>(5000, 7)).size() < 100);
}
