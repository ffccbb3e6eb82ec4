#include "host/live/logs_proof.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "host/live/chain_text.hpp"

namespace gantry::host {

namespace {

// All logs of a block may be megabytes.
constexpr std::size_t blocks_per_proof = 4;
// How often one provider has to say the same where nobody can prove it.
constexpr int same_voices_min = 3;

// What is asked of each block, one after the other.
enum Question : std::size_t { more_logs = 0, our_logs = 1, is_there = 2, questions = 3 };

const char* wrong_word(LogBlooms::Fit fit) {
  return fit == LogBlooms::Fit::foreign
             ? "answers eth_getLogs with a log that is not in the block's logsBloom"
             : "answers eth_getLogs with no logs of a block that has some";
}

class Proof {
 public:
  Proof(const LogRoutes& routes, LogBlooms& blooms, std::span<const DoubtedLogs> doubted,
        const std::string& said_by)
      : routes_(routes),
        blooms_(blooms),
        doubted_(doubted),
        said_by_(said_by),
        settled_(doubted.size()) {}

  Status ask_of(Providers& providers, const boost::json::object& filter, bool all);
  bool done() const {
    return std::ranges::all_of(settled_, [](std::uint8_t one) { return one != 0; });
  }

 private:
  // Why this provider's answers cannot be right; `keep`: they are to be taken.
  std::optional<AnswerFault> look(std::span<const RpcAnswer> answers, const std::string& provider,
                                  bool keep);
  std::optional<AnswerFault> look_at_one(std::size_t at, std::span<const RpcAnswer> answers,
                                         const std::string& provider, bool keep);
  std::optional<AnswerFault> fault_of(std::size_t at, const RpcAnswer& answer, bool keep);

  const LogRoutes& routes_;
  LogBlooms& blooms_;
  const std::span<const DoubtedLogs> doubted_;
  const std::string& said_by_;
  std::vector<std::uint8_t> settled_;  // 1: this block's logs are known
  std::vector<std::size_t> asked_;     // of doubted_
  bool all_ = false;                   // the question was for all logs of a block
  int same_voices_ = 1;                // of who was first asked, with that first answer
  bool anybody_ = false;               // has answered, though not with what fits
};

// Of an answer that is a list with logs.
std::optional<AnswerFault> Proof::fault_of(std::size_t at, const RpcAnswer& answer, bool keep) {
  auto logs = logs_of_block(*answer, *doubted_[at].block);
  if (!logs) return AnswerFault{FailureCause::garbage, logs.error().message};
  if (blooms_.fit(*doubted_[at].block, routes_, *logs) == LogBlooms::Fit::foreign) {
    return AnswerFault{FailureCause::garbage, wrong_word(LogBlooms::Fit::foreign)};
  }
  if (!keep) return std::nullopt;
  std::erase_if(*logs, [&](const ChainLog& log) { return !routes_.wants(log); });
  *doubted_[at].logs = std::move(*logs);
  settled_[at] = 1;
  return std::nullopt;
}

std::optional<AnswerFault> Proof::look_at_one(std::size_t at, std::span<const RpcAnswer> answers,
                                              const std::string& provider, bool keep) {
  const auto list = [&](Question question) {
    return answers[question] && answers[question]->is_array();
  };
  const auto has_some = [&](Question question) {
    return list(question) && !answers[question]->get_array().empty();
  };
  if (answers[is_there] && answers[is_there]->is_null()) {
    return AnswerFault{FailureCause::behind, "does not have the block"};
  }
  for (const Question question : {more_logs, our_logs}) {
    if (has_some(question)) return fault_of(at, answers[question], keep);
  }
  if (!all_) return std::nullopt;  // none of these topics: all logs of the block will tell
  const std::string lacks = fmt::format(
      "has no logs of block {}, whose header says that it has some", doubted_[at].block->number);
  if (list(more_logs)) return AnswerFault{FailureCause::behind, lacks};
  // It tells nothing without emitters in the filter.
  if (!list(our_logs)) return AnswerFault{FailureCause::node, "refuses eth_getLogs"};
  const bool agreed = keep || provider != said_by_ || same_voices_ >= same_voices_min;
  if (!agreed) return AnswerFault{FailureCause::behind, lacks};
  if (!keep) return std::nullopt;
  doubted_[at].logs->clear();
  settled_[at] = 1;
  return std::nullopt;
}

std::optional<AnswerFault> Proof::look(std::span<const RpcAnswer> answers,
                                       const std::string& provider, bool keep) {
  if (all_ && !keep && provider == said_by_) ++same_voices_;
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    const auto of_block = answers.subspan(i * questions, questions);
    if (auto fault = look_at_one(asked_[i], of_block, provider, keep)) {
      anybody_ = true;
      return fault;
    }
  }
  return std::nullopt;
}

Status Proof::ask_of(Providers& providers, const boost::json::object& filter, bool all) {
  all_ = all;
  asked_.clear();
  std::vector<RpcCall> calls;
  for (std::size_t at = 0; at < doubted_.size(); ++at) {
    if (settled_[at] != 0) continue;
    asked_.push_back(at);
    const std::string& hash = doubted_[at].block->hash;
    for (boost::json::object each : {filter, routes_.filter()}) {
      each["blockHash"] = hash;
      calls.push_back({"eth_getLogs", {std::move(each)}});
    }
    calls.push_back({"eth_getBlockTransactionCountByHash", {boost::json::string(hash)}});
  }
  RpcOptions options;
  options.doubt = [this](std::span<const RpcAnswer> answers, const std::string& provider) {
    return look(answers, provider, false);
  };
  const auto batch = ask_batch(providers, calls, options);
  if (!batch) {
    // Where nobody answers at all it is not for the logs.
    if (anybody_) blooms_.not_found();
    if (batch.error().kind != ErrorKind::not_found) return std::unexpected(batch.error());
    return fail(ErrorKind::io,
                fmt::format("the logs of block {} cannot be had: {}",
                            doubted_[asked_.front()].block->number, batch.error().message));
  }
  if (batch->answers.size() != calls.size()) {
    return fail(ErrorKind::format, "a provider answered other calls than were asked");
  }
  if (const auto fault = look(batch->answers, batch->provider, true)) {
    blooms_.not_found();
    return fail(ErrorKind::io, fmt::format("provider {} {}", batch->provider, fault->reason));
  }
  return {};
}

}  // namespace

