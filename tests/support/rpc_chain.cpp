#include "support/rpc_chain.hpp"

#include <cstdio>
#include <stdexcept>
#include <utility>

namespace gantry::test {
namespace {

namespace json = boost::json;

struct Failure {
  std::int64_t code;
  std::string message;
};

constexpr std::uint64_t logs_max = 10;  // of one answer

// 32 bytes of FNV-1a, four times over with another beginning.
std::string digest(const std::string& text) {
  std::string out = "0x";
  for (std::uint64_t lane = 1; lane <= 4; ++lane) {
    std::uint64_t state = 14695981039346656037ULL * lane;
    for (const char c : text) {
      state = (state ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
    char digits[17];
    std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(state));
    out += digits;
  }
  return out;
}

std::string hex(std::uint64_t number) {
  char digits[19];
  std::snprintf(digits, sizeof(digits), "0x%llx", static_cast<unsigned long long>(number));
  return digits;
}

}  // namespace

std::string RpcChain::hash(std::uint64_t number) const {
  return digest("block " + std::to_string(id_) + " " + std::to_string(number));
}

json::value RpcChain::truth(std::uint64_t number, const std::string& data) const {
  return json::string(digest(hash(number) + data));
}

json::value RpcChain::block(std::uint64_t number) const {
  return json::object{{"number", hex(number)},
                      {"hash", hash(number)},
                      {"parentHash", hash(number - 1)},
                      {"timestamp", hex(1700000000 + number * 12)},
                      {"transactions", json::array()}};
}

json::value RpcChain::log(std::uint64_t number) const {
  return json::object{{"address", "0x" + std::string(40, '1')},
                      {"topics", json::array{json::string("0x" + std::string(64, '2'))}},
                      {"data", "0x"},
                      {"blockNumber", hex(number)},
                      {"blockHash", hash(number)},
                      {"logIndex", "0x0"}};
}

std::uint64_t RpcChain::named(const json::value& block, std::uint64_t head, bool by_hash) const {
  if (const json::object* object = block.if_object()) {
    if (!by_hash) throw Failure{-32602, "invalid argument 1: cannot unmarshal object"};
    const std::string wanted(object->at("blockHash").as_string());
    for (std::uint64_t number = head; number + 500 > head && number > 0; --number) {
      if (hash(number) == wanted) return number;
    }
    throw Failure{-32000, "header not found"};
  }
  const std::string text(block.as_string());
  if (text == "latest") return head;
  const std::uint64_t number = std::stoull(text, nullptr, 16);
  if (number > head) throw Failure{-32000, "header not found"};
  return number;
}

json::object RpcChain::answer(const json::object& call, std::uint64_t lag, bool by_hash) {
  const std::string method(call.at("method").as_string());
  const json::array& params = call.at("params").as_array();
  const std::uint64_t head = head_ - lag;
  json::object reply{{"jsonrpc", "2.0"}, {"id", call.at("id")}};
  try {
    if (auto said = first_ ? first_(method, params) : std::nullopt) {
      reply["result"] = std::move(*said);
    } else if (method == "eth_chainId") {
      reply["result"] = hex(id_);
    } else if (method == "eth_getBlockByNumber") {
      const std::string text(params.at(0).as_string());
      const std::uint64_t number = text == "latest" ? head : std::stoull(text, nullptr, 16);
      reply["result"] = number > head ? json::value(nullptr) : block(number);
    } else if (method == "eth_getLogs") {
      const json::object& filter = params.at(0).as_object();
      if (filter.contains("blockHash")) {
        reply["result"] = json::array{log(named(filter, head, true))};
      } else {
        const std::uint64_t first = named(filter.at("fromBlock"), head, by_hash);
        const std::uint64_t last = named(filter.at("toBlock"), head, by_hash);
        if (last - first >= logs_max) throw Failure{-32005, "query returned more than 10 results"};
        json::array logs;
        for (std::uint64_t number = first; number <= last; ++number) logs.push_back(log(number));
        reply["result"] = std::move(logs);
      }
    } else if (method == "eth_getBalance") {
      reply["result"] = hex(named(params.at(1), head, by_hash));
    } else if (method == "eth_call") {
      const std::string data(params.at(0).as_object().at("data").as_string());
      const std::uint64_t number = named(params.at(1), head, by_hash);
      if (data == "0xdead") {
        reply["error"] = {
            {"code", 3}, {"message", "execution reverted: too many requests"}, {"data", "0x08c3"}};
      } else {
        reply["result"] = truth(number, data);
      }
    } else if (method == "eth_getTransactionByHash") {
      // Known from the block on with whose number its hash ends.
      const std::string wanted(params.at(0).as_string());
      if (std::stoull(wanted.substr(wanted.size() - 8), nullptr, 16) <= head) {
        const std::string account = "0x" + std::string(40, '1');
        reply["result"] = {{"hash", wanted},    {"from", account}, {"to", account},
                           {"input", "0x"},     {"nonce", "0x0"},  {"value", "0x0"},
                           {"gasPrice", "0x1"}, {"gas", "0x5208"}};
      } else {
        reply["result"] = nullptr;
      }
    } else if (method == "eth_sendRawTransaction") {
      const std::lock_guard lock(mutex_);
      transactions_.emplace_back(params.at(0).as_string());
      reply["result"] = digest(transactions_.back());
    } else {
      throw Failure{-32601, "the method " + method + " does not exist/is not available"};
    }
  } catch (const Failure& failure) {
    reply["error"] = {{"code", failure.code}, {"message", failure.message}};
  }
  return reply;
}

std::vector<std::string> RpcChain::transactions() const {
  const std::lock_guard lock(mutex_);
  return transactions_;
}

}  // namespace gantry::test
