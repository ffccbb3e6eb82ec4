#include "host/execute/simulation.hpp"

#include <fmt/format.h>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/deploy/executor_error.hpp"
#include "host/ledger/signed_amount.hpp"
#include "host/live/chain_text.hpp"
#include "host/log/log.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {

namespace {

namespace json = boost::json;

// int256[] gains.
std::optional<u256> first_gain(const json::value& answer) {
  const auto bytes = bytes_of(answer);
  if (!bytes || bytes->size() < 3 * word_bytes) return std::nullopt;
  return load_be(bytes->data() + 2 * word_bytes);
}

}  // namespace

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
    std::string why = data ? deploy::error_text(*data) : std::string();
    if (why.empty()) why = said_line(answer.error().message);
    const bool is_short = data && deploy::is_error(*data, "Short(address,int256,int256)");
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
