#include "host/execute/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gantry/u256_convert.hpp"
#include "host/base/keccak.hpp"
#include "host/base/text.hpp"
#include "host/ledger/signed_amount.hpp"
#include "host/live/chain_text.hpp"
#include "host/log/log.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {

namespace {

namespace json = boost::json;

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

bool is_error(std::span<const std::uint8_t> data, std::string_view signature) {
  return data.size() >= 4 && std::ranges::equal(data.first(4), selector_of(signature));
}

// int256[] gains.
std::optional<u256> first_gain(const json::value& answer) {
  const auto bytes = bytes_of(answer);
  if (!bytes || bytes->size() < 3 * word_bytes) return std::nullopt;
  return load_be(bytes->data() + 2 * word_bytes);
}

}  // namespace

std::string executor_error_text(std::span<const std::uint8_t> data) {
  if (data.empty()) return {};
  for (const ExecutorError& error : executor_errors) {
    if (!is_error(data, error.signature) || data.size() < 4 + error.count * word_bytes) continue;
    const std::string_view signature = error.signature;
    std::string text(signature.substr(0, signature.find('(')));
    for (std::size_t i = 0; i < error.count; ++i) {
      const auto word = data.subspan(4 + i * word_bytes, word_bytes);
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
  if (is_error(data, "Error(string)") && data.size() >= 4 + 2 * word_bytes) {
    const u256 size = load_be(data.data() + 4 + word_bytes);
    const auto text = data.subspan(4 + 2 * word_bytes);
    if (size <= u256(text.size())) {
      return said_line({reinterpret_cast<const char*>(text.data()), size.limb(0)});
    }
  }
  return "error " + hex_text(data.first(std::min<std::size_t>(data.size(), 36)));
}

Simulation simulate(Providers& providers, const Rehearsal& rehearsal,
                    std::chrono::milliseconds deadline) {
  const RpcCall call{"eth_call",
                     {json::object{{"from", address_text(rehearsal.owner)},
                                   {"to", address_text(rehearsal.executor)},
                                   {"gas", quantity_text(rehearsal.gas)},
                                   {"data", hex_text(*rehearsal.run)}}}};
  RpcOptions options;
  options.deadline = deadline;
  options.pin = rehearsal.block;
  const auto answers = ask(providers, {&call, 1}, options);
  if (!answers) return {SimulationVerdict::unknown, said_line(answers.error().message)};
  const RpcAnswer& answer = answers->front();
  if (!answer) {
    const auto data = bytes_of(answer.error().data);
    std::string why = data ? executor_error_text(*data) : std::string();
    if (why.empty()) why = said_line(answer.error().message);
    const bool is_short = data && is_error(*data, "Short(address,int256,int256)");
    return {is_short ? SimulationVerdict::pools_differ : SimulationVerdict::refused,
            "it would fail: " + why};
  }
  const auto gain = first_gain(*answer);
  if (!gain) return {SimulationVerdict::unknown, "the executor answered with what is no gain"};
  if (*gain == rehearsal.gain) return {SimulationVerdict::as_planned, {}};
  return {
      SimulationVerdict::pools_differ,
      fmt::format("it would gain {} where {} was planned",
                  to_string(ledger::SignedAmount::from_bits(*gain)), to_string(rehearsal.gain))};
}

}  // namespace gantry::host
