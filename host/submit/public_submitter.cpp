#include <fmt/format.h>

#include "host/base/keccak.hpp"
#include "host/base/text.hpp"
#include "host/log/log.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/submit/submitter.hpp"
#include "host/submit/words.hpp"

namespace gantry::host {
namespace {

constexpr std::int64_t rpc_internal_error = -32603;  // says nothing of what was done before it

// In the words of geth and its forks, Nethermind, Erigon, Reth, Besu and anvil.
bool is_known_already(std::string_view words) {
  for (const std::string_view known : {"already known", "known transaction", "alreadyknown",
                                       "already imported", "transaction already in mempool"}) {
    if (says(words, known)) return true;
  }
  return false;
}

// Its nonce is taken, perhaps by this very transaction.
bool is_nonce_taken(std::string_view words) {
  for (const std::string_view known :
       {"nonce too low", "nonce is too low", "nonce_too_low", "oldnonce", "old nonce",
        "nonce has already been used", "nonce already used"}) {
    if (says(words, known)) return true;
  }
  return false;
}

SubmitReport from_error(const RpcError& error) {
  SubmitReport report;
  // With `unanswered` and the like it surely left nowhere.
  if (error.kind == RpcErrorKind::unknown_outcome || error.kind == RpcErrorKind::stopped) {
    report.verdict = SubmitVerdict::maybe;
  }
  if (error.kind == RpcErrorKind::withheld) report.verdict = SubmitVerdict::withheld;
  report.message = said_line(error.message);
  return report;
}

}  // namespace

std::string_view to_string(SubmitVerdict verdict) {
  switch (verdict) {
    case SubmitVerdict::taken:
      return "taken";
    case SubmitVerdict::maybe:
      return "maybe";
    case SubmitVerdict::refused:
      return "refused";
    case SubmitVerdict::withheld:
      return "withheld";
  }
  return "?";
}

SubmitReport submit_transaction(Providers& providers, std::span<const std::uint8_t> transaction,
                                std::chrono::milliseconds deadline, MayLeave may_leave) {
  const RpcCall call{"eth_sendRawTransaction", {boost::json::value(hex_text(transaction))}};
  RpcOptions options;
  options.kind = RpcKind::write;
  options.deadline = deadline;
  options.may_leave = std::move(may_leave);
  const auto asked = providers.ask({&call, 1}, options);
  if (!asked) return from_error(asked.error());
  SubmitReport report;
  const RpcAnswer& answer = asked->answers.front();
  if (!answer) {
    const bool known = is_known_already(answer.error().message);
    const bool unclear =
        answer.error().code == rpc_internal_error || is_nonce_taken(answer.error().message);
    report.verdict = known     ? SubmitVerdict::taken
                     : unclear ? SubmitVerdict::maybe
                               : SubmitVerdict::refused;
    if (known || unclear) report.by = {asked->provider};
    report.message = fmt::format("provider {}: '{}' ({})", asked->provider,
                                 said_line(answer.error().message), answer.error().code);
    return report;
  }
  report.by = {asked->provider};
  report.verdict = SubmitVerdict::taken;
  const std::string hash = hex_text(keccak_of(transaction));
  if (block_hash(*answer) == hash) return report;
  report.verdict = SubmitVerdict::maybe;
  report.message = fmt::format("provider {} answers with another hash than {}, which was sent",
                               asked->provider, hash);
  return report;
}

}  // namespace gantry::host
