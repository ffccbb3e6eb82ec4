#include "host/deploy/executor_error.hpp"

#include <algorithm>
#include <array>

#include "gantry/u256_convert.hpp"
#include "host/base/keccak.hpp"
#include "host/base/text.hpp"
#include "host/ledger/signed_amount.hpp"
#include "host/log/log.hpp"
#include "host/plan/abi_words.hpp"

namespace gantry::host::deploy {

namespace {

// How an error's words are shown.
enum class ErrorWord { address, amount, selector };
struct ExecutorError {
  const char* signature;
  std::array<ErrorWord, 3> words;
  std::size_t count;
};
constexpr std::array executor_errors{
    ExecutorError{"NotOwner()", {}, 0},
    ExecutorError{"Busy()", {}, 0},
    ExecutorError{"Expired()", {}, 0},
    ExecutorError{"Short(address,int256,int256)",
                  {ErrorWord::address, ErrorWord::amount, ErrorWord::amount},
                  3},
    ExecutorError{"LeftBehind(address)", {ErrorWord::address}, 1},
    ExecutorError{"TokenFailed(address)", {ErrorWord::address}, 1},
    ExecutorError{"PaymentFailed(address)", {ErrorWord::address}, 1},
    ExecutorError{"CallFailed(address)", {ErrorWord::address}, 1},
    ExecutorError{"CallRefused(address,bytes4)", {ErrorWord::address, ErrorWord::selector}, 2},
    ExecutorError{"NotAnnounced(address,bytes4)", {ErrorWord::address, ErrorWord::selector}, 2},
    ExecutorError{"NotCalledBack(address,bytes4)", {ErrorWord::address, ErrorWord::selector}, 2},
    ExecutorError{"WrongProgram()", {}, 0},
    ExecutorError{"Malformed(uint256)", {ErrorWord::amount}, 1},
    ExecutorError{"TooMany()", {}, 0},
};

}  // namespace

bool is_error(std::span<const std::uint8_t> data, std::string_view signature) {
  return data.size() >= 4 && std::ranges::equal(data.first(4), selector_of(signature));
}

std::optional<std::string> known_error_text(std::span<const std::uint8_t> data) {
  for (const ExecutorError& error : executor_errors) {
    if (!is_error(data, error.signature) || data.size() < 4 + error.count * abi::word_bytes)
      continue;
    const std::string_view signature = error.signature;
    std::string text(signature.substr(0, signature.find('(')));
    for (std::size_t i = 0; i < error.count; ++i) {
      const auto word = data.subspan(4 + i * abi::word_bytes, abi::word_bytes);
      const char* between = i == 0 ? ": " : ", ";
      switch (error.words[i]) {
        case ErrorWord::address:
          text += between + hex_text(word.last(20));
          break;
        case ErrorWord::amount:
          text += between + to_string(ledger::SignedAmount::from_bits(load_be(word.data())));
          break;
        case ErrorWord::selector:
          text += between + hex_text(word.first(4));
          break;
      }
    }
    return text;
  }
  // Error(string) of a token or a pool: offset, size, text.
  if (is_error(data, "Error(string)") && data.size() >= 4 + 2 * abi::word_bytes) {
    const u256 size = load_be(data.data() + 4 + abi::word_bytes);
    const auto text = data.subspan(4 + 2 * abi::word_bytes);
    if (size <= u256(text.size())) {
      return said_line({reinterpret_cast<const char*>(text.data()), size.limb(0)});
    }
  }
  return std::nullopt;
}

std::string error_text(std::span<const std::uint8_t> data) {
  if (data.empty()) return {};
  const auto known = known_error_text(data);
  return known ? *known : "error " + hex_text(data.first(std::min<std::size_t>(data.size(), 36)));
}

}  // namespace gantry::host::deploy
