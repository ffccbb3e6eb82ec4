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

// The account's transaction is the last of one or two, and nobody else's stands behind it.
std::string TradingRelays::check_bundle(const json::array& transactions, const std::string& owner) {
  if (transactions.empty() || transactions.size() > 2)
    return "a bundle of none or of more than two";
  const auto curve = sign::Curve::make(host::system_random()).value();
  for (std::size_t i = 0; i < transactions.size(); ++i) {
    const auto bytes = host::bytes_of_hex(text_of(transactions[i]));
    const auto decoded = bytes ? sign::decode_transaction(*bytes)
                               : host::Result<sign::DecodedTransaction>(sign::DecodedTransaction());
    if (!bytes || !decoded) return "a bundle of what is no transaction";
    const auto sender = sign::sender_of(*decoded, curve);
    const bool is_own = sender && text_of_bytes(*sender) == owner;
    if (is_own != (i + 1 == transactions.size())) return "a bundle in the wrong order";
  }
  return {};
}

// Nothing of a bundle may fail: it is tried on the state that the block begins with.
bool TradingRelays::would_pass(const Taken& bundle) {
  json::array calls;
  for (const std::string& each : {bundle.theirs, bundle.transaction}) {
    if (each.empty()) continue;
    const auto decoded = sign::decode_transaction(host::bytes_of_hex(each).value()).value();
    const auto curve = sign::Curve::make(host::system_random()).value();
    const std::string from = text_of_bytes(sign::sender_of(decoded, curve).value());
    const std::string next =
        text_of(scene_.chain.call("eth_getTransactionCount", {json::string(from), "latest"}));
    const sign::Transaction& transaction = decoded.transaction;
    if (each == bundle.theirs && std::stoull(next, nullptr, 16) != transaction.nonce) return false;
    calls.push_back(json::object{{"from", from},
                                 {"to", text_of_bytes(*transaction.to)},
                                 {"input", host::hex_text(transaction.data)}});
  }
  const json::object block{{"calls", calls}};
  const json::value tried = scene_.chain.call(
      "eth_simulateV1", {json::object{{"blockStateCalls", json::array{block}}}, "latest"});
  for (const json::value& call : tried.at(0).at("calls").as_array()) {
    if (call.at("status") != "0x1") return false;
  }
  return true;
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
  const json::array& transactions = bundle.at("txs").as_array();
  const std::string fault = body.at("method") != "eth_sendBundle"
                                ? "another method than eth_sendBundle"
                                : check_bundle(transactions, scene_.owner);
  if (!fault.empty()) {
    faults_.push_back(fault);
    return {200, R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no bundle"}})"};
  }
  bundles_.push_back({relay, number_of(bundle.at("blockNumber")), text_of(transactions.back()),
                      transactions.size() == 1 ? std::string() : text_of(transactions.front())});
  if (manners_[relay] == RelayManner::takes_and_hangs) return {.hang = true};
  example_ = {call.body, call.headers.at("x-flashbots-signature")};
  return {200, R"({"jsonrpc":"2.0","id":1,"result":{"bundleHash":"0x00"}})"};
}

void TradingRelays::make_block() {
  std::map<std::uint64_t, Taken> due;  // by nonce
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t next = scene_.deployer.block_number() + 1;
    for (const Taken& each : bundles_) {
      if (!included_ || each.block != next) continue;
      const auto decoded = sign::decode_transaction(host::bytes_of_hex(each.transaction).value());
      if (!decoded) throw std::runtime_error("a bundle of no transaction");
      if (would_pass(each)) due.emplace(decoded->transaction.nonce, each);
    }
  }
  std::vector<std::string> handed;
  std::uint64_t nonce = scene_.nonce();
  for (const auto& [number, bundle] : due) {
    if (number != nonce) continue;  // what stands behind one that is missing cannot be included
    // It may wait at the chain already, and then it came before ours.
    if (!bundle.theirs.empty()) {
      (void)scene_.chain.batch(
          {{.method = "eth_sendRawTransaction", .params = {json::string(bundle.theirs)}}});
      const std::string hash = host::hex_text(host::keccak_of(*host::bytes_of_hex(bundle.theirs)));
      const auto there = scene_.chain.call("eth_getTransactionByHash", {json::string(hash)});
      if (there.is_null()) continue;  // another one of its sender has its place
    }
    scene_.chain.call("eth_sendRawTransaction", {json::string(bundle.transaction)});
    handed.push_back(bundle.transaction);
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

std::vector<std::pair<std::string, std::string>> TradingRelays::behind() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::string>> out;
  for (const Taken& each : bundles_) {
    if (each.relay == 0 && !each.theirs.empty()) out.emplace_back(each.theirs, each.transaction);
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