const LogsBloom::Bits& LogBlooms::bits_of(const gantry_address& emitter) {
  if (emitters_.size() >= known_emitters_max) emitters_.clear();
  const auto [found, is_new] = emitters_.try_emplace(emitter);
  if (is_new) found->second = LogsBloom::bits_of({emitter.bytes, emitter.length});
  return found->second;
}

void LogBlooms::be_useless(const char* why) {
  useless_ = true;
  emitters_.clear();
  tell(why);
}

void LogBlooms::tell(const char* why) const {
  spdlog::info("{}: {}: whether a provider leaves out a block's logs is not seen here", chain_,
               why);
}

LogBlooms::Fit LogBlooms::fit(const ChainBlock& block, const LogRoutes& routes,
                              std::span<const ChainLog> logs) {
  const auto& bloom = block.logs_bloom;
  if (!bloom && !logs.empty() && !absence_told_) {
    absence_told_ = true;
    tell("its blocks come without logsBloom");
  }
  if (useless_ || !bloom || bloom->is_full()) return Fit::fits;
  if (logs.empty()) {
    const bool some = routes.any_in(
        *bloom,
        [&](const gantry_address& emitter) -> const LogsBloom::Bits& { return bits_of(emitter); });
    return some ? Fit::missing : Fit::fits;
  }
  for (const ChainLog& log : logs) {
    if (!routes.follows(log.emitter)) continue;
    if (bloom->may_hold(bits_of(log.emitter))) {
      shown_ = true;
      continue;
    }
    if (!bloom->is_empty()) return Fit::foreign;
    // Logs that name the block come of a node that has it; who gave that header leaves blooms out.
    if (!shown_) {
      be_useless("its blocks' logsBloom is empty where there are logs");
    } else if (!std::exchange(blank_told_, true)) {
      spdlog::warn(
          "{}: a block has logs, and its header came with an empty logsBloom: such headers are not "
          "believed, and whether a provider leaves out the logs of their blocks is not seen",
          chain_);
    }
    return Fit::fits;
  }
  return Fit::fits;
}

void LogBlooms::give_up() {
  vain_trips_ = 0;
  if (!shown_ && !useless_) be_useless("no provider has logs that fit its blocks' logsBloom");
}

Status prove_logs(Providers& providers, const LogRoutes& routes, LogBlooms& blooms,
                  std::span<const DoubtedLogs> doubted, const std::string& said_by) {
  while (!doubted.empty()) {
    const auto some = doubted.first(std::min(doubted.size(), blocks_per_proof));
    doubted = doubted.subspan(some.size());
    Proof proof(routes, blooms, some, said_by);
    if (const boost::json::object of_topics = routes.topics_filter(); !of_topics.empty()) {
      if (auto done = proof.ask_of(providers, of_topics, false); !done) return done;
    }
    if (!proof.done()) {
      if (auto done = proof.ask_of(providers, {}, true); !done) return done;
    }
    for (const DoubtedLogs& one : some) {
      if (one.fit == LogBlooms::Fit::missing && one.logs->empty()) continue;  // the bloom was wrong
      providers.refute(said_by, wrong_word(one.fit));
      break;
    }
  }
  return {};
}

}  // namespace gantry::host
