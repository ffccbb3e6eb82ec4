#include <fmt/format.h>

#include <array>
#include <chrono>
#include <map>

#include "host/base/text.hpp"
#include "host/ledger/chain_view.hpp"
#include "host/live/chain_text.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host::ledger {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds answer_wait{10'000};
constexpr std::uint64_t reorganized_blocks = 64;  // that may have other logs when asked again
constexpr std::size_t searches_max = 256;         // that are remembered

std::unexpected<Error> no_answer(std::string_view method, std::string_view what) {
  return fail(ErrorKind::format, fmt::format("{} was answered with {}", method, what));
}

Hash hash_of_bytes(const recording::Bytes& bytes) {
  Hash hash{};
  if (bytes.size() == hash.size()) std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

Hash keccak_of(std::string_view text) {
  return hash_of_bytes(keccak({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
}

class ProviderChain final : public ChainView {
 public:
  ProviderChain(Providers& providers, const ChainViewBounds& bounds)
      : providers_(providers), bounds_(bounds) {}

  Result<std::uint64_t> head() override {
    const auto head = providers_.poll_head(answer_wait);
    if (!head) return fail(ErrorKind::io, head.error().message);
    head_ = head->number;
    return head_;
  }

  Result<std::optional<Hash>> block_hash(std::uint64_t block) override {
    const auto answer = one("eth_getBlockByNumber", {quantity_text(block), false});
    if (!answer) return std::unexpected(answer.error());
    if (answer->is_null()) return std::optional<Hash>();
    const json::value* text = member(*answer, "hash");
    const auto hash = text != nullptr ? bytes_of(*text) : std::nullopt;
    if (!hash || hash->size() != word_bytes) {
      return no_answer("eth_getBlockByNumber", "what is no block");
    }
    return std::optional(hash_of_bytes(*hash));
  }

  Result<std::uint64_t> next_nonce(const Lane& lane, std::uint64_t block) override {
    if (lane.entry_point.empty()) {
      const auto answer = one("eth_getTransactionCount", {lane.sender, quantity_text(block)});
      if (!answer) return std::unexpected(answer.error());
      const auto count = quantity(*answer);
      if (!count) return no_answer("eth_getTransactionCount", "what is no number");
      return *count;
    }
    // getNonce(address,uint192): the lane's key above the 64 bits that count.
    std::string data = "0x35567e1a" + std::string(24, '0') + lane.sender.substr(2) +
                       std::string(16, '0') + hex_text(lane.key).substr(2);
    const auto answer = one(
        "eth_call", {json::object{{"to", lane.entry_point}, {"data", data}}, quantity_text(block)});
    if (!answer) return std::unexpected(answer.error());
    const auto bytes = bytes_of(*answer);
    if (!bytes || bytes->size() != word_bytes) {
      return no_answer("EntryPoint.getNonce", "what is no number: is the entry point right?");
    }
    return load_be(bytes->data()).limb(0);
  }

  Result<std::optional<Receipt>> transaction(const Hash& hash) override {
    const auto answer = one("eth_getTransactionReceipt", {hex_text(hash)});
    if (!answer) return std::unexpected(answer.error());
    if (answer->is_null()) return std::optional<Receipt>();
    return receipt_of(*answer, "eth_getTransactionReceipt");
  }

  Result<std::optional<Receipt>> user_operation(const Lane& lane, const Hash& hash,
                                                std::uint64_t nonce,
                                                std::uint64_t from_block) override {
    const auto newest = head();
    if (!newest) return std::unexpected(newest.error());
    const auto next = next_nonce(lane, *newest);
    if (!next) return std::unexpected(next.error());
    if (*next <= nonce) return std::optional<Receipt>();  // no block has taken it
    if (const auto block = block_that_took(lane, nonce, from_block, *newest)) {
      return operation_between(lane, hash, *block, *block);
    }
    return search_logs(lane, hash, from_block, *newest);
  }

  Result<std::optional<Hash>> carrier(const Lane& lane, const Hash& operation,
                                      std::uint64_t block) override {
    const auto event = event_between(lane, operation, block, block);
    if (!event) return std::unexpected(event.error());
    return *event ? std::optional((*event)->transaction) : std::nullopt;
  }

 private:
  // By the states of blocks between; nullopt: nobody has them, or it was taken before.
  std::optional<std::uint64_t> block_that_took(const Lane& lane, std::uint64_t nonce,
                                               std::uint64_t free, std::uint64_t taken) {
    const auto first = next_nonce(lane, free);
    if (!first || *first > nonce) return std::nullopt;
    while (taken - free > 1) {
      const std::uint64_t middle = free + (taken - free) / 2;
      const auto next = next_nonce(lane, middle);
      if (!next) return std::nullopt;
      (*next > nonce ? taken : free) = middle;
    }
    return taken;
  }

  // In bounded steps, from where the last look at the same operation ended.
  Result<std::optional<Receipt>> search_logs(const Lane& lane, const Hash& hash,
                                             std::uint64_t from_block, std::uint64_t newest) {
    if (newest > from_block + bounds_.log_age_blocks) {
      return fail(
          ErrorKind::limit,
          fmt::format("it is of block {}, so old that a log that is missing proves nothing: "
                      "add a provider that has the states of old blocks, or say what became "
                      "of it with `gantry audit resolve`",
                      from_block));
    }
    if (searched_.size() >= searches_max && !searched_.contains(hash)) searched_.clear();
    std::uint64_t& first = searched_.try_emplace(hash, from_block).first->second;
    first = std::max(first, from_block);
    for (std::uint64_t requests = 0; first <= newest; ++requests) {
      if (requests == bounds_.log_requests) {
        return fail(
            ErrorKind::limit,
            fmt::format("{} is in none of the blocks {} to {}; the next look goes on, up to "
                        "{}",
                        hex_text(hash), from_block, first - 1, newest));
      }
      const std::uint64_t last = std::min(first + bounds_.log_blocks - 1, newest);
      auto found = operation_between(lane, hash, first, last);
      if (!found || *found) return found;
      first = last + 1;
    }
    first = newest > reorganized_blocks ? newest - reorganized_blocks : 0;
    return std::optional<Receipt>();
  }

  // An operation's event, and the transaction that it is of.
  struct OperationEvent {
    Hash transaction{};
    bool success = false;
    u256 cost;
    u256 gas;
  };

  // One call; what the node says against it is an error. Whoever answers has to have the block that
  // head() told of: to a node that lags, what is in a block is not there.
  Result<json::value> one(std::string method, json::array params) {
    const std::array calls{RpcCall{method, std::move(params)},
                           RpcCall{"eth_getBlockByNumber", {quantity_text(head_), false}}};
    auto answers = ask(providers_, calls, {.deadline = answer_wait});
    if (!answers) return std::unexpected(std::move(answers.error()));
    for (const RpcAnswer& each : *answers) {
      if (each) continue;
      return fail(ErrorKind::io,
                  fmt::format("{} was refused: {}", method, each.error().message.substr(0, 200)));
    }
    if ((*answers)[1]->is_null()) {
      return fail(
          ErrorKind::io,
          fmt::format("{} was answered by a node that does not have block {}", method, head_));
    }
    return std::move(*answers->front());
  }

  Result<std::optional<Receipt>> receipt_of(const json::value& from, std::string_view method) {
    const auto number_of = [&](std::string_view name) {
      const json::value* value = member(from, name);
      return value != nullptr ? quantity(*value) : std::nullopt;
    };
    const auto amount_at = [&](std::string_view name) {
      const json::value* value = member(from, name);
      return value != nullptr ? amount_of(*value) : std::nullopt;
    };
    const json::value* block_hash_text = member(from, "blockHash");
    const auto hash = block_hash_text != nullptr ? bytes_of(*block_hash_text) : std::nullopt;
    const auto block = number_of("blockNumber");
    const auto status = number_of("status");
    const auto gas_used = number_of("gasUsed");
    const auto price = amount_at("effectiveGasPrice");
    if (!hash || hash->size() != word_bytes || !block || !status || !gas_used || !price) {
      return no_answer(method, "what is no receipt");
    }
    Receipt out;
    out.success = *status == 1;
    out.block = *block;
    out.block_hash = hash_of_bytes(*hash);
    out.gas_used = *gas_used;
    out.gas_price = *price;
    out.data_fee = amount_at("l1Fee").value_or(u256());  // of an OP-stack chain
    const auto time = time_of(out);
    if (!time) return std::unexpected(time.error());
    if (!*time) return std::optional<Receipt>();  // reorganized meanwhile
    out.block_time_s = **time;
    return std::optional(out);
  }

  // nullopt: the chain does not have that block any more.
  Result<std::optional<std::int64_t>> time_of(const Receipt& receipt) {
    const auto block = one("eth_getBlockByNumber", {quantity_text(receipt.block), false});
    if (!block) return std::unexpected(block.error());
    if (block->is_null()) return std::optional<std::int64_t>();
    const auto head = head_of(*block, "");
    if (!head) return no_answer("eth_getBlockByNumber", "what is no block");
    if (head->hash != hex_text(receipt.block_hash)) return std::optional<std::int64_t>();
    return std::optional(head->time_s);
  }

  // UserOperationEvent(hash, sender, paymaster, nonce, success, actualGasCost, actualGasUsed), the
  // first three indexed.
  Result<std::optional<OperationEvent>> event_between(const Lane& lane, const Hash& hash,
                                                      std::uint64_t first, std::uint64_t last) {
    static const std::string topic = hex_text(
        keccak_of("UserOperationEvent(bytes32,address,address,uint256,bool,uint256,uint256)"));
    const auto logs = one("eth_getLogs", {json::object{{"address", lane.entry_point},
                                                       {"fromBlock", quantity_text(first)},
                                                       {"toBlock", quantity_text(last)},
                                                       {"topics", {topic, hex_text(hash)}}}});
    if (!logs) return std::unexpected(logs.error());
    if (!logs->is_array()) return no_answer("eth_getLogs", "what is no list");
    if (logs->get_array().empty()) return std::optional<OperationEvent>();
    const json::value& log = logs->get_array().front();
    const json::value* data_text = member(log, "data");
    const json::value* transaction_text = member(log, "transactionHash");
    const auto data = data_text != nullptr ? bytes_of(*data_text) : std::nullopt;
    const auto sent = transaction_text != nullptr ? bytes_of(*transaction_text) : std::nullopt;
    if (!data || data->size() != 4 * word_bytes || !sent || sent->size() != word_bytes) {
      return no_answer("eth_getLogs", "what is no UserOperationEvent");
    }
    return std::optional(OperationEvent{
        hash_of_bytes(*sent), !load_be(data->data() + word_bytes).is_zero(),
        load_be(data->data() + 2 * word_bytes), load_be(data->data() + 3 * word_bytes)});
  }

  Result<std::optional<Receipt>> operation_between(const Lane& lane, const Hash& hash,
                                                   std::uint64_t first, std::uint64_t last) {
    const auto event = event_between(lane, hash, first, last);
    if (!event) return std::unexpected(event.error());
    if (!*event) return std::optional<Receipt>();
    auto receipt = transaction((*event)->transaction);
    if (!receipt || !*receipt) return receipt;
    // Of the bundle that carried it, the block; of the event, the operation's own.
    Receipt& own = **receipt;
    own.success = (*event)->success;
    own.gas_used = (*event)->gas.fits_u64() ? (*event)->gas.limb(0) : 0;
    own.data_fee = u256();  // within the cost
    if (!div_ceil((*event)->cost, (*event)->gas, own.gas_price)) own.gas_price = u256();
    return receipt;
  }

  Providers& providers_;
  const ChainViewBounds bounds_;
  std::map<Hash, std::uint64_t> searched_;  // the first block that was not
  std::uint64_t head_ = 0;                  // as head() told last
};

}  // namespace

std::unique_ptr<ChainView> chain_view_of(Providers& providers, const ChainViewBounds& bounds) {
  return std::make_unique<ProviderChain>(providers, bounds);
}

}  // namespace gantry::host::ledger
