// A chain's node as a stage that trades has it: through the host's providers.
#pragma once
#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "host/base/text.hpp"
#include "host/ledger/chain_view.hpp"
#include "host/ledger/ledger.hpp"
#include "host/live/chain_text.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host::ledger::test {

inline const std::string anvil_chain = "eip155:31337";
// Accounts that anvil has the keys of.
inline const std::string trader = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
inline const std::string other_account = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

class Node {
 public:
  explicit Node(const std::string& url) {
    ChainSettings chain;
    chain.id = anvil_chain;
    RpcProviderSettings provider;
    provider.name = "local";
    provider.url = TemplatedUrl::parse(url).value();
    chain.providers.push_back(provider);
    http_ = make_curl_http_pool().value();
    providers_ = Providers::make(chain, {*http_, clock_, environment_}).value();
    view = chain_view_of(*providers_);
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node() { providers_->stop(); }

  Providers& providers() { return *providers_; }

  RpcAnswer ask(std::string method, boost::json::array params, RpcKind kind = RpcKind::read) {
    const std::array calls{RpcCall{std::move(method), std::move(params)}};
    auto batch = providers_->ask(
        calls, {.deadline = std::chrono::milliseconds(20'000), .kind = kind, .hedge = false});
    if (!batch) throw std::runtime_error(batch.error().message);
    return std::move(batch->answers.front());
  }
  boost::json::value call(const std::string& method, boost::json::array params = {}) {
    auto answer = ask(method, std::move(params));
    if (!answer) throw std::runtime_error(method + ": " + answer.error().message);
    return std::move(*answer);
  }
  // What the node says to it; empty: it took it.
  std::string send(const std::vector<std::uint8_t>& bytes) {
    const auto answer = ask("eth_sendRawTransaction", {hex_text(bytes)}, RpcKind::write);
    return answer ? std::string() : answer.error().message;
  }
  void mine(std::uint64_t blocks = 1) {
    call("anvil_mine", {quantity_text(blocks)});
    // So that what is asked next is asked at the newest.
    static_cast<void>(providers_->poll_head(std::chrono::milliseconds(20'000)));
  }
  std::uint64_t next_nonce(const std::string& account) {
    return quantity(call("eth_getTransactionCount", {account, "latest"})).value();
  }
  std::uint64_t head() { return quantity(call("eth_blockNumber")).value(); }

  // An attempt, signed by the node with the account's key. `data` that no contract is asked with.
  Attempt sign(const std::string& from, std::uint64_t nonce, std::uint64_t fee_gwei = 10,
               const std::string& to = other_account, const std::string& data = "0x") {
    const u256 gwei(1'000'000'000);
    Attempt out;
    out.destination = "local";
    static_cast<void>(mul(gwei, fee_gwei, out.max_fee));
    static_cast<void>(mul(gwei, fee_gwei, out.priority_fee));
    const auto raw = call("eth_signTransaction",
                          {boost::json::object{{"from", from},
                                               {"to", to},
                                               {"value", "0x1"},
                                               {"data", data},
                                               {"gas", "0x30d40"},
                                               {"nonce", quantity_text(nonce)},
                                               {"maxFeePerGas", to_hex(out.max_fee)},
                                               {"maxPriorityFeePerGas", to_hex(out.priority_fee)},
                                               {"chainId", "0x7a69"}}});
    out.bytes = bytes_of(raw).value();
    const auto hash = keccak(out.bytes);
    std::copy(hash.begin(), hash.end(), out.hash.begin());
    return out;
  }

 private:
  std::unique_ptr<HttpPool> http_;
  SteadyClock clock_;
  Environment environment_ = process_environment();
  std::unique_ptr<Providers> providers_;

 public:
  std::unique_ptr<ChainView> view;
};

}  // namespace gantry::host::ledger::test
