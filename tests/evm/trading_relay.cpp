#include "evm/trading_relay.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>
#include <thread>

#include "host/base/keccak.hpp"
#include "host/base/text.hpp"
#include "host/ports/random.hpp"
#include "host/sign/message.hpp"
#include "host/sign/transaction.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
namespace sign = host::sign;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::string text_of_bytes(std::span<const std::uint8_t> bytes) { return host::hex_text(bytes); }

std::uint64_t number_of(const json::value& quantity) {
  return std::stoull(text_of(quantity), nullptr, 16);
}

}  // namespace

TradingRelays::TradingRelays(TradingScene& scene) : scene_(scene) {
  std::string relays;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    servers_[i] =
        std::make_unique<HttpServer>([this, i](const HttpCall& call) { return answer(i, call); });
    relays += "[[chain.relay]]\nname = \"relay" + std::to_string(i) + "\"\nurl = \"" +
              servers_[i]->url() + "\"\n";
  }
  scene.space.edit("gantry.toml", "blocks_max = 3\n", "blocks_max = 3\nsend = \"bundle\"\n");
  scene.space.edit("gantry.toml", "[[chain.lender]]", relays + "[[chain.lender]]");
}

void TradingRelays::set(std::size_t relay, RelayManner manner) {
  const std::lock_guard lock(mutex_);
  manners_.at(relay) = manner;
}

void TradingRelays::include(bool included) {
  const std::lock_guard lock(mutex_);
  included_ = included;
}

void TradingRelays::join(bool joined) {
  const std::lock_guard lock(mutex_);
  joined_ = joined;
}

std::string TradingRelays::check_header(const HttpCall& call) {
  const auto header = call.headers.find("x-flashbots-signature");
  if (header == call.headers.end()) return "no X-Flashbots-Signature";
  const std::size_t colon = header->second.find(':');
  if (colon == std::string::npos) return "a header without a signature";
  const std::string address = lower(header->second.substr(0, colon));
  const auto bytes = host::bytes_of_hex(header->second.substr(colon + 1));
  const auto signature =
      bytes ? sign::parse_signature(*bytes) : host::Result<sign::Signature>(sign::Signature());
  if (!bytes || !signature) return "a signature that is not 65 bytes";
  const auto curve = sign::Curve::make(host::system_random()).value();
  const std::string digest = host::hex_text(host::keccak_of(call.body));
  const auto signer = curve.recover(
      sign::message_hash({reinterpret_cast<const std::uint8_t*>(digest.data()), digest.size()}),
      *signature);
  if (!signer || text_of_bytes(*signer) != address) return "a signature of somebody else";
  if (address == scene_.owner) return "signed with the account's own key";
  header_signer_ = address;
  return {};
}

HttpReply TradingRelays::answer(std::size_t relay, const HttpCall& call) {
  const std::lock_guard lock(mutex_);
  if (std::string fault = check_header(call); !fault.empty()) {
    faults_.push_back(fault);
    return {403, "{}"};
  }
  ++heard_[relay];
  if (manners_[relay] == RelayManner::hangs) return {.hang = true};
  if (manners_[relay] == RelayManner::refuses) {
    return {200, R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"not today"}})"};
  }
  const json::value body = json::parse(call.body);
  const json::value& bundle = body.at("params").at(0);
  if (body.at("method") != "eth_sendBundle" || bundle.at("txs").as_array().size() != 1) {
    faults_.emplace_back("not one transaction in a bundle");
  }
  bundles_.push_back({relay, number_of(bundle.at("blockNumber")), text_of(bundle.at("txs").at(0))});
  if (manners_[relay] == RelayManner::takes_and_hangs) return {.hang = true};
  example_ = {call.body, call.headers.at("x-flashbots-signature")};
  return {200, R"({"jsonrpc":"2.0","id":1,"result":{"bundleHash":"0x00"}})"};
}

void TradingRelays::make_block() {
  std::map<std::uint64_t, std::string> due;  // by nonce
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t next = scene_.deployer.block_number() + 1;
    for (const Taken& each : bundles_) {
      if (!included_ || each.block != next) continue;
      const auto decoded = sign::decode_transaction(host::bytes_of_hex(each.transaction).value());
      if (!decoded) throw std::runtime_error("a bundle of no transaction");
      // Nothing of a bundle may fail: it is tried on the state that the block begins with.
      const sign::Transaction& trade = decoded->transaction;
      const json::object call{{"from", scene_.owner},
                              {"to", text_of_bytes(*trade.to)},
                              {"data", host::hex_text(trade.data)}};
      const auto tried = scene_.chain.batch({{.method = "eth_call", .params = {call, "latest"}}});
      if (!tried.at(0).failure) due.emplace(trade.nonce, each.transaction);
    }
  }
  std::vector<std::string> handed;
  std::uint64_t nonce = scene_.nonce();
  for (const auto& [number, transaction] : due) {
    if (number != nonce) continue;  // what stands behind one that is missing cannot be included
    scene_.chain.call("eth_sendRawTransaction", {json::string(transaction)});
    handed.push_back(transaction);
    ++nonce;
    const std::lock_guard lock(mutex_);
    if (!joined_) break;
  }
  scene_.chain.call("evm_mine");
  if (scene_.nonce() != nonce) throw std::runtime_error("a bundle is not in its block");
}

void TradingRelays::trade(int blocks, int wait_ms) {
  scene_.market.trade(true);
  std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  for (int i = 0; i < blocks; ++i) {
    make_block();
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  }
}

std::vector<std::uint64_t> TradingRelays::blocks_of(const std::string& transaction) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t> out;
  for (const Taken& each : bundles_) {
    if (each.transaction == transaction && (out.empty() || out.back() != each.block)) {
      out.push_back(each.block);
    }
  }
  return out;
}

std::size_t TradingRelays::taken(std::size_t relay) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count(bundles_, relay, &Taken::relay));
}

std::size_t TradingRelays::heard(std::size_t relay) const {
  const std::lock_guard lock(mutex_);
  return heard_.at(relay);
}

std::vector<std::string> TradingRelays::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

std::pair<std::string, std::string> TradingRelays::example() const {
  const std::lock_guard lock(mutex_);
  return example_;
}

}  // namespace gantry::test
