#include "host/provider/watch.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "host/provider/ask.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/provider/verdict.hpp"

namespace gantry::host::provider {
namespace {

constexpr std::size_t check_bytes_max = 4U << 20U;  // a block lists its transactions
constexpr std::uint64_t check_id = 1;

// Whose hash nobody has: a server that answers for it does not read the hash at all.
constexpr const char* no_block =
    "0x6e6f20626c6f636b20686173207468697320686173682c2062792064657369676e";
constexpr const char* nobody = "0x0000000000000000000000000000000000000000";

HttpRequest check_request(Secret url, std::span<const RpcCall> calls) {
  HttpRequest request =
      rpc_request(std::move(url), encode_batch(calls, check_id), HealthTimes{}.check_timeout);
  request.answer_bytes_max = check_bytes_max;
  return request;
}

void learn_by_hash(const std::shared_ptr<Board>& board, HttpPool& http, const Board::Check& check,
                   const std::string& hash) {
  const auto balance = [](const std::string& of) {
    return RpcCall{"eth_getBalance", {nobody, boost::json::object{{"blockHash", of}}}};
  };
  const std::array<RpcCall, 2> calls = {balance(hash), balance(no_block)};
  http.start(check_request(check.url, calls), [board, index = check.index](HttpOutcome outcome) {
    const AnswerVerdict verdict = judge(std::move(outcome), check_id, 2);
    std::optional<bool> by_hash;
    // Because of the second call the whole is judged as "does not have the block".
    if (verdict.cause == FailureCause::behind && verdict.first_answers > 0) {
      by_hash = true;
    } else if (!verdict.cause) {
      by_hash = verdict.answers[0].has_value() && !verdict.answers[1];
    }
    board->learn_by_hash(index, by_hash);
  });
}

void judge_check(const std::shared_ptr<Board>& board, HttpPool& http, const Board::Check& check,
                 Time sent, HttpOutcome outcome) {
  const Time now = board->now();
  AnswerVerdict verdict = judge(std::move(outcome), check_id, 2);
  if (verdict.cause) {
    board->check_failed(check.index, *verdict.cause, std::move(verdict.reason), verdict.pause, {});
    return;
  }
  const auto number =
      verdict.answers[0] ? quantity(*verdict.answers[0]) : std::optional<std::uint64_t>();
  if (!number) {
    board->check_failed(check.index, FailureCause::garbage, "does not say its chain", {}, {});
    return;
  }
  const std::string chain = fmt::format("eip155:{}", *number);
  if (chain != board->chain()) {
    board->check_failed(check.index, FailureCause::wrong_chain,
                        fmt::format("is of {}, not {}", chain, board->chain()), {}, chain);
    return;
  }
  const auto head = verdict.answers[1] ? head_of(*verdict.answers[1], board->name(check.index))
                                       : std::optional<Head>();
  if (!head) {
    board->check_failed(check.index, FailureCause::garbage, "does not say its newest block", {},
                        chain);
    return;
  }
  board->check_passed(check.index, *head,
                      std::chrono::duration_cast<std::chrono::microseconds>(now - sent));
  if (check.wants_by_hash) learn_by_hash(board, http, check, head->hash);
}

void start_check(const std::shared_ptr<Board>& board, HttpPool& http, const Board::Check& check) {
  const std::array<RpcCall, 2> calls = {RpcCall{"eth_chainId", {}},
                                        RpcCall{"eth_getBlockByNumber", {"latest", false}}};
  http.start(check_request(check.url, calls),
             [board, &http, check, sent = board->now()](HttpOutcome outcome) {
               judge_check(board, http, check, sent, std::move(outcome));
             });
}

}  // namespace

Watch::Watch(std::shared_ptr<Board> board, HttpPool& http) {
  thread_ = std::thread([board = std::move(board), &http] {
    while (board->wait_for_work()) {
      for (const Board::Check& check : board->due_checks()) start_check(board, http, check);
    }
  });
}

Watch::~Watch() { thread_.join(); }

}  // namespace gantry::host::provider
